"""Tests of failing runs: one line on stderr, exit code 1, and finished work is kept."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from PIL import Image

import train_hub
from tests.commands import ROOT, start_train_hub
from tests.hub_server import READ_TOKEN, Fault, HubServer
from tests.published_run import TINY_FLAGS

SAMPLE_MAPS = "assets/sample_maps"


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs the command in this process, which must fail; returns the last line on stderr."""
    assert train_hub.main(list(arguments)) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines, "nothing was printed on stderr"
    assert "Traceback" not in "\n".join(lines)
    assert lines[-1].startswith("train_hub.py: ")
    return lines[-1]


def test_a_missing_dataset_is_named(capsys, tmp_path: Path, hub: HubServer):
    line = failure(capsys, "--dataset_name", "no/such-set", "--output_dir", str(tmp_path))
    assert "no/such-set" in line
    assert "not found" in line


def test_a_dataset_folder_without_images_is_named(capsys, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    line = failure(
        capsys, "--dataset_name", str(tmp_path / "empty"), "--output_dir", str(tmp_path / "run")
    )
    assert str(tmp_path / "empty") in line


def test_an_unknown_column_lists_the_columns(capsys, tmp_path: Path):
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--input_column", "photo",
        "--output_dir", str(tmp_path),
    )  # fmt: skip
    assert "no column photo; its columns are imageA, imageB" in line


def test_an_output_folder_that_cannot_be_written_is_reported_with_its_flag(capsys, tmp_path: Path):
    (tmp_path / "file").touch()
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path / "file" / "run")
    )
    assert "--output_dir" in line


def test_a_cache_folder_that_cannot_be_written_is_reported_with_its_flag(capsys, tmp_path: Path):
    (tmp_path / "file").touch()
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "file"),
    )  # fmt: skip
    assert "--cache_dir" in line


def test_push_only_without_artifacts_is_refused(capsys, tmp_path: Path):
    line = failure(capsys, "--push_only", "--output_dir", str(tmp_path))
    assert "no finished run" in line


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "needs a token"),
        ("hf_unknown", "does not accept this token"),
        (READ_TOKEN, "may not write"),
    ],
)
def test_a_token_without_write_access_is_refused_before_the_first_step(
    capsys,
    tmp_path: Path,
    hub: HubServer,
    monkeypatch,
    repo_id: str,
    token: str | None,
    reason: str,
):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, *TINY_FLAGS, "--output_dir", str(tmp_path),
        "--push_to_hub", "--hub_model_id", repo_id,
    )  # fmt: skip
    assert reason in line
    assert "hf_unknown" not in line and READ_TOKEN not in line
    assert not (tmp_path / "checkpoints").exists()
    assert not HfApi(token=False).repo_exists(repo_id)


def test_the_namespace_of_another_user_is_refused(capsys, tmp_path, hub, monkeypatch, write_token):
    monkeypatch.setenv("HF_TOKEN", write_token)
    line = failure(
        capsys, "--dataset_name", SAMPLE_MAPS, "--output_dir", str(tmp_path),
        "--push_to_hub", "--hub_model_id", "somebody-else/pix2pix",
    )  # fmt: skip
    assert "may not write" in line


def test_an_unreadable_image_is_reported_with_its_file(capsys, tmp_path: Path):
    folder = tmp_path / "pairs" / "train"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (128, 64), "green").save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"not an image")
    line = failure(
        capsys, "--dataset_name", str(folder.parent), *TINY_FLAGS,
        "--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"),
    )  # fmt: skip
    assert "train/2.png: This file is not a picture" in line


@pytest.mark.usefixtures("eager")
def test_artifacts_are_kept_and_can_be_published_after_the_hub_refused_them(
    tmp_path: Path, hub: HubServer, monkeypatch, capsys, repo_id: str, write_token: str
):
    monkeypatch.setenv("HF_TOKEN", write_token)
    run = tmp_path / "run"
    arguments = [
        "--dataset_name", SAMPLE_MAPS, *TINY_FLAGS, "--max_train_steps", "2",
        "--max_train_samples", "4", "--validation_samples", "2", "--output_dir", str(run),
        "--cache_dir", str(tmp_path / "c"), "--push_to_hub", "--hub_model_id", repo_id,
    ]  # fmt: skip
    hub.faults.append(Fault("POST", r"/commit/", 403, times=99))
    assert "403" in failure(capsys, *arguments)
    assert (run / "generator.onnx").exists()
    hub.faults.clear()
    assert train_hub.main(["--push_only", "--output_dir", str(run), "--hub_model_id", repo_id]) == 0
    assert "generator.onnx" in HfApi().list_repo_files(repo_id)


def test_a_report_package_that_is_missing_is_reported_before_any_work(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "trackio", None)
    line = failure(capsys, "--report_to", "trackio", "--output_dir", str(tmp_path))
    assert "pip install trackio" in line


@pytest.mark.slow
def test_a_terminated_run_saves_a_checkpoint_and_resumes(tmp_path: Path, capsys):
    arguments = [
        "--dataset_name", SAMPLE_MAPS, *TINY_FLAGS, "--max_train_samples", "8",
        "--validation_samples", "2", "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"), "--checkpointing_steps", "5",
    ]  # fmt: skip
    process = start_train_hub(*arguments, "--max_train_steps", "100000")
    checkpoints = tmp_path / "run" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("step-*.npz")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "no checkpoint within 120 s"
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


@pytest.mark.parametrize(
    "command",
    [
        ["train_hub.py"],
        ["train_hub.py", "--push_only"],
        ["-m", "pix2pix", "train"],
        ["-m", "pix2pix", "evaluate", "--model", "x"],
    ],
)
def test_without_packages_a_command_prints_how_to_install_them(command: list[str]):
    # With -S, Python has no site-packages.
    process = subprocess.run(
        [sys.executable, "-S", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert "(numpy, PIL, huggingface_hub)" in line and ". .venv/bin/activate" in line
