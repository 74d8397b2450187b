"""The browser Space decodes PNG files, and refuses what is no picture, as the package does."""

import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest

from pix2pix.errors import UserError
from pix2pix.pixels.gate import open_image
from pix2pix.pixels.rule import PixelRule
from tests.builders import make_picture
from tests.png_writer import COLOR_TYPES, make_chunk, write_png
from tests.web_modules import (
    XMP,
    compare,
    from_json,
    needs_node,
    read_task,
    run_in_node,
    save,
    turned,
)

pytestmark = needs_node
PHOTO = make_picture(90, 61)


def draw_pngs() -> dict[str, bytes]:
    """Returns a PNG of each color type and depth, interlaced or not, with and without tRNS."""
    numbers, files = np.random.default_rng(5), {}
    for color_type, (channels, depths) in COLOR_TYPES.items():
        for depth in depths:
            values = numbers.integers(0, 2**depth, (37, 29, channels))
            palette = numbers.integers(0, 256, 3 * (2**depth * 3 // 4 + 1), np.uint8).tobytes()
            chunks = ((b"PLTE", palette),) if color_type == 3 else ()
            clear = {
                0: struct.pack(">H", int(values[3, 3, 0])),
                2: struct.pack(">3H", *map(int, np.resize(values[3, 3], 3))),
                3: numbers.integers(0, 256, 2**depth // 2 + 1, np.uint8).tobytes(),
            }.get(color_type)
            for interlaced in (False, True):
                name = f"type {color_type}, {depth} bits, interlaced {interlaced}"
                options: dict[str, Any] = {"interlaced": interlaced, "part_bytes": 100}
                files[name] = write_png(values, depth, color_type, chunks=chunks, **options)
                if clear:
                    marked = (*chunks, (b"tRNS", clear))
                    files[f"{name}, tRNS"] = write_png(
                        values, depth, color_type, chunks=marked, **options
                    )
    for size in ((1, 1), (2, 1), (1, 9), (5, 5)):
        values = numbers.integers(0, 256, (*size, 4))
        files[f"interlaced {size}"] = write_png(values, 8, 6, interlaced=True)
    return files


def test_pngs_of_every_kind_are_decoded_bit_for_bit():
    compare(run_in_node, draw_pngs(), 0)


def test_the_range_of_16_bit_values_is_recognized_as_in_the_package():
    numbers = np.random.default_rng(6)
    files = {
        str(white): write_png(numbers.integers(0, white + 1, (30, 40, channels)), 16, kind)
        for white in (0, 40, 255, 700, 3000, 10_000, 10_400, 16_000, 60_000)
        for channels, kind in ((3, 2), (1, 0))
    }
    dark = np.zeros((100, 100, 1), int)
    dark[0, :60] = 60_000
    files["dark"] = write_png(dark, 16, 0)
    dark[0, 40:] = 0
    files["darker"] = write_png(dark, 16, 0)
    compare(run_in_node, files, 0)
    compare(run_in_node, files, 0, PixelRule(value_range=(100.0, 5000.5)))
    compare(run_in_node, files, 0, PixelRule(value_range="dtype"))


@pytest.mark.slow
def test_bands_are_chosen_by_the_models_rule():
    files = draw_pngs()
    colors = {name: file for name, file in files.items() if name[:6] in ("type 2", "type 6")}
    compare(run_in_node, colors, 0, PixelRule(bands=(3, 1, 2)))
    compare(run_in_node, files, 0, PixelRule(bands=(1,)))
    opacity = {name: file for name, file in files.items() if name.startswith("type 6")}
    compare(run_in_node, opacity, 0, PixelRule(bands=(4, 2, 1)))
    gray = read_task(save(PHOTO.convert("L"), "PNG"), PixelRule(bands=(4, 3, 2)))
    assert run_in_node([gray])[0]["error"] == (
        "The picture has 1 band, so it has no band 4, which this model reads."
    )


def test_class_numbers_get_the_colors_of_the_models_legend():
    numbers = np.random.default_rng(7).integers(0, 11, (37, 29, 1))
    numbers[:4] = 255
    legend = tuple((n * 23, 255 - n * 20, n * 57 % 256) for n in range(11))
    palette = ((b"PLTE", bytes(range(256)) * 3),)
    turned_by = ((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 6),)
    files = {
        "gray": write_png(numbers, 8, 0),
        "16 bits": write_png(numbers, 16, 0),
        "interlaced palette": write_png(numbers, 8, 3, chunks=palette, interlaced=True),
        "4 bits": write_png(np.minimum(numbers, 1) * 0, 4, 0),
        "4 bits with a palette": write_png(np.minimum(numbers, 10), 4, 3, chunks=palette),
        "1 bit": write_png(numbers % 2, 1, 0),
        "equal channels": write_png(np.repeat(numbers, 3, axis=2), 8, 2),
        "turned": write_png(numbers, 8, 0, chunks=turned_by),
        "photo": save(PHOTO, "PNG"),
        "gray photo": save(PHOTO.convert("L").convert("RGB"), "PNG"),
    }
    compare(run_in_node, files, 0, PixelRule(legend=legend))
    drawn = np.repeat(np.array([[[0], [255], [2]]]), 3, axis=2)
    compare(
        run_in_node,
        {"colors of the legend": write_png(drawn, 8, 2)},
        0,
        PixelRule(legend=((0, 0, 0), (255, 255, 255), (2, 2, 2))),
    )
    task = read_task(files["gray"], PixelRule(legend=legend[:10]))
    assert run_in_node([task])[0]["error"] == (
        "The picture has the class number 10, and this model has colors for 0 to 9."
    )


def test_pngs_are_turned_as_exif_or_xmp_says():
    files = {f"exif {number}": save(PHOTO, "PNG", exif=turned(number)) for number in range(10)}
    for number in range(10):
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % number
        files[f"xmp {number}"] = write_png(
            np.asarray(PHOTO), 8, 2, chunks=((b"iTXt", text),)
        )  # fmt: skip
    compare(run_in_node, files, 0)


NO_PICTURES = {
    "empty": b"",
    "SVG": b'\xef\xbb\xbf <svg xmlns="http://www.w3.org/2000/svg"/>',
    "page": b"<!DOCTYPE html><html></html>",
    "PDF": b"%PDF-1.7 ...",
    "Photoshop": b"8BPS\0\1" + bytes(50),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50),
    "raw": b"FUJIFILMCCD-RAW 0201" + bytes(50),
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(50),
    "zip": b"PK\3\4" + bytes(50),
    "JPEG XL": b"\xff\x0a" + bytes(50),
    "PostScript": b"%!PS-Adobe-3.0",
}


def test_other_files_are_refused_in_the_words_of_the_package():
    files = dict(NO_PICTURES)
    large = zlib.compress(bytes(1000))
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 8000, 8, 2, 0, 0, 0))
    rest = make_chunk(b"IDAT", large) + make_chunk(b"IEND", b"")
    files["too large"] = b"\x89PNG\r\n\x1a\n" + header + rest
    for name, result in zip(
        files, run_in_node([read_task(file) for file in files.values()]), strict=True
    ):
        with pytest.raises(UserError) as refusal:
            open_image(files[name])
        assert result == {"error": str(refusal.value), "name": "UserError"}
    others = {
        "text": (b"hello", "not a picture that can be read; use a PNG, JPEG, WebP, AVIF, BMP or"),
        "TIFF": (
            save(PHOTO, "TIFF"),
            "This is a TIFF picture, which browsers can't read; save it as PNG, or use the Python "
            "package.",
        ),
        "a side of 2**31": (
            b"\x89PNG\r\n\x1a\n"
            + make_chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31, 1, 8, 2, 0, 0, 0)),
            "damaged or cut short (a wrong header)",
        ),
        "JPEG 2000": (save(PHOTO, "JPEG2000"), "a JPEG 2000 picture, which browsers can't read"),
        "PPM": (save(PHOTO, "PPM"), "a portable pixmap (PPM), which browsers can't read"),
    }
    results = run_in_node([read_task(file) for file, _ in others.values()])
    for (_, sentence), result in zip(others.values(), results, strict=True):
        assert result["name"] == "UserError" and sentence in result["error"]


def test_a_small_file_that_decompresses_to_gigabytes_takes_little_time():
    data = zlib.compressobj(9)
    first, block = (data.compress(bytes(1 << 20)) + data.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    bomb = first + 4000 * block
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0))
    file = b"\x89PNG\r\n\x1a\n" + header + make_chunk(b"IDAT", bomb) + make_chunk(b"IEND", b"")
    start = time.monotonic()
    result = run_in_node([read_task(file)])[0]
    assert not from_json(result).any()
    assert time.monotonic() - start < 30
