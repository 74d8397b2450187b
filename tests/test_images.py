"""Reading every kind of picture file."""

import random
import struct
import traceback
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.pixels.gate import open_image, to_rgb
from tests.builders import encode_image, make_picture

ORIENTATION = 0x0112
# How the pixels of an upright picture are stored for each EXIF value; a viewer undoes it.
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
    """Returns the message of the `UserError` that `source` raises; it has no chained traceback."""
    with pytest.raises(UserError) as caught:
        open_image(source)
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("Traceback") == 1
    message = str(caught.value)
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
    upright = make_picture(20, 12)
    turn = STORED_AS[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    opened = open_image(encode_image(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(pixels(opened), pixels(upright))


def test_transparency_is_laid_over_white():
    rgba = Image.new("RGBA", (3, 1), (200, 0, 100, 255))
    rgba.putpixel((1, 0), (200, 0, 100, 0))
    rgba.putpixel((2, 0), (200, 0, 100, 51))  # a fifth
    expected = [[[200, 0, 100], [255, 255, 255], [244, 204, 224]]]
    np.testing.assert_allclose(pixels(open_image(encode_image(rgba))), expected, atol=1)


def test_gray_with_alpha_is_laid_over_white():
    image = Image.new("LA", (2, 1), (60, 255))
    image.putpixel((1, 0), (60, 0))
    assert pixels(open_image(encode_image(image))).tolist() == [[[60] * 3, [255] * 3]]


def test_a_transparent_palette_color_becomes_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    opened = open_image(encode_image(image, "PNG", transparency=1))
    assert pixels(opened).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize(("straight", "premultiplied"), [("RGBA", "RGBa"), ("LA", "La")])
def test_premultiplied_alpha_is_laid_over_white(straight, premultiplied):
    image = Image.new(straight, (2, 2), "#80808000").convert(premultiplied)
    assert pixels(to_rgb(image)).tolist() == [[[255] * 3] * 2] * 2


def test_sixteen_bit_gray_keeps_its_range():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    opened = open_image(encode_image(Image.fromarray(values)))
    assert pixels(opened)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_32_bit_gray_holds_8_or_16_bit_values():
    wide = Image.fromarray(np.array([[0, 32896, 65535]], np.int32))
    narrow = Image.fromarray(np.array([[0, 128, 255]], np.int32))
    assert pixels(to_rgb(wide))[0, :, 1].tolist() == [0, 128, 255]
    assert pixels(to_rgb(narrow))[0, :, 1].tolist() == [0, 128, 255]


def test_gray_and_one_bit_pictures():
    gray = Image.fromarray(np.array([[0, 77, 255]], np.uint8))
    assert pixels(open_image(encode_image(gray)))[0].tolist() == [[0] * 3, [77] * 3, [255] * 3]
    bits = gray.convert("1", dither=Image.Dither.NONE)
    assert pixels(open_image(encode_image(bits)))[0].tolist() == [[0] * 3, [0] * 3, [255] * 3]


def test_cmyk_jpeg_keeps_its_colors():
    red = Image.new("RGB", (16, 16), (220, 30, 40)).convert("CMYK")
    np.testing.assert_allclose(
        pixels(open_image(encode_image(red, "JPEG", quality=95)))[8, 8], [220, 30, 40], atol=6
    )


def test_the_first_frame_of_an_animation_is_read():
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    data = encode_image(frames[0], "GIF", save_all=True, append_images=frames[1:])
    opened = open_image(data)
    assert opened.size == (8, 6) and opened.getpixel((4, 3)) == (255, 0, 0)


def test_a_path_its_bytes_and_a_stream_give_the_same_pixels(tmp_path: Path):
    path = tmp_path / "aerial.png"
    make_picture(9, 7).save(path)
    for source in (path, str(path), path.read_bytes(), path.open("rb")):
        np.testing.assert_array_equal(pixels(open_image(source)), pixels(make_picture(9, 7)))


def test_the_content_decides_and_not_the_ending(tmp_path: Path):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encode_image(make_picture(9, 7)))
    np.testing.assert_array_equal(pixels(open_image(path)), pixels(make_picture(9, 7)))


def test_an_empty_file_is_not_a_picture(tmp_path: Path):
    (tmp_path / "empty.jpg").touch()
    assert "not a picture" in refusal(tmp_path / "empty.jpg")
    assert "not a picture" in refusal(b"")


def test_a_text_file_with_the_ending_of_a_picture_is_not_a_picture(tmp_path: Path):
    path = tmp_path / "notes.png"
    path.write_text("dear diary\n" * 40)
    assert "not a picture" in refusal(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_file_cut_short_is_damaged(format):
    data = encode_image(make_picture(64, 48), format)
    assert "damaged" in refusal(data[: len(data) * 2 // 3])


def test_a_missing_file_is_named(tmp_path: Path):
    assert f"There is no file {tmp_path / 'gone.jpg'}" in refusal(tmp_path / "gone.jpg")


def test_a_folder_is_refused(tmp_path: Path):
    assert refusal(tmp_path) == f"{tmp_path} can't be read (Is a directory)."


def test_an_rgb_picture_in_memory_is_not_copied():
    opened = open_image(encode_image(make_picture(9, 7), "JPEG", dpi=(300, 300)))
    assert to_rgb(opened) is opened
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = Image.new("RGB", (9, 7))
    turned.info["exif"] = exif.tobytes()
    assert to_rgb(turned).size == (7, 9)


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
    good = encode_image(make_picture(24, 20), format, exif=exif)
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
    assert 20 < refused < 150, "some files are refused, and some are read"
