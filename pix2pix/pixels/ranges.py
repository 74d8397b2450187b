"""Finds the range of values that a whole dataset shares."""

import io
from collections.abc import Iterable

import numpy as np

from pix2pix.errors import UserError
from pix2pix.pixels.gate import MAX_PIXELS, read_picture, readable_errors
from pix2pix.pixels.raster import Raster
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import ValueRange, choose_range


def measure_range(files: Iterable[bytes], rule: PixelRule) -> ValueRange | None:
    """Returns the values that become black and white in all `files`; None if all have 8 bits.

    Args:
        files: the contents of picture files; those that can't be read, or hold no picture, are
            skipped.
        rule: the bands and the range that the user asked for. "auto" takes the largest value of
            all files, "dtype" the widest type, and a range is returned as it is.

    Raises:
        UserError: for floating point numbers whose white can't be known, such as 0 to 5.
    """
    largest: dict[str, float] = {}
    ranges = []
    for file in files:
        raster = _read_numbers(file, rule)
        if raster is None:
            continue
        if rule.value_range != "auto" or raster.white:
            ranges.append(raster.find_range(rule))
            continue
        smallest, greatest = raster.limits()
        try:
            raster.check_limits(smallest, greatest)
        except UserError:
            continue
        kind = "f" if raster.values.dtype.kind == "f" else "u"
        largest[kind] = max(largest.get(kind, 0.0), greatest)
    for kind, value in largest.items():
        ranges.append(choose_range(value, np.float64 if kind == "f" else np.uint32))
    if not ranges:
        return None
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _read_numbers(file: bytes, rule: PixelRule) -> Raster | None:
    """Returns the numbers of a file; None for one with 8 bits, and for one that can't be read."""
    try:
        with readable_errors(file, MAX_PIXELS):
            picture = read_picture(io.BytesIO(file), MAX_PIXELS, rule)
    except UserError:
        return None
    return picture if isinstance(picture, Raster) and not picture.has_8_bits else None
