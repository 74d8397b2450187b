"""Takes the numbers of more than 8 bits out of Pillow's pictures, without loss."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from pix2pix.pixels.opacity import scale_opacity
from pix2pix.pixels.raster import Raster
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import choose_bands, choose_range

SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
DEEP_MODES = (*SIXTEEN_BIT_MODES, "F")
# For each way of storing 16 bits in a color channel, of which Pillow keeps the high byte: the mode
# and the way of storing with which it reads the low byte instead.
LOW_BYTES = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": "RGBA;16B",
}  # fmt: skip
GRAY_WITH_ALPHA = "LA;16B"
# High bytes below this one may come from data of 14 bits or fewer (63, which is rounded to 64).
FULL_RANGE = 65


class NeedsGdal(Exception):
    """Pillow has only the high bytes of the values; the message describes the file."""


def is_deep(image: Image.Image) -> bool:
    """Returns whether the file or the picture in memory has more than 8 bits for each value."""
    return image.mode in DEEP_MODES or _raw_mode(image) is not None or _depth(image) > 8


def read_deep(image: Image.Image, rule: PixelRule) -> Raster:
    """Returns the numbers of a picture for which `is_deep` is true.

    Raises:
        NeedsGdal: when Pillow's reader keeps only 8 bits, and they don't tell the range.
        UserError: when the picture lacks one of the bands.
    """
    raw_mode, depth, white = _raw_mode(image), _depth(image), None
    if raw_mode:
        values = _read_both_bytes(image, raw_mode)
    elif image.mode in DEEP_MODES:
        values = np.asarray(image)
        if values.dtype == np.int32 and values.min(initial=0) >= 0:
            values = values.astype(np.uint32)
        if image.format == "JPEG2000" and 8 < depth < 16:
            values = values >> (16 - depth)  # Pillow fills them up to 16 bits
        elif image.format == "PPM" and depth > 8:
            white = 65535.0  # Pillow scales them to 16 bits
    else:
        values = _read_high_bytes(image, depth, rule)
        white = 65535.0 if depth < 16 else None
    if values.ndim == 2:
        values = values[..., None]
    count = values.shape[2]
    kind = f"{count} band{'s' if count > 1 else ''} of {values.dtype}"
    has_alpha = count in (2, 4) and image.mode in ("RGBA", "LA")
    chosen = choose_bands(count if rule.bands or not has_alpha else count - 1, rule.bands)
    has_alpha = has_alpha and count - 1 not in chosen
    return Raster(
        values[..., chosen],
        kind,
        scale_opacity(values[..., -1], 65_535) if has_alpha else None,
        profile=image.info.get("icc_profile"),
        orientation=image.getexif().get(0x0112, 1),
        white=white,
    )


def _raw_mode(image: Image.Image) -> str | None:
    """Returns how a color file that is not decoded yet stores its 16 bits, or None."""
    tiles = getattr(image, "tile", None)
    if not tiles or image.format not in ("PNG", "TIFF"):
        return None
    arguments = tiles[0][3]
    mode = arguments if isinstance(arguments, str) else arguments[0] if arguments else None
    return mode if mode in LOW_BYTES or mode == GRAY_WITH_ALPHA else None


def _read_both_bytes(image: Any, raw_mode: str) -> np.ndarray:
    """Decodes a file twice, for the high and for the low bytes; returns (H, W, C) uint16."""
    if raw_mode == GRAY_WITH_ALPHA:
        # Its four bytes, high and low ones of gray and alpha, are read as if they were colors.
        image._mode = "RGBA"
        image.tile = [tile._replace(args="RGBA") for tile in image.tile]
        four = np.asarray(image).astype(np.uint16)
        image._mode = "LA"
        return four[..., 0::2] * 256 + four[..., 1::2]
    image.fp.seek(0)
    # The class itself: Image.open would check the limit of pixels again, by its own rule.
    copy = type(image)(io.BytesIO(image.fp.read()))
    low_mode = LOW_BYTES[raw_mode]
    copy.tile = [tile._replace(args=_replace_mode(tile.args, low_mode)) for tile in copy.tile]
    values = np.asarray(image).astype(np.uint16)
    values *= 256
    values += np.asarray(copy)
    return values


def _replace_mode(arguments: Any, mode: str) -> Any:
    return mode if isinstance(arguments, str) else (mode, *arguments[1:])


def _depth(image: Image.Image) -> int:
    """Returns the bits of JPEG 2000 and PPM files, which Pillow's mode does not tell; else 8."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return 8
    if image.format == "PPM":
        arguments: Any = image.tile[0][3]
        largest = arguments[1] if isinstance(arguments, tuple) and len(arguments) > 1 else 255
        return max(8, int(largest).bit_length()) if isinstance(largest, int) else 8
    if image.format != "JPEG2000" or image.fp is None:
        return 8
    position = image.fp.tell()
    image.fp.seek(0)
    head = image.fp.read(100_000)
    image.fp.seek(position)
    # The markers "start of codestream" and "size"; 40 bytes further are the bits of component 1.
    start = head.find(b"\xff\x4f\xff\x51")
    return (head[start + 42] & 0x7F) + 1 if 0 <= start < len(head) - 42 else 8


def _read_high_bytes(image: Image.Image, depth: int, rule: PixelRule) -> np.ndarray:
    """Returns values whose low bytes Pillow dropped, if the high ones say enough."""
    count = len(image.getbands())
    high = np.asarray(image).astype(np.uint16)
    is_known = depth < 16 or int(high.max()) >= FULL_RANGE
    if isinstance(rule.value_range, tuple):
        is_known = rule.value_range[1] >= choose_range(FULL_RANGE * 256, np.uint16)[1]
    if not is_known or rule.bands and max(rule.bands) > count:
        raise NeedsGdal(f"{count} bands of {depth} bits ({image.format} compression)")
    return high * 257
