"""Reads any picture file as 8-bit RGB, or says by name why it can't: the one gate for pixels."""

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from pix2pix.errors import UserError, first_line
from pix2pix.formats import (
    CAMERA_RAW,
    HEAD_BYTES,
    READABLE_FORMATS,
    describe_unreadable_kind,
    is_camera_raw,
)
from pix2pix.pixels.color import to_srgb
from pix2pix.pixels.gdal import read_with_gdal
from pix2pix.pixels.label_maps import NUMBER_MODES, paint, paint_gray, read_numbers
from pix2pix.pixels.limits import MAX_PIXELS, check_pixels, too_large
from pix2pix.pixels.opacity import describe_infrared, has_true_opacity
from pix2pix.pixels.pillow_values import NeedsGdal, is_deep, read_deep
from pix2pix.pixels.raster import Raster, lay_over_white
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.tiff import (
    COMPRESSION,
    MAGIC,
    pillow_reads_faithfully,
    read_tiff,
)
from pix2pix.pixels.tiff_segments import CannotDecode
from pix2pix.pixels.values import choose_bands

__all__ = [
    "MAX_PIXELS",
    "check_pixels",
    "notes_of",
    "open_image",
    "read_picture",
    "to_rgb",
    "warnings_of",
]
JPEG_2000 = (b"\x00\x00\x00\x0cjP", b"\xff\x4f\xff\x51")
# Compressions that Pillow can always decode: without them, an error means a damaged file.
USUAL_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)
_bomb_limit = threading.Lock()
# Pillow logs "More samples per pixel than can be decoded" for files that tifffile then reads.
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)


def open_image(
    source: str | Path | bytes | BinaryIO,
    max_pixels: int = MAX_PIXELS,
    rule: PixelRule = PixelRule(),  # noqa: B008
) -> Image.Image:
    """Reads a picture as 8-bit RGB in sRGB: its first frame, upright, transparency over white.

    `notes_of` returns sentences about how the values were read.

    Raises:
        UserError: when the file is missing, empty, not a picture, damaged, has more than
            `max_pixels`, or has values that are no picture. For known other types of files (SVG,
            PDF, HEIC), the message names them.
    """
    with readable_errors(source, max_pixels), _open_stream(source) as stream:
        picture = read_picture(stream, max_pixels, rule)
        if isinstance(picture, Raster):
            return picture.to_image(rule)
        return to_rgb(picture, rule)


def notes_of(image: Image.Image) -> tuple[str, ...]:
    """Returns sentences for the user about how `open_image` read the values; () for most files."""
    return tuple(image.info.get("notes", ())) + warnings_of(image)


def warnings_of(image: Image.Image) -> tuple[str, ...]:
    """Returns sentences about values that `open_image` clipped or left nearly black."""
    return tuple(image.info.get("warnings", ()))


def read_picture(stream: BinaryIO, max_pixels: int, rule: PixelRule) -> Image.Image | Raster:
    """Returns a file with 8 bits as Pillow's picture, not decoded yet, and others as their numbers.

    Raises:
        UserError: for files that can't be read, and whatever Pillow raises for damaged ones.
    """
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    _check_kind(head)
    if head.startswith(MAGIC):
        return _read_tiff(stream, max_pixels, rule)
    try:
        image = _open_with_pillow(stream, max_pixels)
        return read_deep(image, rule) if is_deep(image) else image
    except NeedsGdal as needed:
        kind = str(needed)
    except UnidentifiedImageError:
        if not head.startswith(JPEG_2000):
            raise
        kind = "JPEG 2000 data that Pillow can't read"
    stream.seek(0)
    return read_with_gdal(stream.read(), rule, max_pixels, kind)


def _read_tiff(stream: BinaryIO, max_pixels: int, rule: PixelRule) -> Image.Image | Raster:
    """Reads a TIFF file with the first of Pillow, tifffile and GDAL that is faithful."""
    image: Image.Image | None = None
    is_big_endian = stream.read(2) == b"MM"
    stream.seek(0)
    with suppress(UnidentifiedImageError):
        image = _open_with_pillow(stream, max_pixels)
    compression = 1
    if isinstance(image, TiffImageFile):
        if is_camera_raw(image.tag_v2):
            raise _unreadable_kind(CAMERA_RAW)
        compression = image.tag_v2.get(COMPRESSION, 1)
        if compression in USUAL_COMPRESSIONS and pillow_reads_faithfully(image, rule):
            return image
    stream.seek(0)
    try:
        return read_tiff(stream, rule, max_pixels)
    except CannotDecode as error:
        kind = str(error)
    stream.seek(0)
    with suppress(UnidentifiedImageError, OSError):  # Pillow lacks the compression
        image = _open_with_pillow(stream, max_pixels)
        if is_deep(image):
            # Of compressed big-endian files, Pillow swaps the bytes of such numbers twice.
            if image.mode != "F" or not is_big_endian:
                return read_deep(image, rule)
        elif not rule.bands or max(rule.bands) <= len(image.getbands()):
            image.load()
            return image
    stream.seek(0)
    return read_with_gdal(stream.read(), rule, max_pixels, kind)


def _open_with_pillow(stream: BinaryIO, max_pixels: int) -> Image.Image:
    with warnings.catch_warnings(), _raised_bomb_limit(max_pixels):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(stream, formats=READABLE_FORMATS)
    check_pixels(image, max_pixels)
    return image


@contextmanager
def _raised_bomb_limit(max_pixels: int) -> Iterator[None]:
    """Lets Pillow open pictures of `max_pixels`; by itself it refuses more than 179 megapixels."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is None or max_pixels <= 2 * limit:
        yield
        return
    with _bomb_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def readable_errors(source: str | Path | bytes | BinaryIO, max_pixels: int) -> Iterator[None]:
    """Turns whatever a reader raises into a `UserError` of one sentence."""
    try:
        yield
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise too_large("The picture has", max_pixels) from None
    except UnidentifiedImageError:
        raise UserError(
            "This file is not a picture that can be read; use a PNG, JPEG, WebP, TIFF, BMP or GIF."
        ) from None
    except FileNotFoundError:
        raise UserError(f"There is no file {str(source)[:200]}; check the path.") from None
    except MemoryError:
        raise UserError("The picture is too large to be read; make it smaller.") from None
    except Exception as error:
        # Pillow's readers may raise anything for a damaged file; only the system sets errno.
        if isinstance(error, OSError) and error.errno:
            path = str(error.filename or "The picture")[:200]
            raise UserError(f"{path} can't be read ({error.strerror}).") from None
        reason = first_line(error)[:200]
        raise UserError(
            f"The picture is damaged or cut short ({reason}); save it again and retry."
        ) from None


def _open_stream(source: str | Path | bytes | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Returns a context manager for the file's stream, which leaves a caller's stream open."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, str | Path):
        return Path(source).open("rb")
    if not hasattr(source, "read"):
        raise UserError(
            f"A picture is expected, not {type(source).__name__}: a path, the content of a file as "
            "bytes, a PIL image, or an array of shape (H, W, 3) or (H, W) of uint8."
        )
    return nullcontext(source)


def _check_kind(head: bytes) -> None:
    """Raises `UserError` for an empty file and for known kinds of files that are not pictures."""
    if not head:
        raise UserError("This file is empty, not a picture; choose another one.")
    if description := describe_unreadable_kind(head):
        raise _unreadable_kind(description)


def _unreadable_kind(description: str) -> UserError:
    return UserError(f"This is {description} and try again.")


def to_rgb(image: Image.Image, rule: PixelRule = PixelRule()) -> Image.Image:  # noqa: B008
    """Converts to 8-bit RGB in sRGB: EXIF rotation applied, alpha over white, 16 bits scaled to 8.

    With a legend in `rule`, class numbers become its colors. Returns `image` itself where nothing
    changes and the pixels are in memory already.

    Raises:
        UserError: for bands that the picture lacks, and for values that are no picture.
    """
    if is_deep(image):
        try:
            return read_deep(image, rule).to_image(rule)
        except NeedsGdal as needed:
            raise UserError(
                f"The picture has {needed}, of which Pillow reads 8; pass the file's path instead."
            ) from None
    if rule.legend and image.mode in NUMBER_MODES:
        return paint(read_numbers(image), rule.legend)
    orientation = image.getexif().get(0x0112, 1)
    profile = image.info.get("icc_profile")
    plain = "transparency" not in image.info and not profile and orientation == 1
    if type(image) is Image.Image and image.mode == "RGB" and plain and not rule.bands:
        return paint_gray(image, rule.legend)
    notes, is_opaque = tuple(image.info.get("notes", ())), False
    if image.mode in ("RGBA", "LA") and not has_true_opacity(image):
        notes, is_opaque = (*notes, describe_infrared(len(image.getbands()))), True
    image = ImageOps.exif_transpose(image)  # always a copy
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.replace("a", "A"))
    if (rule.bands or is_opaque) and image.mode not in ("CMYK", "YCbCr", "LAB"):
        image = _choose_bands(image, rule.bands, is_opaque)
    image = lay_over_white(to_srgb(image, profile))
    for key in ("icc_profile", "transparency"):
        image.info.pop(key, None)
    image = paint_gray(image, rule.legend)
    image.info["notes"] = notes
    return image


def _choose_bands(
    image: Image.Image, bands: tuple[int, ...] | None, is_opaque: bool
) -> Image.Image:
    """Returns bands of a picture with 8 bits; its alpha too, unless chosen or `is_opaque`."""
    if image.mode in ("1", "P", "PA") or "transparency" in image.info:
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "L" if image.mode == "1" else "RGB")
    names = image.getbands()
    chosen = choose_bands(len(names), bands)
    channels = [image.getchannel(index) for index in chosen]
    mode = "RGB" if len(channels) == 3 else "L"
    if "A" in names and names.index("A") not in chosen and not is_opaque:
        channels.append(image.getchannel("A"))
        mode += "A"
    return Image.merge(mode, channels)
