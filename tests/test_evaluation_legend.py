"""The legend's nearest colours, and finding it in targets that lines and noise blur."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pix2pix import UserError
from pix2pix.evaluation import Legend, find_legend
from tests.builders import encode, pair_array, picture
from tests.test_evaluation import photo, plain

# Two of them as near to each other as ground and roads on a street map.
GROUND, ROAD, WATER, PARK = (229, 227, 223), (255, 255, 255), (163, 204, 255), (203, 222, 173)
COLOURS = {GROUND, ROAD, WATER, PARK}


def street_maps(count: int = 6, size: int = 96) -> np.ndarray:
    """(N, S, S, 3): ground, parks, water and slanting roads, antialiased by resizing."""
    random = np.random.default_rng(1)
    maps = []
    for _ in range(count):
        large = Image.new("RGB", (4 * size, 4 * size), GROUND)
        pen = ImageDraw.Draw(large)
        for colour in (WATER, PARK):
            left, top = map(int, random.integers(0, 2 * size, 2))
            pen.ellipse([left, top, left + 2 * size, top + size], colour)
        for _ in range(4):
            ends = [int(v) for v in random.integers(0, 4 * size, 4)]
            pen.line(ends, ROAD, 28)
        maps.append(np.asarray(large.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(maps)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    encoded = encode(Image.fromarray(pixels), "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(encoded)))


def test_the_nearest_colour_is_exact_for_every_pixel_and_the_first_of_equals():
    legend = Legend(list(COLOURS))
    pixels = photo()
    distances = np.square(pixels[:, :, None].astype(int) - legend.colours.astype(int)).sum(-1)
    np.testing.assert_array_equal(legend.classes(pixels), distances.argmin(-1))
    grey = Legend([(0, 0, 0), (2, 2, 2)]).classes(plain(1, 1, 1))
    assert (grey == 0).all()


def test_a_legend_of_64_colours_tells_each_apart():
    colours = [(r, g, b) for r in (0, 80, 160, 255) for g in (0, 80, 160, 255) for b in range(4)]
    legend = Legend(colours)
    assert legend.classes(np.array([colours], np.uint8)).tolist() == [list(range(64))]


def test_parsing_hexadecimal_colours():
    found = Legend.parse("ffff00, #007FFF").colours
    assert found.dtype == np.uint8 and found.tolist() == [[255, 255, 0], [0, 127, 255]]


@pytest.mark.parametrize("text", ["", "fff", "ffff00,", "yellow", "ffff00;007fff", "0xffff"])
def test_what_is_no_colour_is_named(text):
    with pytest.raises(UserError, match="is no colour; write each as six hexadecimal digits"):
        Legend.parse(text)


def test_a_legend_with_a_colour_twice_or_with_too_many_is_refused():
    with pytest.raises(UserError, match="has 2 colours, 1 of them different"):
        Legend.parse("ffff00,FFFF00")
    with pytest.raises(UserError, match="name 1 to 64 colours"):
        Legend([(level, 0, 0) for level in range(65)])


def test_the_colours_of_antialiased_maps_are_found_exactly_and_no_mixture():
    found = find_legend(street_maps())
    assert found.dtype == np.uint8 and set(map(tuple, found.tolist())) == COLOURS
    assert tuple(found[0]) == GROUND, "the most common comes first"


@pytest.mark.parametrize("quality", [75, 90])
def test_jpeg_noise_moves_a_colour_by_little_and_adds_none(quality):
    found = find_legend(np.stack([jpeg(pixels, quality) for pixels in street_maps()]))
    assert len(found) == len(COLOURS)
    for colour in COLOURS:
        assert np.abs(found.astype(int) - colour).max(axis=-1).min() <= 3


def test_a_rare_colour_is_no_class_and_a_small_one_is():
    maps = np.stack([plain(*GROUND)] * 100)
    maps[0, :32, :40], maps[1, :60, :60] = ROAD, WATER  # 0.3 % and 0.9 % of all pixels
    assert find_legend(maps).tolist() == [list(GROUND), list(WATER)]


def test_one_colour_is_enough_and_noise_has_some_colours_too():
    assert find_legend(plain(*WATER)[None]).tolist() == [list(WATER)]
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    assert 1 <= len(find_legend(noise)) <= 16


def test_photos_give_a_legend_of_sixteen_colours_at_most_always_the_same():
    photos = np.stack([np.asarray(picture(128, 128, seed)) for seed in range(8)])
    found = find_legend(photos)
    assert 1 <= len(Legend(found).colours) <= 16
    np.testing.assert_array_equal(find_legend(photos.copy()), found)


def test_many_targets_are_sampled_and_none_is_left_out():
    """More pixels than are looked at: a colour in a few of the targets is found all the same."""
    maps = np.broadcast_to(np.array(GROUND, np.uint8), (160, 256, 256, 3)).copy()
    maps[7::40] = PARK
    assert find_legend(maps).tolist() == [list(GROUND), list(PARK)]


def test_targets_may_be_a_view_of_pairs_as_the_cache_holds_them():
    pairs = pair_array(4)
    np.testing.assert_array_equal(find_legend(pairs[:, 1]), find_legend(pairs[:, 1].copy()))
