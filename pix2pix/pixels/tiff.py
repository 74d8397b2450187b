"""Reads TIFF files that Pillow can't read, or not faithfully, with tifffile."""

import logging
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import COMPRESSION_INFO

from pix2pix.errors import UserError
from pix2pix.formats import CAMERA_RAW, is_camera_raw
from pix2pix.pixels.limits import check_size
from pix2pix.pixels.opacity import (
    SOFTWARE,
    describe_infrared,
    find_opacity,
    is_opacity,
    scale_opacity,
)
from pix2pix.pixels.raster import Raster
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.tiff_segments import CannotDecode, decode_segment
from pix2pix.pixels.values import choose_bands, describe_choice

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE_IS_0, BLACK_IS_0, RGB = 0, 1, 2
BITS, COMPRESSION, ORIENTATION, PLANAR = 258, 259, 274, 284
SAMPLE_FORMAT, ICC_PROFILE, GDAL_NODATA = 339, 34675, 42113
PREMULTIPLIED = 1
# A strip or tile is decoded as a whole, so this bounds the memory.
MAX_SEGMENT_BYTES = 1 << 30
NAMES = {34887: "LERC", 34925: "LZMA", 50000: "ZSTD", 50001: "WebP", 50002: "JPEG XL"}


def read_tiff(stream: BinaryIO, rule: PixelRule, max_pixels: int) -> Raster:
    """Reads the first picture of a TIFF file.

    Raises:
        UserError: when the picture is too large, is a camera raw file, or lacks one of the bands.
        CannotDecode: for compressions, bits and color spaces that need GDAL.
    """
    import tifffile

    # Its messages about damaged files would reach the terminal beside the error itself.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with tifffile.TiffFile(stream) as file:
        page: Any = file.pages[0]
        if is_camera_raw({tag.code: tag.value for tag in page.tags if tag.code in (254, 50706)}):
            raise UserError(f"This is {CAMERA_RAW} and try again.")
        check_size(page.imagewidth, page.imagelength, max_pixels)
        return _read_page(page, rule)


def describe_tiff(bands: int, kind: str, compression: int) -> str:
    """Returns what a file holds, such as "4 bands of uint16 (LZW compression)"."""
    text = f"{bands} band{'s' if bands > 1 else ''} of {kind}"
    if compression == 1:
        return text
    name = COMPRESSION_INFO.get(compression, str(compression)).removeprefix("tiff_").upper()
    return f"{text} ({NAMES.get(compression, name)} compression)"


def _read_page(page: Any, rule: PixelRule) -> Raster:
    count, bits, dtype = page.samplesperpixel, page.bitspersample, page.dtype
    is_plain = dtype is not None and bits == dtype.itemsize * 8
    kind = describe_tiff(count, str(dtype) if is_plain else f"{bits} bits", int(page.compression))
    if is_plain and dtype.kind == "c":
        raise UserError(
            f"The picture has {kind}: complex numbers are not a picture; save their magnitude with "
            "8 or 16 bits."
        )
    is_plain = is_plain and page.fillorder == 1 and page.imagedepth == 1
    if not is_plain or page.photometric not in (WHITE_IS_0, BLACK_IS_0, RGB):
        raise CannotDecode(kind)
    opacity = find_opacity(count, page.extrasamples)
    # A band of opacity is no color, but it has a number, by which --bands may choose it.
    colors = count if rule.bands or opacity is None else opacity
    chosen = choose_bands(colors, rule.bands)
    if opacity in chosen:
        opacity = None
    try:
        values = _read_bands(page, chosen if opacity is None else (*chosen, opacity))
    except CannotDecode:
        raise CannotDecode(kind) from None
    alpha, notes = None, list[str]()
    if opacity is not None:
        values, alpha = values[..., :-1], values[..., -1]
        premultiplied = int(page.extrasamples[opacity - count]) == PREMULTIPLIED
        if not is_opacity(alpha, {tag.code for tag in page.tags}, _tag(page, SOFTWARE)):
            notes, alpha = [describe_infrared(opacity + 1)], None
        elif premultiplied:
            values = _divide_by_opacity(values, alpha)
    profile = _tag(page, ICC_PROFILE)
    return Raster(
        values,
        kind,
        None if alpha is None else scale_opacity(alpha),
        _nodata(_tag(page, GDAL_NODATA)),
        profile if isinstance(profile, bytes) else None,
        inverted=page.photometric == WHITE_IS_0,
        orientation=_tag(page, ORIENTATION) or 1,
        notes=(*notes, *describe_choice(colors, chosen, rule.bands)),
    )


def _read_bands(page: Any, bands: tuple[int, ...]) -> np.ndarray:
    """Decodes the strips or tiles; returns (H, W, len(bands)) of the page's type."""
    height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.is_tiled:
        length, across = page.tilelength, page.tilewidth
    else:
        length, across = min(page.rowsperstrip, height), width
    planar = page.planarconfig == 2 and count > 1
    samples = 1 if planar else count
    if length * across * samples * page.dtype.itemsize > MAX_SEGMENT_BYTES:
        raise CannotDecode
    columns, rows = -(-width // across), -(-height // length)
    result = np.zeros((height, width, len(bands)), page.dtype)
    stream = page.parent.filehandle
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(segments) < columns * rows * (count if planar else 1):
        raise ValueError("strips are missing")
    for plane in range(len(bands) if planar else 1):
        first = bands[plane] * rows * columns if planar else 0
        for number in range(rows * columns):
            offset, size = segments[first + number]
            if not size:  # GDAL leaves out tiles without data
                continue
            top, left = number // columns * length, number % columns * across
            lines = length if page.is_tiled else min(length, height - top)
            stream.seek(offset)
            part = decode_segment(page, stream.read(size), (lines, across, samples))
            part = part[: height - top, : width - left]
            place = result[top : top + lines, left : left + across]
            if planar:
                place[..., plane] = part[..., 0]
            else:
                place[:] = part[..., bands]
    return result


def _divide_by_opacity(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    largest = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1.0
    shares = np.maximum(alpha[..., None], 1e-6) / largest
    colors = np.minimum(values / shares, largest)
    return (np.rint(colors) if alpha.dtype.kind in "iu" else colors).astype(values.dtype)


def _tag(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _nodata(value: Any) -> float | None:
    try:
        return None if value is None else float(str(value).strip("\0 "))
    except ValueError:
        return None


def pillow_reads_faithfully(image: Image.Image, rule: PixelRule) -> bool:
    """Returns whether Pillow delivers a TIFF file's values as they are: those with 8 bits."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits, formats = tags.get(BITS, (1,)), tags.get(SAMPLE_FORMAT, (1,))
    few = max(bits) <= 8 and set(formats) <= {1, 4}
    if image.mode in ("CMYK", "LAB", "YCbCr", "P", "1"):
        return few or max(bits) == 16
    has_bands = not rule.bands or max(rule.bands) <= len(image.getbands())
    return few and tags.get(PLANAR, 1) == 1 and has_bands and GDAL_NODATA not in tags
