"""The branch of checkpoints on the Hub: what an upload adds, what it deletes, and what it keeps."""

import logging
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError

from pix2pix import UserError
from pix2pix.hub import upload_checkpoints
from pix2pix.hub.background_upload import PENDING_FOLDER
from pix2pix.hub.checkpoint_branch import BRANCH, CheckpointBranch
from tests.checkpoint_helpers import (
    checkpoint_name,
    list_branch,
    save_checkpoint,
    upload_each,
    wait_until,
)
from tests.hub_server import READ_TOKEN, Fault, HubServer

pytestmark = pytest.mark.usefixtures("hub", "logged_in")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def count_commits(repo_id: str) -> int:
    return len(HfApi().list_repo_commits(repo_id, revision=BRANCH))


def list_stored_lfs_files(server: HubServer, repo_id: str) -> set[str]:
    """Returns the paths of the LFS files whose bytes the Hub still stores."""
    files = server.store.repo("model", repo_id).lfs_files.values()
    assert all((server.store.blobs / file.sha256).exists() for file in files)
    return {file.path for file in files}


def count_stored_bytes(server: HubServer) -> int:
    return sum(path.stat().st_size for path in server.store.blobs.iterdir())


def test_the_branch_holds_the_newest_checkpoints_and_main_is_unchanged(
    api: HfApi, model_repo: str, folder: Path
):
    before = api.model_info(model_repo).sha, api.list_repo_files(model_repo)
    upload_each(model_repo, folder, 10, 20, 30, 40, 50)
    assert (api.model_info(model_repo).sha, api.list_repo_files(model_repo)) == before
    expected = [checkpoint_name(40), checkpoint_name(50)]
    assert list_branch(model_repo) == expected, "no file of main is on the branch"
    downloaded = hf_hub_download(model_repo, checkpoint_name(50), revision=BRANCH)
    assert Path(downloaded).read_bytes() == (folder / checkpoint_name(50)).read_bytes()


def test_neither_the_history_nor_the_storage_grows(model_repo: str, folder: Path, hub: HubServer):
    repo = hub.store.repo("model", model_repo)
    upload_each(model_repo, folder, 10, 20)
    bytes_before, commits_before = count_stored_bytes(hub), len(repo.commits)
    for step in range(30, 100, 10):
        upload_each(model_repo, folder, step, start=step - 10)
        assert count_commits(model_repo) == 1
        names = {"model.onnx", checkpoint_name(step), checkpoint_name(step - 10)}
        assert list_stored_lfs_files(hub, model_repo) == names
        assert count_stored_bytes(hub) <= bytes_before
    assert len(repo.commits) <= commits_before


@pytest.mark.parametrize(
    "reference", ["main", "an earlier commit of main", "a tag", "a pull request"]
)
def test_bytes_that_another_revision_references_are_never_deleted(
    api: HfApi, model_repo: str, folder: Path, hub: HubServer, reference: str
):
    upload_each(model_repo, folder, 10)
    content = (folder / checkpoint_name(10)).read_bytes()
    is_pull_request = reference == "a pull request"
    commit = api.create_commit(
        model_repo,
        [CommitOperationAdd("copy.npz", content)],
        commit_message="the same bytes",
        create_pr=is_pull_request,
    )
    revision = commit.pr_revision or commit.oid
    if reference == "a tag":
        api.create_branch(model_repo, branch="other")
        api.create_tag(model_repo, tag="kept", revision=commit.oid)
        api.super_squash_history(model_repo)
        revision = "kept"
    if reference in ("an earlier commit of main", "a tag"):
        api.delete_file("copy.npz", model_repo)
    upload_each(model_repo, folder, 20, 30, 40, 50, start=10)
    assert list_branch(model_repo) == [checkpoint_name(40), checkpoint_name(50)]
    assert checkpoint_name(20) not in list_stored_lfs_files(hub, model_repo)
    downloaded = hf_hub_download(
        model_repo, "copy.npz", revision=revision, cache_dir=folder / "cache"
    )
    assert Path(downloaded).read_bytes() == content


def test_a_permanently_deleted_lfs_file_is_missing_from_every_revision(
    api: HfApi, model_repo: str, folder: Path
):
    """The test Hub also deletes files that are referenced, so the test above can fail."""
    operation = [CommitOperationAdd("copy.npz", str(folder).encode())]
    api.create_commit(model_repo, operation, commit_message="new bytes")
    files = list(api.list_lfs_files(model_repo))
    api.permanently_delete_lfs_files(model_repo, files, rewrite_history=False)
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(model_repo, "copy.npz", cache_dir=folder)


def test_a_run_from_an_earlier_step_is_refused_and_deletes_nothing(model_repo: str, folder: Path):
    upload_each(model_repo, folder, 10, 20, 30)
    names = [checkpoint_name(20), checkpoint_name(30)]
    with pytest.raises(UserError, match=f"would delete {', '.join(names)} of .* hub, or choose"):
        upload_each(model_repo, folder, 15, start=10)
    assert list_branch(model_repo) == names


def test_an_upload_that_is_on_the_branch_already_makes_no_commit(
    api: HfApi, model_repo: str, folder: Path
):
    upload_each(model_repo, folder, 10)
    head = api.model_info(model_repo, revision=BRANCH).sha
    CheckpointBranch(model_repo).upload(folder / checkpoint_name(10), 2)
    assert api.model_info(model_repo, revision=BRANCH).sha == head


def test_other_files_on_the_branch_stay(api: HfApi, model_repo: str, folder: Path):
    upload_each(model_repo, folder, 10)
    notes = [CommitOperationAdd("notes.txt", b"mine")]
    api.create_commit(model_repo, notes, commit_message="notes", revision=BRANCH)
    upload_each(model_repo, folder, 20, 30, start=10)
    assert list_branch(model_repo) == ["notes.txt", checkpoint_name(20), checkpoint_name(30)]


def test_storage_that_can_not_be_freed_is_one_warning_and_the_upload_succeeds(
    model_repo: str, folder: Path, hub: HubServer, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "pix2pix")
    hub.faults.append(Fault("POST", "/super-squash/", 403, times=99))
    with upload_checkpoints(model_repo, folder, 2, 0) as upload:
        for step in (10, 20, 30, 40):
            upload(save_checkpoint(folder, step), None)
            wait_until(lambda: not any((folder / PENDING_FOLDER).iterdir()))
    assert list_branch(model_repo) == [checkpoint_name(30), checkpoint_name(40)]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert f"Superseded checkpoints of the branch checkpoints of {model_repo}" in warnings[0]
    assert "are not deleted: this token may not write there (403)" in warnings[0]
    hub.faults.clear()
    upload_each(model_repo, folder, 50, start=40)
    assert count_commits(model_repo) == 1
    assert list_branch(model_repo) == [checkpoint_name(40), checkpoint_name(50)]


def test_the_best_checkpoint_stays_on_the_branch_and_is_added_if_it_is_missing(
    model_repo: str, folder: Path
):
    branch = CheckpointBranch(model_repo)
    upload_each(model_repo, folder, 10)
    best, newer = (folder / checkpoint_name(step) for step in (10, 35))
    for step in (20, 30):
        branch.upload(save_checkpoint(folder, step), 1, best)
    assert list_branch(model_repo) == [best.name, checkpoint_name(30)]
    save_checkpoint(folder, 35)
    # Checkpoint 35 was not uploaded, because the upload before took too long.
    branch.upload(save_checkpoint(folder, 40), 1, newer)
    assert list_branch(model_repo) == [newer.name, checkpoint_name(40)]
    branch.upload(save_checkpoint(folder, 50), 1, folder / checkpoint_name(50))
    assert list_branch(model_repo) == [checkpoint_name(50)]


def test_a_read_token_is_refused_before_the_run_starts(
    model_repo: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    with (
        pytest.raises(UserError, match="this token may not write there"),
        upload_checkpoints(model_repo, folder, 2, 0),
    ):
        raise AssertionError("the run must not start")
