"""Turns NumPy arrays into pictures, and says what is wrong with the others."""

import numpy as np
from PIL import Image

from pix2pix.errors import UserError

EXPECTED = "a picture is an array of shape (H, W, 3) or (H, W) of uint8 from 0 to 255"


def image_of_array(array: np.ndarray) -> Image.Image:
    """Returns an (H, W, 3) array of uint8 as an RGB image, and an (H, W) one as a gray image.

    Raises:
        UserError: for other arrays; the message has their shape and type, and what to do.
    """
    if advice := _what_to_do(array):
        shape = str(array.shape)[:60]
        raise UserError(
            f"The array has shape {shape} and type {str(array.dtype)[:20]}; {EXPECTED}: {advice}."
        )
    return Image.fromarray(np.ascontiguousarray(array))


def _what_to_do(array: np.ndarray) -> str:
    """Returns what makes a picture of the array, or "" if it is one."""
    shape = array.shape
    if 0 in shape:
        return "this one is empty"
    if len(shape) == 4:
        return "pass the pictures of a batch one by one"
    if len(shape) == 3 and shape[2] not in (1, 3, 4) and shape[0] in (1, 3, 4):
        return "move the channels to the end, np.moveaxis(array, 0, -1)"
    if len(shape) == 3 and shape[2] == 4:
        return "drop the alpha channel, array[..., :3], or pass Image.fromarray(array)"
    if len(shape) == 3 and shape[2] == 1:
        return "drop the last axis, array[..., 0]"
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        return "choose three channels, or one"
    if array.dtype == np.uint8:
        return ""
    if array.dtype == np.bool_:
        return "convert it, array.astype(np.uint8) * 255"
    if array.dtype.kind == "f":
        return "convert it, (array * 255).round().astype(np.uint8) if it is from 0 to 1"
    return "scale it to 0 to 255, then .astype(np.uint8)"
