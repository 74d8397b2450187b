"""Limits the size of pictures, before they are decoded."""

from PIL import Image

from pix2pix.errors import UserError

MAX_PIXELS = 64_000_000


def check_pixels(image: Image.Image, max_pixels: int = MAX_PIXELS) -> None:
    """Raises `UserError` for a picture of more than `max_pixels`, before it is decoded."""
    check_size(image.width, image.height, max_pixels)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises `UserError` when width x height is more than `max_pixels`."""
    if width * height > max_pixels:
        raise too_large(f"The picture is {width}x{height} pixels,", max_pixels)


def too_large(size: str, max_pixels: int) -> UserError:
    """Returns the error for a picture that is too large; `size` begins its sentence."""
    return UserError(
        f"{size} more than the {max_pixels / 1e6:g} megapixels accepted here; "
        "make it smaller and try again."
    )
