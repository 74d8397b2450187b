"""Tests of the datasets that `pix2pix pairs` writes: rows, splits, made sides, shards, card."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import yaml
from PIL import Image
from PIL.ImageFilter import MaxFilter, MinFilter

from pix2pix.__main__ import main
from pix2pix.data import Rows
from pix2pix.pairing import shards
from tests.builders import (
    encode_image,
    make_pairs,
    make_picture,
    open_dataset_folder,
    write_joined_pairs,
)
from tests.commands import ROOT
from tests.faulty_pairs import write_photos, write_two_folders
from tests.source_pairs import assert_same_pairs, read_pairs


def build(*arguments: object) -> None:
    """Runs `pix2pix pairs`, which must succeed."""
    assert main(["pairs", *map(str, arguments)]) == 0


def rows_of(output: Path, split: str) -> list[dict]:
    """Returns the rows of a split, as stored."""
    files = sorted((output / "data").glob(f"{split}-*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def names_of(output: Path, split: str) -> list[str]:
    return [row["imageB"]["path"] for row in rows_of(output, split)]


def decode(cell: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(cell["bytes"])))


def front_matter(output: Path) -> dict:
    return yaml.safe_load((output / "README.md").read_text().split("---")[1])


def test_two_folders_keep_the_bytes_of_their_files(tmp_path: Path):
    a, b = write_two_folders(tmp_path, 12, 48)
    build(a, b, "--output", tmp_path / "pairs")
    rows = rows_of(tmp_path / "pairs", "train") + rows_of(tmp_path / "pairs", "validation")
    assert len(rows) == 12
    for number, row in enumerate(rows):
        for column, path in (
            ("imageA", a / f"{number:04d}.jpg"),
            ("imageB", b / f"{number:04d}.png"),
        ):
            assert row[column] == {"bytes": path.read_bytes(), "path": path.name}


def test_the_layout_is_that_of_huggan_maps(tmp_path: Path):
    a, b = write_two_folders(tmp_path, 12, 48)
    build(a, b, "--output", tmp_path / "pairs")
    data = tmp_path / "pairs" / "data"
    assert {path.name for path in data.iterdir()} == {
        "train-00000-of-00001.parquet", "validation-00000-of-00001.parquet",
    }  # fmt: skip
    features = [
        json.loads(
            parquet.read_schema(folder / "train-00000-of-00001.parquet").metadata[b"huggingface"]
        )
        for folder in (data,)
    ]
    assert features[0]["info"]["features"] == {
        "imageA": {"_type": "Image"}, "imageB": {"_type": "Image"},
    }  # fmt: skip


def test_two_folders_with_any_names_in_one_are_named_as_a_and_b(tmp_path: Path, capsys):
    for folder, name in zip(write_two_folders(tmp_path, 12, 48), ("first", "second"), strict=True):
        folder.rename(tmp_path / name)
    source, output = tmp_path, tmp_path.parent / f"{tmp_path.name}-pairs"
    assert main(["pairs", str(source), "--output", str(output)]) == 1
    assert "pass --pair_layout folders" in capsys.readouterr().err
    build(source, "--output", output, "--pair_layout", "folders")
    assert len(rows_of(output, "train") + rows_of(output, "validation")) == 12


def test_side_by_side_pictures_become_two_columns(tmp_path: Path):
    pairs = make_pairs(10)
    write_joined_pairs(tmp_path / "maps", "train", pairs[:8], "png")
    write_joined_pairs(tmp_path / "maps", "val", pairs[8:], "png")
    build(tmp_path / "maps", "--output", tmp_path / "pairs")
    source = open_dataset_folder(tmp_path / "pairs")
    assert source.splits == {"train": 8, "validation": 2}, "the folders say so"
    assert_same_pairs(read_pairs(source, Rows("train", 0, 8)), pairs[:8])
    assert_same_pairs(read_pairs(source, Rows("validation", 0, 2)), pairs[8:])


def test_pictures_that_few_programs_show_are_stored_as_png(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    deep = np.linspace(0, 65535, 48 * 48).astype(np.uint16).reshape(48, 48)
    Image.fromarray(deep).save(photos / "0.tif")
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    make_picture(48, 48, 1).save(photos / "1.jpg", exif=exif, quality=95)
    make_picture(48, 48, 2).save(photos / "2.jpg", quality=95)
    build(photos, "--make", "gray", "--output", tmp_path / "pairs", "--validation_share", "0")
    cells = [row["imageB"] for row in rows_of(tmp_path / "pairs", "train")]
    assert [cell["path"] for cell in cells] == ["0.png", "1.png", "2.jpg"]
    assert Image.open(io.BytesIO(cells[0]["bytes"])).mode == "RGB"
    assert b"Exif" not in cells[1]["bytes"], "the place where a photo was taken is not passed on"
    assert np.array_equal(decode(cells[1]), np.asarray(Image.open(photos / "1.jpg")))


@pytest.mark.parametrize("make", ["edges", "gray", "low_res", "blank", "posterized"])
def test_the_other_side_is_made(make: str, tmp_path: Path):
    photos = write_photos(tmp_path / "photos", 4, 64)
    output = tmp_path / "pairs"
    build(photos, "--make", make, "--output", output, "--colors", 5)
    rows = rows_of(output, "train")
    assert len(rows) == 3
    for number, row in enumerate(rows):
        assert row["imageB"]["bytes"] == (photos / f"{number:04d}.jpg").read_bytes()
        made, photo = decode(row["imageA"]), decode(row["imageB"]).astype(int)
        assert made.shape[:2] == photo.shape[:2]
        check_made(make, made, photo)
    if make == "posterized":
        colors = {entry["color"] for entry in front_matter(output)["palettes"]["imageA"]}
        used = {"#" + bytes(c).hex() for row in rows for c in decode(row["imageA"]).reshape(-1, 3)}
        assert used <= colors and len(colors) == 5


def check_made(make: str, made: np.ndarray, photo: np.ndarray) -> None:
    if make == "edges":
        assert set(np.unique(made)) == {0, 255} and 0.01 < (made == 0).mean() < 0.4
        gray = Image.fromarray(photo.astype(np.uint8)).convert("L")
        extremes = [np.asarray(gray.filter(f(5)), int) for f in (MinFilter, MaxFilter)]
        contrast = extremes[1] - extremes[0]
        assert contrast[made == 0].mean() > 1.3 * contrast[made > 0].mean(), "lines follow edges"
    elif make == "gray":
        expected = Image.fromarray(photo.astype(np.uint8)).convert("L")
        assert np.array_equal(made, np.asarray(expected))
    elif make == "low_res":
        fine = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in (made, photo)]
        assert fine[0] < 0.8 * fine[1] and np.abs(made - photo).mean() < 20
    elif make == "blank":
        hole = (made == 128).all(axis=2)
        assert hole.mean() == pytest.approx(0.25, abs=0.02)
        assert np.array_equal(made[~hole], photo[~hole])
    else:
        assert len(np.unique(made.reshape(-1, 3), axis=0)) <= 5


def test_image_size_makes_large_pictures_smaller(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    make_picture(300, 200, 1).save(photos / "1.jpg")
    make_picture(40, 30, 2).save(photos / "2.jpg")
    output = tmp_path / "pairs"
    build(
        photos, "--make", "edges", "--output", output, "--image_size", 50, "--validation_share", 0
    )
    sizes = [[decode(cell).shape[:2] for cell in row.values()] for row in rows_of(output, "train")]
    assert sizes == [[(50, 75)] * 2, [(30, 40)] * 2]


@pytest.mark.parametrize("table", ["metadata.csv", "metadata.jsonl"])
def test_a_column_splits_by_name_or_in_whole_groups(table: str, tmp_path: Path):
    photos = write_photos(tmp_path / "photos", 8, 48)
    values = {f"{n:04d}.jpg": ("test" if n < 2 else "train", f"scene{n % 3}") for n in range(8)}
    lines = [f"{name},{split},{scene}" for name, (split, scene) in values.items()]
    if table.endswith("jsonl"):
        rows = [
            dict(zip(("file_name", "split", "scene"), line.split(","), strict=True))
            for line in lines
        ]
        lines = list(map(json.dumps, rows))
    else:
        lines.insert(0, "file_name,split,scene")
    (photos / table).write_text("\n".join(lines))
    for column in ("split", "scene"):
        build(photos, "--make", "gray", "--output", tmp_path / column, "--split_by", column)
    assert names_of(tmp_path / "split", "test") == ["0000.jpg", "0001.jpg"]
    assert len(names_of(tmp_path / "split", "train")) == 6
    assert names_of(tmp_path / "scene", "validation") == ["0002.jpg", "0005.jpg"], "scene2"
    assert len(names_of(tmp_path / "scene", "train")) == 6


def test_subfolders_are_kept_whole(tmp_path: Path):
    for number, city in enumerate(("bonn", "oslo", "riga")):
        folder = write_photos(tmp_path / "photos" / city, 3, 48)
        for path in folder.iterdir():
            make_picture(48, 48, 10 * number + int(path.stem)).save(path)
    build(
        tmp_path / "photos", "--make", "gray", "--output", tmp_path / "p", "--split_by", "subfolder"
    )
    assert len(names_of(tmp_path / "p", "train")) == 6
    rows = rows_of(tmp_path / "p", "validation")
    assert [row["imageB"]["bytes"] for row in rows] == [
        path.read_bytes() for path in sorted((tmp_path / "photos" / "riga").iterdir())
    ]


def test_blocks_are_contiguous_and_in_natural_order(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(12):
        make_picture(48, 48, number).save(photos / f"{number}.jpg")
    build(photos, "--make", "gray", "--output", tmp_path / "p", "--validation_share", "0.25")
    names = names_of(tmp_path / "p", "train") + names_of(tmp_path / "p", "validation")
    assert names == [f"{number}.jpg" for number in range(12)]
    assert len(names_of(tmp_path / "p", "validation")) == 3


def test_shards_are_numbered_and_rows_stay_in_order(tmp_path: Path):
    content = encode_image(make_picture(48, 48))
    side = shards.Sides(*(_Stored(content) for _ in range(2)))
    with shards.ShardWriter(tmp_path, "train", shard_bytes=len(content) * 150) as writer:
        for _ in range(350):
            writer.write(side)
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert names == ["train-00000-of-00004.parquet", "train-00001-of-00004.parquet",
                     "train-00002-of-00004.parquet", "train-00003-of-00004.parquet"]  # fmt: skip
    assert len(rows_of(tmp_path, "train")) == writer.rows == 350


class _Stored:
    """A side that is stored as given."""

    name = "x.png"

    def __init__(self, content: bytes):
        self._content = content

    def encode(self) -> bytes:
        return self._content


def test_the_card_says_how_the_dataset_was_made(tmp_path: Path, monkeypatch):
    write_photos(tmp_path / "photos", 6, 48)
    monkeypatch.chdir(tmp_path)
    build(tmp_path / "photos", "--make", "edges", "--edge_sigma", "1.0", "--output", "my-edges",
          "--license", "cc0-1.0")  # fmt: skip
    card, data = Path("my-edges/README.md").read_text(), front_matter(Path("my-edges"))
    assert data["license"] == "cc0-1.0" and data["task_categories"] == ["image-to-image"]
    assert data["size_categories"] == ["n<1K"] and "pix2pix_pairs" in data
    command = "pix2pix pairs photos --output my-edges --make edges --edge_sigma 1.0"
    assert command in card and str(tmp_path) not in card
    assert "| train | 5 |" in card and "48x48 pixels" in card and "(preview.png)" in card
    assert Image.open("my-edges/preview.png").width == 2 * 48 + 4


def test_a_dataset_is_replaced_only_when_asked(tmp_path: Path, capsys):
    photos, output = write_photos(tmp_path / "photos", 4, 48), tmp_path / "pairs"
    build(photos, "--make", "gray", "--output", output)
    (output / "data" / "old").touch()
    assert main(["pairs", str(photos), "--make", "gray", "--output", str(output)]) == 1
    assert "add --overwrite_output_dir" in capsys.readouterr().err
    build(photos, "--make", "edges", "--output", output, "--overwrite_output_dir")
    assert not (output / "data" / "old").exists()
    assert set(tmp_path.iterdir()) == {photos, output}


def test_a_killed_command_leaves_nothing_and_can_be_repeated(tmp_path: Path):
    photos, output = write_photos(tmp_path / "photos", 40, 200), tmp_path / "pairs"
    command = [sys.executable, "-m", "pix2pix", "pairs", str(photos), "--output", str(output)]
    process = subprocess.Popen([*command, "--make", "edges"], cwd=ROOT)
    while not list(tmp_path.glob(".pairs.*.partial/data")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists() and list(tmp_path.glob(".pairs.*.partial"))
    build(photos, "--make", "gray", "--output", output)
    assert set(tmp_path.iterdir()) == {photos, output}
