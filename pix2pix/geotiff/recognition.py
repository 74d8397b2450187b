"""Recognizes georeferenced TIFF and JPEG 2000 files, with and without GDAL."""

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.errors import UserError, first_line

if TYPE_CHECKING:
    import rasterio

HEAD_BYTES = 64 * 1024
# The first bytes of a file -> GDAL's driver. No other driver is used: some, such as VRT, open
# other files and addresses that a file names.
DRIVERS = {
    b"II*\0": "GTiff", b"MM\0*": "GTiff", b"II+\0": "GTiff", b"MM\0+": "GTiff",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JP2OpenJPEG",
}  # fmt: skip
# ModelPixelScale, ModelTiepoint, ModelTransformation and GeoKeyDirectory.
GEO_TAGS = (33550, 33922, 34264, 34735)
# The identifier of GeoJP2's box, and the name of GMLJP2's.
GEO_BOXES = (bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"), b"gml.root-instance")


def has_gdal() -> bool:
    """Returns whether the packages of the extra `geo` are installed."""
    return importlib.util.find_spec("rasterio") is not None


def is_georeferenced(path: Path) -> bool:
    """Returns whether a TIFF or JPEG 2000 file says where on the Earth it lies.

    Other files and files that can't be read give False.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        driver = _driver(head)
        if driver is None:
            return False
        if has_gdal():
            with open_raster(path) as dataset:
                return not dataset.transform.is_identity or bool(dataset.gcps[0] or dataset.rpcs)
        return _has_geo_tags(path) if driver == "GTiff" else any(box in head for box in GEO_BOXES)
    except (OSError, ValueError, UserError):
        return False


def open_raster(path: Path) -> "rasterio.DatasetReader":
    """Opens a TIFF or JPEG 2000 file with GDAL; raises `UserError` when it can't be read."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with path.open("rb") as file:
        driver = _driver(file.read(HEAD_BYTES))
    if driver is None:
        raise UserError("This file is neither a TIFF nor a JPEG 2000 file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # A Path, because rasterio reads "?", "#" and "!" in a text as parts of an address.
            return rasterio.open(path.absolute(), driver=driver)
    except RasterioError as error:
        raise damaged(error) from None


def damaged(error: Exception) -> UserError:
    """Returns the error for a file that GDAL can't read."""
    return UserError(f"The file is damaged or cut short ({first_line(error)[:200]}).")


def _driver(head: bytes) -> str | None:
    return next((driver for start, driver in DRIVERS.items() if head.startswith(start)), None)


def _has_geo_tags(path: Path) -> bool:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        return any(tag in tiff.pages.first.tags for tag in GEO_TAGS)
