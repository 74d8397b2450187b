"""Converts the colors of pictures with an ICC profile to sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# A profile that changes no color by more than this is one of sRGB, and is not applied.
ROUNDING = 1
# The color spaces of profiles, as they name them, and the mode of pictures that they describe.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts a picture to RGB, or to RGBA if it has alpha, in the colors of sRGB.

    The intent is relative colorimetric with black point compensation. A profile other than sRGB
    takes about 0.02 s of one core for each megapixel of a photo, as long as decoding its JPEG does.

    Args:
        image: a picture with 8 bits, of any mode but RGBa and La.
        profile: its ICC profile; None, a damaged one, and one for another color space are ignored.
    """
    if image.mode == "LAB":
        profile = profile or ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA", "PA") else None
    colors = _convert(image, profile) if profile else None
    colors = colors or image.convert("RGB")
    if alpha is not None:
        colors.putalpha(alpha)
    colors.info.pop("icc_profile", None)
    return colors


def _convert(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Returns the picture in sRGB, without alpha; None where the profile changes nothing."""
    space, transform = _load_transform(profile)
    if transform is None:
        return None
    gray = image.mode in ("1", "L", "LA")
    if space == "L" and not gray or (space == "CMYK") != (image.mode == "CMYK"):
        return None
    try:
        return ImageCms.applyTransform(
            image if image.mode == space else image.convert(space), transform
        )
    except (ImageCms.PyCMSError, ValueError):
        return None


@lru_cache(maxsize=16)
def _load_transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Returns the mode of pictures with the profile, and its conversion to sRGB.

    The conversion is None for a profile that is damaged, unknown, or that of sRGB itself.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        mode = "LAB" if space == "Lab" else MODES.get(space, "")
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "", None
    if mode == "RGB":
        cube = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), -1)
        colors = Image.fromarray(cube.reshape(-1, cube.shape[0], 3))
        converted = np.asarray(ImageCms.applyTransform(colors, transform), int)
        if np.abs(converted - np.asarray(colors)).max() <= ROUNDING:
            return mode, None
    return mode, transform
