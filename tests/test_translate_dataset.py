"""Tests of `pix2pix translate --dataset_name`: every row gets a translation in a new column."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from huggingface_hub import HfApi
from PIL import Image

from pix2pix.commands import translate
from pix2pix.hub import dataset_branch
from tests.builders import encode_image, make_picture, write_parquet
from tests.commands import ROOT
from tests.hub_clients import add_file
from tests.hub_datasets import upload_dataset
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, Fault, HubServer
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
    """Runs the command up to an error, and returns its last line on stderr."""
    capsys.readouterr()
    assert run(*arguments) == 1
    line = capsys.readouterr().err.splitlines()[-1]
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
    hub: HubServer, dataset: str, repo_id: str, model: Path, capsys, monkeypatch, tmp_path: Path
):
    monkeypatch.setattr(dataset_branch, "COMMIT_SECONDS", 0)
    # More rows than are checked and read ahead, before the second file.
    upload_dataset(hub, dataset, [make_table(40, broken=[7]), make_table(7, first=40)])
    second = hub.store.repo("dataset", dataset).head.tree["data/train-00001-of-00002.parquet"]
    blob = hub.store.blobs / second.sha256
    content = blob.read_bytes()
    blob.write_bytes(content[:4] + bytes(200) + content[204:])  # its footer is still there
    line = failure(capsys, dataset, model, "--push_to_hub", repo_id)
    assert f"Reading {dataset} broke off at row 40 of train" in line
    assert "finished files are kept: run the command again" in line
    blob.write_bytes(content)
    repo = hub.store.repo("dataset", repo_id)
    assert set(repo.head.tree) == {".gitattributes"}, "nothing is visible yet"
    unfinished = set(repo.resolve("unfinished-train").tree) - {".gitattributes"}
    assert "data/train/train-00000-of-00010.parquet" in unfinished
    upload_dataset(hub, dataset, [make_table(2)], split="extra")  # a newer commit of the source
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert run(dataset, model, "--push_to_hub", repo_id) == 0
    assert "of them are done already" in capsys.readouterr().out
    assert_translated(dataset, repo_id, empty=[7])
    assert unfinished <= set(repo.head.tree) and list(repo.branches) == ["main"]


def test_another_split_joins_and_other_columns_do_not(
    hub: HubServer, dataset: str, repo_id: str, model: Path, capsys
):
    upload_dataset(hub, dataset, [make_table(3)], split="validation")
    small = ["--push_to_hub", repo_id, "--max_samples", "4"]
    assert run(dataset, model, *small) == 0
    assert run(dataset, model, *small, "--split", "validation") == 0
    assert len(read_rows(repo_id)[0]) == 4 and len(read_rows(repo_id, "validation")[0]) == 3
    head = hub.store.repo("dataset", repo_id).head.oid
    upload_dataset(hub, dataset, [make_table(3)], split="test")
    line = failure(capsys, dataset, model, *small, "--split", "test", "--output_column", "map")
    assert f"{repo_id} has other columns in the split" in line
    assert "photo, name, kind, translation; this translation has photo, name, kind, map." in line
    line = failure(capsys, dataset, model, *small, "--mode", "full")
    assert "has the split train already, made with other settings" in line
    assert hub.store.repo("dataset", repo_id).head.oid == head
    assert list(hub.store.repo("dataset", repo_id).branches) == ["main"]
    assert run(dataset, model, *small, "--shard_rows", "2", "--overwrite") == 0
    names = {name for name in hub.store.repo("dataset", repo_id).head.tree if "data/train/" in name}
    assert len(names) == 3 and "data/train/train-00001-of-00002.parquet" in names


def test_destinations_on_the_hub_that_are_refused(
    hub: HubServer, dataset: str, model: Path, model_repo: str, repo_id: str, capsys, monkeypatch
):
    def line(*flags: str) -> str:
        return failure(capsys, dataset, model, "--push_to_hub", *flags)

    repos = set(hub.store.repos)
    assert f"{model_repo} is a model on the Hub; choose another --push_to_hub" in line(model_repo)
    assert "has files that pix2pix translate did not write; choose another" in line(dataset)
    assert "this token may not write there" in line("somebody/maps")
    HfApi().create_repo(f"{repo_id}-public", repo_type="dataset")
    assert "exists and is public" in line(f"{repo_id}-public", "--hub_private_repo")
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    refusal = line(repo_id)
    assert "this token may not write there" in refusal and "another --push_to_hub" in refusal
    monkeypatch.delenv("HF_TOKEN")
    assert "needs a token, and none was found" in line(repo_id)
    assert set(hub.store.repos) - repos == {("dataset", f"{repo_id}-public")}


def test_an_upload_that_fails_keeps_the_files_for_the_next_run(
    hub: HubServer, dataset: str, repo_id: str, model: Path, cache: Path, capsys, monkeypatch
):
    monkeypatch.setattr(dataset_branch, "RETRY_SECONDS", (0.01,))
    hub.faults.append(Fault("POST", f"{repo_id}/commit/unfinished-train", 503, times=100))
    capsys.readouterr()
    assert run(dataset, model, "--push_to_hub", repo_id) == 1
    assert "(503). Finished files are kept" in capsys.readouterr().err.splitlines()[-1]
    kept = {path.name: path.stat().st_mtime_ns for path in cache.glob("*/*.parquet")}
    assert len(kept) == 4
    hub.faults.clear()
    assert run(dataset, model, "--push_to_hub", repo_id) == 0
    assert "0 rows translated" in capsys.readouterr().out
    assert_translated(dataset, repo_id, empty=[7])


# Hugging Face Jobs.


def test_a_job_gets_the_command_with_pinned_revisions(
    hub: HubServer, dataset: str, model: Path, model_repo: str, repo_id: str, capsys
):
    HfApi().upload_folder(repo_id=model_repo, folder_path=model)
    source = "git+https://github.com/me/pix2pix"
    flags = ["--push_to_hub", f"{repo_id}-maps", "--hf_job", "cpu-upgrade", "--num_proc", "8",
             "--hf_job_source", source, "--hf_job_timeout", "90m"]  # fmt: skip
    assert run(dataset, Path(model_repo), *flags) == 0
    sent, revision = hub.store.jobs[-1], HfApi().dataset_info(dataset).sha
    assert (sent["flavor"], sent["timeoutSeconds"]) == ("cpu-upgrade", 90 * 60)
    assert sent["secrets"] == {"HF_TOKEN": WRITE_TOKEN}
    assert sent["command"] == [
        "uv", "run", "--with", f"pix2pix-hub @ {source}", "--with", "datasets",
        "pix2pix", "translate", "--model", f"{model_repo}@{HfApi().model_info(model_repo).sha}",
        "--dataset_name", dataset, "--dataset_revision", revision, "--shard_rows", "5",
        "--num_proc", "8", "--push_to_hub", f"{repo_id}-maps",
    ]  # fmt: skip
    output = capsys.readouterr().out
    assert f"hf jobs logs --follow {sent['id']}" in output and WRITE_TOKEN not in output
    jobs = len(hub.store.jobs)
    assert run(dataset, Path(model_repo), *flags, "--hf_job", "t4-small") == 0
    assert "the GPU of t4-small is paid for and not used" in capsys.readouterr().err
    for wrong, reason in (
        (["--hf_job_timeout", "soon"], "--hf_job_timeout is soon"),
        (["--hf_job_source", "../here"], "is not a URL that a job can reach"),
        (["--model", str(model)], "--model must be a model on the Hub"),
        (["--dataset_name", str(model)], "is not on the Hub, where a job reads it"),
        (["--hf_job", "h9000"], "choose one of cpu-basic"),
        (["--model", dataset], "was not found on the Hub"),
    ):
        assert reason in failure(capsys, dataset, Path(model_repo), *flags, *wrong)
    assert len(hub.store.jobs) == jobs + 1
    line = failure(capsys, dataset, Path(model_repo), *flags[:4])
    assert "give a URL with --hf_job_source" in line


# Runs that are killed.


def start(*arguments: str, **environment: str) -> subprocess.Popen:
    """Starts the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pix2pix", "translate", *arguments], cwd=ROOT,
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> tuple[str, int]:
    """Waits until the command succeeds; returns its output and its peak memory in bytes."""
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output
    return output, usage.ru_maxrss * 1024


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_2000_rows_with_two_kills_and_constant_memory(
    hub: HubServer, repo_id: str, model: Path, cache: Path, logged_in: None, processes: str
):
    name = f"{repo_id}-photos"
    tables = [make_table(100, first=100 * number, broken=[number]) for number in range(20)]
    upload_dataset(hub, name, tables)
    arguments = ["--dataset_name", name, "--model", str(model), "--shard_rows", "50",
                 "--num_proc", processes, "--push_to_hub"]  # fmt: skip
    _, peak_500 = finish(start(*arguments, f"{repo_id}-500", "--max_samples", "500"))
    random_delay = random.Random(int(processes))  # noqa: S311
    repos = hub.store.repos
    for _ in range(2):
        process = start(*arguments, repo_id)
        before = set(cache.glob("*/*.parquet"))
        while set(cache.glob("*/*.parquet")) <= before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(random_delay.uniform(0, 2))
        assert process.poll() is None, "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert set(repos["dataset", repo_id].head.tree) == {".gitattributes"}
    output, peak_2000 = finish(start(*arguments, repo_id))
    assert "of them are done already" in output and "20 rows have no translation" in output
    assert_translated(name, repo_id, empty=[100 * n + n for n in range(20)])
    print(f"Peak memory: {peak_500 / 1e6:.0f} MB at 500 rows, {peak_2000 / 1e6:.0f} MB at 2000")
    assert peak_2000 < 1.1 * peak_500


# Usage.


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--dataset_name", "a/b"], "needs either --output or --push_to_hub"),
        (["--dataset_name", "a/b", "--output", "x", "--push_to_hub", "c/d"], "needs either"),
        (["--dataset_name", "a/b", "--push_to_hub", "c/d/e"], "is no name of a repository"),
        (["x.jpg", "--dataset_name", "a/b", "--output", "x"], "are two inputs"),
        (["--dataset_name", "a/b", "--output", "x", "--side_by_side"], "is for picture files"),
        (["--dataset_name", "a/b", "--output", "x", "--hf_job", "t4"], "without --push_to_hub"),
        (["--dataset_name", "a/b", "--output", "x", "--num_proc", "0"], "must be at least 1"),
        (["--dataset_name", "a/b", "--output", "x", "--output_column", ""], "is empty"),
        (["x.jpg", "--output", "x", "--split", "test"], "no effect without --dataset_name"),
    ],
)
def test_flags_that_do_not_fit_together(arguments: list[str], reason: str, capsys):
    with pytest.raises(SystemExit) as caught:
        translate.main(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


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
    assert "No pairs were found" not in failure(capsys, "./gone", model, "--output", tmp_path / "x")
