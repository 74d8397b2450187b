"""Converting, resizing, splitting and arranging the pixels of pictures."""

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.images import (
    GRID_GAP,
    image_grid,
    pad_mirrored,
    resize,
    split_pair,
    to_tensor,
    to_uint8,
)
from tests.builders import make_picture


def test_uint8_to_tensor_and_back_is_exact():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)
    tensor = to_tensor(values)
    assert tensor.dtype == np.float32 and tensor.shape == values.shape
    assert (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(tensor), values)


def test_gray_tensors_are_pillows_luma_and_come_back_as_three_equal_channels():
    image = make_picture(40, 30)
    tensor = to_tensor(np.asarray(image), 1)
    assert tensor.dtype == np.float32 and tensor.shape == (30, 40, 1)
    gray = np.asarray(image.convert("L").convert("RGB"))
    np.testing.assert_array_equal(to_uint8(tensor), gray)
    np.testing.assert_array_equal(to_tensor(gray, 1), tensor)


def test_a_tensor_out_of_range_is_clipped():
    out = to_uint8(np.array([-1.5, -1.0, 0.0, 1.0, 1.001, 9.0], np.float32))
    assert out.dtype == np.uint8 and out.tolist() == [0, 0, 128, 255, 255, 255]


def test_shrinking_antialiases():
    """A checkerboard finer than the result is gray; nearest neighbor would keep black or white."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    small = np.asarray(resize(Image.fromarray(board), 48, 48)).astype(int)
    assert np.abs(small - 127.5).max() < 12


def test_resize_returns_a_picture_that_has_the_size_already():
    image = make_picture(8, 8)
    assert resize(image, 8, 8) is image
    assert resize(image, 3, 5).size == (3, 5)


def test_a_pair_is_split_in_the_middle():
    left, right = make_picture(10, 6, seed=1), make_picture(10, 6, seed=2)
    joined = Image.fromarray(np.concatenate([np.asarray(left), np.asarray(right)], axis=1))
    for half, expected in zip(split_pair(joined), (left, right), strict=True):
        assert half.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(half), np.asarray(expected))


@pytest.mark.parametrize("width", [1, 7, 601])
def test_a_pair_of_odd_width_is_refused(width):
    with pytest.raises(UserError, match=f"even width; this one.s is {width}"):
        split_pair(Image.new("RGB", (width, 4)))


def test_pad_mirrored_reflects_at_the_bottom_and_right():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    padded = pad_mirrored(array, 4, 5)[..., 0]
    assert padded.tolist() == [
        [0, 1, 2, 2, 1], [3, 4, 5, 5, 4],
        [3, 4, 5, 5, 4], [0, 1, 2, 2, 1],
    ]  # fmt: skip


def test_grid_places_rows_of_pictures():
    red, blue = Image.new("RGB", (5, 3), "red"), Image.new("RGB", (5, 3), "blue")
    sheet = image_grid([[red, blue], [blue]], gap=2)
    assert sheet.size == (12, 8)
    assert sheet.getpixel((0, 0)) == sheet.getpixel((4, 2)) == (255, 0, 0)
    assert sheet.getpixel((7, 0)) == sheet.getpixel((0, 5)) == (0, 0, 255)
    assert sheet.getpixel((5, 0)) == sheet.getpixel((7, 5)) == GRID_GAP
