"""Pictures of every kind that datasets hold are decoded to 8-bit RGB."""

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.config import Config
from pix2pix.data import Decoder
from tests.builders import encode_image, make_picture

SIDE = 32


def ramp(mode: str) -> Image.Image:
    """Draws gray from 0 to 248 in steps of 8, left to right."""
    gray = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (SIDE, 1))
    if mode == "I;16":
        return Image.fromarray(gray.astype(np.uint16) * 257)
    return Image.fromarray(gray).convert(mode)


def animation() -> bytes:
    frames = [Image.new("RGB", (SIDE, SIDE), color) for color in ("red", "blue")]
    return encode_image(frames[0], "GIF", save_all=True, append_images=frames[1:])


def half_transparent() -> Image.Image:
    """Draws a picture whose upper half is black and whose lower half is transparent."""
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, SIDE // 2, SIDE, SIDE))
    return image


@pytest.mark.parametrize(
    ("mode", "format", "max_difference"),
    [
        ("I;16", "PNG", 0),
        ("I;16", "TIFF", 0),
        ("L", "PNG", 0),
        ("P", "PNG", 0),
        ("CMYK", "JPEG", 8),
    ],
)
def test_bit_depths_and_color_modes_are_converted(mode, format, max_difference):
    options = {"quality": 95} if format == "JPEG" else {}
    a, b = Decoder().decode(
        (encode_image(ramp(mode), format, **options), encode_image(ramp("RGB")))
    )
    assert a.mode == b.mode == "RGB" and a.size == b.size == (SIDE, SIDE)
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= max_difference


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_become_white(mode):
    image = half_transparent().convert(mode) if mode != "P" else half_transparent().quantize()
    for decoded in Decoder().decode((encode_image(image), encode_image(image))):
        assert decoded.getpixel((3, 3)) == (0, 0, 0)
        assert decoded.getpixel((3, 30)) == (255, 255, 255)


def test_an_animation_is_read_as_its_first_frame():
    a, b = Decoder().decode((animation(), animation()))
    assert a.getpixel((5, 5)) == b.getpixel((5, 5)) == (255, 0, 0)


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    a, b = Decoder().decode((encode_image(image, "JPEG", exif=exif), encode_image(image, "JPEG")))
    assert (a.size, b.size) == ((10, 20), (20, 10))


def test_both_pictures_are_resized_to_the_same_size():
    row = encode_image(make_picture(50, 30)), encode_image(make_picture(20, 70))
    assert [image.size for image in Decoder().decode(row)] == [(50, 30), (20, 70)]
    assert Decoder().decode_and_resize(row, 24).shape == (2, 24, 24, 3)


def test_a_16_bit_side_by_side_pair_is_split():
    wide = Image.fromarray(np.repeat(np.array([[0, 65535]], np.uint16), 8, 1).repeat(8, 0))
    a, b = Decoder().decode((encode_image(wide),))
    assert a.getextrema() == ((0, 0),) * 3 and b.getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    "broken", [b"", b"<html>", encode_image(make_picture(32, 32))[:-500], animation()[:30]],
    ids=["nothing", "a page", "a cut PNG", "a cut GIF"],
)  # fmt: skip
def test_other_files_are_a_user_error_of_one_line(broken):
    with pytest.raises(UserError) as error:
        Decoder().decode((encode_image(make_picture(32, 32)), broken))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_bands_are_chosen_in_pairs_of_one_file_whatever_the_direction(direction):
    decoder = Decoder.of_config(Config(bands="3,2,1", direction=direction))
    a, b = decoder.decode((encode_image(Image.new("RGB", (8, 4), (10, 20, 30))),))
    assert a.getpixel((0, 0)) == b.getpixel((0, 0)) == (30, 20, 10)
