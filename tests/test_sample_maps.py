"""The dataset in assets/sample_maps: its layout, its pairs, and the distance of its splits."""

import io
import json
from pathlib import Path

import numpy as np
import PIL
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.commands import ROOT
from tools import build_sample_maps
from tools.sample_map_drawing import (
    COAST,
    LAND,
    RIVER,
    SEA,
    TILE_HEIGHT,
    Tile,
    World,
    find_data,
    overlap,
)

FOLDER = ROOT / "assets" / "sample_maps"
SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def rows():
    return {
        split: [
            row
            for shard in sorted((FOLDER / "data").glob(f"{split}-*.parquet"))
            for row in pq.read_table(shard).to_pylist()
        ]
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def tiles(rows):
    return {
        split: [Tile.from_name(row["imageA"]["path"]) for row in rows[split]] for split in SPLITS
    }


def decode(cell):
    return Image.open(io.BytesIO(cell["bytes"]))


def test_counts_and_size(rows):
    assert len(rows["train"]) >= 256
    assert len(rows["validation"]) >= 64
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= 9_000_000


def test_shards_have_the_hub_layout():
    shards = sorted((FOLDER / "data").iterdir())
    assert len([shard for shard in shards if shard.name.startswith("train-")]) >= 2
    for shard in shards:
        file = pq.ParquetFile(shard)
        assert file.schema_arrow.names == ["imageA", "imageB"]
        metadata = json.loads(file.schema_arrow.metadata[b"huggingface"])
        assert metadata["info"]["features"] == {
            "imageA": {"_type": "Image"},
            "imageB": {"_type": "Image"},
        }
        groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        assert max(groups) <= build_sample_maps.ROWS_PER_GROUP


def test_card_names_its_splits_and_license():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    front = card.split("---\n")[1]
    for line in ("license: lgpl-3.0", "- image-to-image", "data/train-*", "data/validation-*"):
        assert line in front
    assert "Blue Marble" in card and "GSHHG" in card and "WDBII" in card


@pytest.mark.parametrize("split", SPLITS)
def test_each_row_is_an_rgb_pair_of_one_tile(rows, split):
    for row in rows[split]:
        photo, map_image = decode(row["imageA"]), decode(row["imageB"])
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (256, 256))
        assert (map_image.format, map_image.mode, map_image.size) == ("WEBP", "RGB", (256, 256))
        assert Path(row["imageA"]["path"]).stem == Path(row["imageB"]["path"]).stem


@pytest.mark.parametrize("split", ["validation", pytest.param("train", marks=pytest.mark.slow)])
def test_every_map_has_land_and_water(rows, split):
    for row in rows[split]:
        pixels = np.asarray(decode(row["imageB"]).convert("RGB")).astype(int)
        distances = [np.abs(pixels - color).sum(axis=2) for color in (LAND, SEA, COAST, RIVER)]
        nearest = np.argmin(distances, axis=0)
        # Half of an outline is on land; where there are many islets, outlines hide most of it.
        assert (nearest != 1).mean() >= 0.095, row["imageB"]["path"]
        assert (nearest == 0).mean() <= 0.955, row["imageB"]["path"]


def test_file_names_name_the_tile(rows, tiles):
    for split in SPLITS:
        for row, tile in zip(rows[split], tiles[split], strict=True):
            assert row["imageA"]["path"] == f"{tile.name}.jpg"


def test_tiles_stay_on_the_map(tiles):
    for tile in tiles["train"] + tiles["validation"]:
        west, east, south, north = tile.extent
        assert -180 <= west < east <= 180
        assert -65 <= south < north <= 65


def test_no_validation_tile_overlaps_a_training_tile(tiles):
    for held_out in tiles["validation"]:
        for tile in tiles["train"]:
            assert not overlap(held_out.extent, tile.extent), (held_out, tile)


@pytest.mark.parametrize("split", SPLITS)
def test_tiles_are_half_a_tile_apart(tiles, split):
    for number, first in enumerate(tiles[split]):
        west, east, _, _ = first.extent
        for second in tiles[split][:number]:
            # In units of half a tile; one of the two distances must be at least 1.
            north_south = abs(first.lat - second.lat) / (TILE_HEIGHT / 2)
            east_west = abs(first.lon - second.lon) / ((east - west) / 2)
            assert max(north_south, east_west) >= 1, (first, second)


@pytest.fixture(scope="module")
def rebuilt(rows):
    """Returns the first validation row, built again from the source data."""
    tile = Tile.from_name(rows["validation"][0]["imageA"]["path"])
    return build_sample_maps.build_row(World(find_data()), tile)


def test_the_tool_rebuilds_a_row(rows, rebuilt):
    row = rows["validation"][0]
    for column in ("imageA", "imageB"):
        stored = np.asarray(decode(row[column])).astype(int)
        assert np.abs(stored - np.asarray(decode(rebuilt[column]))).mean() < 0.5


@pytest.mark.skipif(
    f"Pillow {PIL.__version__}." not in (FOLDER / "README.md").read_text(encoding="utf-8"),
    reason="another version of Pillow may encode or antialias differently",
)
def test_the_same_pillow_rebuilds_a_row_byte_for_byte(rows, rebuilt):
    assert rebuilt == rows["validation"][0]
