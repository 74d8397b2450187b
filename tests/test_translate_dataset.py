"""Tests of `pix2pix translate --dataset_name`: every row gets a translation in a new column."""

import json
from pathlib import Path

import datasets
import pytest

from pix2pix.bulk.destinations import FolderDestination
from pix2pix.bulk.translation_plan import TranslationRecord
from pix2pix.commands import translate
from tests.builders import encode_image, make_picture, write_parquet
from tests.translated_datasets import (  # noqa: F401
    assert_translated,
    cache_fixture,
    failure,
    make_table,
    model_fixture,
    read_rows,
    run,
    write_model,
    write_table,
)
from tests.web_models import SIDE, build_model

pytestmark = pytest.mark.usefixtures("cache")


def test_a_folder_becomes_a_folder_that_datasets_loads(tmp_path: Path, model: Path, capsys):
    source, maps = write_table(tmp_path / "photos", make_table(12, broken=[3])), tmp_path / "maps"
    write_table(source, make_table(2), "validation")
    assert run(source, model, "--output", maps) == 0
    printed = capsys.readouterr()
    assert f"Translating 12 rows of {source} (train), column photo, into 3 files." in printed.out
    assert printed.out.splitlines()[-1].endswith(f": {maps}")
    first, last = printed.err.splitlines()
    assert first.startswith("Warning: row 3: This file is not a picture")
    assert last == "Warning: 1 row has no translation; the column translation is empty there."
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
    record = TranslationRecord.read(unfinished)
    with FolderDestination(maps, "train").opened(record) as there:
        assert there == {0, 2}
        line = failure(capsys, source, model, "--output", maps)
        assert "is in use by another run of pix2pix translate; wait until it ends" in line
    times = {path.name: path.stat().st_mtime_ns for path in unfinished.glob("train*")}
    line = failure(capsys, source, model, "--output", maps, "--mode", "full")
    assert "an unfinished translation with other settings (mode: fit, now full)" in line
    assert run(source, model, "--output", maps) == 0
    assert "into 3 files; 7 rows of them are done already." in capsys.readouterr().out
    assert_translated(source, maps)
    files = {path.name: path.stat().st_mtime_ns for path in (maps / "data/train").glob("*train*")}
    assert len(files) == 3 and times.items() <= files.items()


def test_a_folder_of_an_interrupted_run_takes_another_split(tmp_path: Path, model: Path):
    source, maps = write_table(tmp_path / "photos", make_table(2)), tmp_path / "maps"
    write_table(source, make_table(3), "validation")
    assert run(source, model, "--output", maps) == 0
    # As a process leaves it that is killed between the card and the files.
    (maps / "data" / "train").rename(maps / ".unfinished-train")
    (maps / "data").rmdir()
    assert run(source, model, "--output", maps, "--split", "validation") == 0
    assert run(source, model, "--output", maps) == 0
    assert [len(read_rows(maps, split)[0]) for split in ("train", "validation")] == [2, 3]


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
        (["--input_column", "name"], "The column name of {} has no pictures; its columns are photo,"
         " name, kind; those with pictures: photo."),
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


def test_folders_that_are_refused(tmp_path: Path, model: Path, capsys):
    source = write_table(tmp_path / "photos", make_table(3))
    (tmp_path / "file").touch()
    assert "is a file; name a folder" in failure(
        capsys, source, model, "--output", tmp_path / "file"
    )
    assert "has files that pix2pix translate did not write; name a new" in failure(
        capsys, source, model, "--output", source
    )
    assert "can't be written" in failure(capsys, source, model, "--output", "/proc/maps")
    (tmp_path / "empty").mkdir()
    line = failure(capsys, tmp_path / "empty", model, "--output", tmp_path / "x")
    assert "No pictures were found at" in line and "a table with a picture column or" in line
    assert "is not a valid id" in failure(capsys, "./gone", model, "--output", tmp_path / "x")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--dataset_name", "a/b"], "needs either --output or --push_to_hub"),
        (["--dataset_name", "a/b", "--output", "x", "--push_to_hub", "c/d"], "needs either"),
        (["--dataset_name", "a/b", "--push_to_hub", "c/d/e"], "is no name of a repository"),
        (["x.jpg", "--dataset_name", "a/b", "--output", "x"], "are two inputs"),
        (["--dataset_name", "a/b", "--output", "x", "--side_by_side"], "is for picture files"),
        (["--dataset_name", "a/b", "--output", "x", "--hf_job", "t4"], "without --push_to_hub"),
        (["--dataset_name", "a/b", "--output", "x", "--hf_job_timeout", "1h"], "without --hf_job:"),
        (
            ["--dataset_name", "a/b", "--push_to_hub", "c/d", "--hf_job_source", "git+https://x/y"],
            "--hf_job_source has no effect without --hf_job: add it",
        ),
        (["--dataset_name", "a/b", "--output", "x", "--num_proc", "0"], "must be at least 1"),
        (["--dataset_name", "a/b", "--output", "x", "--output_column", ""], "is empty"),
        (["x.jpg", "--output", "x", "--split", "test"], "no effect without --dataset_name"),
        (["x.jpg", "--output", "x", "--hf_job_timeout", "1h"], "no effect without --dataset_name"),
    ],
)
def test_flags_that_do_not_fit_together(arguments: list[str], reason: str, capsys):
    with pytest.raises(SystemExit) as caught:
        translate.main(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
