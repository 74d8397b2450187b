"""Pictures for the browser page, their translation in the page, and what Python makes of them."""

import base64
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms
from playwright.sync_api import Page

from pix2pix import Translator
from pix2pix.translate import Mode
from tests.builders import encode_image, make_picture

ORIENTATION = 0x0112
# Translates a file with the model of the page; bytes travel as base64 text.
TRANSLATE = """async ([data, options]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  try {
    const model = await window.pix2pix;
    const png = await model.translate(new Blob([bytes]), options);
    const reader = new FileReader();
    await new Promise((resolve) => { reader.onload = resolve; reader.readAsDataURL(png); });
    return { png: reader.result.split(",")[1] };
  } catch (error) {
    return { error: error.message, name: error.name };
  }
}"""


@dataclass(frozen=True)
class Difference:
    """How far the pixels of the page are from those of `Translator`.

    `largest` in gray levels of 255; `above_1` is the fraction of values that differ by more than 1.
    """

    largest: int
    above_1: float


def call_translate(page: Page, content: bytes, mode: Mode = "fit") -> dict[str, str]:
    """Translates a file in the page; returns {"png": base64} or {"error", "name"}."""
    return page.evaluate(TRANSLATE, [base64.b64encode(content).decode(), {"mode": mode}])


def translate_in_page(page: Page, content: bytes, mode: Mode = "fit") -> np.ndarray:
    """Returns the (H, W, 3) uint8 pixels of the page's translation of a file."""
    result = call_translate(page, content, mode)
    assert "error" not in result, result
    return decode(base64.b64decode(result["png"]))


def decode(png: bytes) -> np.ndarray:
    """Returns the (H, W, 3) uint8 pixels of a PNG without transparency."""
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


def compare(translator: Translator, content: bytes, pixels: np.ndarray, mode: Mode) -> Difference:
    """Compares the page's pixels with those of `Translator` for the same file."""
    expected = np.asarray(translator(content, mode=mode))
    assert pixels.shape == expected.shape
    levels = np.abs(pixels.astype(int) - expected)
    return Difference(int(levels.max()), float((levels > 1).mean()))


def picture_files() -> dict[str, Callable[[], bytes]]:
    """Returns functions that make small picture files of many kinds and sizes, by name."""
    photo, wide = make_picture(300, 200, seed=1), make_picture(640, 360, seed=2)
    ramp = np.linspace(0, 255, 300, dtype=np.uint8)[None].repeat(200, axis=0)
    sixteen = (np.asarray(photo.convert("L"), np.uint16) * 257).astype(np.uint16)
    clear = photo.copy()
    clear.putalpha(Image.fromarray(ramp))
    gray_clear = photo.convert("L")
    gray_clear.putalpha(Image.fromarray(ramp))
    files: dict[str, Callable[[], bytes]] = {
        "1x1": lambda: encode_image(make_picture(1, 1)),
        "1x300": lambda: encode_image(make_picture(1, 300)),
        "300x2": lambda: encode_image(make_picture(300, 2)),
        "1300x700 jpeg": lambda: encode_image(make_picture(1300, 700, 3), "JPEG", quality=92),
        "jpeg 4:2:0": lambda: encode_image(wide, "JPEG", quality=60, subsampling=2),
        "jpeg progressive": lambda: encode_image(photo, "JPEG", progressive=True, quality=90),
        "jpeg gray": lambda: encode_image(photo.convert("L"), "JPEG"),
        "jpeg cmyk": lambda: encode_image(photo.convert("CMYK"), "JPEG", quality=95),
        "alpha": lambda: encode_image(clear),
        "gray": lambda: encode_image(photo.convert("L")),
        "gray with alpha": lambda: encode_image(gray_clear),
        "16-bit gray": lambda: encode_image(Image.fromarray(sixteen)),
        "16-bit rgb": lambda: png_16(np.asarray(photo, np.uint16) * 257),
        "palette": lambda: encode_image(photo.convert("P", palette=Image.Palette.ADAPTIVE)),
        "palette with alpha": lambda: encode_image(clear.quantize(64)),
        "black and white": lambda: encode_image(photo.convert("1")),
        "interlaced": lambda: interlaced_png(np.asarray(photo)),
        "webp": lambda: encode_image(photo, "WEBP", quality=85),
        "webp with alpha": lambda: encode_image(clear, "WEBP", lossless=True, exact=True),
        "gif": lambda: encode_image(photo, "GIF"),
        "bmp": lambda: encode_image(photo, "BMP"),
        "avif": lambda: encode_image(photo, "AVIF", quality=80),
        "sRGB profile": lambda: encode_image(photo, icc_profile=srgb_profile()),
    }
    for number in range(2, 9):
        files[f"orientation {number}"] = lambda number=number: oriented_jpeg(photo, number)
    return files


def oriented_jpeg(image: Image.Image, orientation: int) -> bytes:
    """Returns a JPEG whose EXIF data says how a viewer turns it."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode_image(image, "JPEG", exif=exif, quality=95)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def png_16(values: np.ndarray) -> bytes:
    """Returns a PNG with 16 bits in each of three channels, which Pillow can't write."""
    height, width, _ = values.shape
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    return _png(width, height, 16, 0, _unfiltered(rows))


def interlaced_png(pixels: np.ndarray) -> bytes:
    """Returns an interlaced (Adam7) PNG, which Pillow can't write."""
    height, width, _ = pixels.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]  # fmt: skip
    parts = [pixels[y::dy, x::dx] for x, y, dx, dy in passes]
    rows = b"".join(_unfiltered(part.reshape(len(part), -1)) for part in parts if part.size)
    return _png(width, height, 8, 1, rows)


def _unfiltered(rows: np.ndarray) -> bytes:
    return np.pad(rows, ((0, 0), (1, 0))).tobytes()


def _png(width: int, height: int, bits: int, interlace: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + crc

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header = size + bytes([bits, 2, 0, 0, interlace])
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
