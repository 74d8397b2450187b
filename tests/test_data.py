"""Dataset layouts, errors in datasets, and the choice of held-out rows."""

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.config import Config
from pix2pix.data import Rows, Source, cache_pairs
from tests.builders import (
    SOURCE_SIZE,
    encode_image,
    make_pairs,
    open_dataset_folder,
    tiny_config,
    write_joined_pairs,
    write_pairs,
    write_parquet,
)
from tests.source_pairs import assert_same_pairs, read_pairs, rgb_array


@pytest.fixture(scope="module")
def twelve(tmp_path_factory) -> Source:
    """Twelve pairs in one train split, the layout of huggan/maps."""
    folder = tmp_path_factory.mktemp("twelve")
    write_pairs(folder, "train", make_pairs(12, SOURCE_SIZE))
    return open_dataset_folder(folder)


# Layouts.


@pytest.mark.parametrize("features", [True, False], ids=["Image columns", "bare structs"])
def test_two_columns_of_parquet(tmp_path, features):
    write_pairs(tmp_path, "train", make_pairs(3, SOURCE_SIZE), features)
    source = open_dataset_folder(tmp_path)
    assert source.columns == ("imageA", "imageB") and source.splits == {"train": 3}
    assert_same_pairs(read_pairs(source, Rows("train", 0, 3)), make_pairs(3, SOURCE_SIZE))


def test_only_the_requested_rows_are_read(twelve):
    assert_same_pairs(read_pairs(twelve, Rows("train", 4, 7)), make_pairs(12, SOURCE_SIZE)[4:7])
    assert read_pairs(twelve, Rows("train", 4, 4)) == []


@pytest.mark.parametrize(("suffix", "loss"), [("png", 0), ("jpg", 10)])
def test_a_folder_of_side_by_side_pictures(tmp_path, suffix, loss):
    """The layout of the Berkeley archives: train/ and val/, A left and B right."""
    write_joined_pairs(tmp_path, "train", make_pairs(3, SOURCE_SIZE), suffix)
    write_joined_pairs(tmp_path, "val", make_pairs(2, SOURCE_SIZE, seed=1), suffix)
    source = open_dataset_folder(tmp_path)
    assert len(source.columns) == 1 and source.splits == {"train": 3, "val": 2}
    plan = source.plan(tiny_config())
    assert (len(plan.train), len(plan.held_out)) == (3, 2)
    for rows, seed in ((plan.train, 0), (plan.held_out, 1)):
        expected_pairs = make_pairs(len(rows), SOURCE_SIZE, seed)
        for pair, expected_pair in zip(read_pairs(source, rows), expected_pairs, strict=True):
            for image, expected in zip(pair, expected_pair, strict=True):
                assert image.size == (SOURCE_SIZE, SOURCE_SIZE)
                difference = np.abs(rgb_array(image).astype(int) - rgb_array(expected))
                assert difference.mean() <= loss


def test_folders_a_and_b_are_paired_by_name_in_natural_order(tmp_path):
    pairs = make_pairs(12, SOURCE_SIZE)
    for side in (0, 1):
        folder = tmp_path / f"train{'AB'[side]}"
        folder.mkdir()
        for number, pair in enumerate(pairs):
            pair[side].save(folder / f"{number}.png")
    source = open_dataset_folder(tmp_path)
    assert source.columns == ("A", "B") and source.splits == {"train": 12}
    assert_same_pairs(read_pairs(source, Rows("train", 0, 12)), pairs)
    (tmp_path / "trainB" / "3.png").unlink()
    with pytest.raises(
        UserError,
        match="11 pairs and 1 picture without a partner in trainA and trainB, e.g. trainA/3.png",
    ):
        open_dataset_folder(tmp_path)


def test_rows_are_found_across_files_and_row_groups(tmp_path):
    """Reading can start at any row."""
    import pyarrow.parquet as parquet

    path = write_pairs(tmp_path, "train", make_pairs(10, SOURCE_SIZE))
    table = parquet.read_table(path)
    parquet.write_table(table.slice(0, 7), path, row_group_size=3)
    second = path.with_name("train-00001-of-00002.parquet")
    path.rename(path.with_name("train-00000-of-00002.parquet"))
    parquet.write_table(table.slice(7), second, row_group_size=2)
    source = open_dataset_folder(tmp_path)
    assert source.splits == {"train": 10}
    for start, stop in ((0, 10), (2, 4), (3, 8), (6, 9), (9, 10)):
        assert_same_pairs(
            read_pairs(source, Rows("train", start, stop)), make_pairs(10, SOURCE_SIZE)[start:stop]
        )


def test_columns_can_be_chosen_and_do_not_depend_on_the_direction(tmp_path):
    (a, b), extra = make_pairs(1, SOURCE_SIZE)[0], Image.new("RGB", (8, 8))
    cells = {"map": [encode_image(b)], "photo": [encode_image(a)], "other": [encode_image(extra)]}
    write_parquet(tmp_path, "train", cells)
    source = open_dataset_folder(
        tmp_path, input_column="photo", target_column="map", direction="b_to_a"
    )
    assert source.columns == ("photo", "map")
    assert_same_pairs(read_pairs(source, Rows("train", 0, 1)), [(a, b)])


def test_pairs_of_different_sizes_and_modes_are_read(tmp_path):
    gray = Image.new("L", (30, 20), 9)
    cells = {"imageA": [encode_image(gray)], "imageB": [encode_image(Image.new("RGBA", (10, 12)))]}
    write_parquet(tmp_path, "train", cells)
    ((a, b),) = read_pairs(open_dataset_folder(tmp_path), Rows("train", 0, 1))
    assert (a.mode, a.size, b.mode, b.size) == ("RGB", (30, 20), "RGB", (10, 12))


# Errors in datasets.


def test_ambiguous_columns_are_an_error_that_suggests_flags(tmp_path):
    write_parquet(tmp_path, "train", {"photo": [b"x"], "map": [b"x"]})
    with pytest.raises(
        UserError, match="photo, map; name them, e.g. --input_column photo --target_column map"
    ):
        open_dataset_folder(tmp_path)


def test_a_chosen_column_must_exist(tmp_path):
    write_parquet(tmp_path, "train", {"photo": [b"x"], "map": [b"x"]})
    with pytest.raises(UserError, match="has no column sketch; its columns are photo, map"):
        open_dataset_folder(tmp_path, input_column="photo", target_column="sketch")


def test_a_target_column_alone_is_refused(tmp_path):
    """Otherwise the targets would be read as side-by-side pairs and cut in two."""
    write_pairs(tmp_path, "train", make_pairs(2, SOURCE_SIZE))
    with pytest.raises(UserError, match="--input_column"):
        open_dataset_folder(tmp_path, target_column="imageB")


def test_the_error_for_a_missing_dataset_names_it(tmp_path):
    with pytest.raises(UserError, match=f"There is no folder or file {tmp_path / 'nowhere'}"):
        open_dataset_folder(tmp_path / "nowhere")


def test_a_dataset_without_a_train_split_is_refused(tmp_path):
    write_pairs(tmp_path, "test", make_pairs(2, SOURCE_SIZE))
    with pytest.raises(UserError, match="no split named train; its splits: test"):
        open_dataset_folder(tmp_path).plan(Config())


@pytest.mark.parametrize("broken", [b"not a picture", b"", encode_image(make_pairs(1)[0][0])[:500]])
def test_the_error_for_an_unreadable_picture_names_its_row(tmp_path, broken):
    cells = [encode_image(a) for a, _ in make_pairs(4, SOURCE_SIZE)]
    write_parquet(tmp_path, "train", {"imageA": cells, "imageB": [*cells[:2], broken, cells[3]]})
    with pytest.raises(UserError, match=r"^1 of 3 rows can't be read.* \(row 2 of train\)"):
        cache_pairs(open_dataset_folder(tmp_path), Rows("train", 1, 4), 16, None)


def test_the_error_for_a_side_by_side_picture_of_odd_width_names_its_row(tmp_path):
    (tmp_path / "train").mkdir()
    Image.new("RGB", (41, 20)).save(tmp_path / "train" / "0.png")
    with pytest.raises(UserError, match=r"train/0.png: .*even width"):
        cache_pairs(open_dataset_folder(tmp_path), Rows("train", 0, 1), 16, None)


# Held-out rows.


def test_without_a_held_out_split_the_last_tenth_is_held_out(twelve):
    plan = twelve.plan(Config())
    assert (plan.train, plan.held_out) == (Rows("train", 0, 11), Rows("train", 11, 12))


def test_validation_samples_is_the_number_of_held_out_pairs(twelve):
    plan = twelve.plan(Config(validation_samples=5))
    assert (plan.train, plan.held_out) == (Rows("train", 0, 7), Rows("train", 7, 12))


def test_max_train_samples_never_includes_held_out_rows(twelve):
    plan = twelve.plan(Config(max_train_samples=3, validation_samples=5))
    assert (plan.train, plan.held_out) == (Rows("train", 0, 3), Rows("train", 7, 12))
    plan = twelve.plan(Config(max_train_samples=100, validation_samples=5))
    assert plan.train == Rows("train", 0, 7)


@pytest.mark.parametrize("samples", [12, 13, 1000])
def test_holding_out_all_pairs_is_an_error(twelve, samples):
    with pytest.raises(UserError, match="has 12 pairs, too few to hold .* --validation_samples"):
        twelve.plan(Config(validation_samples=samples))


def test_a_held_out_split_is_used(tmp_path):
    write_pairs(tmp_path, "train", make_pairs(3, SOURCE_SIZE))
    write_pairs(tmp_path, "validation", make_pairs(2, SOURCE_SIZE, seed=1))
    source = open_dataset_folder(tmp_path)
    plan = source.plan(Config())
    assert (plan.train, plan.held_out) == (Rows("train", 0, 3), Rows("validation", 0, 2))
    assert source.plan(Config(validation_samples=1)).held_out == Rows("validation", 0, 1)
    assert source.plan(Config(validation_samples=9)).held_out == Rows("validation", 0, 2)
