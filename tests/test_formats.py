"""Which formats are read, the messages for other kinds of files, and decompression bombs."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.pixels.gate import open_image
from tests.builders import encode_image, make_picture


def refusal(content: bytes, max_pixels: int = 64_000_000) -> str:
    with pytest.raises(UserError) as caught:
        open_image(content, max_pixels)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 300
    return message


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(*chunks: bytes, width: int = 4, height: int = 4) -> bytes:
    """A gray PNG with extra chunks before its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunks)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("PNG", {}, 0), ("BMP", {}, 0), ("TIFF", {}, 0), ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_deflate"}, 0), ("PPM", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG2000", {}, 0), ("JPEG", {"quality": 95, "progressive": True}, 8),
        ("WEBP", {"quality": 95}, 8), ("AVIF", {"quality": 95}, 8), ("GIF", {}, 20),
        ("MPO", {"quality": 95, "save_all": True}, 8),
    ],
)  # fmt: skip
def test_each_readable_format(format: str, options: dict, tolerance: int):
    image = make_picture(64, 48)
    read = open_image(encode_image(image, format, **options))
    assert (read.mode, read.size) == ("RGB", (64, 48))
    difference = np.abs(np.asarray(read, int) - np.asarray(image, int))
    assert difference.mean() <= tolerance


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_of_many_frames_is_read(format: str):
    frames = [Image.new("RGB", (16, 12), color) for color in ("red", "lime", "blue")]
    data = encode_image(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 3
    np.testing.assert_allclose(open_image(data).getpixel((5, 5)), (255, 0, 0), atol=6)


def test_adobes_inverted_cmyk_keeps_its_colors():
    data = encode_image(
        Image.new("RGB", (16, 16), (220, 30, 40)).convert("CMYK"), "JPEG", quality=95
    )
    assert b"Adobe" in data, "the marker that the values are inverted"
    np.testing.assert_allclose(open_image(data).getpixel((8, 8)), (220, 30, 40), atol=6)


def test_sixteen_bits_are_rounded_as_division_does():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(values / 257).astype(np.uint8)
    for data in (
        encode_image(Image.fromarray(values)),
        encode_image(Image.fromarray(values), "TIFF"),
    ):
        np.testing.assert_array_equal(np.asarray(open_image(data))[..., 0], expected)


def test_transparency_of_every_kind_is_laid_over_white():
    clear = Image.new("RGBA", (8, 8), (200, 0, 100, 0))
    for format in ("PNG", "WEBP", "TIFF", "AVIF"):
        pixel = open_image(encode_image(clear, format)).getpixel((4, 4))
        np.testing.assert_allclose(pixel, (255, 255, 255), atol=2)


OTHER_KINDS = {
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "svg with a head": (b'\xef\xbb\xbf<?xml version="1.0"?><!-- me --><svg/>', "an SVG drawing"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
    "photoshop": (b"8BPS\x00\x01" + bytes(40), "a Photoshop file"),
    "gimp": (b"gimp xcf v011\x00" + bytes(40), "a GIMP file"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript drawing"),
    "jpeg xl": (b"\xff\x0a" + bytes(40), "a JPEG XL picture"),
    "jpeg xl in a box": (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(40), "a JPEG XL picture"),
    "heic": (box(b"ftyp", b"heic\0\0\0\0mif1heic") + bytes(40), "a HEIC photo; export it as JPEG"),
    "heif": (box(b"ftyp", b"mif1\0\0\0\0mif1heic") + bytes(40), "a HEIC photo"),
    "mp4": (box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + bytes(40), "a video"),
    "mov": (box(b"ftyp", b"qt  \0\0\2\0qt  ") + bytes(40), "a video"),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(40), "a video"),
    "avi": (b"RIFF\0\0\0\0AVI LIST" + bytes(40), "a video"),
    "canon cr3": (box(b"ftyp", b"crx \0\0\0\1crx isom") + bytes(40), "a camera raw file"),
    "canon cr2": (b"II*\x00\x10\0\0\0CR\2\0" + bytes(40), "a camera raw file"),
    "fuji": (b"FUJIFILMCCD-RAW 0201" + bytes(40), "a camera raw file"),
    "zip": (b"PK\x03\x04" + bytes(40), "an archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(40), "an archive"),
    "web page": (b"\n<!DOCTYPE html><html><body>404", "a web page"),
    "text": (b"dear diary", "not a picture that can be read"),
    "xml": (b"<?xml version='1.0'?><gpx/>", "not a picture that can be read"),
    "empty": (b"", "empty, not a picture"),
    "one byte": (b"\x89", "not a picture that can be read"),
    "icon": (encode_image(make_picture(32, 32), "ICO"), "not a picture that can be read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_kinds_are_named_in_the_message(kind: str, tmp_path: Path):
    content, description = OTHER_KINDS[kind]
    assert description in refusal(content)
    path = tmp_path / "really.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=description.split(";")[0]):
        open_image(path)


def test_an_avif_of_the_brand_mif1_is_read():
    data = bytearray(encode_image(make_picture(64, 48), "AVIF"))
    assert data[8:12] == b"avif"
    data[8:12] = b"mif1"
    assert open_image(bytes(data)).size == (64, 48)


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1}])
def test_a_raw_file_is_not_read_as_its_preview(tags: dict):
    assert "a camera raw file" in refusal(encode_image(make_picture(16, 12), "TIFF", tiffinfo=tags))


def test_floating_point_numbers_of_an_unknown_scale_are_refused():
    message = refusal(encode_image(Image.new("F", (4, 4), 7.5), "TIFF"))
    assert "floating point" in message and "--value_range 0,7.5" in message


def bombs() -> dict[str, bytes]:
    """Returns small files that decode to very many pixels or to very long texts."""
    text = zlib.compress(bytes(20_000_000), 9)
    bmp, tiff, gif, jp2 = (
        encode_image(make_picture(8, 8), f) for f in ("BMP", "TIFF", "GIF", "JPEG2000")
    )
    for tag in (256, 257):  # width and height
        short, long = struct.pack("<HHIHH", tag, 4, 1, 8, 0), struct.pack("<HHII", tag, 4, 1, 2**18)
        assert short in tiff
        tiff = tiff.replace(short, long)
    return {
        "png text": png(*[chunk(b"zTXt", b"Comment\0\0" + text) for _ in range(8)]),
        "png profile": png(chunk(b"iCCP", b"profile\0\0" + text)),
        "png size": png().replace(struct.pack(">II", 4, 4), struct.pack(">II", 2**31 - 1, 9)),
        "bmp size": bmp[:18] + struct.pack("<II", 2**18, 2**18) + bmp[26:],
        "tiff size": tiff,
        "gif size": gif[:6] + b"\xff\xff\xff\xff" + gif[10:],
        "ppm size": b"P6 99999 99999 255\n",
        "jpeg 2000 size": jp2.replace(struct.pack(">II", 8, 8), struct.pack(">II", 2**30, 2**30)),
    }


BOMBS = bombs()


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_before_they_take_memory(kind: str):
    tracemalloc.start()
    refusal(BOMBS[kind])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000_000


def test_a_large_16_bit_picture_takes_no_more_memory_than_a_colored_one():
    data = encode_image(Image.fromarray(np.zeros((2000, 2000), np.uint16)))
    tracemalloc.start()
    open_image(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000 * 14, "NumPy's arrays take up to 14 bytes a pixel"
