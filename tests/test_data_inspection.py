"""What is found out about a dataset before training: proportions and value range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pix2pix import UserError
from pix2pix.data import describe_pairs, inspect_pairs, load_pairs, open_source
from pix2pix.data.proportions import check_joined
from tests.builders import InMemorySource, join_pair, make_pairs, make_picture, tiny_config
from tests.inspected_folders import inspect, pictures, write_pictures, write_sides

# Proportions.


def test_pairs_are_accepted_and_their_sizes_are_known(tmp_path):
    folder = write_pictures(tmp_path / "train", map(join_pair, make_pairs(12, 40)))
    found = inspect(folder)
    assert found.sentences == ("A and B have 40x40 pixels, as the 12 pairs looked at show.",)
    assert found.warnings == () and found.pair_aspects == (1, 1)


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        ((120, 40), "look like 3 images side by side; keep only the two"),
        ((160, 40), "look like 4 images side by side"),
        ((40, 40), "single images, not pairs"),
        ((60, 40), "single images, not pairs"),
        ((40, 60), "single images, not pairs"),
        ((40, 80), "add --pair_layout top_bottom"),
    ],
)
def test_pictures_of_other_proportions_are_refused_with_their_size(tmp_path, size, advice):
    folder = write_pictures(tmp_path / "train", pictures(12, *size))
    with pytest.raises(UserError) as error:
        inspect(folder)
    message = str(error.value)
    assert "12 of 12 images of" in message and f"train/0.png has {size[0]}x{size[1]}" in message
    assert advice in message and "--force_split" in message
    found = inspect(folder, force_split=True)
    assert found.pair_aspects == (size[0] / 2 / size[1],) * 2


def test_pairs_one_above_the_other_are_accepted_with_the_flag(tmp_path):
    stacked = [Image.fromarray(np.vstack(pair)) for pair in make_pairs(12, 40)]
    folder = write_pictures(tmp_path / "train", stacked)
    found = inspect(folder, pair_layout="top_bottom")
    assert found.pair_aspects == (1, 1) and found.warnings == ()
    wide = write_pictures(tmp_path / "wide" / "train", pictures(12, 80, 40))
    with pytest.raises(UserError, match="add --pair_layout left_right"):
        inspect(wide, pair_layout="top_bottom")


def test_a_single_picture_among_many_pairs_is_a_warning_that_names_it(tmp_path):
    joined = pictures(1, 80, 40) * 119
    folder = write_pictures(tmp_path / "train", [*joined[:60], make_picture(40, 40), *joined[60:]])
    (warning,) = inspect(folder).warnings
    assert "1 of 120 images" in warning and "train/60.png has 40x40 pixels" in warning


def join_wide(count: int, width: int, height: int) -> list[Image.Image]:
    """Returns pairs of pictures of a size, side by side."""
    sides = pictures(2 * count, width, height)
    return [join_pair((sides[2 * n], sides[2 * n + 1])) for n in range(count)]


@pytest.mark.parametrize("size", [(80, 60), (60, 80), (120, 60), (96, 54)])
def test_pairs_that_are_not_square_are_accepted_for_the_edge_in_their_middle(tmp_path, size):
    folder = write_pictures(tmp_path / "train", join_wide(12, *size))
    found = inspect(folder)
    assert found.pair_aspects == (size[0] / size[1],) * 2
    (warning,) = found.warnings
    assert f"train/0.png has {2 * size[0]}x{size[1]} pixels. Two images meet" in warning


@pytest.mark.parametrize("count", [3, 4])
def test_three_or_four_pictures_side_by_side_are_not_a_pair(tmp_path, count):
    rows = [np.hstack(pictures(12 * count, 60, 80)[n::12]) for n in range(12)]
    folder = write_pictures(tmp_path / "train", map(Image.fromarray, rows))
    with pytest.raises(UserError, match="12 of 12 images|no edge is in the middle"):
        inspect(folder)


def test_single_photos_of_16_to_9_are_not_pairs(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(12, 256, 144))
    with pytest.raises(UserError, match=r"no edge is in the middle.*256x144 .*--force_split"):
        inspect(folder)
    assert inspect(folder, force_split=True).warnings == ()


def test_single_photos_of_2_to_1_are_a_warning(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(12, 256, 128))
    (warning,) = inspect(folder).warnings
    assert "no edge is in the middle" in warning and "batch_preview.png" in warning


def test_pairs_between_white_borders_are_accepted(tmp_path):
    framed = [ImageOps.expand(picture, 10, "white") for picture in pictures(24, 60, 50)]
    joined = [join_pair((framed[2 * n], framed[2 * n + 1])) for n in range(12)]
    assert inspect(write_pictures(tmp_path / "train", joined)).warnings == ()


def test_the_size_is_that_of_the_upright_picture(tmp_path):
    """A camera stores a picture as it was held, and notes by how much to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "train").mkdir()
    for number in range(3):
        make_picture(40, 80).save(tmp_path / "train" / f"{number}.jpg", exif=exif)
    assert inspect(tmp_path).pair_aspects == (1, 1)


def test_two_folders_of_different_proportions_are_a_warning(tmp_path):
    folder = write_sides(tmp_path, pictures(12, 40, 40), pictures(12, 80, 40))
    found = inspect(folder)
    assert "different proportions in 12 of 12 pairs" in found.warnings[0]
    assert "A has 40x40 pixels and B 80x40" in found.warnings[0]
    larger = write_sides(tmp_path / "larger", pictures(12, 40, 40), pictures(12, 80, 80))
    found = inspect(larger)
    assert found.warnings == ()
    assert found.sentences[0].startswith("A has 40x40 and B 80x80 pixels")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(20, 4000), st.floats(0.05, 20), st.sampled_from(["left_right", "top_bottom"]))
def test_only_about_twice_as_long_as_broad_is_a_pair(breadth, ratio, layout):
    length = max(1, round(breadth * ratio))
    size = (length, breadth) if layout == "left_right" else (breadth, length)
    is_pair = 1.6 <= length / breadth <= 2.5
    try:
        assert check_joined("set", ["x.png"], [(size,)], layout, "unknown") == []
    except UserError as error:
        assert not is_pair and f"x.png has {size[0]}x{size[1]} pixels" in str(error)
    else:
        assert is_pair


# Value range.


def test_all_pictures_of_a_side_get_one_value_range(tmp_path):
    """A dark and a bright picture with 11 bits keep their difference."""
    levels = [np.full((40, 40), value, np.uint16) for value in [100] * 6 + [1900] * 6]
    folder = write_sides(tmp_path, pictures(12, 40, 40), map(Image.fromarray, levels))
    config = tiny_config(dataset_name=str(folder))
    source = open_source(config)
    found = inspect_pairs(source, source.plan(config), config)
    assert source.decoder.rules[1].value_range == (0, 2047)
    assert source.decoder.rules[0].value_range == "auto"
    assert "B: values 0 to 2047 (11 bits) become black to white" in found.sentences[1]
    loaded = load_pairs(source, config, "memory", tmp_path)
    means = {round(float(b.mean())) for b in loaded.reference[:, 1]}
    assert means == {round(100 / 2047 * 255), round(1900 / 2047 * 255)}


def test_a_value_range_of_the_user_is_kept(tmp_path):
    levels = [np.full((40, 80), value, np.uint16) for value in (100, 1900) * 6]
    folder = write_pictures(tmp_path / "train", map(Image.fromarray, levels))
    found = inspect(folder, value_range="0,4095")
    assert [rule.value_range for rule in found.decoder.rules] == [(0, 4095)] * 2
    assert "Images: values 0 to 4095 (12 bits)" in found.sentences[1]


# Rows that can't be read.


def test_few_unreadable_rows_are_named(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(1, 80, 40) * 120)
    (folder / "train" / "2.png").write_bytes(b"")
    found = inspect(folder)
    assert found.sentences[1] == (
        "1 row is skipped, because it can't be read: train/2.png: This file is empty, not a "
        "picture; choose another one."
    )


def test_a_picture_that_is_cut_short_is_named(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(1, 80, 40) * 120)
    path = folder / "train" / "2.png"
    path.write_bytes(path.read_bytes()[:-200])
    assert "train/2.png: The picture is damaged or cut short" in inspect(folder).sentences[1]


def test_over_one_percent_of_unreadable_rows_are_refused(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(1, 80, 40) * 40)
    for number in (2, 3, 5):
        (folder / "train" / f"{number}.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"^Over 1 % .*\(3 of the 36 looked at\).*train/3.png"):
        inspect(folder)


def test_a_dataset_without_a_readable_row_is_refused(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(3, 80, 40))
    for path in (folder / "train").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"^No pair of .* can be read; train/0.png: This file is"):
        inspect(folder)


# The sentences about the rows.


def test_the_rows_that_are_used_and_not_used_are_named():
    source = InMemorySource(make_pairs(30))
    source.splits |= {"test": 4, "extra": 7, "Dev": 2}
    config = tiny_config(max_train_samples=20, validation_samples=1)
    assert describe_pairs(source, source.plan(config))[1:] == [
        "Training pairs: 20, rows 0 to 19 of train.",
        "Held-out pairs: 1, row 0 of Dev.",
        "Not used: 10 of the 30 rows of train.",
        "Not used: the 4 rows of test.",
        "Not used: the 7 rows of extra.",
        "Not used: 1 of the 2 rows of Dev.",
    ]


def test_a_run_may_hold_out_nothing(tmp_path):
    folder = write_pictures(tmp_path / "train", pictures(1, 80, 40))
    with pytest.raises(UserError, match="has 1 pair, .* --validation_samples 0"):
        inspect(folder)
    config = tiny_config(dataset_name=str(folder), validation_samples=0)
    source = open_source(config)
    loaded = load_pairs(source, config, "disk", tmp_path / "cache")
    assert "Held-out pairs: none" in " ".join(describe_pairs(source, loaded.plan))
    assert len(loaded.batches) == 1 and len(loaded.held_out) == 0


def test_a_reason_that_all_rows_share_is_given_once(tmp_path):
    folder = write_pictures(tmp_path / "train", map(join_pair, make_pairs(12, 40)))
    expected = r"^No pair of train can be read; train/0\.png: The picture has 3 bands, so .* band 4"
    with pytest.raises(UserError, match=expected):
        inspect(folder, bands="4,3,2")
