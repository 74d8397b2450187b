"""The flat colors of drawings, with the names of the dataset's card, and none for photos."""

import numpy as np
import pytest
from PIL import Image

from pix2pix.evaluation import find_palette
from pix2pix.evaluation.palette import read_names
from tests.evaluation_pictures import photo

SEA, LAND, SNOW = (18, 38, 92), (24, 88, 42), (250, 250, 252)
CARD = [
    {"color": "#fafafc", "name": "snow", "share": 0.5},
    {"color": "#12265C", "name": "deep sea"},
    {"color": "#18582a"},
]


def drawings(size: int = 64) -> np.ndarray:
    """Returns drawings of sea, land and a little snow, enlarged as for the random crop."""
    drawing = np.empty((3, size, size, 3), np.uint8)
    drawing[:], drawing[:, :20], drawing[:, 30:40, 30:40] = SEA, LAND, SNOW
    enlarged = [Image.fromarray(d).resize((72, 72), Image.Resampling.BICUBIC) for d in drawing]
    return np.stack([np.asarray(image) for image in enlarged])


def test_the_colors_of_a_drawing_most_common_first_without_the_mixed_ones_at_edges():
    found = find_palette(drawings())
    assert [entry["color"] for entry in found] == ["#12265c", "#18582a", "#fafafc"]
    assert {entry["name"] for entry in found} == {None}
    shares = [entry["share"] for entry in found]
    assert shares == pytest.approx([0.66, 0.31, 0.02], abs=0.03) and sum(shares) <= 1


def test_names_come_from_the_datasets_card_and_shares_from_the_pictures():
    found = find_palette(drawings(), CARD)
    assert [entry["name"] for entry in found] == ["deep sea", None, "snow"]
    assert [entry["share"] for entry in found] == [e["share"] for e in find_palette(drawings())]


def test_a_named_color_that_is_rare_or_missing_stays_in_the_palette():
    found = find_palette(drawings(), [*CARD, {"color": "#ff0000", "name": "lava"}])
    assert found[-1] == {"color": "#ff0000", "name": "lava", "share": 0.0}


def test_photos_have_no_palette():
    assert find_palette(photo()[None]) is None


def test_more_than_32_colors_are_no_palette():
    levels = np.array([[r, g, 0] for r in range(0, 256, 42) for g in range(0, 256, 42)], np.uint8)
    stripes = np.repeat(levels[:, None], 8, axis=0).reshape(1, -1, 1, 3).repeat(16, axis=2)
    assert find_palette(stripes[:, : 32 * 8]) is not None
    assert find_palette(stripes) is None


@pytest.mark.parametrize(
    "named", [None, "red", 7, {"color": "#ff0000"}, [None, 1, "#ff0000", {"color": "red"}, {}]]
)
def test_what_is_no_palette_on_a_card_is_ignored(named):
    assert read_names(named) == {}


def test_names_that_are_no_text_or_long_do_not_reach_the_model():
    named = [{"color": "#000000", "name": 3}, {"color": "#010203", "name": "x" * 1000}]
    assert read_names(named) == {(0, 0, 0): None, (1, 2, 3): "x" * 64}
