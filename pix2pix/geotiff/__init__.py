"""Translates georeferenced rasters to GeoTIFFs that lie exactly over them; needs the extra `geo`.

    >>> translator = Translator.from_pretrained("<user>/pix2pix-maps")
    >>> translate_geotiff(translator, "aerial.tif", "map.tif")

Rasters may be larger than the memory. So no limit of megapixels applies: what is in memory grows
with the width of a raster only, by 20 kB per pixel of it with tiles of 256 pixels.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.files import write_atomically
from pix2pix.geotiff.reading import RasterReader
from pix2pix.geotiff.recognition import has_gdal, is_georeferenced
from pix2pix.geotiff.writing import BLOCK, GeoTiffWriter
from pix2pix.images import RESAMPLE
from pix2pix.pixels.rule import PixelRule
from pix2pix.tiles import translate_rows
from pix2pix.translate import MODES, Translator

__all__ = ["has_gdal", "is_georeferenced", "translate_geotiff"]

# GDAL keeps decompressed blocks in memory, by default in 5 % of it. Rows are read in order, so that
# the blocks of one row of pixels are enough: 82 MB for 20,000 pixels in blocks of 512x512 with four
# bands of 16 bits.
MIN_CACHE, MAX_CACHE = 16_000_000, 256_000_000
# Files beside a raster with its statistics and its smaller copies: those of an earlier result would
# be shown in place of the new one.
SIDECARS = (".aux.xml", ".ovr", ".msk")
logger = logging.getLogger(__name__)
# The unit ("rows" or "tiles"), how many are done, and how many there are.
Progress = Callable[[str, int, int], None]


def translate_geotiff(
    translator: Translator,
    source: str | Path,
    target: str | Path,
    mode: str = "full",
    rule: PixelRule | None = None,
    progress: Progress = lambda unit, done, total: None,
) -> None:
    """Translates a georeferenced TIFF or JPEG 2000 file to an RGB GeoTIFF of the same place.

    The pixels are those of `Translator` on the same picture; in the mode `fit`, up to rounding.
    The file has 8 bits, tiles and lossless compression. Pixels without data in the source (nodata,
    a mask, transparent, NaN) have no data in the target either: they are black, and marked in a
    mask inside the file. The network sees them white. The target appears when it is complete.

    Args:
        translator: the model.
        source: the file to translate.
        target: the file to write, replaced if it exists.
        mode: `full` translates each pixel in blended tiles; `fit` the whole picture at the training
            size, enlarged to the size of the source.
        rule: the bands and the range of values; None takes those of the translator.
        progress: is called with the unit ("rows" or "tiles"), the number done and of all. Rows are
            counted from 0 again for each time that the file is read or written.

    Raises:
        UserError: when the source can't be read or is no picture, or the mode is unknown.
        OSError: when the target can't be written.
    """
    if mode not in MODES:
        raise UserError(f"The mode {mode!r} is unknown; choose one of {', '.join(MODES)}.")
    if not has_gdal():
        raise UserError("GeoTIFFs need the extra geo; run: pip install rasterio")
    import rasterio

    translate = _translate_full if mode == "full" else _translate_fit

    def write(temporary: Path) -> None:
        # In this block, so that a failure closes the file before `write_atomically` deletes it.
        with closing(GeoTiffWriter(temporary, reader.dataset, reader.has_mask)) as writer:
            translate(translator, reader, writer, progress)
            writer.finish()

    with closing(RasterReader(Path(source), rule or translator.rule)) as reader:
        cache = min(max(2 * reader.row_of_blocks, MIN_CACHE), MAX_CACHE)
        with rasterio.Env(GDAL_CACHEMAX=cache, GDAL_TIFF_INTERNAL_MASK=True):
            reader.prepare(partial(progress, "rows"))
            for note in reader.notes:
                logger.info("%s: %s", Path(source).name, note)
            write_atomically(Path(target), write, remove_leftovers=False)
    for suffix in SIDECARS:
        Path(f"{target}{suffix}").unlink(missing_ok=True)


def _translate_full(
    translator: Translator, reader: RasterReader, writer: GeoTiffWriter, progress: Progress
) -> None:
    width, height = reader.size
    tile = translator.config.image_size
    # Of the rows that are read and not yet written: the first one is that of the current tiles.
    valid = np.empty((0, width), bool)

    def read(top: int, bottom: int) -> np.ndarray:
        nonlocal valid
        rows, new_valid = reader.read(top, bottom)
        valid = np.concatenate([valid, new_valid])
        return rows

    def is_needed(left: int) -> bool:
        return bool(valid[:, left : left + tile].any())

    tiles = translate_rows((height, width), tile, translator.generate, read, is_needed)
    for done, total, rows in tiles:
        if len(rows):
            writer.write(rows, valid[: len(rows)])
            valid = valid[len(rows) :]
        progress("tiles", done, total)


def _translate_fit(
    translator: Translator, reader: RasterReader, writer: GeoTiffWriter, progress: Progress
) -> None:
    width, height = reader.size
    scaled_size = translator.geometry.scaled_size(reader.size, translator.config.image_size)
    small = reader.shrink(*scaled_size, partial(progress, "rows"))
    # At this size, the mode `full` does what `fit` does.
    *_, (_, _, result) = translator.iter_rgb(small, "full")
    translation = cast(Image.Image, result)  # comes with the last tile
    for top in range(0, height, BLOCK):
        rows = min(BLOCK, height - top)
        # The box is the part of the small picture that becomes these rows; Pillow also uses the
        # pixels around it, so that the parts fit together.
        box = (0, top * small.height / height, small.width, (top + rows) * small.height / height)
        part = np.asarray(translation.resize((width, rows), RESAMPLE, box))
        valid = reader.read(top, top + rows)[1] if reader.has_mask else np.ones((rows, width), bool)
        writer.write(part, valid)
        progress("rows", top + rows, height)
