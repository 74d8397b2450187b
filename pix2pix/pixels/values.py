"""Scales the values of a picture's bands to 8-bit RGB."""

from typing import Any

import numpy as np

from pix2pix.errors import UserError

ValueRange = tuple[float, float]
# The largest values of 8, 10, 11, 12, 14 and 16 bits, and the 10,000 of a reflectance of 1 in
# satellite products. A measured reflectance may be a little above 1, so 10,000 holds more.
WHITES = (255.0, 1023.0, 2047.0, 4095.0, 10_000.0, 16_383.0, 65_535.0)
HOLDS = {10_000.0: 10_500.0, 1.0: 2.0}
# Floating point numbers between these are a scale of their own: 255 would make them nearly black.
UNKNOWN_FLOATS = (2.0, 16.0)
BITS = {2.0**bits - 1: bits for bits in range(8, 33)}
# Pixels that are converted at once: their copies in floating point take 96 MB.
PIXELS_AT_ONCE = 4_000_000


def choose_range(largest: float, dtype: Any) -> ValueRange:
    """Returns the values that become black and white in data whose largest value is `largest`.

    White is the smallest of `WHITES` that holds `largest`; for floating point numbers also 1, and
    above 16 bits the largest value of the fewest bits.

    Args:
        largest: the largest finite value of all tiles and files that are to look alike.
        dtype: the type of the values.

    Raises:
        UserError: for floating point numbers whose white can't be known, such as 0 to 5.
    """
    is_float = np.dtype(dtype).kind == "f"
    if is_float and UNKNOWN_FLOATS[0] < largest < UNKNOWN_FLOATS[1]:
        raise UserError(
            f"The picture holds floating point numbers up to {largest:.4g}, and it does not say "
            "which value is white; name black and white, for example "
            f"--value_range 0,{largest:.4g}."
        )
    for white in (1.0, *WHITES) if is_float else WHITES:
        if largest <= HOLDS.get(white, white):
            return 0.0, white
    return 0.0, float(2 ** int(np.ceil(np.log2(largest + 1.0))) - 1)


def range_of_type(dtype: Any) -> ValueRange:
    """Returns the smallest and largest value of a type of integers; 0 and 1 for other numbers."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        return 0.0, 1.0
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def describe_range(value_range: ValueRange) -> str:
    """Returns a clause such as "values 0 to 2047 (11 bits) become black to white"."""
    low, high = value_range
    bits = BITS.get(high) if low == 0 else None
    kind = f" ({bits} bits)" if bits else " (reflectance)" if value_range == (0, 10_000) else ""
    return f"values {low:.15g} to {high:.15g}{kind} become black to white"


def to_rgb_array(
    values: np.ndarray, bands: tuple[int, ...] | None, value_range: ValueRange | None
) -> np.ndarray:
    """Converts (H, W, C) or (H, W) numbers to (H, W, 3) uint8.

    Args:
        values: the bands of a picture or of a part of it; NaN becomes black.
        bands: the numbers of red, green and blue, from 1, or of one band for gray; None takes the
            first three, or the first one where there are fewer.
        value_range: the values that become 0 and 255, linear between them, clipped and rounded to
            the nearest; None for values that have 8 bits already.

    Raises:
        UserError: when the picture lacks one of the `bands`.
    """
    if values.ndim == 2:
        values = values[..., None]
    chosen = choose_bands(values.shape[2], bands)
    height, width = values.shape[:2]
    result = np.empty((height, width, len(chosen)), np.uint8)
    rows = max(1, PIXELS_AT_ONCE // max(1, width))
    for top in range(0, height, rows):
        part = values[top : top + rows]
        for channel, band in enumerate(chosen):
            result[top : top + rows, :, channel] = _scale(part[..., band], value_range)
    return np.repeat(result, 3, axis=2) if len(chosen) == 1 else result


def choose_bands(count: int, bands: tuple[int, ...] | None) -> tuple[int, ...]:
    """Returns the indices, from 0, of three bands or one; raises `UserError` for a missing one."""
    if bands is None:
        return (0, 1, 2) if count >= 3 else (0,)
    if max(bands) > count:
        has = "1 band" if count == 1 else f"{count} bands"
        raise UserError(
            f"The picture has {has}, so it has no band {max(bands)}; choose others with --bands."
        )
    return tuple(band - 1 for band in bands)


def describe_choice(
    count: int, chosen: tuple[int, ...], bands: tuple[int, ...] | None
) -> tuple[str, ...]:
    """Returns a note about bands that are not used although none were chosen; () without such.

    Args:
        count: the number of bands, without opacity.
        chosen: the indices of those that are used.
        bands: `PixelRule.bands`.
    """
    if bands is not None or count <= len(chosen):
        return ()
    used = "bands 1, 2 and 3 are" if len(chosen) == 3 else "band 1 is"
    return (f"The picture has {count} bands, of which {used} used; --bands chooses others.",)


def _scale(values: np.ndarray, value_range: ValueRange | None) -> np.ndarray:
    """Converts numbers to uint8; `value_range` as in `to_rgb_array`."""
    if value_range is None:
        return values if values.dtype == np.uint8 else np.clip(values, 0, 255).astype(np.uint8)
    low, high = value_range
    precise = values.dtype.itemsize > 2 or values.dtype.kind == "f"
    numbers: Any = values.astype(np.float64 if precise else np.float32)
    numbers -= low
    numbers *= 255 / (high - low)
    numbers += 0.5
    # Written in place: NaN compares as false everywhere, so it must become a number first.
    np.nan_to_num(numbers, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
