"""A run on machines that are taken away: each goes on from the Hub where the last one was."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pix2pix.cli import parse
from pix2pix.hub.branch import BRANCH, Branch
from pix2pix.training import checkpoints
from tests.commands import train_hub
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.loop import TINY
from train_hub import main

FLAGS = [
    "--dataset_name", "assets/sample_maps", *TINY, "--max_train_samples", "12", "--ema_decay",
    "0.99", "--lr_schedule", "linear", "--validation_samples", "2", "--sample_steps", "0",
    "--max_train_steps", "300", "--checkpointing_steps", "20", "--checkpoints_total_limit", "2",
]  # fmt: skip


class Machine:
    """A run of the command in a folder of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.output, self.folder = "", folder / "run"
        places = ["--output_dir", str(self.folder), "--cache_dir", str(folder / "cache")]
        self.process = train_hub(*FLAGS, *flags, *places, token=WRITE_TOKEN)

    def stop(self, number: int, when: Callable[[], bool]) -> "Machine":
        """Sends the signal when it is time, and waits for the end."""
        deadline = time.monotonic() + 120
        while not when():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self.process.send_signal(number)
        return self.end(1 if number == signal.SIGTERM else -number)

    def end(self, code: int = 0) -> "Machine":
        self.output, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == code, self.output
        assert WRITE_TOKEN not in self.output and "Traceback" not in self.output
        for path in self.folder.rglob("*"):
            assert path.is_dir() or WRITE_TOKEN.encode() not in path.read_bytes()
        return self


@pytest.fixture
def straight(tmp_path: Path) -> Path:
    """The same run, never stopped, and without the Hub."""
    return Machine(tmp_path / "straight").end().folder


@pytest.mark.slow
def test_machine_after_machine_ends_as_one_that_was_not_stopped_bit_by_bit(
    hub: HubServer, repo_id: str, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    cloud = ["--push_to_hub", "--hub_model_id", repo_id, "--hub_strategy", "every_save"]
    cloud += ["--resume_from_checkpoint", "hub"]

    def newest() -> int:
        store = hub.store.repos.get(("model", repo_id))
        tree = store.resolve(BRANCH).tree if store and BRANCH in store.branches else {}
        steps = [checkpoints.step_of(Path(n)) for n in tree if checkpoints.is_checkpoint(n)]
        return max(steps, default=0)

    killed = Machine(tmp_path / "1", *cloud).stop(signal.SIGKILL, lambda: newest() >= 40)
    assert f"No checkpoint on the branch checkpoints of {repo_id}" in killed.output
    first = newest()
    stopped = Machine(tmp_path / "2", *cloud).stop(signal.SIGTERM, lambda: newest() >= first + 40)
    assert f"of the branch checkpoints of {repo_id} after step {first}." in stopped.output
    second = newest()
    assert f"Stopped by SIGTERM after step {second};" in stopped.output
    assert f"step-{second:08d}.npz is on the branch checkpoints" in stopped.output
    assert first < second < 300

    ended = Machine(tmp_path / "3", *cloud).end()
    assert f"after step {second}." in ended.output
    assert newest() == 300
    mine, theirs = (checkpoints.latest(run / "checkpoints") for run in (ended.folder, straight))
    assert mine.arrays.keys() == theirs.arrays.keys()
    for array, expected in ((mine.arrays[name], theirs.arrays[name]) for name in mine.arrays):
        assert array.tobytes() == expected.tobytes()
    for artifact in ("model.weights.h5", "generator.onnx"):
        assert (ended.folder / artifact).read_bytes() == (straight / artifact).read_bytes()

    on_main = HfApi().list_repo_files(repo_id)
    assert "generator.onnx" in on_main and not any(n.endswith(".npz") for n in on_main)
    assert len(HfApi().list_repo_commits(repo_id)) == 2, "the creation and the artifacts"
    assert Branch(repo_id).names() == ["step-00000280.npz", "step-00000300.npz"]
    assert len(HfApi().list_repo_commits(repo_id, revision=BRANCH)) == 1
    for machine in (stopped, ended):
        assert not list(machine.folder.rglob(".*")), "no link and no download is left"


def test_a_dry_run_finds_the_checkpoint_and_fetches_nothing_for_good(
    hub: HubServer, model: str, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    places = ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    command = [*FLAGS, *places, "--dry_run", "--resume_from_checkpoint", "hub", "--hub_model_id"]
    assert main([*command, f"{model}-to-be", "--push_to_hub"]) == 0
    assert f"No checkpoint on the branch checkpoints of {model}-to-be" in capsys.readouterr().out
    config, _ = parse("", FLAGS)
    Branch(model).push(checkpoints.save(tmp_path, 7, config, {}, {}), 2)
    assert main([*command, model]) == 0
    assert "Resuming step-00000007.npz of the branch" in capsys.readouterr().out
    assert main([*command, model, "--seed", "5"]) == 1
    assert "another run: seed (0 -> 5)" in capsys.readouterr().err
    assert not (tmp_path / "run" / "checkpoints").exists()
