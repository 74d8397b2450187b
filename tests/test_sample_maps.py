"""The dataset in assets/sample_maps: its layout, its pictures, and the distance of its splits."""

import io
import itertools
import json

import numpy as np
import PIL
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard
from PIL import Image

from pix2pix import data
from pix2pix.config import Config
from tests.commands import ROOT
from tools import build_sample_maps
from tools.sample_map_drawing import LAKE, TILE_HEIGHT, Tile, World, find_data, overlap
from tools.sample_map_sketch import CLASSES, COLORS, LAND, draw_sketch, segment

FOLDER = ROOT / "assets" / "sample_maps"
SPLITS = ("train", "validation")
CLASS_LAKE = [entry.name for entry in CLASSES].index("lake or river")


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


@pytest.fixture(scope="module")
def card() -> dict:
    """The front matter of the dataset's card."""
    return DatasetCard.load(FOLDER / "README.md").data.to_dict()


def decode(cell):
    return Image.open(io.BytesIO(cell["bytes"]))


def read_classes(cell) -> np.ndarray:
    """Returns the class of each pixel of a sketch, (H, W); fails for a color of no class."""
    matches = (np.asarray(decode(cell))[..., None, :] == COLORS).all(axis=-1)
    assert matches.any(axis=-1).all(), cell["path"]
    return matches.argmax(axis=-1)


def test_counts_and_size(rows):
    assert len(rows["train"]) >= 450
    assert len(rows["validation"]) >= 75
    sizes = [file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()]
    assert max(sizes) < 10_000_000 and sum(sizes) < 20_000_000


def test_shards_have_the_hub_layout():
    shards = sorted((FOLDER / "data").iterdir())
    assert len([shard for shard in shards if shard.name.startswith("train-")]) >= 2
    for shard in shards:
        file = pq.ParquetFile(shard)
        columns = ["imageA", "imageB", "imageC"]
        assert file.schema_arrow.names == columns
        metadata = json.loads(file.schema_arrow.metadata[b"huggingface"])
        assert metadata["info"]["features"] == {name: {"_type": "Image"} for name in columns}
        groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        assert max(groups) <= build_sample_maps.ROWS_PER_GROUP


def test_card_names_its_splits_licenses_and_columns(card):
    assert card["license"] == "lgpl-3.0" and card["task_categories"] == ["image-to-image"]
    (config,) = card["configs"]
    assert [files["split"] for files in config["data_files"]] == ["train", "validation"]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("Blue Marble", "shaded relief", "MIT", "GSHHG", "WDBII", "imageA", "imageC"):
        assert name in text


def test_the_card_and_every_shard_have_the_same_palettes(card):
    palettes = card["palettes"]
    assert palettes.keys() == {"imageB", "imageC"}
    classes = {(entry["color"], entry["name"]) for entry in palettes["imageC"]}
    assert classes == {(f"#{bytes(entry.color).hex()}", entry.name) for entry in CLASSES}
    assert sum(entry["share"] for entry in palettes["imageC"]) == pytest.approx(1, abs=0.001)
    for shard in (FOLDER / "data").iterdir():
        assert json.loads(pq.ParquetFile(shard).schema_arrow.metadata[b"palettes"]) == palettes


@pytest.mark.parametrize("split", SPLITS)
def test_each_row_has_three_pictures_of_one_tile(rows, split):
    for row in rows[split]:
        pictures = {column: decode(row[column]) for column in build_sample_maps.COLUMNS}
        assert {picture.size for picture in pictures.values()} == {(256, 256)}
        assert {picture.mode for picture in pictures.values()} == {"RGB"}
        formats = [picture.format for picture in pictures.values()]
        assert formats == ["JPEG", "JPEG", "WEBP"]


@pytest.mark.parametrize("split", ["validation", pytest.param("train", marks=pytest.mark.slow)])
def test_every_sketch_has_only_the_ten_classes_and_enough_land(rows, split):
    for row in rows[split]:
        classes = read_classes(row["imageC"])
        # The sketch widens coasts a little; in the data, each tile has at least 0.25.
        assert np.isin(classes, LAND).mean() >= 0.2, row["imageC"]["path"]


def test_the_classes_of_a_real_photo_are_those_of_its_sketch(rows):
    """This bounds what can be asked of a photo that is painted from the sketch."""
    agreement = []
    for row in rows["validation"][::3]:
        photo, classes = segment(decode(row["imageA"])), read_classes(row["imageC"])
        agreement.append((photo == classes).mean())
    assert np.mean(agreement) >= 0.95


def test_sketches_consist_of_strokes_rather_than_dots(rows):
    for row in rows["validation"]:
        classes = read_classes(row["imageC"])
        same = (classes[:, 1:] == classes[:, :-1]).mean()
        assert same >= 0.93, row["imageC"]["path"]


def test_lakes_of_the_sketch_are_lakes_of_the_map(rows):
    lakes = np.concatenate([
        np.asarray(decode(row["imageB"]), int)[read_classes(row["imageC"]) == CLASS_LAKE]
        for row in rows["validation"]
    ])  # fmt: skip
    assert len(lakes) > 10_000
    # Coast lines and rivers cross some of the lakes' pixels.
    assert (np.abs(lakes - LAKE).max(axis=-1) <= 12).mean() >= 0.7


def test_mountains_of_the_map_are_lit_from_the_upper_left(rows):
    """A light slope faces up and to the left, so pixels get darker towards the lower right."""
    ridges = {"main": [], "other": []}
    for row in rows["validation"]:
        gray = np.asarray(decode(row["imageB"]).convert("L"), float)
        land = np.isin(read_classes(row["imageC"]), LAND)[1:-1, 1:-1]
        # Second differences along both diagonals: a ridge lit from its side has a light and a dark
        # slope side by side, across the direction of the light.
        center = gray[1:-1, 1:-1]
        ridges["main"].append((gray[:-2, :-2] - 2 * center + gray[2:, 2:])[land].var())
        ridges["other"].append((gray[:-2, 2:] - 2 * center + gray[2:, :-2])[land].var())
    assert np.mean(ridges["main"]) > 1.2 * np.mean(ridges["other"])


def test_file_names_name_the_tile(rows, tiles):
    for split in SPLITS:
        for row, tile in zip(rows[split], tiles[split], strict=True):
            paths = [row[column]["path"] for column in build_sample_maps.COLUMNS]
            assert paths == [
                f"{tile.name}.jpg", f"{tile.name}-map.jpg", f"{tile.name}-sketch.webp",
            ]  # fmt: skip


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
def test_tiles_are_a_step_apart(tiles, split):
    step = {
        "train": build_sample_maps.TRAIN_STEP, "validation": build_sample_maps.VALIDATION_STEP,
    }[split]  # fmt: skip
    assert step >= 0.48
    for number, first in enumerate(tiles[split]):
        west, east, _, _ = first.extent
        for second in tiles[split][:number]:
            # In tiles; one of the two distances must be at least a step.
            north_south = abs(first.lat - second.lat) / TILE_HEIGHT
            east_west = abs(first.lon - second.lon) / (east - west)
            assert max(north_south, east_west) >= step, (first, second)


@pytest.fixture(scope="module")
def rebuilt(rows):
    """Returns the first validation row, built again from the source data."""
    tile = Tile.from_name(rows["validation"][0]["imageA"]["path"])
    return build_sample_maps.build_row(World(find_data()), tile)


def test_the_tool_rebuilds_a_row(rows, rebuilt):
    row = rows["validation"][0]
    for column in build_sample_maps.COLUMNS:
        stored = np.asarray(decode(row[column])).astype(int)
        assert np.abs(stored - np.asarray(decode(rebuilt[column]))).mean() < 0.5


@pytest.mark.skipif(
    f"Pillow {PIL.__version__}." not in (FOLDER / "README.md").read_text(encoding="utf-8"),
    reason="another version of Pillow may encode or antialias differently",
)
def test_the_same_pillow_rebuilds_a_row_byte_for_byte(rows, rebuilt):
    assert rebuilt == rows["validation"][0]


def test_segmenting_a_drawn_sketch_of_photo_colors_gives_its_classes():
    """The check of the painter: flat fields in the photo's colors are found again."""
    classes = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), 32)[None].repeat(64, axis=0)
    centers = np.array([entry.center for entry in CLASSES], np.uint8)
    found = segment(Image.fromarray(centers[classes]))
    assert (found == classes).mean() >= 0.95
    assert draw_sketch(classes).getpixel((0, 0)) == CLASSES[0].color


@pytest.mark.parametrize("columns", itertools.permutations(build_sample_maps.COLUMNS, 2))
def test_every_combination_of_columns_is_read(rows, columns, tmp_path):
    config = Config(
        dataset_name=str(FOLDER), input_column=columns[0], target_column=columns[1],
        validation_samples=1,
    )  # fmt: skip
    source = data.open_source(config)
    plan = source.plan(config)
    assert (len(plan.train), len(plan.held_out)) == (493, 1)
    (pair,) = data.cache_pairs(source, plan.held_out, 256, tmp_path).pairs
    for image, column in zip(pair, columns, strict=True):
        assert np.array_equal(image, np.asarray(decode(rows["validation"][0][column])))


def test_photo_and_map_are_found_without_naming_columns():
    assert data.open_source(Config(dataset_name=str(FOLDER))).columns == ("imageA", "imageB")
