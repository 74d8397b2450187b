"""Reads a georeferenced raster as 8-bit RGB, some rows at a time."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.geotiff.recognition import damaged, open_raster
from pix2pix.images import RESAMPLE
from pix2pix.pixels.opacity import (
    MOSTLY,
    OPAQUE,
    count_extremes,
    describe_infrared,
    largest_of,
    scale_opacity,
)
from pix2pix.pixels.raster import Raster, check_limits
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import choose_bands, choose_range, describe_choice, describe_range

if TYPE_CHECKING:
    from rasterio import DatasetReader

# Bytes of a file's values that are read at once.
BYTES_AT_ONCE = 16_000_000
# The largest block (strip or tile) of a file that is read: GDAL decompresses a block as a whole, so
# a large file that is one block would fill the memory.
MAX_BLOCK_BYTES = 256_000_000
WHITE = 255
Report = Callable[[int, int], None]


class RasterReader:
    """Reads the rows of a raster as RGB, and which of their pixels are valid.

    Pixels without data become white, as transparent pixels of other pictures do.

    Attributes:
        dataset: the file, open in rasterio.
        size: (width, height).
        notes: sentences for the user about how the file is read, after `prepare`.
    """

    def __init__(self, path: Path, rule: PixelRule):
        """Opens the file; `prepare` must be called before its pixels are read.

        Raises:
            UserError: when GDAL can't read the file, when it lacks a band of the `rule`, or when
                its values are no picture.
        """
        self.dataset = dataset = open_raster(path)
        self.size = dataset.width, dataset.height
        self.notes: list[str] = []
        self._rule = rule
        colors = [color.name for color in dataset.colorinterp]
        self._palette = _read_palette(dataset) if colors[0] == "palette" else None
        # The number of a band that is marked as opacity; `prepare` decides whether it is.
        opacity = colors.index("alpha", 1) if "alpha" in colors[1:] else None
        count = dataset.count if rule.bands or opacity is None else opacity
        chosen = choose_bands(count, rule.bands)
        self.notes += describe_choice(count, chosen, rule.bands)
        self._opacity = None if opacity is None or opacity in chosen else opacity + 1
        self._bands = [band + 1 for band in chosen]
        self._dtype = np.dtype(dataset.dtypes[self._bands[0] - 1])
        self._kind = f"{dataset.count} band{'s' * (dataset.count > 1)} of {self._dtype}"
        self._profile = _read_profile(dataset)
        self._inverted = dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
        self._check()
        flags = {flag.name for band in self._bands for flag in dataset.mask_flag_enums[band - 1]}
        # GDAL's own mask of a file with opacity is that band, whatever it really holds.
        self._has_gdal_mask = bool(flags & {"nodata", "per_dataset"}) and "alpha" not in flags

    def close(self) -> None:
        """Closes the file."""
        self.dataset.close()

    @property
    def has_mask(self) -> bool:
        """Whether there may be pixels without data; floating point numbers may be NaN."""
        return self._has_gdal_mask or self._opacity is not None or self._dtype.kind == "f"

    @property
    def row_of_blocks(self) -> int:
        """The bytes of the file's blocks (tiles or strips) that a row of pixels crosses."""
        height, width = self.dataset.block_shapes[0]
        across = -(-self.size[0] // width) * width
        return height * across * self.dataset.count * self._dtype.itemsize

    def prepare(self, report: Report) -> None:
        """Finds the values that become black and white, and whether a band is opacity.

        Both are the same for all parts of the file. Where they depend on its values, the whole file
        is read, so that the result is that of the picture in memory.

        Args:
            report: is called with the rows read and the number of all rows.

        Raises:
            UserError: when the values are no picture, such as heights.
        """
        is_plain = self._dtype == np.uint8 or self._palette is not None or self._rule.legend
        needs_range = not is_plain
        is_auto = needs_range and self._rule.value_range == "auto"
        smallest, largest, extremes, opaque = np.inf, -np.inf, 0, 0.0
        for top, bottom in self._parts(0, self.size[1]) if is_auto or self._opacity else ():
            values, valid = self._read_values(top, bottom)
            if self._opacity:
                extremes += count_extremes(values[..., -1])
                opaque = max(opaque, float(values[..., -1].max()))
                values = values[..., :-1]
            if (shown := values[valid]).size:
                smallest, largest = min(smallest, shown.min()), max(largest, shown.max())
            report(bottom, self.size[1])
        self._opaque = opaque if opaque in OPAQUE else largest_of(self._dtype)
        if self._opacity and extremes < MOSTLY * self.size[0] * self.size[1]:
            self.notes.append(describe_infrared(self._opacity))
            self._opacity = None
        if is_auto and smallest <= largest:
            smallest, largest = float(smallest), float(largest)
            check_limits(smallest, largest, self._dtype, len(self._bands), self._kind)
            self._rule = replace(self._rule, value_range=choose_range(largest, self._dtype))
        if needs_range and not isinstance(self._rule.value_range, str):
            found = describe_range(self._rule.value_range)
            self.notes.append(f"The picture has {self._kind}: {found}.")

    def read(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows from `top` to `bottom`, and which of their pixels are valid.

        Returns:
            (bottom - top, W, 3) uint8 and (bottom - top, W) bool.
        """
        rows = np.empty((bottom - top, self.size[0], 3), np.uint8)
        valid = np.empty(rows.shape[:2], bool)
        for start, end in self._parts(top, bottom):
            part = slice(start - top, end - top)
            values, valid_values = self._read_values(start, end)
            # A pixel is valid where any band is: dark red may have the value of nodata in blue.
            valid[part] = valid_values.any(axis=-1)
            opacity = None
            if self._opacity:
                values, opacity = values[..., :-1], scale_opacity(values[..., -1], self._opaque)
                valid[part] &= opacity > 0
            if self._rule.legend:
                values = np.where(valid_values, values, 0)  # nodata is no class
            elif self._palette is not None:
                values = self._palette[values[..., 0]]
            raster = Raster(
                values, self._kind, opacity, profile=self._profile, inverted=self._inverted
            )
            rows[part] = np.asarray(raster.to_image(self._rule))
        if self.has_mask:
            rows[~valid] = WHITE
        return rows, valid

    def shrink(self, width: int, height: int, report: Report) -> Image.Image:
        """Returns the whole picture at another size, equal to Pillow's result in memory.

        Pillow resizes horizontally first and then vertically, so the first step can be done for
        some rows at a time. `report` is called with the rows read and the number of all rows.
        """
        narrow = np.empty((self.size[1], width, 3), np.uint8)
        for top, bottom in self._parts(0, self.size[1]):
            rows = Image.fromarray(self.read(top, bottom)[0])
            narrow[top:bottom] = np.asarray(rows.resize((width, bottom - top), RESAMPLE))
            report(bottom, self.size[1])
        return Image.fromarray(narrow).resize((width, height), RESAMPLE)

    def _check(self) -> None:
        """Raises `UserError` for complex numbers, and for blocks that would fill the memory."""
        if self._dtype.kind == "c":
            raise UserError(f"The picture has {self._kind}: complex numbers are not a picture.")
        dataset = self.dataset
        height, width = dataset.block_shapes[0]
        bands = dataset.count if dataset.profile.get("interleave") == "pixel" else 1
        if height * width * bands * self._dtype.itemsize > MAX_BLOCK_BYTES:
            raise UserError(
                f"The file is stored in blocks of {width}x{height} pixels, which do not fit into "
                "memory; rewrite it in tiles with gdal_translate -co TILED=YES -co "
                "COMPRESS=DEFLATE."
            )

    def _parts(self, top: int, bottom: int) -> list[tuple[int, int]]:
        """Divides rows into parts of about BYTES_AT_ONCE, if possible where a block ends."""
        row_bytes = self.size[0] * (len(self._bands) + 1) * self._dtype.itemsize
        rows, block = max(1, BYTES_AT_ONCE // row_bytes), self.dataset.block_shapes[0][0]
        rows = max(rows // block * block, rows % block)
        starts = [top, *range((top // rows + 1) * rows, bottom, rows)]
        return list(zip(starts, [*starts[1:], bottom], strict=True))

    def _read_values(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the values of some rows, and which of the colors are valid.

        Returns:
            (rows, W, C) of the chosen bands and the opacity, if any; (rows, W, C) bool without it.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        window = Window(0, top, self.size[0], bottom - top)
        bands = [*self._bands, self._opacity] if self._opacity else self._bands
        try:
            values = self.dataset.read(bands, window=window)
            colors = values[: len(self._bands)]
            if self._has_gdal_mask:
                valid = self.dataset.read_masks(self._bands, window=window) > 0
            else:
                valid = np.ones(colors.shape, bool)
        except RasterioError as error:
            raise damaged(error.__cause__ or error) from None
        if self._dtype.kind == "f":
            valid &= np.isfinite(colors)
        return np.moveaxis(values, 0, -1), np.moveaxis(valid, 0, -1)


def _read_palette(dataset: "DatasetReader") -> np.ndarray:
    """Returns the colors of a file's values as (256 or 65536, 3) uint8."""
    palette = np.zeros((np.iinfo(dataset.dtypes[0]).max + 1, 3), np.uint8)
    for value, color in dataset.colormap(1).items():
        palette[value] = color[:3]
    return palette


def _read_profile(dataset: "DatasetReader") -> bytes | None:
    """Returns the ICC profile of a file, or None."""
    text = dataset.tags(ns="COLOR_PROFILE").get("SOURCE_ICC_PROFILE")
    return base64.b64decode(text) if text else None
