"""Tests that a translated dataset appears on the Hub at once, and of what may stop it before."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pix2pix.hub import dataset_branch
from tests.commands import ROOT
from tests.hub_datasets import upload_dataset
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, Fault, HubServer
from tests.translated_datasets import (  # noqa: F401
    assert_translated,
    cache_fixture,
    dataset_fixture,
    failure,
    make_table,
    model_fixture,
    read_rows,
    run,
)

pytestmark = pytest.mark.usefixtures("hub", "logged_in", "cache")


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
    repo.branch("unfinished-train", "main")  # as a run leaves it that is killed after its commit
    assert run(dataset, model, "--push_to_hub", repo_id) == 0
    assert "has this translation already" in capsys.readouterr().out and repo.head.oid == head
    assert list(repo.branches) == ["main"]


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


def test_an_outage_does_not_lose_the_license(
    hub: HubServer, dataset: str, repo_id: str, model: Path, capsys
):
    """The dataset is opened with the same request, before its card is read."""
    request = f"{dataset}/revision/"
    hub.faults += [Fault("GET", request, "delay", seconds=0), Fault("GET", request, 503)]
    line = failure(capsys, dataset, model, "--push_to_hub", repo_id)
    assert f"The dataset {dataset}" in line and "(503)" in line
    assert ("dataset", repo_id) not in hub.store.repos, "nothing is begun without it"


def test_commits_on_the_branch_are_named_after_the_files(
    hub: HubServer, logged_in: None, repo_id: str, tmp_path: Path
):
    record, *shards = (tmp_path / name for name in ("translation.json", "validation-0", "v-1"))
    for path in (record, *shards):
        path.touch()
    branch = dataset_branch.DatasetBranch(repo_id, "validation", private=False)
    branch.create()
    uploads = dataset_branch.BranchUploads(branch, lambda _: None, extra=record)
    uploads._upload(shards[:1])
    uploads._upload(shards)
    repo = hub.store.repo("dataset", repo_id)
    titles = [commit.title for commit in repo.history(repo.resolve("unfinished-validation"))]
    assert titles[:2] == ["Add 2 files", "Add validation-0"]


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


def find_children(process: subprocess.Popen) -> list[Path]:
    """Returns the folders in /proc of the processes that a process has started."""
    numbers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [Path("/proc") / number for number in numbers]


def kill_during_the_run(process: subprocess.Popen, cache: Path, delays: random.Random) -> None:
    """Kills a process some time after its first file, and waits until its processes have ended."""
    deadline, before = time.monotonic() + 120, set(cache.glob("*/*.parquet"))
    while set(cache.glob("*/*.parquet")) <= before:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(delays.uniform(0, 2))
    children = find_children(process)
    assert process.poll() is None, "it ended before it was killed"
    process.kill()
    process.communicate()
    while any(child.exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_2000_rows_with_two_kills_and_constant_memory(
    hub: HubServer, repo_id: str, model: Path, cache: Path
):
    name, delays = f"{repo_id}-photos", random.Random(0)
    tables = [make_table(100, first=100 * number, broken=[number]) for number in range(20)]
    upload_dataset(hub, name, tables)
    arguments = ["--dataset_name", name, "--model", str(model), "--shard_rows", "50"]
    arguments += ["--push_to_hub", repo_id]
    _, peak_500 = finish(
        start(*arguments, "--push_to_hub", f"{repo_id}-500", "--max_samples", "500")
    )
    for processes in ("1", "2"):
        kill_during_the_run(start(*arguments, "--num_proc", processes), cache, delays)
        assert set(hub.store.repo("dataset", repo_id).head.tree) == {".gitattributes"}
    output, peak_2000 = finish(start(*arguments))
    assert "of them are done already" in output and "20 rows have no translation" in output
    assert_translated(name, repo_id, empty=[100 * n + n for n in range(20)])
    print(f"Peak memory: {peak_500 / 1e6:.0f} MB at 500 rows, {peak_2000 / 1e6:.0f} MB at 2000")
    assert peak_2000 < 1.1 * peak_500
