"""Resuming from the Hub: which checkpoint a run gets on another machine, and what is refused."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pix2pix import UserError
from pix2pix.config import Config
from pix2pix.hub import resume_from_hub
from pix2pix.hub.checkpoint_branch import BRANCH, CheckpointBranch
from pix2pix.hub.resuming import DOWNLOAD_PREFIX
from pix2pix.training import checkpoints
from pix2pix.training.checkpoints import Checkpoint
from tests.checkpoint_helpers import (
    CONFIG,
    checkpoint_name,
    expected_weight,
    list_branch,
    save_checkpoint,
    upload_each,
)
from tests.hub_server import Fault, HubServer

pytestmark = pytest.mark.usefixtures("hub", "logged_in")


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pix2pix")


@pytest.fixture
def first_machine(tmp_path: Path) -> Path:
    """The checkpoint folder of the machine that uploads."""
    return tmp_path / "first" / "checkpoints"


@pytest.fixture
def second_machine(tmp_path: Path) -> Path:
    """The checkpoint folder of the machine that resumes."""
    return tmp_path / "second" / "checkpoints"


def resume(repo_id: str, folder: Path, config: Config = CONFIG, **options) -> Checkpoint | None:
    """Resumes and checks that the weights are those of the checkpoint's step and run."""
    checkpoint = resume_from_hub(repo_id, folder, config, **options)
    if checkpoint:
        expected = expected_weight(checkpoint.step, checkpoint.config)
        assert (checkpoint.arrays["weights/000"] == expected).all()
    return checkpoint


def upload_damaged(repo_id: str, folder: Path, step: int, content: bytes = b"damaged") -> None:
    path = save_checkpoint(folder, step)
    path.write_bytes(content)
    CheckpointBranch(repo_id).upload(path, 3)


def test_another_machine_gets_the_newest_checkpoint(
    model_repo: str, first_machine: Path, second_machine: Path, caplog: pytest.LogCaptureFixture
):
    upload_each(model_repo, first_machine, 10, 20, 30)
    checkpoint = resume(model_repo, second_machine)
    name = checkpoint_name(30)
    assert (checkpoint.step, checkpoint.path) == (30, second_machine / name)
    assert [path.name for path in second_machine.iterdir()] == [name], "and nothing else is left"
    assert checkpoint.path.read_bytes() == (first_machine / name).read_bytes()
    message = f"Resuming {name} of the branch checkpoints of {model_repo} after step 30."
    assert message in caplog.messages


def test_another_machine_gets_the_best_checkpoint_too(
    model_repo: str, first_machine: Path, second_machine: Path
):
    upload_each(model_repo, first_machine, 10, 20)
    best = first_machine / checkpoint_name(10)
    newest = save_checkpoint(first_machine, 30, best_step=10)
    CheckpointBranch(model_repo).upload(newest, 1, best)
    assert resume(model_repo, second_machine, keep=False).best_step == 10
    assert not second_machine.exists()
    assert resume(model_repo, second_machine).best_step == 10
    assert sorted(path.name for path in second_machine.iterdir()) == [best.name, newest.name]
    assert (second_machine / best.name).read_bytes() == best.read_bytes()
    # The newest one is there already, as after a kill between the two downloads.
    (second_machine / best.name).unlink()
    resume(model_repo, second_machine)
    assert (second_machine / best.name).exists()


def test_a_dry_run_leaves_no_file(model_repo: str, first_machine: Path, second_machine: Path):
    upload_each(model_repo, first_machine, 10)
    assert resume(model_repo, second_machine, keep=False).step == 10
    assert not second_machine.exists()


def test_the_newer_of_the_hub_and_the_folder_is_resumed(
    model_repo: str, first_machine: Path, second_machine: Path, caplog: pytest.LogCaptureFixture
):
    upload_each(model_repo, first_machine, 10, 20)
    shutil.copytree(first_machine, second_machine)
    assert resume(model_repo, second_machine).path == second_machine / checkpoint_name(20)
    save_checkpoint(second_machine, 25)
    assert resume(model_repo, second_machine).step == 25
    assert sum("has nothing newer" in message for message in caplog.messages) == 2
    CheckpointBranch(model_repo).upload(save_checkpoint(first_machine, 30), 2)
    assert resume(model_repo, second_machine).step == 30


def test_a_damaged_later_checkpoint_is_replaced_by_the_resumed_run(
    model_repo: str, first_machine: Path, second_machine: Path
):
    upload_each(model_repo, first_machine, 10, 20)
    upload_damaged(model_repo, first_machine, 30)
    assert resume(model_repo, second_machine).step == 20
    upload_each(model_repo, second_machine, 25, start=None)
    assert list_branch(model_repo) == [checkpoint_name(20), checkpoint_name(25)]


def test_another_run_in_the_folder_is_skipped(
    model_repo: str, first_machine: Path, second_machine: Path, caplog: pytest.LogCaptureFixture
):
    upload_each(model_repo, first_machine, 10)
    save_checkpoint(second_machine, 99, replace(CONFIG, seed=4))
    assert resume(model_repo, second_machine).step == 10
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert f"Skipping {checkpoint_name(99)}: " in warning and "seed (4 -> 3)" in warning


def test_another_run_on_the_hub_is_refused_and_not_kept(
    model_repo: str, first_machine: Path, second_machine: Path
):
    upload_each(model_repo, first_machine, 10)
    with pytest.raises(UserError, match=r"another run: seed \(3 -> 5\)"):
        resume_from_hub(model_repo, second_machine, replace(CONFIG, seed=5))
    assert checkpoints.list_checkpoints(second_machine) == []


def test_a_damaged_checkpoint_is_skipped_for_the_one_before(
    model_repo: str, first_machine: Path, second_machine: Path, caplog: pytest.LogCaptureFixture
):
    upload_each(model_repo, first_machine, 10, 20)
    content = save_checkpoint(first_machine, 30).read_bytes()
    upload_damaged(model_repo, first_machine, 30, content[:-100] + bytes(100))
    assert resume(model_repo, second_machine).step == 20
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert f"Skipping {checkpoint_name(30)}: " in warning
    assert [path.name for path in second_machine.iterdir()] == [checkpoint_name(20)]


def test_no_new_run_starts_when_all_checkpoints_are_damaged(
    model_repo: str, first_machine: Path, second_machine: Path
):
    upload_damaged(model_repo, first_machine, 10)
    with pytest.raises(UserError, match="No checkpoint on the branch .* is usable"):
        resume_from_hub(model_repo, second_machine, CONFIG)


@pytest.mark.slow
def test_an_interrupted_download_leaves_no_file(
    model_repo: str, first_machine: Path, second_machine: Path, hub: HubServer
):
    upload_each(model_repo, first_machine, 10)
    (second_machine / f"{DOWNLOAD_PREFIX}killed").mkdir(parents=True)
    hub.faults.append(Fault("GET", f"/resolve/{BRANCH}/", "cut", times=99, after=1000))
    with pytest.raises(UserError, match=f"{checkpoint_name(10)} of the branch"):
        resume_from_hub(model_repo, second_machine, CONFIG)
    assert list(second_machine.iterdir()) == []
    hub.faults.clear()
    assert resume(model_repo, second_machine).step == 10


def test_a_new_run_starts_where_no_checkpoint_exists(
    model_repo: str, second_machine: Path, caplog: pytest.LogCaptureFixture
):
    assert resume(model_repo, second_machine) is None
    message = f"No checkpoint on the branch checkpoints of {model_repo} or in {second_machine}"
    assert caplog.messages == [f"{message}: starting from the first step."]
    CheckpointBranch(model_repo).create()
    assert resume(model_repo, second_machine) is None


def test_a_missing_repository_holds_no_checkpoint_if_it_may_be_missing(
    repo_id: str, second_machine: Path
):
    assert resume(repo_id, second_machine, allow_missing_repo=True) is None
    with pytest.raises(UserError, match=f"{repo_id} was not found on the Hub. Check the id."):
        resume_from_hub(repo_id, second_machine, CONFIG)


def test_a_private_repository_is_not_found_without_a_token(
    api: HfApi, repo_id: str, second_machine: Path, monkeypatch: pytest.MonkeyPatch
):
    api.create_repo(repo_id, private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="If it is private, set HF_TOKEN"):
        resume_from_hub(repo_id, second_machine, CONFIG)
    with pytest.raises(UserError, match="needs a token, and none was found"):
        resume_from_hub("a-bare-name", second_machine, CONFIG)


def test_an_unreachable_hub_is_reported(model_repo: str, second_machine: Path, hub: HubServer):
    hub.stop()
    try:
        with pytest.raises(UserError, match="the Hub can't be reached .*Check the connection"):
            resume_from_hub(model_repo, second_machine, CONFIG)
    finally:
        hub.start()
