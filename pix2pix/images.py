"""Reads pictures and converts between PIL images, uint8 arrays and network tensors.

Shapes: an image array is (H, W, 3) uint8 in [0, 255]; a network tensor is (B, H, W, 3) float32
in [-1, 1]. One antialiased filter, `RESAMPLE`, is used for training, evaluation and serving. Only
PIL and NumPy are imported.
"""

import io
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

from pix2pix.errors import UserError, first_line
from pix2pix.formats import (
    CAMERA_RAW,
    HEAD_BYTES,
    READABLE_FORMATS,
    describe_unreadable_kind,
    is_camera_raw,
)

Side = TypeVar("Side")
# Pillow scales the bicubic kernel with the reduction factor, so it antialiases when shrinking.
RESAMPLE = Image.Resampling.BICUBIC
MAX_PIXELS = 64_000_000
# Maps and pages are often white: on both, a gray gap shows where a picture ends.
GRID_GAP = (160, 160, 160)
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def open_image(source: str | Path | bytes | BinaryIO, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Reads a picture as 8-bit RGB: its first frame, upright (EXIF), transparency over white.

    Raises:
        UserError: when the file is missing, empty, not a picture, damaged, or has more than
            `max_pixels`. For known other types of files (SVG, PDF, HEIC), the message names them.
    """
    try:
        with _open_stream(source) as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            _check_kind(head)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(stream, formats=READABLE_FORMATS)
            check_pixels(image, max_pixels)
            if isinstance(image, TiffImageFile) and is_camera_raw(image.tag_v2):
                raise _unreadable_kind(CAMERA_RAW)
            return to_rgb(image)
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise _too_large("The picture has", max_pixels) from None
    except UnidentifiedImageError:
        raise UserError(
            "This file is not a picture that can be read; use a PNG, JPEG, WebP, TIFF, BMP or GIF."
        ) from None
    except FileNotFoundError:
        raise UserError(f"There is no file {source!s}; check the path.") from None
    except MemoryError:
        raise UserError("The picture is too large to be read; make it smaller.") from None
    except Exception as error:
        # Pillow's readers may raise anything for a damaged file; only the system sets errno.
        if isinstance(error, OSError) and error.errno:
            path = error.filename or "The picture"
            raise UserError(f"{path} can't be read ({error.strerror}).") from None
        reason = first_line(error)[:200]
        raise UserError(
            f"The picture is damaged or cut short ({reason}); save it again and retry."
        ) from None


def _open_stream(source: str | Path | bytes | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Returns a context manager for the file's stream, which leaves a caller's stream open."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return Path(source).open("rb") if isinstance(source, str | Path) else nullcontext(source)


def _check_kind(head: bytes) -> None:
    """Raises `UserError` for an empty file and for known kinds of files that are not pictures."""
    if not head:
        raise UserError("This file is empty, not a picture; choose another one.")
    if description := describe_unreadable_kind(head):
        raise _unreadable_kind(description)


def _unreadable_kind(description: str) -> UserError:
    return UserError(f"This is {description} and try again.")


def check_pixels(image: Image.Image, max_pixels: int = MAX_PIXELS) -> None:
    """Raises `UserError` for a picture of more than `max_pixels`, before it is decoded."""
    width, height = image.size
    if width * height > max_pixels:
        raise _too_large(f"The picture is {width}x{height} pixels,", max_pixels)


def _too_large(size: str, max_pixels: int) -> UserError:
    return UserError(
        f"{size} more than the {max_pixels / 1e6:g} megapixels accepted here; "
        "make it smaller and try again."
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts to 8-bit RGB: EXIF rotation applied, alpha over white, 16 bits scaled to 8.

    Returns `image` itself where that changes nothing and the pixels are in memory already.

    Raises:
        UserError: for floating point pixels, whose values for black and white are unknown.
    """
    if image.mode == "F":
        raise UserError(
            "The picture holds floating point numbers; save it with 8 or 16 bits per channel."
        )
    if type(image) is Image.Image and image.mode == "RGB" and _is_upright_and_opaque(image):
        return image
    image = ImageOps.exif_transpose(image)  # always a copy
    if image.mode in SIXTEEN_BIT_MODES:
        # int32, because int64 would take twice the memory and this may be a large picture.
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
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_upright_and_opaque(image: Image.Image) -> bool:
    return "transparency" not in image.info and image.getexif().get(Base.Orientation, 1) == 1


def resize(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resizes with `RESAMPLE`; returns `image` itself when it has that size already."""
    return image if image.size == (width, height) else image.resize((width, height), RESAMPLE)


def split_pair(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Returns the left and right half of a side-by-side pair.

    Raises:
        UserError: when the width is odd.
    """
    width, height = image.size
    if width % 2 or width < 2:
        raise UserError(f"A side-by-side pair needs an even width, and this one is {width} wide.")
    half = width // 2
    return image.crop((0, 0, half, height)), image.crop((half, 0, width, height))


def orient_pair(pair: Iterable[Side], direction: str) -> tuple[Side, Side]:
    """Returns the pair (A, B) as (input, target); A and B may be pictures, arrays or batches."""
    a, b = pair
    return (a, b) if direction == "a_to_b" else (b, a)


def to_tensor(images: np.ndarray, channels: int = 3) -> np.ndarray:
    """Converts (..., 3) uint8 in [0, 255] to (..., 3) float32 in [-1, 1], or to gray (..., 1)."""
    if channels == 1:
        images = _to_gray(images)
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _to_gray(images: np.ndarray) -> np.ndarray:
    """Converts (..., 3) uint8 to (..., 1) uint8, bit for bit as Pillow's mode L (ITU-R 601-2)."""
    red, green, blue = np.moveaxis(images.astype(np.int32), -1, 0)
    luma = red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16
    return luma[..., None].astype(np.uint8)


def to_uint8(tensor: np.ndarray) -> np.ndarray:
    """Converts (..., 1 or 3) float32 in [-1, 1] to (..., 3) uint8 in [0, 255], rounded."""
    images = np.clip(np.rint((tensor + 1) * 127.5), 0, 255).astype(np.uint8)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def fit_to_square(image: Image.Image, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Scales the longer side to `side`, and fills the shorter one up to a square by reflection.

    Returns:
        The (side, side, 3) uint8 array, and the (width, height) of the scaled picture in it.
    """
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return pad_mirrored(np.asarray(resize(image, width, height)), side, side), (width, height)


def pad_mirrored(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Extends (H, W, C) to (height, width, C) at the bottom and right by reflection."""
    padding = ((0, height - array.shape[0]), (0, width - array.shape[1]), (0, 0))
    return np.pad(array, padding, mode="symmetric")


def image_grid(rows: list[list[Image.Image]], gap: int = 4) -> Image.Image:
    """Draws rows of pictures of one size on a gray background, `gap` pixels apart."""
    width, height = rows[0][0].size
    columns = max(len(row) for row in rows)
    size = (columns * (width + gap) - gap, len(rows) * (height + gap) - gap)
    sheet = Image.new("RGB", size, GRID_GAP)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + gap), y * (height + gap)))
    return sheet
