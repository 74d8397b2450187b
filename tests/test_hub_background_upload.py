"""Background uploads: what a slow, a failing and an unreachable Hub do to a run."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download

from pix2pix.hub import background_upload, upload_checkpoints
from pix2pix.hub.background_upload import PENDING_FOLDER
from pix2pix.hub.checkpoint_branch import BRANCH
from pix2pix.training import checkpoints
from tests.checkpoint_helpers import checkpoint_name, list_branch, save_checkpoint, wait_until
from tests.hub_server import WRITE_TOKEN, Fault, HubServer

DELAY_SECONDS = 1.5
RETRIES_LATER = "Training goes on, and the next save tries again."
pytestmark = pytest.mark.usefixtures("hub", "logged_in")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def slow_hub(hub: HubServer) -> None:
    hub.faults.append(Fault("PUT", "/lfs-upload/", "delay", times=99, seconds=DELAY_SECONDS))


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pix2pix")


def upload_has_begun(hub: HubServer, repo_id: str) -> Callable[[], bool]:
    """Returns a function that says whether an upload began after this call."""
    first = len(hub.requests)
    return lambda: any(
        repo_id in path and path.endswith("/objects/batch") for _, path, _ in hub.requests[first:]
    )


def is_logged(caplog: pytest.LogCaptureFixture, text: str) -> Callable[[], bool]:
    """Returns a function that says whether `text` was logged."""
    return lambda: any(text in message for message in caplog.messages)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_a_slow_hub_delays_no_save_and_gets_the_newest_checkpoint(
    hub: HubServer, model_repo: str, folder: Path, slow_hub: None, caplog: pytest.LogCaptureFixture
):
    has_begun = upload_has_begun(hub, model_repo)
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(save_checkpoint(folder, 10), None)
        wait_until(has_begun)
        started = time.monotonic()
        for step in (20, 30, 40):
            upload(save_checkpoint(folder, step), None)
        assert time.monotonic() - started < DELAY_SECONDS / 2
    assert list_branch(model_repo) == [checkpoint_name(10), checkpoint_name(40)]
    (warning,) = warnings_in(caplog)
    assert warning.startswith("New checkpoints are saved faster than they are uploaded")
    last = f"{checkpoint_name(40)} is on the branch checkpoints of {model_repo}."
    assert last in caplog.messages


def test_the_best_checkpoint_is_uploaded_although_newer_ones_follow_at_once(
    hub: HubServer, model_repo: str, folder: Path, slow_hub: None
):
    has_begun = upload_has_begun(hub, model_repo)
    with upload_checkpoints(model_repo, folder, 1, 0) as upload:
        upload(save_checkpoint(folder, 10), None)
        wait_until(has_begun)
        best = save_checkpoint(folder, 20)
        upload(best, best)
        for step in (30, 40):
            upload(save_checkpoint(folder, step), best)
        expected = best.read_bytes()
        best.unlink()
    assert list_branch(model_repo) == [best.name, checkpoint_name(40)]
    cache = folder / "cache"
    downloaded = hf_hub_download(model_repo, best.name, revision=BRANCH, cache_dir=cache)
    assert Path(downloaded).read_bytes() == expected
    assert not (folder / PENDING_FOLDER).exists()


def test_a_checkpoint_may_be_deleted_while_it_is_uploaded(
    hub: HubServer, model_repo: str, folder: Path, slow_hub: None
):
    has_begun, path = upload_has_begun(hub, model_repo), save_checkpoint(folder, 10)
    expected = path.read_bytes()
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(path, None)
        path.unlink()
        wait_until(has_begun)
    downloaded = Path(
        hf_hub_download(
            model_repo, checkpoint_name(10), revision=BRANCH, cache_dir=folder / "cache"
        )
    )
    assert downloaded.read_bytes() == expected
    assert checkpoints.read_checkpoint(downloaded).step == 10
    assert not (folder / PENDING_FOLDER).exists()


def test_links_of_a_killed_process_are_deleted(model_repo: str, folder: Path):
    leftover = folder / PENDING_FOLDER / checkpoint_name(5)
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        assert not leftover.exists()
        upload(save_checkpoint(folder, 10), None)
    assert list_branch(model_repo) == [checkpoint_name(10)]
    assert [path.name for path in folder.iterdir()] == [checkpoint_name(10)]


def test_a_copy_is_uploaded_where_there_are_no_hard_links(
    model_repo: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr(background_upload.os, "link", refuse)
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(save_checkpoint(folder, 10), None)
    assert list_branch(model_repo) == [checkpoint_name(10)]


def test_a_file_that_can_not_be_kept_is_a_warning(
    model_repo: str, folder: Path, caplog: pytest.LogCaptureFixture
):
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(folder / checkpoint_name(10), None)  # was never saved
        upload(save_checkpoint(folder, 20), None)
    (warning,) = warnings_in(caplog)
    assert f"{checkpoint_name(10)} can't be kept for its upload" in warning
    assert list_branch(model_repo) == [checkpoint_name(20)]


def test_uploads_go_on_after_an_outage_of_the_hub(
    hub: HubServer, model_repo: str, folder: Path, caplog: pytest.LogCaptureFixture
):
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(save_checkpoint(folder, 10), None)
        wait_until(lambda: checkpoint_name(10) in list_branch(model_repo))
        hub.stop()
        try:
            upload(save_checkpoint(folder, 20), None)
            wait_until(is_logged(caplog, RETRIES_LATER))
        finally:
            hub.start()
        assert list_branch(model_repo) == [checkpoint_name(10)]
        upload(save_checkpoint(folder, 30), None)
        wait_until(lambda: checkpoint_name(30) in list_branch(model_repo))
    (warning,) = warnings_in(caplog)
    failed = f"{checkpoint_name(20)} is not on the branch checkpoints of {model_repo}: "
    assert warning.startswith(failed) and "the Hub can't be reached" in warning
    assert list_branch(model_repo) == [checkpoint_name(10), checkpoint_name(30)]


def test_a_failed_last_upload_is_repeated_at_the_end(
    hub: HubServer, model_repo: str, folder: Path, caplog: pytest.LogCaptureFixture
):
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        hub.faults.append(Fault("POST", f"{model_repo}/commit/", 409, times=99))
        upload(save_checkpoint(folder, 10), None)
        wait_until(is_logged(caplog, RETRIES_LATER))
        assert list_branch(model_repo) == []
        hub.faults.clear()
    assert list_branch(model_repo) == [checkpoint_name(10)]
    assert f"{checkpoint_name(10)} is on the branch" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("method", "route", "effect", "reason"),
    [
        ("POST", "/commit/", 401, "does not accept this token (401)"),
        ("POST", "/commit/", 403, "this token may not write there (403)"),
        ("POST", "/commit/", 404, "the repository or its branch was not found (404)."),
        ("POST", "/commit/", 412, "somebody else changed it meanwhile (412)."),
        ("POST", "/commit/", 429, "the Hub throttles requests (429)."),
        ("POST", "/commit/", 500, "server error of the Hub (500)."),
        ("POST", "/commit/", "reset", "the Hub can't be reached"),
        ("POST", "/preupload/", 403, "this token may not write there (403)"),
        ("POST", "/objects/batch", 403, "this token may not write there (403)"),
        ("PUT", "/lfs-upload/", 403, "this token may not write there (403)"),
        ("GET", f"/revision/{BRANCH}", 500, "server error of the Hub (500)."),
    ],
)
def test_a_failed_upload_is_one_warning_without_the_token_and_the_next_one_succeeds(
    hub: HubServer, model_repo: str, folder: Path, caplog, method, route, effect, reason
):
    with upload_checkpoints(model_repo, folder, 3, 0) as upload:
        hub.faults.append(Fault(method, route, effect, times=999))
        upload(save_checkpoint(folder, 10), None)
        wait_until(is_logged(caplog, RETRIES_LATER))
        hub.faults.clear()
        upload(save_checkpoint(folder, 20), None)
    (warning,) = warnings_in(caplog)
    assert warning.startswith(f"{checkpoint_name(10)} is not on the branch checkpoints")
    assert reason in warning and warning.endswith(RETRIES_LATER)
    assert WRITE_TOKEN not in "".join(caplog.messages)
    assert list_branch(model_repo) == [checkpoint_name(20)]


def test_a_stopped_run_waits_for_the_last_upload_no_longer_than_its_timeout(
    model_repo: str, folder: Path, slow_hub: None, caplog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background_upload, "STOPPED_TIMEOUT", 0.2)
    started = time.monotonic()
    with pytest.raises(KeyError), upload_checkpoints(model_repo, folder, 3, 0) as upload:
        upload(save_checkpoint(folder, 10), None)
        raise KeyError("a run that is stopped")
    assert time.monotonic() - started < DELAY_SECONDS
    name = checkpoint_name(10)
    assert f"Waiting up to 0 s for the upload of {name}." in caplog.messages
    (warning,) = warnings_in(caplog)
    assert f"{name} is not on the branch" in warning and "did not end within" in warning
    assert str(folder) in warning
    assert [path.name for path in folder.iterdir()] == [name]
    # The upload is still running, in a thread that does not keep the process alive.
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "uploads"]
    assert thread.daemon
    thread.join(30)


def test_a_run_without_checkpoints_waits_for_no_upload(
    model_repo: str, folder: Path, caplog: pytest.LogCaptureFixture
):
    with upload_checkpoints(model_repo, folder, 3, 0):
        pass
    assert caplog.messages == []
    assert not folder.exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "uploads"]
    assert HfApi().revision_exists(model_repo, BRANCH)
