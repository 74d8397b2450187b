"""Checkpoints on the Hub: what the branch holds, what is deleted, and what another machine gets."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError

from pix2pix import UserError
from pix2pix.hub import resume, uploading
from pix2pix.hub.branch import BRANCH, Branch
from pix2pix.training import checkpoints
from tests.builders import tiny_config
from tests.hub_server import READ_TOKEN, Fault, HubServer

CONFIG = tiny_config(seed=3)
pytestmark = pytest.mark.usefixtures("hub", "token")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "here" / "checkpoints"


def saved(folder: Path, step: int, config=CONFIG) -> Path:
    """A checkpoint whose weights tell its step and its run, of bytes no other test has."""
    state = {"weights/000": np.full(5000, step + config.seed / 10)}
    return checkpoints.save(folder, step, config, {"test": str(folder)}, state)


def name(step: int) -> str:
    return f"step-{step:08d}.npz"


def push_all(model: str, folder: Path, *steps: int, limit: int = 2, start: int | None = 0) -> None:
    """What a run does that saves after each of `steps`, and waits for each upload."""
    for step in steps:
        with uploading(model, folder, limit, start) as upload:
            upload(saved(folder, step))
        start = step


def on_branch(model: str) -> list[str]:
    return sorted(set(HfApi().list_repo_files(model, revision=BRANCH)) - {".gitattributes"})


def commits(model: str) -> int:
    return len(HfApi().list_repo_commits(model, revision=BRANCH))


def stored(server: HubServer, model: str) -> set[str]:
    """Names of the LFS files whose bytes the Hub still has."""
    files = server.store.repo("model", model).lfs_files.values()
    assert all((server.store.blobs / file.sha256).exists() for file in files)
    return {file.path for file in files}


def test_the_branch_holds_the_newest_and_main_stays_as_it_was(
    api: HfApi, model: str, local: Path, hub: HubServer
):
    before = api.model_info(model).sha, api.list_repo_files(model)
    push_all(model, local, 10, 20, 30, 40, 50)
    assert (api.model_info(model).sha, api.list_repo_files(model)) == before
    assert on_branch(model) == [name(40), name(50)], "nothing of main either"
    fetched = hf_hub_download(model, name(50), revision=BRANCH)
    assert Path(fetched).read_bytes() == (local / name(50)).read_bytes()


def test_neither_history_nor_storage_grows(api: HfApi, model: str, local: Path, hub: HubServer):
    push_all(model, local, 10, 20)
    bytes_then, commits_then = stored_bytes(hub), hub.store.repo("model", model).commits
    for step in range(30, 100, 10):
        push_all(model, local, step, start=step - 10)
        assert commits(model) == 1
        assert stored(hub, model) == {"model.onnx", name(step), name(step - 10)}
        assert stored_bytes(hub) <= bytes_then
    assert len(hub.store.repo("model", model).commits) <= len(commits_then)


def stored_bytes(server: HubServer) -> int:
    return sum(path.stat().st_size for path in server.store.blobs.iterdir())


@pytest.mark.parametrize("place", ["main", "an earlier commit of main", "a tag", "a pull request"])
def test_bytes_that_another_revision_needs_are_never_deleted(
    api: HfApi, model: str, local: Path, hub: HubServer, place: str
):
    push_all(model, local, 10)
    same = (local / name(10)).read_bytes()
    operation = [CommitOperationAdd("copy.npz", same)]
    pull = place == "a pull request"
    made = api.create_commit(model, operation, commit_message="same bytes", create_pr=pull)
    revision = made.pr_revision or made.oid
    if place == "a tag":
        api.create_branch(model, branch="other")
        api.create_tag(model, tag="kept", revision=made.oid)
        api.super_squash_history(model)
        revision = "kept"
    if not pull and place != "main":
        api.delete_file("copy.npz", model)
    push_all(model, local, 20, 30, 40, 50, start=10)
    assert on_branch(model) == [name(40), name(50)]
    assert name(20) not in stored(hub, model)
    found = hf_hub_download(model, "copy.npz", revision=revision, cache_dir=local / "cache")
    assert Path(found).read_bytes() == same


def test_an_lfs_file_that_is_deleted_is_gone_for_all(api: HfApi, model: str, local: Path):
    """The test Hub deletes what is needed as well: else the test above could not fail."""
    bytes_of_its_own = str(local).encode()
    operation = [CommitOperationAdd("copy.npz", bytes_of_its_own)]
    api.create_commit(model, operation, commit_message="new bytes")
    api.permanently_delete_lfs_files(model, list(api.list_lfs_files(model)), rewrite_history=False)
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(model, "copy.npz", cache_dir=local)


def test_a_run_that_is_started_over_deletes_nothing_on_the_hub(model: str, local: Path):
    push_all(model, local, 10, 20, 30)
    with pytest.raises(UserError, match=f"would delete {name(20)}, {name(30)} of .* hub, or"):
        push_all(model, local, 15, start=10)
    assert on_branch(model) == [name(20), name(30)]


def test_what_is_later_than_the_resumed_one_is_replaced(model: str, local: Path, tmp_path: Path):
    push_all(model, local, 10, 20)
    bad = saved(local, 30)
    bad.write_bytes(b"damaged")
    Branch(model).push(bad, 3)
    found = resumed(model, tmp_path / "there")
    assert found.step == 20
    push_all(model, tmp_path / "there", 25, start=None)
    assert on_branch(model) == [name(20), name(25)]


def test_what_is_there_already_is_not_committed_again(api: HfApi, model: str, local: Path):
    push_all(model, local, 10)
    head = api.model_info(model, revision=BRANCH).sha
    Branch(model).push(local / name(10), 2)
    assert api.model_info(model, revision=BRANCH).sha == head


def test_other_files_on_the_branch_are_left_alone(api: HfApi, model: str, local: Path):
    push_all(model, local, 10)
    api.create_commit(
        model, [CommitOperationAdd("notes.txt", b"mine")], commit_message="n", revision=BRANCH
    )
    push_all(model, local, 20, 30, start=10)
    assert on_branch(model) == ["notes.txt", name(20), name(30)]


def test_a_branch_that_can_not_be_tidied_is_no_failed_upload(
    model: str, local: Path, hub: HubServer, capsys
):
    hub.faults.append(Fault("POST", "/super-squash/", 403, times=99))
    with_uploads(model, local, 10, 20, 30, 40)
    said = capsys.readouterr().err
    assert on_branch(model) == [name(30), name(40)]
    assert said.count("no longer needs is not deleted: this token may not write there (403)") == 1
    hub.faults.clear()
    push_all(model, local, 50, start=40)
    assert (commits(model), on_branch(model)) == (1, [name(40), name(50)])


def with_uploads(model: str, folder: Path, *steps: int) -> None:
    """One run that saves after each of `steps`, each save after the upload before it."""
    with uploading(model, folder, 2, 0) as upload:
        for step in steps:
            upload(saved(folder, step))
            wait_until(lambda: not any((folder / ".uploading").iterdir()))


def wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def resumed(model: str, folder: Path, config=CONFIG, **options):
    found = resume(model, folder, config, **options)
    if found:
        weights = found.arrays["weights/000"]
        assert (weights == found.step + found.config.seed / 10).all()
    return found


def test_another_machine_gets_the_newest(model: str, local: Path, tmp_path: Path, capsys):
    push_all(model, local, 10, 20, 30)
    there = tmp_path / "there" / "checkpoints"
    found = resumed(model, there)
    assert (found.step, found.path) == (30, there / name(30))
    assert [path.name for path in there.iterdir()] == [name(30)], "and nothing else is left"
    assert found.path.read_bytes() == (local / name(30)).read_bytes()
    assert f"Resuming {name(30)} of the branch checkpoints of {model} after step 30" in (
        capsys.readouterr().out
    )


def test_a_dry_run_leaves_nothing(model: str, local: Path, tmp_path: Path):
    push_all(model, local, 10)
    there = tmp_path / "there"
    assert resumed(model, there, keep=False).step == 10
    assert not there.exists()


def test_the_newer_one_of_the_folder_is_taken(model: str, local: Path, tmp_path: Path, capsys):
    push_all(model, local, 10, 20)
    shutil.copytree(local, tmp_path / "there")
    assert resumed(model, tmp_path / "there").path == tmp_path / "there" / name(20)
    saved(tmp_path / "there", 25)
    assert resumed(model, tmp_path / "there").step == 25
    assert capsys.readouterr().out.count("has nothing newer") == 2
    saved(local, 30)
    Branch(model).push(local / name(30), 2)
    assert resumed(model, tmp_path / "there").step == 30


def test_one_of_another_run_in_the_folder_is_passed_over(
    model: str, local: Path, tmp_path: Path, capsys
):
    push_all(model, local, 10)
    saved(tmp_path, 99, replace(CONFIG, seed=4))
    assert resumed(model, tmp_path).step == 10
    assert f"{name(99)} is passed over" in (said := capsys.readouterr().err)
    assert "seed (4 -> 3)" in said


def test_one_of_another_run_on_the_hub_is_refused_and_not_kept(
    model: str, local: Path, tmp_path: Path
):
    push_all(model, local, 10)
    with pytest.raises(UserError, match=r"another run: seed \(3 -> 5\)"):
        resume(model, tmp_path / "there", replace(CONFIG, seed=5))
    assert checkpoints.listed(tmp_path / "there") == []


def test_a_damaged_one_falls_back_to_the_one_before(
    model: str, local: Path, tmp_path: Path, capsys
):
    push_all(model, local, 10, 20)
    bad = saved(local, 30)
    bad.write_bytes(bad.read_bytes()[:-100] + bytes(100))
    Branch(model).push(bad, 3)
    assert resumed(model, tmp_path / "there").step == 20
    assert f"{name(30)} is passed over" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "there").iterdir()] == [name(20)]


def test_when_all_are_damaged_the_run_is_not_started_over(model: str, local: Path, tmp_path: Path):
    bad = saved(local, 10)
    bad.write_bytes(b"nothing")
    Branch(model).push(bad, 2)
    with pytest.raises(UserError, match="No checkpoint on the branch .* can be used"):
        resume(model, tmp_path, CONFIG)


def test_a_broken_download_leaves_nothing_behind(
    model: str, local: Path, tmp_path: Path, hub: HubServer
):
    push_all(model, local, 10)
    there = tmp_path / "there"
    (there / ".downloading-killed").mkdir(parents=True)
    hub.faults.append(Fault("GET", f"/resolve/{BRANCH}/", "cut", times=99, after=1000))
    with pytest.raises(UserError, match=f"{name(10)} of the branch"):
        resume(model, there, CONFIG)
    assert list(there.iterdir()) == []
    hub.faults.clear()
    assert resumed(model, there).step == 10


def test_nothing_there_starts_afresh_and_says_so(model: str, tmp_path: Path, capsys):
    assert resumed(model, tmp_path) is None
    assert f"No checkpoint on the branch checkpoints of {model}" in (
        said := capsys.readouterr().out
    )
    assert "starting afresh" in said
    Branch(model).prepare()
    assert resumed(model, tmp_path) is None


def test_a_repository_that_is_yet_to_be_created_holds_none(repo_id: str, tmp_path: Path):
    assert resumed(repo_id, tmp_path, may_lack_repo=True) is None
    with pytest.raises(UserError, match=f"{repo_id} was not found on the Hub: check the id"):
        resume(repo_id, tmp_path, CONFIG)


def test_a_private_one_without_a_token_is_not_found(
    api: HfApi, repo_id: str, tmp_path: Path, monkeypatch
):
    api.create_repo(repo_id, private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="if it is private, set HF_TOKEN"):
        resume(repo_id, tmp_path, CONFIG)
    with pytest.raises(UserError, match="needs a token, and none was found"):
        resume("a-name-alone", tmp_path, CONFIG)


def test_without_a_network_it_says_so(model: str, tmp_path: Path, hub: HubServer):
    hub.stop()
    try:
        with pytest.raises(UserError, match="the Hub can't be reached .*Check the connection"):
            resume(model, tmp_path, CONFIG)
    finally:
        hub.start()


def test_a_token_that_may_only_read_is_told_at_the_start(model: str, local: Path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    with (
        pytest.raises(UserError, match="this token may not write there"),
        uploading(model, local, 2, 0),
    ):
        raise AssertionError("the run must not start")
