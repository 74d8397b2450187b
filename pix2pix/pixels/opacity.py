"""Tells whether a band that a file marks as opacity is that, or another band such as infrared."""

from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pix2pix.pixels.values import to_rgb_array

SOFTWARE, X_RESOLUTION, EXTRA_SAMPLES, SAMPLE_FORMAT = 305, 282, 338, 339
GEOREFERENCES = (33550, 33922, 34264, 34735)  # pixel scale, tie points, transform, geo keys
OPACITIES = (1, 2)
# The part of the values of an opacity band that are 0 or the largest one.
MOSTLY = 0.9
# The largest values of opacity bands in data of so many bits.
OPAQUE = (1, 255, 1023, 2047, 4095, 10_000, 16_383, 65_535)


def find_opacity(bands: int, extra_samples: Any) -> int | None:
    """Returns the index of the band that the tag ExtraSamples marks as opacity, or None."""
    extra = [int(sample) for sample in extra_samples or ()]
    for number, sample in enumerate(extra):
        index = bands - len(extra) + number
        if sample in OPACITIES and index > 0:
            return index
    return None


def is_opacity(alpha: np.ndarray, tags: set[int], software: Any) -> bool:
    """Returns whether a band that a TIFF file marks as opacity can be trusted to be that.

    GDAL marks the fourth band of every picture as opacity, near infrared too, and tifffile does so
    by default. In their files, and in georeferenced ones, a band is opacity when 90 % of its
    values are 0 or the largest of its type, as those of a mask are; few of a photo's are. GDAL's
    files have the tag SampleFormat, but neither Software nor XResolution. The files of other
    programs are trusted.

    Args:
        alpha: the band.
        tags: the numbers of the file's tags.
        software: the value of the tag Software.
    """
    by_gdal = SAMPLE_FORMAT in tags and not tags & {SOFTWARE, X_RESOLUTION}
    by_tifffile = "tifffile" in str(software)
    if not (by_gdal or by_tifffile or tags & set(GEOREFERENCES)):
        return True
    return count_extremes(alpha) >= MOSTLY * alpha.size


def count_extremes(alpha: np.ndarray) -> int:
    """Returns how many values of a band are fully clear or fully opaque."""
    # The mask of 11-bit data may be 0 and 2047, or 0 and 255.
    extremes = (0, 255) if alpha.dtype == np.uint8 else (0, *OPAQUE, largest_of(alpha.dtype))
    return int(np.isin(alpha, extremes).sum())


def largest_of(dtype: np.dtype) -> float:
    """Returns the largest value of a type of integers, and 1 for floating point numbers."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def scale_opacity(alpha: np.ndarray, opaque: float | None = None) -> np.ndarray:
    """Returns opacity as uint8; `opaque` None recognizes the value that is opaque."""
    if alpha.dtype == np.uint8:
        return alpha
    largest = float(alpha.max(initial=0))
    opaque = opaque or (largest if largest in OPAQUE else largest_of(alpha.dtype))
    return to_rgb_array(alpha, None, (0.0, opaque))[..., 0]


def describe_infrared(band: int) -> str:
    """Returns the note about a band that is marked as opacity, and is not."""
    return f"Band {band} is marked as opacity, but holds other values; it is ignored."


def has_true_opacity(image: Image.Image) -> bool:
    """Returns whether the alpha band of a picture with 8 bits is opacity; see `is_opacity`.

    JPEG 2000 marks opacity in a box of its own, "cdef"; Pillow takes any fourth band for it.
    Other formats and pictures in memory are trusted.
    """
    if isinstance(image, TiffImageFile):
        tags: Any = image.tag_v2
        if not find_opacity(len(image.getbands()), tags.get(EXTRA_SAMPLES)):
            return False
        codes, software = set(tags), tags.get(SOFTWARE)
    elif image.format == "JPEG2000" and getattr(image, "fp", None) is not None:
        fp: Any = image.fp  # type: ignore[attr-defined]
        position = fp.tell()
        fp.seek(0)
        head = fp.read(100_000)
        fp.seek(position)
        if b"cdef" in head.partition(b"\xff\x4f\xff\x51")[0]:
            return True
        codes, software = {SAMPLE_FORMAT}, None
    else:
        return True
    return is_opacity(np.asarray(image.getchannel("A")), codes, software)
