"""Reads the picture files that only GDAL can read, where rasterio is installed."""

import base64
import logging
import warnings
from typing import Any

import numpy as np

from pix2pix.errors import UserError
from pix2pix.pixels.limits import check_size
from pix2pix.pixels.opacity import SAMPLE_FORMAT, describe_infrared, is_opacity, scale_opacity
from pix2pix.pixels.raster import Raster
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import choose_bands, describe_choice

# GDAL's driver for a file's first bytes. Others, such as VRT, open what the picture names, be it a
# file of this machine or an address.
DRIVERS = {b"II": "GTiff", b"MM": "GTiff", b"\0\0": "JP2OpenJPEG", b"\xff\x4f": "JP2OpenJPEG"}
PORTABLE_PIXMAP = "PNM"
ADVICE = (
    "convert the file (gdal_translate -ot Byte -scale -co COMPRESS=DEFLATE in.tif out.tif) "
    "or install the extra geo: pip install 'pix2pix-hub[geo]'"
)


def read_with_gdal(content: bytes, rule: PixelRule, max_pixels: int, kind: str) -> Raster:
    """Reads a TIFF, JPEG 2000 or PNM file with rasterio.

    Args:
        content: the file's content.
        rule: names the bands.
        max_pixels: larger pictures are refused.
        kind: what the file holds, such as "3 bands of uint16 (LERC compression)".

    Raises:
        UserError: when rasterio is not installed or can't read the file either, and for pictures
            that are too large or lack a band.
    """
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
        from rasterio.io import MemoryFile
    except ImportError:
        raise UserError(f"The picture has {kind}, which needs GDAL; {ADVICE}.") from None
    # GDAL's messages would reach the terminal beside the error itself.
    logging.getLogger("rasterio").setLevel(logging.CRITICAL)
    driver = DRIVERS.get(content[:2], PORTABLE_PIXMAP)
    options: Any = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    try:
        with rasterio.Env(**options), warnings.catch_warnings(), MemoryFile(content) as memory:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(memory.name, driver=driver) as dataset:
                check_size(dataset.width, dataset.height, max_pixels)
                return _read_dataset(dataset, rule, kind)
    except RasterioError:
        raise UserError(
            f"The picture has {kind}, which can't be read; convert the file (gdal_translate -ot "
            "Byte -scale -co COMPRESS=DEFLATE in.tif out.tif) or save it again."
        ) from None


def _read_dataset(dataset: Any, rule: PixelRule, kind: str) -> Raster:
    from rasterio.enums import ColorInterp

    count = dataset.count
    marked = [number for number, meaning in enumerate(dataset.colorinterp)
              if meaning == ColorInterp.alpha and number > 0]  # fmt: skip
    opacity = marked[0] if marked else None
    colors = count if rule.bands or opacity is None else opacity
    chosen = choose_bands(colors, rule.bands)
    if opacity in chosen:
        opacity = None
    indexes = [band + 1 for band in (chosen if opacity is None else (*chosen, opacity))]
    if dataset.colorinterp[0] == ColorInterp.cyan:
        raise UserError(f"The picture has {kind} in CMYK; save it as RGB.")
    values = dataset.read(indexes).transpose(1, 2, 0)
    if dataset.colorinterp[0] == ColorInterp.palette:
        colors = dataset.colormap(1)
        table = np.array([colors.get(index, (0,) * 4)[:3] for index in range(256)], np.uint8)
        values = table[values[..., 0]]
    alpha, notes = None, list[str]()
    if opacity is not None:
        values, alpha = values[..., :-1], values[..., -1]
        # A file that GDAL has to read is judged as one that GDAL wrote.
        if not is_opacity(alpha, {SAMPLE_FORMAT}, None):
            notes, alpha = [describe_infrared(opacity + 1)], None
    nodata = dataset.nodata
    return Raster(
        values,
        kind,
        None if alpha is None else scale_opacity(alpha),
        None if nodata is None else float(nodata),
        _profile(dataset),
        inverted=dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES",
        notes=(*notes, *describe_choice(colors, chosen, rule.bands)),
    )


def _profile(dataset: Any) -> bytes | None:
    text = dataset.tags(ns="COLOR_PROFILE").get("SOURCE_ICC_PROFILE")
    try:
        return base64.b64decode(text) if text else None
    except ValueError:
        return None
