"""Tests of `pix2pix translate --dataset_name`: every row gets a translation in a new column."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from huggingface_hub import HfApi
from PIL import Image

from pix2pix.bulk.source_table import SourceTable
from pix2pix.commands import translate
from pix2pix.hub import dataset_branch
from tests.builders import encode_image, make_picture, write_parquet
from tests.commands import ROOT
from tests.hub_clients import add_file
from tests.hub_datasets import short_retry_waits, upload_dataset  # noqa: F401
from tests.hub_server import READ_TOKEN, USER, WRITE_TOKEN, Fault, HubServer
from tests.web_models import SIDE, build_graph, build_model

FEATURES = datasets.Features(
    {
        "photo": datasets.Image(),
        "name": datasets.Value("string"),
        "kind": datasets.ClassLabel(names=["town", "forest"]),
    }
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which files wait for their upload."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pix2pix" / "translations"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model whose translations are the negatives."""
    return write_model(tmp_path / "model")


def write_model(folder: Path, *operations: str) -> Path:
    folder.mkdir()
    for name, content in build_model(build_graph(*(operations or ("Neg",)))).items():
        (folder / name).write_bytes(content)
    return folder


def make_table(
    count: int, broken: Sequence[int] = (), row_groups: int = 4, first: int = 0
) -> bytes:
    """Returns a Parquet file of small photos; those of the rows `broken` can't be read."""
    files = [encode_image(make_picture(SIDE, SIDE, first + n), "JPEG") for n in range(count)]
    for row in broken:
        files[row] = b"not a picture"
    rows = {
        "photo": [{"bytes": file, "path": f"{first + n}.jpg"} for n, file in enumerate(files)],
        "name": [f"place {first + n}" for n in range(count)],
        "kind": [n % 2 for n in range(count)],
    }
    stream = io.BytesIO()
    table = pa.Table.from_pydict(rows, FEATURES.arrow_schema)
    parquet.write_table(table, stream, row_group_size=row_groups)
    return stream.getvalue()


def write_table(folder: Path, content: bytes, split: str = "train") -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / f"{split}-00000-of-00001.parquet").write_bytes(content)
    return folder


def run(source: str | Path, model: Path, *flags: str | Path) -> int:
    """Translates a dataset in this process into files of five rows; returns the exit code."""
    arguments = ["--dataset_name", source, "--model", model, "--shard_rows", "5", *flags]
    return translate.main(list(map(str, arguments)))


def failure(capsys, *arguments: str | Path) -> str:
    """Runs the command up to an error, and returns its one line on stderr."""
    capsys.readouterr()
    assert run(*arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix translate: ")
    return line


def read_rows(name: str | Path, split: str = "train") -> tuple[list[dict], datasets.Features]:
    """Returns the rows of a dataset, undecoded, and its columns."""
    stream = datasets.load_dataset(str(name), split=split, streaming=True)
    return list(stream.decode(False)), stream.features


def assert_translated(source: str | Path, result: str | Path, empty: Sequence[int] = ()) -> None:
    """Checks that the columns are copied byte for byte, and that translations are negatives."""
    (rows, columns), (translated, new_columns) = read_rows(source), read_rows(result)
    assert new_columns == datasets.Features({**columns, "translation": datasets.Image()})
    assert len(rows) == len(translated)
    for number, (row, new) in enumerate(zip(rows, translated, strict=True)):
        assert {name: new[name] for name in row} == row
        if number in empty:
            assert new["translation"] is None
            continue
        image = Image.open(io.BytesIO(new["translation"]["bytes"]))
        assert (image.format, image.size) == ("PNG", (SIDE, SIDE))
        photo = np.asarray(Image.open(io.BytesIO(row["photo"]["bytes"])))
        np.testing.assert_allclose(np.asarray(image), 255 - photo, atol=1)


@pytest.fixture
def dataset(hub: HubServer, repo_id: str, logged_in: None) -> str:
    """A dataset of 19 rows in two files on the Hub, under a license; row 7 is unreadable."""
    name = f"{repo_id}-photos"
    upload_dataset(hub, name, [make_table(12, broken=[7]), make_table(7, first=12)])
    card = b"---\nlicense: other\nlicense_name: my-terms\nlicense_link: LICENSE.md\n---\n"
    HfApi().create_commit(name, [add_file("README.md", card)], repo_type="dataset",
                          commit_message="card")  # fmt: skip
    return name


# A folder of this machine.


def test_a_folder_becomes_a_folder_that_datasets_loads(tmp_path: Path, model: Path, capsys):
    source, maps = write_table(tmp_path / "photos", make_table(12, broken=[3])), tmp_path / "maps"
    write_table(source, make_table(2), "validation")
    assert run(source, model, "--output", maps) == 0
    printed = capsys.readouterr()
    assert f"Translating 12 rows of {source} (train), column photo, into 3 files." in printed.out
    assert printed.out.splitlines()[-1].endswith(f": {maps}")
    first, last = printed.err.splitlines()
    assert first.startswith("Warning: row 3: This file is not a picture")
    assert last == "Warning: 1 row has no translation: translation is empty there."
    files = [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    assert {path.name for path in (maps / "data/train").iterdir()} == {*files, "translation.json"}
    assert_translated(source, maps, empty=[3])
    assert run(source, model, "--output", maps, "--split", "validation") == 0
    assert [len(read_rows(maps, split)[0]) for split in ("train", "validation")] == [12, 2]
    card = (maps / "README.md").read_text()
    assert "| train | 12 | 1 | `photos` |" in card and str(tmp_path) not in card
    assert str(tmp_path) not in (maps / "data" / "train" / "translation.json").read_text()
    assert not list(maps.glob(".*"))
    assert run(source, model, "--output", maps) == 0
    assert "has this translation already" in capsys.readouterr().out


def test_other_kinds_of_datasets(tmp_path: Path, model: Path):
    """Pictures in files, a folder of save_to_disk, a column of bytes, and one file."""
    photos = tmp_path / "photos" / "train"
    photos.mkdir(parents=True)
    for number in range(6):
        make_picture(SIDE, SIDE, number).save(photos / f"{number}.png")
    files = [(photos / f"{number}.png").read_bytes() for number in range(6)]
    assert run(tmp_path / "photos", model, "--output", tmp_path / "a", "--max_samples", "4") == 0
    rows, _ = read_rows(tmp_path / "a")
    assert [row["image"]["bytes"] for row in rows] == files[:4], "the pictures are embedded"
    saved = datasets.Dataset.from_dict({"data": files, "n": list(range(6))})
    saved.save_to_disk(tmp_path / "saved")
    assert run(tmp_path / "saved", model, "--output", tmp_path / "b") == 0
    rows, features = read_rows(tmp_path / "b")
    assert [row["data"] for row in rows] == files and list(features) == ["data", "n", "translation"]
    saved.to_parquet(tmp_path / "one.parquet")
    assert run(tmp_path / "one.parquet", model, "--output", tmp_path / "c") == 0
    assert read_rows(tmp_path / "c")[0] == rows


def test_processes_write_the_same_files(tmp_path: Path, model: Path):
    source = write_table(tmp_path / "photos", make_table(23, broken=[8]))
    assert run(source, model, "--output", tmp_path / "one") == 0
    assert run(source, model, "--output", tmp_path / "two", "--num_proc", "2") == 0
    contents = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "data" / "train").iterdir()}
        for name in ("one", "two")
    ]
    assert contents[0] == contents[1] and len(contents[0]) == 6


def test_an_interrupted_run_goes_on_with_the_missing_files(tmp_path: Path, model: Path, capsys):
    source, maps = write_table(tmp_path / "photos", make_table(12)), tmp_path / "maps"
    unfinished = maps / ".unfinished-train"
    assert run(source, model, "--output", maps) == 0
    # As a process leaves it that is killed while it writes the second file.
    (maps / "data" / "train").rename(unfinished)
    (unfinished / "train-00001-of-00003.parquet").rename(
        unfinished / ".123.train-00001-of-00003.parquet"
    )
    (maps / "README.md").unlink()
    times = {path.name: path.stat().st_mtime_ns for path in unfinished.glob("train*")}
    line = failure(capsys, source, model, "--output", maps, "--mode", "full")
    assert "an unfinished translation with other settings (mode: fit, now full)" in line
    assert run(source, model, "--output", maps) == 0
    assert "into 3 files; 7 rows of them are done already." in capsys.readouterr().out
    assert_translated(source, maps)
    files = {path.name: path.stat().st_mtime_ns for path in (maps / "data/train").glob("*train*")}
    assert len(files) == 3 and times.items() <= files.items()


def test_another_translation_replaces_the_first_one_only_when_asked(
    tmp_path: Path, model: Path, capsys
):
    source, maps = write_table(tmp_path / "photos", make_table(6)), tmp_path / "maps"
    same = write_model(tmp_path / "same", "Neg", "Neg")
    assert run(source, same, "--output", maps) == 0
    line = failure(capsys, source, model, "--output", maps)
    assert "has the split train already, made with other settings" in line
    assert "model: same, now model; graph_sha256: " in line and "--overwrite" in line
    assert run(source, model, "--output", maps, "--overwrite") == 0
    assert_translated(source, maps)


# Columns and rows.


def test_the_column_of_the_training_is_chosen_among_several(tmp_path: Path):
    files = [encode_image(make_picture(SIDE, SIDE, number)) for number in range(3)]
    source = write_parquet(tmp_path / "pairs", "train", {"imageA": files, "imageB": files}).parent
    folder = tmp_path / "trained"
    folder.mkdir()
    config = {"image_size": SIDE, "direction": "b_to_a", "aspect": "squash"}
    for name, content in build_model(columns=["imageA", "imageB"], config=config).items():
        (folder / name).write_bytes(content)
    assert run(source.parent, folder, "--output", tmp_path / "maps") == 0
    record = json.loads((tmp_path / "maps" / "data" / "train" / "translation.json").read_text())
    assert record["plan"]["input_column"] == "imageB"


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--input_column", "name"], "The column name of {} has no pictures; its columns are photo, "
         "name, kind; those with pictures: photo."),
        (["--input_column", "image"], "{} has no column image; its columns are photo, name, kind;"),
        (["--output_column", "name"], "{} has a column name already; choose another"),
        (["--split", "test"], "{} has no split named test; its splits: train; choose one with "
         "--split train."),
        (["--dataset_revision", "main"], "--dataset_revision names a commit on the Hub"),
    ],
)  # fmt: skip
def test_wrong_columns_and_splits(tmp_path: Path, model: Path, capsys, flags, reason: str):
    source = write_table(tmp_path / "photos", make_table(3))
    assert reason.format(source) in failure(
        capsys, source, model, "--output", tmp_path / "x", *flags
    )
    assert not (tmp_path / "x").exists()


def test_a_dataset_without_pictures(tmp_path: Path, model: Path, capsys):
    texts = datasets.Dataset.from_dict({"text": ["a", "b"], "data": [b"1", b"2"]})
    texts.to_parquet(tmp_path / "texts.parquet")
    line = failure(capsys, tmp_path / "texts.parquet", model, "--output", tmp_path / "x")
    assert "None of the first 2 pictures in the column data can be translated" in line
    texts.remove_columns("data").to_parquet(tmp_path / "texts.parquet")
    line = failure(capsys, tmp_path / "texts.parquet", model, "--output", tmp_path / "y")
    assert "has no column with pictures; its columns are text." in line


# The Hub.


def test_a_dataset_on_the_hub_becomes_one_commit_on_main(
    hub: HubServer, dataset: str, repo_id: str, model: Path, cache: Path, capsys
):
    assert run(dataset, model, "--push_to_hub", repo_id) == 0
    assert capsys.readouterr().out.endswith(f": {hub.endpoint}/datasets/{repo_id}\n")
    repo = hub.store.repo("dataset", repo_id)
    titles = [commit.title for commit in repo.history(repo.head)]
    assert titles[:-1] == [f"pix2pix translate: 19 rows of {dataset} (train)"]
    assert list(repo.branches) == ["main"] and not list(cache.glob("*/*"))
    assert_translated(dataset, repo_id, empty=[7])
    info = HfApi().dataset_info(repo_id)
    assert info.card_data.license == "other" and info.card_data.license_name == "my-terms"
    revision = HfApi().dataset_info(dataset).sha
    card = hub.store.read_blob(repo.head.tree["README.md"]).decode()
    assert f"[{dataset}@{revision[:7]}](https://huggingface.co/datasets/{dataset}/tree/" in card
    head = repo.head.oid
    assert run(dataset, model, "--push_to_hub", repo_id) == 0
    assert "has this translation already" in capsys.readouterr().out and repo.head.oid == head


def test_a_source_that_breaks_off_is_continued_on_another_machine(
    hub: HubServer, dataset: str, repo_id: str, model: Path, cache: Path, capsys, monkeypatch,
    short_retry_waits,
):  # fmt: skip
    monkeypatch.setattr(dataset_branch, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(dataset_branch, "MAX_WAITING", 0)  # each file is uploaded at once
    fault = Fault("GET", r"train-00001-of-00002\.parquet", "cut", 100, after=200)
    opened = SourceTable(dataset, "train", revision=HfApi().dataset_info(dataset).sha)
    monkeypatch.setattr("pix2pix.bulk.source_table.SourceTable", lambda *_: opened)
    hub.faults.append(fault)
    line = failure(capsys, dataset, model, "--push_to_hub", repo_id)
    assert f"Reading {dataset} broke off at row 12 of train" in line
    assert "finished files are kept: run the command again" in line
    monkeypatch.undo()
    hub.faults.clear()
    repo = hub.store.repo("dataset", repo_id)
    assert set(repo.head.tree) == {".gitattributes"}, "nothing is visible yet"
    unfinished = repo.resolve("unfinished-train").tree
    assert "data/train/train-00001-of-00004.parquet" in unfinished
