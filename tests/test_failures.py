"""What the command says when something is wrong: one sentence, exit code 1, nothing lost."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from PIL import Image

import train_hub
from tests.commands import ROOT
from tests.commands import train_hub as start_train_hub
from tests.hub_server import READ_TOKEN, Fault, HubServer
from tests.loop import TINY

SAMPLE_MAPS = "assets/sample_maps"


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs the command in this process and returns its one line on stderr."""
    assert train_hub.main(list(arguments)) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines, "a failure must say something"
    assert "Traceback" not in "\n".join(lines)
    print(lines[-1])
    assert lines[-1].startswith("train_hub.py: ")
    return lines[-1]


def test_a_missing_dataset_folder(capsys, tmp_path: Path, hub: HubServer):
    said = failure(capsys, "--dataset_name", "no/such-set", "--output_dir", str(tmp_path))
    assert "no/such-set" in said
    assert "not found" in said


def test_a_dataset_folder_without_pictures(capsys, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    said = failure(
        capsys, "--dataset_name", str(tmp_path / "empty"), "--output_dir", str(tmp_path / "run")
    )
    assert str(tmp_path / "empty") in said


def test_a_wrong_column_lists_those_there_are(capsys, tmp_path: Path):
    said = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--input_column", "photo",
        "--output_dir", str(tmp_path),
    )  # fmt: skip
    assert "no column photo; its columns are imageA, imageB" in said


def test_an_output_folder_that_cannot_be_written(capsys, tmp_path: Path):
    (tmp_path / "file").touch()
    said = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path / "file" / "run")
    )
    assert "--output_dir" in said


def test_a_cache_folder_that_cannot_be_written(capsys, tmp_path: Path):
    (tmp_path / "file").touch()
    said = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "file"),
    )  # fmt: skip
    assert "--cache_dir" in said


def test_push_only_without_a_run(capsys, tmp_path: Path):
    said = failure(capsys, "--push_only", "--output_dir", str(tmp_path))
    assert "no finished run" in said


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "needs a token"),
        ("hf_unknown", "does not accept this token"),
        (READ_TOKEN, "may not write"),
    ],
)
def test_a_token_that_may_not_write_is_refused_before_the_first_step(
    capsys, tmp_path: Path, hub: HubServer, monkeypatch, repo_id: str, token: str | None, said: str
):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, *TINY, "--output_dir", str(tmp_path),
        "--push_to_hub", "--hub_model_id", repo_id,
    )  # fmt: skip
    assert said in line
    assert not token or token not in line
    assert not (tmp_path / "checkpoints").exists()
    assert not HfApi(token=False).repo_exists(repo_id)


def test_a_foreign_namespace_is_refused(capsys, tmp_path, hub, monkeypatch, write_token):
    monkeypatch.setenv("HF_TOKEN", write_token)
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path),
        "--push_to_hub", "--hub_model_id", "somebody-else/pix2pix",
    )  # fmt: skip
    assert "may not write" in line


def test_an_unreadable_picture_is_named_by_its_row(capsys, tmp_path: Path):
    folder = tmp_path / "pairs" / "train"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (128, 64), "green").save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"no picture")
    line = failure(
        capsys, "--dataset_name", str(folder.parent), *TINY, "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"),
    )  # fmt: skip
    assert "Row 2" in line


def test_a_hub_that_fails_while_publishing_loses_nothing(
    tmp_path: Path, hub: HubServer, monkeypatch, capsys, repo_id: str, write_token: str
):
    monkeypatch.setenv("HF_TOKEN", write_token)
    run = tmp_path / "run"
    arguments = [
        "--dataset_name", SAMPLE_MAPS, *TINY, "--max_train_steps", "2", "--max_train_samples", "4",
        "--validation_samples", "2", "--output_dir", str(run), "--cache_dir", str(tmp_path / "c"),
        "--push_to_hub", "--hub_model_id", repo_id,
    ]  # fmt: skip
    hub.faults.append(Fault("POST", r"/commit/", 403, times=99))
    assert "403" in failure(capsys, *arguments)
    assert (run / "generator.onnx").exists()
    hub.faults.clear()
    assert train_hub.main(["--push_only", "--output_dir", str(run), "--hub_model_id", repo_id]) == 0
    assert "generator.onnx" in HfApi().list_repo_files(repo_id)


def test_a_report_that_is_not_installed_is_named_before_anything_is_done(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "trackio", None)
    said = failure(capsys, "--report_to", "trackio", "--output_dir", str(tmp_path))
    assert "pip install trackio" in said


def test_a_stopped_run_saves_itself_and_resumes(tmp_path: Path, capsys):
    arguments = [
        "--dataset_name", SAMPLE_MAPS, *TINY, "--max_train_samples", "8",
        "--validation_samples", "2", "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"), "--checkpointing_steps", "5",
    ]  # fmt: skip
    process = start_train_hub(*arguments, "--max_train_steps", "100000")
    checkpoints = tmp_path / "run" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("step-*.npz")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "no checkpoint within two minutes"
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped by SIGTERM after step" in output
    assert "Traceback" not in output
    step = int(sorted(checkpoints.glob("step-*.npz"))[-1].stem.split("-")[1])
    resuming = (*arguments, "--resume_from_checkpoint", "latest")
    assert "another run: seed (0 -> 1)" in failure(capsys, *resuming, "--seed", "1")
    resumed = start_train_hub(*resuming, "--max_train_steps", str(step + 3))
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, output
    assert f"after step {step}" in output
    assert (tmp_path / "run" / "generator.onnx").exists()


@pytest.mark.parametrize("command", [["train_hub.py"], ["train_hub.py", "--push_only"]])
def test_without_its_packages_it_says_how_to_get_them(command: list[str]):
    bare = [sys.executable, "-S", *command]  # no site-packages
    done = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "(numpy, PIL, huggingface_hub)" in line and ". .venv/bin/activate" in line
