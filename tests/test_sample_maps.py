"""The sample data set in assets/sample_maps: its layout, and what its splits promise."""

import io
import json
from pathlib import Path

import numpy as np
import PIL
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.commands import ROOT
from tools import build_sample_maps as tool
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
        assert max(groups) <= tool.ROWS_PER_GROUP


def test_card_names_its_splits_and_licence():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    front = card.split("---\n")[1]
    for line in ("license: lgpl-3.0", "- image-to-image", "data/train-*", "data/validation-*"):
        assert line in front
    assert "Blue Marble" in card and "GSHHG" in card and "WDBII" in card


@pytest.mark.parametrize("split", SPLITS)
def test_images_are_rgb_pairs_of_one_place(rows, split):
    for row in rows[split]:
        photo, drawn = decode(row["imageA"]), decode(row["imageB"])
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (256, 256))
        assert (drawn.format, drawn.mode, drawn.size) == ("WEBP", "RGB", (256, 256))
        assert Path(row["imageA"]["path"]).stem == Path(row["imageB"]["path"]).stem


@pytest.mark.parametrize("split", SPLITS)
def test_land_share(rows, split):
    for row in rows[split]:
        pixels = np.asarray(decode(row["imageB"]).convert("RGB")).astype(int)
        distances = [np.abs(pixels - colour).sum(axis=2) for colour in (LAND, SEA, COAST, RIVER)]
        nearest = np.argmin(distances, axis=0)
        # Outlines lie half on land; among many islets they hide most of it.
        assert (nearest != 1).mean() >= 0.095, row["imageB"]["path"]
        assert (nearest == 0).mean() <= 0.955, row["imageB"]["path"]


def test_names_tell_the_tile(rows, tiles):
    for split in SPLITS:
        for row, tile in zip(rows[split], tiles[split], strict=True):
            assert row["imageA"]["path"] == f"{tile.name}.jpg"


def test_tiles_stay_on_the_map(tiles):
    for tile in tiles["train"] + tiles["validation"]:
        west, east, south, north = tile.extent
        assert -180 <= west < east <= 180
        assert -65 <= south < north <= 65


def test_validation_is_apart_from_training(tiles):
    for held_out in tiles["validation"]:
        for tile in tiles["train"]:
            assert not overlap(held_out.extent, tile.extent), (held_out, tile)


@pytest.mark.parametrize("split", SPLITS)
def test_tiles_are_half_a_tile_apart(tiles, split):
    chosen = tiles[split]
    for number, first in enumerate(chosen):
        west, east, _, _ = first.extent
        for second in chosen[:number]:
            apart_lat = abs(first.lat - second.lat) >= TILE_HEIGHT / 2
            apart_lon = abs(first.lon - second.lon) >= (east - west) / 2
            assert apart_lat or apart_lon, (first, second)


def test_the_tool_rebuilds_a_row(rows):
    row = rows["validation"][0]
    world = World(find_data())
    rebuilt = tool.build_row(world, Tile.from_name(row["imageA"]["path"]))
    for column in ("imageA", "imageB"):
        stored = np.asarray(decode(row[column])).astype(int)
        assert np.abs(stored - np.asarray(decode(rebuilt[column]))).mean() < 0.5
    # Other versions of Pillow may encode or antialias differently, so bytes bind only one.
    if f"Pillow {PIL.__version__}." in (FOLDER / "README.md").read_text(encoding="utf-8"):
        assert rebuilt == row
