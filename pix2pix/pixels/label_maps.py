"""Turns label maps, whose values are class numbers, into pictures with a color for each class."""

import numpy as np
from PIL import Image, ImageOps

from pix2pix.errors import UserError
from pix2pix.palettes import Color

# Datasets mark pixels without a class with this number. They become black.
NO_CLASS = 255
# Modes of pictures that hold one number for each pixel, at most 255.
NUMBER_MODES = ("1", "L", "P")


def paint(numbers: np.ndarray, legend: tuple[Color, ...]) -> Image.Image:
    """Returns class numbers, (H, W) integers, as an RGB picture in the colors of `legend`.

    Raises:
        UserError: for a class without a color.
    """
    count = len(legend)
    smallest, largest = _find_limits(numbers)
    if smallest < 0 or largest >= count:
        raise UserError(
            f"The picture has the class number {smallest if smallest < 0 else largest}, and the "
            f"legend has {count} colors, for 0 to {count - 1}; add the missing colors."
        )
    table = np.zeros((NO_CLASS + 1, 3), np.uint8)
    table[:count] = legend
    return Image.fromarray(table[numbers])


def paint_gray(image: Image.Image, legend: tuple[Color, ...] | None) -> Image.Image:
    """Returns an RGB picture in the colors of `legend` if its values are class numbers.

    Its values are that if all channels are equal and each value has a color. Other pictures are
    returned as they are; so are those in gray colors of the legend itself.
    """
    if not legend:
        return image
    pixels = np.asarray(image)
    numbers = pixels[..., 0]
    if (pixels != numbers[..., None]).any() or _find_limits(numbers)[1] >= len(legend):
        return image
    grays = [red for red, green, blue in legend if red == green == blue]
    return image if np.isin(numbers, grays).all() else paint(numbers, legend)


def read_numbers(image: Image.Image) -> np.ndarray:
    """Returns the class numbers of a picture in one of `NUMBER_MODES`, upright, (H, W) uint8.

    Raises:
        UserError: for a JPEG, which changes numbers.
    """
    if image.format in ("JPEG", "MPO"):
        raise UserError(
            "A gray picture holds class numbers here, but this one is a JPEG, which changes them; "
            "save them as PNG."
        )
    return np.asarray(ImageOps.exif_transpose(image)).astype(np.uint8)


def _find_limits(numbers: np.ndarray) -> tuple[int, int]:
    """Returns the smallest and largest class number; 0 and -1 without any."""
    classes = numbers[numbers != NO_CLASS]
    return (int(classes.min()), int(classes.max())) if classes.size else (0, -1)
