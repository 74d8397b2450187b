"""Converts between PIL images, uint8 arrays and network tensors.

Shapes: an image array is (H, W, 3) uint8 in [0, 255]; a network tensor is (B, H, W, 3) float32
in [-1, 1]. One antialiased filter, `RESAMPLE`, is used for training, evaluation and serving. Only
PIL and NumPy are imported.
"""

from collections.abc import Iterable
from typing import Literal, TypeVar

import numpy as np
from PIL import Image

from pix2pix.errors import UserError

Side = TypeVar("Side")
# Pillow scales the bicubic kernel with the reduction factor, so it antialiases when shrinking.
RESAMPLE = Image.Resampling.BICUBIC
# Maps and pages are often white: on both, a gray gap shows where a picture ends.
GRID_GAP = (160, 160, 160)


def resize(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resizes with `RESAMPLE`; returns `image` itself when it has that size already."""
    return image if image.size == (width, height) else image.resize((width, height), RESAMPLE)


def split_pair(
    image: Image.Image, layout: Literal["left_right", "top_bottom"] = "left_right"
) -> tuple[Image.Image, Image.Image]:
    """Returns the two halves of a picture that holds a pair: left and right, or top and bottom.

    Raises:
        UserError: when the width, or the height, is odd.
    """
    width, height = image.size
    side_by_side = layout == "left_right"
    length, name = (width, "width") if side_by_side else (height, "height")
    if length % 2 or length < 2:
        raise UserError(f"A pair in one picture needs an even {name}; this one's is {length}.")
    if side_by_side:
        boxes = (0, 0, width // 2, height), (width // 2, 0, width, height)
    else:
        boxes = (0, 0, width, height // 2), (0, height // 2, width, height)
    return image.crop(boxes[0]), image.crop(boxes[1])


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


def pad_mirrored(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Extends (H, W, C) to (height, width, C) at the bottom and right by reflection."""
    padding = ((0, height - array.shape[0]), (0, width - array.shape[1]), (0, 0))
    return np.pad(array, padding, mode="symmetric")


def image_grid(rows: list[list[Image.Image]], gap: int = 4) -> Image.Image:
    """Draws rows of pictures on a gray background, each in a cell of the largest one's size."""
    width = max(image.width for row in rows for image in row)
    height = max(image.height for row in rows for image in row)
    columns = max(len(row) for row in rows)
    size = (columns * (width + gap) - gap, len(rows) * (height + gap) - gap)
    sheet = Image.new("RGB", size, GRID_GAP)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + gap), y * (height + gap)))
    return sheet
