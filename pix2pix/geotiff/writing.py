"""Writes an RGB GeoTIFF, some rows at a time."""

import errno
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2pix.errors import first_line

if TYPE_CHECKING:
    from rasterio import DatasetReader

# Side of the file's tiles in pixels.
BLOCK = 512
PROFILE = {
    "driver": "GTiff", "count": 3, "dtype": "uint8", "photometric": "rgb", "interleave": "pixel",
    "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
    "compress": "deflate", "predictor": 2, "bigtiff": "if_safer",
}  # fmt: skip
# Compressed tiles may be a little larger than their pixels.
SPARE_BYTES = 1_000_000


class GeoTiffWriter:
    """Writes rows from top to bottom to a GeoTIFF that lies exactly over another raster.

    The file has the raster's size, coordinate reference system and geotransform, or its ground
    control points and rational polynomial coefficients. Pixels without data are marked in a mask
    inside the file and not by a value: each color is a possible result.
    """

    def __init__(self, path: Path, raster: "DatasetReader", has_mask: bool):
        """Creates the file at `path`; `raster` has its place, and `has_mask` gives it a mask."""
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning

        self._path, self._has_mask = path, has_mask
        with _disk_errors(path), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self._dataset = rasterio.open(
                path, "w", width=raster.width, height=raster.height, **PROFILE, **_place(raster)
            )
        if raster.rpcs:
            self._dataset.rpcs = raster.rpcs
        if meaning := raster.tags().get("AREA_OR_POINT"):
            self._dataset.update_tags(AREA_OR_POINT=meaning)
        self._top = 0
        self._rows = np.empty((0, raster.width, 3), np.uint8)
        self._valid = np.empty((0, raster.width), bool)

    def write(self, rows: np.ndarray, valid: np.ndarray) -> None:
        """Writes the next rows, (N, W, 3) uint8; pixels that are not `valid` become black.

        Whole rows of the file's tiles are written at once. A tile that is written in two parts
        would be compressed twice, and its first version would stay in the file.
        """
        if not valid.all():
            rows = np.where(valid[..., None], rows, 0)
        self._rows = np.concatenate([self._rows, rows])
        self._valid = np.concatenate([self._valid, valid])
        while len(self._rows) >= BLOCK:
            self._write_row_of_tiles()

    def finish(self) -> None:
        """Writes the last rows, closes the file and reads it once; raises OSError if that fails.

        GDAL does not report each failed write, for example the last one to a full disk.
        """
        import rasterio

        if len(self._rows):
            self._write_row_of_tiles()
        with _disk_errors(self._path):
            self._dataset.close()
            with rasterio.open(self._path, driver="GTiff") as written:
                for _, window in written.block_windows():
                    written.read(window=window, masked=self._has_mask)

    def close(self) -> None:
        """Closes the file, complete or not."""
        self._dataset.close()

    def _write_row_of_tiles(self) -> None:
        from rasterio.windows import Window

        rows, valid = self._rows[:BLOCK], self._valid[:BLOCK]
        # When a write fails, libtiff prints lines of its own on stderr.
        if shutil.disk_usage(self._path.parent).free < rows.nbytes + SPARE_BYTES:
            raise _disk_full(self._path)
        window = Window(0, self._top, rows.shape[1], len(rows))
        with _disk_errors(self._path):
            self._dataset.write(np.moveaxis(rows, -1, 0), window=window)
            if self._has_mask:
                self._dataset.write_mask(valid, window=window)
        self._top += len(rows)
        self._rows, self._valid = self._rows[BLOCK:], self._valid[BLOCK:]


def _place(raster: "DatasetReader") -> dict[str, Any]:
    """Returns the arguments of `rasterio.open` that put a file to the place of `raster`."""
    points, points_crs = raster.gcps
    if points and raster.transform.is_identity:
        return {"gcps": points, "crs": points_crs}
    return {"crs": raster.crs, "transform": raster.transform}


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Raises GDAL's errors as OSError with the number that says whether the disk is full."""
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        if shutil.disk_usage(path.parent).free < SPARE_BYTES:
            raise _disk_full(path) from None
        raise OSError(errno.EIO, first_line(error.__cause__ or error)[:200]) from None


def _disk_full(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path.parent))
