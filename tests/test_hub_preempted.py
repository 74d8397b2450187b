"""A run on preemptible machines: each machine resumes from the Hub what the one before saved."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pix2pix.flags import parse
from pix2pix.hub.checkpoint_branch import BRANCH, CheckpointBranch
from pix2pix.output_folder import LOCK_FILE
from pix2pix.training import checkpoints
from tests.checkpoint_helpers import checkpoint_name
from tests.commands import start_train_hub
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.published_run import TINY_FLAGS
from train_hub import main

# The best of the validations is rarely the last one, since class accuracy goes up and down.
FLAGS = [
    "--dataset_name", "assets/sample_maps", *TINY_FLAGS, "--max_train_samples", "16", "--ema_decay",
    "0.99", "--lr_schedule", "linear", "--validation_samples", "2", "--sample_steps", "0",
    "--max_train_steps", "300", "--checkpointing_steps", "20", "--checkpoints_total_limit", "2",
    "--validation_steps", "15", "--selection_samples", "4", "--selection_metric", "class_accuracy",
]  # fmt: skip


class Machine:
    """A process that runs the command in its own folder, as on a machine of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.output, self.folder = "", folder / "run"
        folders = ["--output_dir", str(self.folder), "--cache_dir", str(folder / "cache")]
        self.process = start_train_hub(*FLAGS, *flags, *folders, token=WRITE_TOKEN)

    def stop(self, number: int, is_time: Callable[[], bool]) -> "Machine":
        """Sends the signal once `is_time` returns True, and waits for the end of the process."""
        deadline = time.monotonic() + 120
        while not is_time():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self.process.send_signal(number)
        return self.wait(1 if number == signal.SIGTERM else -number)

    def wait(self, code: int = 0) -> "Machine":
        """Waits for the exit code, and checks that the token is in no output and no file."""
        self.output, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == code, self.output
        assert WRITE_TOKEN not in self.output and "Traceback" not in self.output
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()] == []
        return self


@pytest.fixture
def uninterrupted_run(tmp_path: Path) -> Path:
    """The output folder of the same run, never stopped, and without the Hub."""
    return Machine(tmp_path / "uninterrupted").wait().folder


@pytest.mark.slow
def test_a_run_over_three_machines_ends_bit_by_bit_like_an_uninterrupted_one(
    hub: HubServer, repo_id: str, logged_in: None, uninterrupted_run: Path, tmp_path: Path
):
    flags = ["--push_to_hub", "--hub_model_id", repo_id, "--hub_strategy", "every_save"]
    flags += ["--resume_from_checkpoint", "hub"]

    def newest_step() -> int:
        repo = hub.store.repos.get(("model", repo_id))
        tree = repo.resolve(BRANCH).tree if repo and BRANCH in repo.branches else {}
        steps = [checkpoints.parse_step(Path(n)) for n in tree if checkpoints.is_checkpoint(n)]
        return max(steps, default=0)

    killed = Machine(tmp_path / "1", *flags).stop(signal.SIGKILL, lambda: newest_step() >= 40)
    assert f"No checkpoint on the branch checkpoints of {repo_id}" in killed.output
    first = newest_step()
    stopped = Machine(tmp_path / "2", *flags).stop(
        signal.SIGTERM, lambda: newest_step() >= first + 40
    )
    assert f"of the branch checkpoints of {repo_id} after step {first}." in stopped.output
    second = newest_step()
    assert f"Stopped by SIGTERM after step {second};" in stopped.output
    assert f"{checkpoint_name(second)} is on the branch checkpoints" in stopped.output
    assert first < second < 300

    finished = Machine(tmp_path / "3", *flags).wait()
    assert f"after step {second}." in finished.output
    assert newest_step() == 300
    assert_same_results(finished.folder, uninterrupted_run)

    files_on_main = HfApi().list_repo_files(repo_id)
    assert "generator.onnx" in files_on_main
    assert not any(name.endswith(".npz") for name in files_on_main)
    assert len(HfApi().list_repo_commits(repo_id)) == 2, "the first commit and the artifacts"
    best = checkpoints.find_latest(finished.folder / "checkpoints").best_step
    names = CheckpointBranch(repo_id).list_checkpoints()
    assert {checkpoint_name(300), checkpoint_name(best)} <= set(names) and len(names) <= 3
    assert len(HfApi().list_repo_commits(repo_id, revision=BRANCH)) == 1
    for machine in (stopped, finished):
        hidden = {path.name for path in machine.folder.rglob(".*")}
        assert hidden <= {LOCK_FILE}, "no link and no download is left"


def assert_same_results(folder: Path, expected: Path) -> None:
    """Compares all arrays of the last and best checkpoints, and the bytes of the artifacts."""
    last, expected_last = (
        checkpoints.find_latest(run / "checkpoints") for run in (folder, expected)
    )
    assert last.best_step == expected_last.best_step is not None
    best, expected_best = (
        checkpoints.read_checkpoint(checkpoints.path_of(run / "checkpoints", last.best_step))
        for run in (folder, expected)
    )
    for saved, other in ((last, expected_last), (best, expected_best)):
        assert saved.arrays.keys() == other.arrays.keys()
        for name, array in saved.arrays.items():
            assert array.tobytes() == other.arrays[name].tobytes(), name
    for name in ("model.weights.h5", "generator.onnx"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def test_a_dry_run_reads_the_checkpoint_and_keeps_no_download(
    hub: HubServer, model_repo: str, logged_in: None, tmp_path: Path, capsys
):
    folders = ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    command = [*FLAGS, *folders, "--dry_run", "--resume_from_checkpoint", "hub", "--hub_model_id"]
    assert main([*command, f"{model_repo}-new", "--push_to_hub"]) == 0
    assert f"No checkpoint on the branch checkpoints of {model_repo}-new" in capsys.readouterr().out
    config, _ = parse("", FLAGS)
    CheckpointBranch(model_repo).upload(checkpoints.save(tmp_path, 7, config, {}, {}), 2)
    assert main([*command, model_repo]) == 0
    assert f"Resuming {checkpoint_name(7)} of the branch" in capsys.readouterr().out
    assert main([*command, model_repo, "--seed", "5"]) == 1
    assert "another run: seed (0 -> 5)" in capsys.readouterr().err
    assert not (tmp_path / "run" / "checkpoints").exists()
