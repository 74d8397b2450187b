"""Where pairs come from, what can be wrong with a dataset, and which rows are held out."""

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.config import Config
from pix2pix.data import Rows, Source, cached_pairs, decode
from tests.builders import (
    SIDE,
    encode,
    open_folder,
    pairs,
    tiny_config,
    write_pairs,
    write_parquet,
    write_side_by_side,
)


def numbers(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image)


def read(source: Source, rows: Rows) -> list:
    return [decode(row) for row in source.read(rows)]


def assert_same_pairs(found, expected) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(numbers(a), numbers(b))


@pytest.fixture(scope="module")
def twelve(tmp_path_factory) -> Source:
    """Twelve pairs in one train split, the layout of huggan/maps."""
    folder = tmp_path_factory.mktemp("twelve")
    write_pairs(folder, "train", pairs(12, SIDE))
    return open_folder(folder)


# Where pairs come from.


@pytest.mark.parametrize("features", [True, False], ids=["Image columns", "bare structs"])
def test_two_columns_of_parquet(tmp_path, features):
    write_pairs(tmp_path, "train", pairs(3, SIDE), features)
    source = open_folder(tmp_path)
    assert source.columns == ("imageA", "imageB") and source.splits == {"train": 3}
    assert_same_pairs(read(source, Rows("train", 0, 3)), pairs(3, SIDE))


def test_only_the_rows_asked_for_are_read(twelve):
    assert_same_pairs(read(twelve, Rows("train", 4, 7)), pairs(12, SIDE)[4:7])
    assert read(twelve, Rows("train", 4, 4)) == []


@pytest.mark.parametrize(("suffix", "loss"), [("png", 0), ("jpg", 10)])
def test_a_folder_of_side_by_side_pictures(tmp_path, suffix, loss):
    """The layout of the Berkeley archives: train/ and val/, A left and B right."""
    write_side_by_side(tmp_path, "train", pairs(3, SIDE), suffix)
    write_side_by_side(tmp_path, "val", pairs(2, SIDE, seed=1), suffix)
    source = open_folder(tmp_path)
    assert len(source.columns) == 1 and source.splits == {"train": 3, "val": 2}
    plan = source.plan(tiny_config())
    assert (len(plan.train), len(plan.held_out)) == (3, 2)
    for rows, seed in ((plan.train, 0), (plan.held_out, 1)):
        for found, expected in zip(read(source, rows), pairs(len(rows), SIDE, seed), strict=True):
            for mine, theirs in zip(found, expected, strict=True):
                assert mine.size == (SIDE, SIDE)
                difference = np.abs(numbers(mine).astype(int) - numbers(theirs))
                assert difference.mean() <= loss


def test_folders_of_a_and_b_are_paired_by_name_in_counting_order(tmp_path):
    chosen = pairs(12, SIDE)
    for side in (0, 1):
        folder = tmp_path / f"train{'AB'[side]}"
        folder.mkdir()
        for number, pair in enumerate(chosen):
            pair[side].save(folder / f"{number}.png")
    source = open_folder(tmp_path)
    assert source.columns == ("A", "B") and source.splits == {"train": 12}
    assert_same_pairs(read(source, Rows("train", 0, 12)), chosen)
    (tmp_path / "trainB" / "3.png").unlink()
    with pytest.raises(UserError, match="3 is in only one of"):
        open_folder(tmp_path)


def test_rows_are_found_across_files_and_row_groups(tmp_path):
    """Reading starts at any row, without the rows before it."""
    import pyarrow.parquet as parquet

    path = write_pairs(tmp_path, "train", pairs(10, SIDE))
    table = parquet.read_table(path)
    parquet.write_table(table.slice(0, 7), path, row_group_size=3)
    second = path.with_name("train-00001-of-00002.parquet")
    path.rename(path.with_name("train-00000-of-00002.parquet"))
    parquet.write_table(table.slice(7), second, row_group_size=2)
    source = open_folder(tmp_path)
    assert source.splits == {"train": 10}
    for start, stop in ((0, 10), (2, 4), (3, 8), (6, 9), (9, 10)):
        assert_same_pairs(read(source, Rows("train", start, stop)), pairs(10, SIDE)[start:stop])


def test_columns_can_be_named_and_the_direction_does_not_change_them(tmp_path):
    (a, b), extra = pairs(1, SIDE)[0], Image.new("RGB", (8, 8))
    cells = {"map": [encode(b)], "photo": [encode(a)], "other": [encode(extra)]}
    write_parquet(tmp_path, "train", cells)
    source = open_folder(tmp_path, input_column="photo", target_column="map", direction="b_to_a")
    assert source.columns == ("photo", "map")
    assert_same_pairs(read(source, Rows("train", 0, 1)), [(a, b)])


def test_pairs_of_unequal_sizes_and_modes_are_read(tmp_path):
    grey = Image.new("L", (30, 20), 9)
    cells = {"imageA": [encode(grey)], "imageB": [encode(Image.new("RGBA", (10, 12)))]}
    write_parquet(tmp_path, "train", cells)
    ((a, b),) = read(open_folder(tmp_path), Rows("train", 0, 1))
    assert (a.mode, a.size, b.mode, b.size) == ("RGB", (30, 20), "RGB", (10, 12))


# What can be wrong with a dataset.


def test_columns_that_could_be_anything_must_be_named(tmp_path):
    write_parquet(tmp_path, "train", {"photo": [b"x"], "map": [b"x"]})
    with pytest.raises(
        UserError, match="photo, map; name them, e.g. --input_column photo --target_column map"
    ):
        open_folder(tmp_path)


def test_a_named_column_must_exist(tmp_path):
    write_parquet(tmp_path, "train", {"photo": [b"x"], "map": [b"x"]})
    with pytest.raises(UserError, match="has no column sketch; its columns are photo, map"):
        open_folder(tmp_path, input_column="photo", target_column="sketch")


def test_a_target_column_alone_is_refused(tmp_path):
    """Taken as side by side, it would cut each target in two and train on its halves."""
    write_pairs(tmp_path, "train", pairs(2, SIDE))
    with pytest.raises(UserError, match="--input_column"):
        open_folder(tmp_path, target_column="imageB")


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(UserError, match=f"No pairs were found at {tmp_path / 'nowhere'}"):
        open_folder(tmp_path / "nowhere")


def test_a_dataset_without_a_train_split_is_refused(tmp_path):
    write_pairs(tmp_path, "test", pairs(2, SIDE))
    with pytest.raises(UserError, match="no split named train; its splits: test"):
        open_folder(tmp_path).plan(Config())


@pytest.mark.parametrize("broken", [b"not a picture", b"", encode(pairs(1)[0][0])[:500]])
def test_a_picture_that_cannot_be_read_names_its_row(tmp_path, broken):
    cells = [encode(a) for a, _ in pairs(4, SIDE)]
    write_parquet(tmp_path, "train", {"imageA": cells, "imageB": [*cells[:2], broken, cells[3]]})
    with pytest.raises(UserError, match=r"^Row 2 of .* \(train\) can't be read"):
        cached_pairs(open_folder(tmp_path), Rows("train", 1, 4), 16, None)


def test_a_side_by_side_picture_of_odd_width_names_its_row(tmp_path):
    (tmp_path / "train").mkdir()
    Image.new("RGB", (41, 20)).save(tmp_path / "train" / "0.png")
    with pytest.raises(UserError, match=r"^Row 0 of .*even width"):
        cached_pairs(open_folder(tmp_path), Rows("train", 0, 1), 16, None)


# Which rows are held out.


def test_without_a_split_of_its_own_the_last_tenth_is_held_out(twelve):
    plan = twelve.plan(Config())
    assert (plan.train, plan.held_out) == (Rows("train", 0, 11), Rows("train", 11, 12))


def test_validation_samples_say_how_many(twelve):
    plan = twelve.plan(Config(validation_samples=5))
    assert (plan.train, plan.held_out) == (Rows("train", 0, 7), Rows("train", 7, 12))


def test_fewer_training_samples_never_reach_into_the_held_out_rows(twelve):
    plan = twelve.plan(Config(max_train_samples=3, validation_samples=5))
    assert (plan.train, plan.held_out) == (Rows("train", 0, 3), Rows("train", 7, 12))
    plan = twelve.plan(Config(max_train_samples=100, validation_samples=5))
    assert plan.train == Rows("train", 0, 7)


@pytest.mark.parametrize("wanted", [12, 13, 1000])
def test_too_few_pairs_to_hold_any_out(twelve, wanted):
    with pytest.raises(UserError, match="has 12 pairs, too few to hold .* --validation_samples"):
        twelve.plan(Config(validation_samples=wanted))


def test_a_split_of_its_own_is_used(tmp_path):
    write_pairs(tmp_path, "train", pairs(3, SIDE))
    write_pairs(tmp_path, "validation", pairs(2, SIDE, seed=1))
    source = open_folder(tmp_path)
    plan = source.plan(Config())
    assert (plan.train, plan.held_out) == (Rows("train", 0, 3), Rows("validation", 0, 2))
    assert source.plan(Config(validation_samples=1)).held_out == Rows("validation", 0, 1)
    assert source.plan(Config(validation_samples=9)).held_out == Rows("validation", 0, 2)
