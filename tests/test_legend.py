"""The nearest legend color, and finding a legend in targets with antialiased lines and noise."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pix2pix import UserError
from pix2pix.evaluation import Legend, find_legend
from tests.builders import encode_image, make_pair_array, make_picture
from tests.evaluation_pictures import photo, plain

# Ground and road are as near to each other as on a street map.
GROUND, ROAD, WATER, PARK = (229, 227, 223), (255, 255, 255), (163, 204, 255), (203, 222, 173)
COLORS = {GROUND, ROAD, WATER, PARK}


def street_maps(count: int = 6, size: int = 96) -> np.ndarray:
    """Returns maps of ground, parks, water and slanting roads, antialiased, (N, S, S, 3) uint8."""
    random = np.random.default_rng(1)
    maps = []
    for _ in range(count):
        large = Image.new("RGB", (4 * size, 4 * size), GROUND)
        pen = ImageDraw.Draw(large)
        for color in (WATER, PARK):
            left, top = map(int, random.integers(0, 2 * size, 2))
            pen.ellipse([left, top, left + 2 * size, top + size], color)
        for _ in range(4):
            ends = [int(v) for v in random.integers(0, 4 * size, 4)]
            pen.line(ends, ROAD, 28)
        maps.append(np.asarray(large.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(maps)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    encoded = encode_image(Image.fromarray(pixels), "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(encoded)))


def test_the_class_is_the_nearest_color_or_the_first_of_equally_near_ones():
    legend = Legend(list(COLORS))
    pixels = photo()
    distances = np.square(pixels[:, :, None].astype(int) - legend.colors.astype(int)).sum(-1)
    np.testing.assert_array_equal(legend.classes(pixels), distances.argmin(-1))
    gray = Legend([(0, 0, 0), (2, 2, 2)]).classes(plain(1, 1, 1))
    assert (gray == 0).all()


def test_a_legend_of_64_colors_has_64_classes():
    colors = [(r, g, b) for r in (0, 80, 160, 255) for g in (0, 80, 160, 255) for b in range(4)]
    legend = Legend(colors)
    assert legend.classes(np.array([colors], np.uint8)).tolist() == [list(range(64))]


def test_parsing_hexadecimal_colors():
    colors = Legend.parse("ffff00, #007FFF").colors
    assert colors.dtype == np.uint8 and colors.tolist() == [[255, 255, 0], [0, 127, 255]]


@pytest.mark.parametrize("text", ["", "fff", "ffff00,", "yellow", "ffff00;007fff", "0xffff"])
def test_a_legend_that_cannot_be_parsed_is_refused_with_an_example(text):
    expected = "is not a color; write each color as six hexadecimal digits, separated by commas"
    with pytest.raises(UserError, match=expected):
        Legend.parse(text)


def test_a_legend_with_a_color_twice_or_with_too_many_is_refused():
    with pytest.raises(UserError, match="has 2 colors, 1 of them different"):
        Legend.parse("ffff00,FFFF00")
    with pytest.raises(UserError, match="choose 1 to 64 different colors"):
        Legend([(level, 0, 0) for level in range(65)])


def test_the_colors_of_antialiased_maps_are_found_without_mixed_colors():
    legend = find_legend(street_maps())
    assert legend.dtype == np.uint8 and set(map(tuple, legend.tolist())) == COLORS
    assert tuple(legend[0]) == GROUND, "the most common comes first"


@pytest.mark.parametrize("quality", [75, 90])
def test_jpeg_noise_changes_a_color_by_at_most_3_levels_and_adds_none(quality):
    legend = find_legend(np.stack([jpeg(pixels, quality) for pixels in street_maps()]))
    assert len(legend) == len(COLORS)
    for color in COLORS:
        assert np.abs(legend.astype(int) - color).max(axis=-1).min() <= 3


def test_a_color_of_0_9_percent_is_a_class_and_one_of_0_3_percent_is_not():
    maps = np.stack([plain(*GROUND)] * 100)
    maps[0, :32, :40], maps[1, :60, :60] = ROAD, WATER  # 0.3 % and 0.9 % of all pixels
    assert find_legend(maps).tolist() == [list(GROUND), list(WATER)]


def test_a_single_color_and_pure_noise_have_a_legend():
    assert find_legend(plain(*WATER)[None]).tolist() == [list(WATER)]
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    assert 1 <= len(find_legend(noise)) <= 16


def test_photos_have_at_most_16_colors_which_are_always_the_same():
    photos = np.stack([np.asarray(make_picture(128, 128, seed)) for seed in range(8)])
    legend = find_legend(photos)
    assert 1 <= len(Legend(legend).colors) <= 16
    np.testing.assert_array_equal(find_legend(photos.copy()), legend)


def test_many_targets_are_sampled_and_none_is_left_out():
    """There are more pixels than are examined; a color in only a few targets is still found."""
    maps = np.broadcast_to(np.array(GROUND, np.uint8), (160, 256, 256, 3)).copy()
    maps[7::40] = PARK
    assert find_legend(maps).tolist() == [list(GROUND), list(PARK)]


def test_targets_may_be_a_view_of_the_cached_pairs():
    pairs = make_pair_array(4)
    np.testing.assert_array_equal(find_legend(pairs[:, 1]), find_legend(pairs[:, 1].copy()))
