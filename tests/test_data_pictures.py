"""Every kind of picture that a dataset may hold becomes a pair of 8-bit RGB pictures."""

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.data import decode, decode_resized
from tests.builders import encode, picture

SIDE = 32


def ramp(mode: str) -> Image.Image:
    """Grey from 0 to 248 in steps of 8, left to right."""
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (SIDE, 1))
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    return Image.fromarray(grey).convert(mode)


def animation() -> bytes:
    frames = [Image.new("RGB", (SIDE, SIDE), colour) for colour in ("red", "blue")]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def see_through() -> Image.Image:
    """Black, and from half its height on wholly transparent."""
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, SIDE // 2, SIDE, SIDE))
    return image


@pytest.mark.parametrize(
    ("mode", "format", "loss"),
    [
        ("I;16", "PNG", 0),
        ("I;16", "TIFF", 0),
        ("L", "PNG", 0),
        ("P", "PNG", 0),
        ("CMYK", "JPEG", 8),
    ],
)
def test_other_depths_and_colours(mode, format, loss):
    options = {"quality": 95} if format == "JPEG" else {}
    a, b = decode((encode(ramp(mode), format, **options), encode(ramp("RGB"))))
    assert a.mode == b.mode == "RGB" and a.size == b.size == (SIDE, SIDE)
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= loss


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode):
    image = see_through().convert(mode) if mode != "P" else see_through().quantize()
    for found in decode((encode(image), encode(image))):
        assert found.getpixel((3, 3)) == (0, 0, 0) and found.getpixel((3, 30)) == (255, 255, 255)


def test_the_first_frame_of_an_animation():
    a, b = decode((animation(), animation()))
    assert a.getpixel((5, 5)) == b.getpixel((5, 5)) == (255, 0, 0)


def test_a_picture_is_upright():
    image = Image.new("RGB", (20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned
    a, b = decode((encode(image, "JPEG", exif=exif), encode(image, "JPEG")))
    assert (a.size, b.size) == ((10, 20), (20, 10))


def test_unequal_sizes_meet_at_the_size_of_the_cache():
    row = encode(picture(50, 30)), encode(picture(20, 70))
    assert [image.size for image in decode(row)] == [(50, 30), (20, 70)]
    assert decode_resized(row, 24).shape == (2, 24, 24, 3)


def test_a_side_by_side_pair_of_16_bits_is_split():
    wide = Image.fromarray(np.repeat(np.array([[0, 65535]], np.uint16), 8, 1).repeat(8, 0))
    a, b = decode((encode(wide),))
    assert a.getextrema() == ((0, 0),) * 3 and b.getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    "broken", [b"", b"<html>", encode(picture(32, 32))[:-500], animation()[:30]],
    ids=["nothing", "a page", "a cut PNG", "a cut GIF"],
)  # fmt: skip
def test_what_is_no_picture_is_said_in_one_sentence(broken):
    with pytest.raises(UserError) as refused:
        decode((encode(picture(32, 32)), broken))
    assert "\n" not in str(refused.value)
