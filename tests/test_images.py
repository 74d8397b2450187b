"""Pictures in and out: every kind of file a user may bring, and the arithmetic on pixels."""

import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.images import (
    GRID_GAP,
    fit_to_square,
    grid,
    open_image,
    pad_mirrored,
    resize,
    split_pair,
    to_rgb,
    to_tensor,
    to_uint8,
)
from tests.builders import encode, picture

ORIENTATION = 0x0112
# What a viewer does for each EXIF value; a camera stores the inverse of it.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image)


def refusal(source) -> str:
    """The message of the `UserError` that `source` raises: one sentence, no chained traceback."""
    with pytest.raises(UserError) as caught:
        open_image(source)
    error = caught.value
    assert error.__cause__ is None and (error.__suppress_context__ or error.__context__ is None)
    message = str(error)
    assert message.endswith(".") and "\n" not in message
    return message


def blank_png(width: int, height: int) -> bytes:
    """A valid black one-bit PNG of any size, written row by row: a small file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", STORED_AS)
def test_exif_orientation_is_applied(orientation):
    upright = picture(20, 12)
    turn = STORED_AS[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    opened = open_image(encode(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(pixels(opened), pixels(upright))


def test_transparency_is_laid_over_white():
    rgba = Image.new("RGBA", (3, 1), (200, 0, 100, 255))
    rgba.putpixel((1, 0), (200, 0, 100, 0))
    rgba.putpixel((2, 0), (200, 0, 100, 51))  # a fifth
    expected = [[[200, 0, 100], [255, 255, 255], [244, 204, 224]]]
    np.testing.assert_allclose(pixels(open_image(encode(rgba))), expected, atol=1)


def test_grey_with_alpha_is_laid_over_white():
    image = Image.new("LA", (2, 1), (60, 255))
    image.putpixel((1, 0), (60, 0))
    assert pixels(open_image(encode(image))).tolist() == [[[60] * 3, [255] * 3]]


def test_a_transparent_palette_colour_becomes_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    opened = open_image(encode(image, "PNG", transparency=1))
    assert pixels(opened).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize(("straight", "premultiplied"), [("RGBA", "RGBa"), ("LA", "La")])
def test_premultiplied_alpha_is_laid_over_white(straight, premultiplied):
    image = Image.new(straight, (2, 2), "#80808000").convert(premultiplied)
    assert pixels(to_rgb(image)).tolist() == [[[255] * 3] * 2] * 2


def test_sixteen_bit_grey_keeps_its_range():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    opened = open_image(encode(Image.fromarray(values)))
    assert pixels(opened)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_32_bit_grey_holds_8_or_16_bit_values():
    wide = Image.fromarray(np.array([[0, 32896, 65535]], np.int32))
    narrow = Image.fromarray(np.array([[0, 128, 255]], np.int32))
    assert pixels(to_rgb(wide))[0, :, 1].tolist() == [0, 128, 255]
    assert pixels(to_rgb(narrow))[0, :, 1].tolist() == [0, 128, 255]


def test_grey_and_one_bit_pictures():
    grey = Image.fromarray(np.array([[0, 77, 255]], np.uint8))
    assert pixels(open_image(encode(grey)))[0].tolist() == [[0] * 3, [77] * 3, [255] * 3]
    bits = grey.convert("1", dither=Image.Dither.NONE)
    assert pixels(open_image(encode(bits)))[0].tolist() == [[0] * 3, [0] * 3, [255] * 3]


def test_cmyk_jpeg_keeps_its_colours():
    red = Image.new("RGB", (16, 16), (220, 30, 40)).convert("CMYK")
    np.testing.assert_allclose(
        pixels(open_image(encode(red, "JPEG", quality=95)))[8, 8], [220, 30, 40], atol=6
    )


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    opened = open_image(data)
    assert opened.size == (8, 6) and opened.getpixel((4, 3)) == (255, 0, 0)


def test_paths_bytes_and_streams_are_read_alike(tmp_path: Path):
    path = tmp_path / "aerial.png"
    picture(9, 7).save(path)
    for source in (path, str(path), path.read_bytes(), path.open("rb")):
        np.testing.assert_array_equal(pixels(open_image(source)), pixels(picture(9, 7)))


def test_content_counts_and_not_the_name(tmp_path: Path):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encode(picture(9, 7)))
    np.testing.assert_array_equal(pixels(open_image(path)), pixels(picture(9, 7)))


def test_an_empty_file_is_no_picture(tmp_path: Path):
    (tmp_path / "empty.jpg").touch()
    assert "not a picture" in refusal(tmp_path / "empty.jpg")
    assert "not a picture" in refusal(b"")


def test_a_text_file_is_no_picture_whatever_its_name(tmp_path: Path):
    path = tmp_path / "notes.png"
    path.write_text("dear diary\n" * 40)
    assert "not a picture" in refusal(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_file_cut_short_is_damaged(format):
    data = encode(picture(64, 48), format)
    assert "damaged" in refusal(data[: len(data) * 2 // 3])


def test_a_missing_file_is_named(tmp_path: Path):
    assert f"There is no file {tmp_path / 'gone.jpg'}" in refusal(tmp_path / "gone.jpg")


def test_a_folder_is_refused(tmp_path: Path):
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8_001, 8_000)])
def test_a_huge_picture_is_refused_before_it_is_decoded(width, height):
    data = blank_png(width, height)
    assert len(data) < 2_000_000
    assert "64 megapixels" in refusal(data)


def test_the_limit_itself_is_accepted():
    assert open_image(blank_png(100, 50), max_pixels=5000).size == (100, 50)
    with pytest.raises(UserError, match="100x50"):
        open_image(blank_png(100, 50), max_pixels=4999)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_damaged_bytes_never_raise_anything_but_a_user_error(format):
    dice = random.Random(0)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    good = encode(picture(24, 20), format, exif=exif)
    refused = 0
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(dice.choice((1, 4, 16))):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        end = dice.choice((len(bad), dice.randrange(1, len(bad))))
        try:
            assert open_image(bytes(bad[:end])).mode == "RGB"
        except UserError:
            refused += 1
    assert refused > 20


def test_uint8_to_tensor_and_back_is_exact():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)
    tensor = to_tensor(values)
    assert tensor.dtype == np.float32 and tensor.shape == values.shape
    assert (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(tensor), values)


def test_grey_tensors_are_pillows_luma_and_come_back_as_three_equal_channels():
    image = picture(40, 30)
    tensor = to_tensor(np.asarray(image), 1)
    assert tensor.dtype == np.float32 and tensor.shape == (30, 40, 1)
    grey = np.asarray(image.convert("L").convert("RGB"))
    np.testing.assert_array_equal(to_uint8(tensor), grey)
    np.testing.assert_array_equal(to_tensor(grey, 1), tensor)


def test_a_tensor_out_of_range_is_clipped():
    out = to_uint8(np.array([-1.5, -1.0, 0.0, 1.0, 1.001, 9.0], np.float32))
    assert out.dtype == np.uint8 and out.tolist() == [0, 0, 128, 255, 255, 255]


def test_shrinking_antialiases():
    """A checkerboard finer than the result is grey; nearest neighbour would keep black or white."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    small = np.asarray(resize(Image.fromarray(board), 48, 48)).astype(int)
    assert np.abs(small - 127.5).max() < 12


def test_resize_leaves_the_right_size_alone():
    image = picture(8, 8)
    assert resize(image, 8, 8) is image
    assert resize(image, 3, 5).size == (3, 5)


def test_a_pair_is_split_in_the_middle():
    left, right = picture(10, 6, seed=1), picture(10, 6, seed=2)
    joined = Image.fromarray(np.concatenate([np.asarray(left), np.asarray(right)], axis=1))
    for half, expected in zip(split_pair(joined), (left, right), strict=True):
        np.testing.assert_array_equal(pixels(half), pixels(expected))


@pytest.mark.parametrize("width", [1, 7, 601])
def test_a_pair_of_odd_width_is_refused(width):
    with pytest.raises(UserError, match=f"even width, and this one is {width} wide"):
        split_pair(Image.new("RGB", (width, 4)))


@pytest.mark.parametrize(
    ("size", "taken"),
    [
        ((1, 1), (64, 64)),
        ((64, 64), (64, 64)),
        ((128, 32), (64, 16)),
        ((30, 60), (32, 64)),
        ((1000, 1), (64, 1)),
        ((1, 1000), (1, 64)),
    ],
)
def test_fit_to_square_keeps_the_shape(size, taken):
    square, place = fit_to_square(picture(*size), 64)
    assert square.shape == (64, 64, 3) and square.dtype == np.uint8
    assert place == taken
    expected = pixels(resize(picture(*size), *taken))
    np.testing.assert_array_equal(square[: taken[1], : taken[0]], expected)


def test_pad_mirrored_reflects_at_the_bottom_and_right():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    padded = pad_mirrored(array, 4, 5)[..., 0]
    assert padded.tolist() == [
        [0, 1, 2, 2, 1], [3, 4, 5, 5, 4],
        [3, 4, 5, 5, 4], [0, 1, 2, 2, 1],
    ]  # fmt: skip


def test_grid_places_rows_of_pictures():
    red, blue = Image.new("RGB", (5, 3), "red"), Image.new("RGB", (5, 3), "blue")
    sheet = grid([[red, blue], [blue]], gap=2)
    assert sheet.size == (12, 8)
    assert sheet.getpixel((0, 0)) == sheet.getpixel((4, 2)) == (255, 0, 0)
    assert sheet.getpixel((7, 0)) == sheet.getpixel((0, 5)) == (0, 0, 255)
    assert sheet.getpixel((5, 0)) == sheet.getpixel((7, 5)) == GRID_GAP
