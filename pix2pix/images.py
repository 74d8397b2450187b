"""Pictures in and out: PIL images, uint8 arrays and network tensors. PIL and NumPy only.

Shapes: an image array is (H, W, 3) uint8 in [0, 255]; a network tensor is (B, H, W, 3) float32
in [-1, 1]. One antialiased filter, `RESAMPLE`, is used for training, evaluation and serving.
"""

import io
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from pix2pix.errors import UserError, first_line
from pix2pix.formats import HEAD_BYTES, RAW, READ, is_raw, other_kind

Side = TypeVar("Side")
# Pillow scales the bicubic kernel with the reduction factor, so it antialiases when shrinking.
RESAMPLE = Image.Resampling.BICUBIC
MAX_PIXELS = 64_000_000
# Maps are often white, as pages are: grey tells where a picture ends on both.
GRID_GAP = (160, 160, 160)
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def open_image(source: str | Path | bytes | BinaryIO, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Reads a picture as 8-bit RGB: first frame, upright (EXIF), transparency over white.

    Raises `UserError` when it is empty, is no picture, is cut short, or has over `max_pixels`;
    files of a known other kind (SVG, PDF, HEIC, ...) are named.
    """
    try:
        with _opened(source) as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            _check_kind(head)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(stream, formats=READ)
            check_pixels(image, max_pixels)
            if isinstance(image, TiffImageFile) and is_raw(image.tag_v2):
                raise _not_read(RAW)
            return to_rgb(image)
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(_too_large("The picture has", max_pixels)) from None
    except UnidentifiedImageError:
        raise UserError(
            "This file is not a picture that can be read; use a PNG, JPEG, WebP, TIFF, BMP or GIF."
        ) from None
    except FileNotFoundError:
        raise UserError(f"There is no file {source!s}; check the path.") from None
    except MemoryError:
        raise UserError("The picture is too large to be read; make it smaller.") from None
    except Exception as error:  # a damaged file may raise anything in one of many readers
        reason = first_line(error)[:200]
        raise UserError(
            f"The picture is damaged or cut short ({reason}); save it again and retry."
        ) from None


def _opened(source: str | Path | bytes | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """A stream of the picture; one that was handed in stays open."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return Path(source).open("rb") if isinstance(source, str | Path) else nullcontext(source)


def _check_kind(head: bytes) -> None:
    """Raises `UserError` for an empty file and for known files that are no pictures."""
    if not head:
        raise UserError("This file is empty, not a picture; choose another one.")
    if kind := other_kind(head):
        raise _not_read(kind)


def _not_read(kind: str) -> UserError:
    return UserError(f"This is {kind} and try again.")


def check_pixels(image: Image.Image, max_pixels: int = MAX_PIXELS) -> None:
    """Raises `UserError` for a picture of more than `max_pixels`, before it is decoded."""
    width, height = image.size
    if width * height > max_pixels:
        raise UserError(_too_large(f"The picture is {width}x{height} pixels,", max_pixels))


def _too_large(start: str, max_pixels: int) -> str:
    return (
        f"{start} more than the {max_pixels / 1e6:g} megapixels accepted here; "
        "make it smaller and try again."
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL image as 8-bit RGB: EXIF rotation applied, alpha over white, 16 bits scaled to 8.

    Raises `UserError` for floating point, whose black and white nobody can tell.
    """
    if image.mode == "F":
        raise UserError(
            "The picture holds floating point numbers; save it with 8 or 16 bits a channel."
        )
    image = ImageOps.exif_transpose(image)
    if image.mode in SIXTEEN_BIT_MODES:
        # Four bytes a pixel and not eight: this may be a large picture.
        values = np.clip(np.asarray(image), 0, 65535).astype(np.int32)
        # Mode I holds 16-bit files too; only those that stay below 256 are 8-bit data.
        if image.mode != "I" or values.max() > 255:
            values = (values + 128) // 257  # 257 is odd, so this rounds to the nearest
        image = Image.fromarray(values.astype(np.uint8))
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def resize(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resizes with the project's one filter; the same object when the size is already right."""
    return image if image.size == (width, height) else image.resize((width, height), RESAMPLE)


def split_pair(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Left and right half of a side-by-side pair. Raises `UserError` when the width is odd."""
    width, height = image.size
    if width % 2 or width < 2:
        raise UserError(f"A side-by-side pair needs an even width, and this one is {width} wide.")
    half = width // 2
    return image.crop((0, 0, half, height)), image.crop((half, 0, width, height))


def oriented(pair: Iterable[Side], direction: str) -> tuple[Side, Side]:
    """(input, target) of a pair (A, B): of pictures, of arrays, or of arrays of them."""
    a, b = pair
    return (a, b) if direction == "a_to_b" else (b, a)


def to_tensor(images: np.ndarray, channels: int = 3) -> np.ndarray:
    """(..., 3) uint8 in [0, 255] -> (..., channels) float32 in [-1, 1]; 1 channel is grey."""
    if channels == 1:
        images = _luma(images)
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _luma(images: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 -> (..., 1) uint8, as Pillow's mode L (ITU-R 601-2) to the last bit."""
    red, green, blue = np.moveaxis(images.astype(np.int32), -1, 0)
    luma = red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16
    return luma[..., None].astype(np.uint8)


def to_uint8(tensor: np.ndarray) -> np.ndarray:
    """(..., 1 or 3) float32 in [-1, 1] -> (..., 3) uint8 in [0, 255], rounded to nearest."""
    images = np.clip(np.rint((tensor + 1) * 127.5), 0, 255).astype(np.uint8)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def fit_to_square(image: Image.Image, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Scales the longer side to `side`, keeping the shape, and mirrors the rest to a square.

    Returns the (side, side, 3) uint8 array and the (width, height) the picture takes in it.
    """
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return pad_mirrored(np.asarray(resize(image, width, height)), side, side), (width, height)


def pad_mirrored(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Extends (H, W, C) to (height, width, C) at the bottom and right by reflection."""
    padding = ((0, height - array.shape[0]), (0, width - array.shape[1]), (0, 0))
    return np.pad(array, padding, mode="symmetric")


def grid(rows: list[list[Image.Image]], gap: int = 4) -> Image.Image:
    """Rows of equally sized pictures on one grey sheet, `gap` pixels apart."""
    width, height = rows[0][0].size
    columns = max(len(row) for row in rows)
    size = (columns * (width + gap) - gap, len(rows) * (height + gap) - gap)
    sheet = Image.new("RGB", size, GRID_GAP)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + gap), y * (height + gap)))
    return sheet
