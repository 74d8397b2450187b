"""The browser Space reads photos as the package does: its modules run in Chromium here."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser import browser as browser  # noqa: PLC0414  a fixture
from tests.browser import needs_chromium
from tests.builders import make_picture
from tests.icc_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    make_gray_profile,
    make_profile,
    make_table_profile,
)
from tests.png_writer import write_png
from tests.web_modules import (
    XMP,
    Tasks,
    compare,
    from_json,
    read_task,
    running_in_browser,
    save,
    turned,
    with_alpha,
)

pytestmark = needs_chromium
PHOTO = make_picture(90, 61)
Run = Callable[[Tasks], list[Any]]


@pytest.fixture(scope="module")
def chromium(browser) -> Iterator[Run]:
    with running_in_browser(browser) as run:
        yield run


def test_photos_are_read_as_by_the_package(chromium: Run):
    clear = with_alpha(PHOTO)
    files = {
        "gray": save(PHOTO.convert("L"), "JPEG", quality=90),
        "CMYK": save(PHOTO.convert("CMYK"), "JPEG", quality=90),
        "progressive": save(PHOTO, "JPEG", quality=70, progressive=True),
        "4:2:2": save(PHOTO, "JPEG", subsampling=1),
        "4:4:4": save(PHOTO, "JPEG", subsampling=0),
        "WebP": save(PHOTO, "WEBP"),
        "lossless WebP": save(PHOTO, "WEBP", lossless=True),
        "WebP with opacity": save(clear, "WEBP"),
        "lossless WebP with opacity": save(clear, "WEBP", lossless=True),
        "AVIF": save(PHOTO, "AVIF"),
        "GIF": save(PHOTO.quantize(64), "GIF"),
        "animation": save(
            PHOTO.quantize(64), "GIF", save_all=True, append_images=[PHOTO.rotate(90).quantize(64)]
        ),
        "animated WebP": save(PHOTO, "WEBP", save_all=True, append_images=[PHOTO.rotate(90)]),
        "transparent GIF": save(PHOTO.quantize(64), "GIF", transparency=3),
        "BMP": save(PHOTO, "BMP"),
        "BMP with a palette": save(PHOTO.quantize(64), "BMP"),
        "PNG with a palette": save(PHOTO.quantize(64), "PNG"),
        "1x1": save(PHOTO.resize((1, 1)), "JPEG"),
    }
    for number in range(1, 9):
        for format in ("JPEG", "WEBP", "AVIF", "PNG"):
            files[f"{format} {number}"] = save(PHOTO, format, exif=turned(number))
        files[f"XMP {number}"] = save(PHOTO, "JPEG", xmp=XMP % number)
    compare(chromium, files, 1)


def test_colors_with_a_profile_become_those_of_srgb(chromium: Run):
    colors = np.random.default_rng(7).integers(0, 256, (16, 16, 3), np.uint8)
    noise = Image.fromarray(np.kron(colors, np.ones((4, 4, 1), np.uint8)))
    files = {}
    spaces = {"P3": DISPLAY_P3, "Adobe": ADOBE_RGB, "ProPhoto": PROPHOTO, "sRGB": SRGB}
    for name, space in spaces.items():
        profile = {"icc_profile": make_profile(space)}
        for image, format in ((PHOTO, "PNG"), (noise, "PNG"), (with_alpha(PHOTO), "PNG")):
            files[f"{name} {image.size} {image.mode} PNG"] = save(image, format, **profile)
        for format in ("JPEG", "WEBP", "AVIF"):
            files[f"{name} {format}"] = save(PHOTO, format, quality=95, **profile)
        deep = (b"iCCP", b"x\0\0" + zlib.compress(profile["icc_profile"]))
        files[f"{name} 16 bits"] = write_png(colors.astype(int) * 257, 16, 2, chunks=(deep,))
    for gamma in (1.0, 1.8, 2.2):
        profile = {"icc_profile": make_gray_profile(gamma)}
        files[f"gray {gamma} PNG"] = save(PHOTO.convert("L"), "PNG", **profile)
        files[f"gray {gamma} JPEG"] = save(PHOTO.convert("L"), "JPEG", **profile)
    files["damaged profile"] = save(PHOTO, "PNG", icc_profile=make_profile(ADOBE_RGB)[:200])
    files["no profile"] = save(PHOTO, "JPEG", icc_profile=b"x" * 300)
    compare(chromium, files, 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_the_browser_converts_colors_by_profiles_with_tables(chromium: Run, format):
    file = save(PHOTO, format, icc_profile=make_table_profile())
    # Red and blue are exchanged, so that they differ by 64 levels on average if nothing is done.
    compare(chromium, {format: file}, 8)


def test_the_browser_converts_pictures_with_opacity(chromium: Run):
    files = {
        name: save(with_alpha(PHOTO), "WEBP", lossless=True, icc_profile=make_profile(space))
        for name, space in (("P3", DISPLAY_P3), ("Adobe", ADOBE_RGB), ("sRGB", SRGB))
    }
    # It approximates the curves of a profile.
    compare(chromium, files, 4)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP"])
def test_pictures_that_are_too_large_are_refused_before_they_are_decoded(chromium: Run, format):
    file = save(PHOTO, format)
    size = PHOTO.width * PHOTO.height
    fitting, small = chromium(
        [read_task(file, maxPixels=size), read_task(file, maxPixels=size - 1)]
    )
    assert from_json(fitting).shape == (61, 90, 3)
    assert small["error"] == (
        f"The picture is 90x61 pixels, more than the {(size - 1) / 1e6:g} megapixels accepted "
        "here; make it smaller and try again."
    )


def test_a_header_of_3600_megapixels_is_refused_before_memory_is_taken(chromium: Run):
    file = bytearray(save(PHOTO, "JPEG"))
    size = file.index(b"\xff\xc0") + 5
    file[size : size + 4] = struct.pack(">HH", 60_000, 60_000)
    result = chromium([read_task(bytes(file))])[0]
    assert "is 60000x60000 pixels, more than the 64 megapixels accepted" in result["error"]


def test_a_picture_that_is_too_long_for_browsers_is_read_as_png_only(chromium: Run):
    long = make_picture(70_000, 2)
    bmp, png = chromium([read_task(save(long, format)) for format in ("BMP", "PNG")])
    assert bmp["error"] == (
        "The picture is 70000x2 pixels, and a browser decodes sides of up to 65535; save it as PNG "
        "or make it smaller."
    )
    np.testing.assert_array_equal(from_json(png), np.asarray(long))


def mutate(file: bytes, numbers: random.Random) -> bytes:
    """Returns a damaged copy: flipped bits, another number, a missing end or middle."""
    changed, kind = bytearray(file), numbers.randrange(4)
    position = numbers.randrange(len(changed))
    if kind == 0:
        for _ in range(numbers.choice([1, 1, 3, 20])):
            changed[numbers.randrange(len(changed))] ^= 1 << numbers.randrange(8)
    elif kind == 1:
        del changed[position:]
    elif kind == 2:
        start = numbers.randrange(min(len(changed) - 4, 300))
        changed[start : start + 4] = bytes(numbers.choice([0, 255, 17]) for _ in range(4))
    else:
        del changed[position : position + numbers.randrange(1, 200)]
    return bytes(changed)


def test_damaged_files_are_read_or_refused_with_one_sentence(chromium: Run):
    numbers = random.Random(8)  # noqa: S311
    photo = PHOTO.resize((60, 45))
    profile = make_profile(DISPLAY_P3)
    originals = [
        save(photo, "PNG"),
        write_png(np.random.default_rng(9).integers(0, 65_536, (20, 30, 4)), 16, 6),
        save(photo, "JPEG", exif=turned(6)),
        save(photo, "JPEG", progressive=True, icc_profile=profile),
        save(photo, "WEBP", exif=turned(6)),
        save(photo, "WEBP", lossless=True, icc_profile=profile),
        save(photo, "AVIF"),
        save(photo.quantize(32), "GIF"),
        save(photo, "BMP"),
    ]
    files = [mutate(file, numbers) for file in originals for _ in range(40)]
    results = chromium([read_task(file) for file in files])
    refused = [result for result in results if "error" in result]
    assert len(refused) > 150
    for result in refused:
        sentence = result["error"]
        assert result["name"] == "UserError"
        assert len(sentence) < 200 and sentence.endswith(".") and "\n" not in sentence
        assert not any(word in sentence for word in ("Error", "source image", "DataView"))
    # The page still works.
    compare(chromium, {"PNG": originals[0], "JPEG": originals[2]}, 1)
