"""Makes the other side of a photo: edges, a gray, blurred or incomplete copy, or flat colors."""

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from pix2pix.errors import UserError
from pix2pix.images import RESAMPLE
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.pixels.gate import open_image

# Photos from which the flat colors are chosen, as squares of this many pixels in a mosaic.
PALETTE_PHOTOS, PALETTE_TILE = 64, 64
HOLE = (128, 128, 128)


class SideMaker:
    """Makes A from a photo; the same photo always gives the same A."""

    def __init__(self, settings: PairsSettings, photos: Iterable[Path]):
        """Chooses the flat colors of `posterized` from some of the `photos`."""
        self._settings = settings
        is_flat = settings.make == "posterized"
        self._palette = _choose_colors(photos, settings.colors) if is_flat else None

    @property
    def palette(self) -> list[str]:
        """The flat colors as "#rrggbb"; [] where there are none."""
        if not self._palette:
            return []
        values = bytes((self._palette.getpalette() or [])[: 3 * self._settings.colors])
        return list(dict.fromkeys(f"#{values[i : i + 3].hex()}" for i in range(0, len(values), 3)))

    def make(self, photo: Image.Image, name: str) -> Image.Image:
        """Returns A for an RGB photo, of the same size; `name` decides where the hole is."""
        settings = self._settings
        match settings.make:
            case "edges":
                return _find_edges(photo, settings)
            case "gray":
                return photo.convert("L")
            case "low_res":
                width, height = (max(1, s // settings.low_res_factor) for s in photo.size)
                return photo.resize((width, height), RESAMPLE).resize(photo.size, RESAMPLE)
            case "blank":
                seed = zlib.crc32(name.encode(errors="surrogateescape"))
                return _cut_hole(photo, settings.blank_share, seed)
        flat = photo.filter(ImageFilter.MedianFilter(5))
        flat = flat.quantize(palette=self._palette, dither=Image.Dither.NONE)
        # The most common color around each pixel: strokes instead of speckles.
        return flat.filter(ImageFilter.ModeFilter(7)).convert("RGB")


def _find_edges(photo: Image.Image, settings: PairsSettings) -> Image.Image:
    """Returns Canny's edges as black lines, one pixel wide, on white."""
    from skimage.feature import canny

    gray = np.asarray(photo.convert("L"), np.float32) / 255
    edges = canny(gray, settings.edge_sigma, settings.edge_low, settings.edge_high)
    return Image.fromarray(np.where(edges, np.uint8(0), np.uint8(255)))


def _cut_hole(photo: Image.Image, share: float, seed: int) -> Image.Image:
    """Returns the photo with a gray rectangle of its own proportions, somewhere."""
    random = np.random.default_rng(seed)
    width, height = (max(1, round(side * share**0.5)) for side in photo.size)
    left, top = random.integers(0, (photo.width - width + 1, photo.height - height + 1))
    result = photo.copy()
    result.paste(HOLE, (left, top, left + width, top + height))
    return result


def _choose_colors(photos: Iterable[Path], colors: int) -> Image.Image:
    """Returns a palette image of the colors that fit small copies of the photos best."""
    photos = list(photos)
    spread = np.unique(np.linspace(0, len(photos) - 1, PALETTE_PHOTOS).astype(int))
    tiles = []
    for index in spread:
        try:
            photo = open_image(photos[index])
        except UserError:
            continue
        tiles.append(np.asarray(photo.resize((PALETTE_TILE, PALETTE_TILE), Image.Resampling.BOX)))
    if not tiles:
        raise UserError(f"No photo can be read, e.g. {photos[0]}; check the sources.")
    mosaic = Image.fromarray(np.concatenate(tiles))
    values = (mosaic.quantize(colors, kmeans=10).getpalette() or [])[: 3 * colors]
    palette = Image.new("P", (1, 1))
    # Pillow fills a shorter palette with black, which would be one more color.
    palette.putpalette((values * (256 * 3 // len(values) + 1))[: 256 * 3])
    return palette
