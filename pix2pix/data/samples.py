"""Reads the sizes and values of sampled picture files."""

import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from pix2pix.data.decoding import Row
from pix2pix.errors import UserError
from pix2pix.formats import READABLE_FORMATS
from pix2pix.images import split_pair
from pix2pix.pixels.gate import MAX_PIXELS, notes_of, open_image
from pix2pix.pixels.rule import PixelRule

# Class numbers are looked for in this many pictures of each side.
CLASS_SAMPLE = 8
# Datasets of class numbers mark pixels without a class with this value.
NO_CLASS = 255
# Numbers of up to 64 classes are darker than any picture; those of more have gaps of 1 between the
# values and few values in each picture, unlike gray photos.
MAX_CLASS, MAX_CLASSES_PER_PICTURE, MIN_MANY_CLASSES = 63, 40, 10


def read_size(file: bytes, rule: PixelRule) -> tuple[int, int]:
    """Returns the width and height of an upright picture, from the header where Pillow reads it.

    Raises `UserError` when the file is no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(file), formats=READABLE_FORMATS)
        width, height = image.size
        turned = image.getexif().get(Base.Orientation, 1) in (5, 6, 7, 8)
    except Exception:  # the gate reads files that Pillow can't, and names the others
        return open_image(file, rule=rule).size
    return (height, width) if turned else (width, height)


def describe_reading(rows: list[Row], rules: tuple[PixelRule, PixelRule]) -> Iterator[str]:
    """Yields sentences about how bands and colors of the first row's files are read."""
    for number, (file, rule) in enumerate(zip(rows[0] if rows else (), rules, strict=False)):
        name = "Images" if len(rows[0]) == 1 else "AB"[number]
        for note in notes_of(open_image(file, rule=rule)):
            # The user has seen the range of the dataset already.
            if "become black to white" not in note:
                yield f"{name}: {note}"


def describe_class_numbers(names: list[str], rows: list[Row], layout: str) -> Iterator[str]:
    """Yields a warning for each side, A or B, whose pictures look like class numbers.

    These are pictures in gray without loss whose values are few and small, such as 0 to 10.
    """
    for side in (0, 1):
        pictures = []
        for row in rows[:CLASS_SAMPLE]:
            values = _gray_values(row, side, layout)
            if values is None:
                break
            pictures.append(values)
        else:
            found = np.unique(np.concatenate(pictures)) if pictures else np.empty(0)
            classes = found[found != NO_CLASS]
            if _are_classes(classes, pictures):
                yield (
                    f"The images {'AB'[side]} look like class numbers, not colors: they are gray "
                    f"and have {len(classes)} values from {classes[0]} to {classes[-1]} (for "
                    f"example {names[0]}). Save them with one color for each class, so that the "
                    "classes differ clearly."
                )


def _are_classes(classes: np.ndarray, pictures: list[np.ndarray]) -> bool:
    if len(classes) < 2:
        return False
    if classes[-1] <= MAX_CLASS:
        return True
    neighbors = np.mean(np.diff(classes) == 1)
    most = max(map(len, pictures))
    return len(classes) >= MIN_MANY_CLASSES and most <= MAX_CLASSES_PER_PICTURE and neighbors > 0.3


def _gray_values(row: Row, side: int, layout: str) -> np.ndarray | None:
    """Returns the values of a gray picture with 8 bits and no loss; None for all others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(row[-1 if side else 0]), formats=READABLE_FORMATS)
        if image.mode not in ("L", "P", "RGB") or image.format == "JPEG":
            return None
        if image.width * image.height > MAX_PIXELS // 4:
            return None
        pixels = image.convert("RGB")
        if len(row) == 1:
            pixels = split_pair(pixels, "top_bottom" if layout == "top_bottom" else "left_right")[
                side
            ]
    except (UserError, OSError, ValueError, SyntaxError):
        return None
    array = np.asarray(pixels)
    if (array.min(-1) != array.max(-1)).any():
        return None
    return np.unique(array[..., 0])
