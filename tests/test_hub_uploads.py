"""Uploads in the background: what a slow, a failing and an absent Hub do to a run."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download

from pix2pix.hub import uploading, uploads
from pix2pix.hub.branch import BRANCH
from pix2pix.training import checkpoints
from tests.hub_server import WRITE_TOKEN, Fault, HubServer
from tests.test_hub_checkpoints import name, on_branch, saved, wait_until

SLOW = 1.5
NEXT = "Training goes on, and the next save tries again."
pytestmark = pytest.mark.usefixtures("hub", "token")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def slow(hub: HubServer) -> None:
    hub.faults.append(Fault("PUT", "/lfs-upload/", "delay", times=99, seconds=SLOW))


def going(hub: HubServer, model: str) -> Callable[[], bool]:
    """Whether an upload of the model's has begun, and its bytes are on their way."""
    seen = len(hub.requests)
    return lambda: any(
        model in path and path.endswith("/objects/batch") for _, path, _ in hub.requests[seen:]
    )


def heard(capsys, text: str, printed: list[str]) -> Callable[[], bool]:
    """Whether `text` was said; what was said so far goes to `printed`."""

    def found() -> bool:
        printed.extend(capsys.readouterr())
        return text in "".join(printed)

    return found


def test_a_slow_hub_holds_up_no_save_and_gets_the_newest(
    hub: HubServer, model: str, folder: Path, slow: None, capsys
):
    begun = going(hub, model)
    with uploading(model, folder, 3, 0) as upload:
        upload(saved(folder, 10))
        wait_until(begun)
        started = time.monotonic()
        for step in (20, 30, 40):
            upload(saved(folder, step))
        assert time.monotonic() - started < SLOW / 2
    assert on_branch(model) == [name(10), name(40)]
    said = capsys.readouterr()
    assert said.err.count("Warning: checkpoints come faster than") == 1
    assert f"{name(40)} is on the branch checkpoints of {model}" in said.out


def test_a_checkpoint_may_be_deleted_while_it_is_uploaded(
    hub: HubServer, model: str, folder: Path, slow: None
):
    begun, path = going(hub, model), saved(folder, 10)
    expected = path.read_bytes()
    with uploading(model, folder, 3, 0) as upload:
        upload(path)
        path.unlink()
        wait_until(begun)
    found = hf_hub_download(model, name(10), revision=BRANCH, cache_dir=folder / "cache")
    assert Path(found).read_bytes() == expected
    assert checkpoints.read(Path(found)).step == 10
    assert not (folder / uploads.FOLDER).exists()


def test_what_a_killed_process_left_is_deleted(model: str, folder: Path):
    left = folder / uploads.FOLDER / name(5)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with uploading(model, folder, 3, 0) as upload:
        assert not left.exists()
        upload(saved(folder, 10))
    assert on_branch(model) == [name(10)]
    assert [path.name for path in folder.iterdir()] == [name(10)]


def test_without_hard_links_it_is_a_copy_that_is_uploaded(
    model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr(uploads.os, "link", refuse)
    with uploading(model, folder, 3, 0) as upload:
        upload(saved(folder, 10))
    assert on_branch(model) == [name(10)]


def test_a_file_that_can_not_be_kept_is_a_warning(model: str, folder: Path, capsys):
    with uploading(model, folder, 3, 0) as upload:
        upload(folder / name(10))
        upload(saved(folder, 20))
    assert f"{name(10)} can't be kept for its upload" in capsys.readouterr().err
    assert on_branch(model) == [name(20)]


def test_a_hub_that_is_away_for_a_while_loses_nothing(
    hub: HubServer, model: str, folder: Path, capsys
):
    printed: list[str] = []
    with uploading(model, folder, 3, 0) as upload:
        upload(saved(folder, 10))
        wait_until(lambda: name(10) in on_branch(model))
        hub.stop()
        try:
            upload(saved(folder, 20))
            wait_until(heard(capsys, NEXT, printed))
        finally:
            hub.start()
        assert on_branch(model) == [name(10)]
        upload(saved(folder, 30))
        wait_until(lambda: name(30) in on_branch(model))
    text = "".join(printed)
    assert f"Warning: {name(20)} is not on the branch checkpoints of {model}: " in text
    assert "the Hub can't be reached" in text
    assert on_branch(model) == [name(10), name(30)]


def test_what_failed_last_is_tried_once_more_at_the_end(
    hub: HubServer, model: str, folder: Path, capsys
):
    with uploading(model, folder, 3, 0) as upload:
        hub.faults.append(Fault("POST", f"{model}/commit/", 409, times=99))
        upload(saved(folder, 10))
        wait_until(heard(capsys, NEXT, []))
        assert on_branch(model) == []
        hub.faults.clear()
    assert on_branch(model) == [name(10)]
    assert f"{name(10)} is on the branch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "route", "effect", "said"),
    [
        ("POST", "/commit/", 401, "does not accept this token (401)"),
        ("POST", "/commit/", 403, "this token may not write there (403)"),
        ("POST", "/commit/", 412, "someone else changed it meanwhile (412)."),
        ("POST", "/commit/", 429, "the Hub asks to slow down (429)."),
        ("POST", "/commit/", 500, "the Hub is out of order (500)."),
        ("POST", "/commit/", "reset", "the Hub can't be reached"),
        ("POST", "/preupload/", 403, "this token may not write there (403)"),
        ("POST", "/objects/batch", 403, "this token may not write there (403)"),
        ("PUT", "/lfs-upload/", 403, "this token may not write there (403)"),
        ("GET", f"/revision/{BRANCH}", 500, "the Hub is out of order (500)."),
    ],
)
def test_a_refusal_is_a_sentence_without_the_token_and_the_next_save_goes_through(
    hub: HubServer, model: str, folder: Path, capsys, method, route, effect, said
):
    with uploading(model, folder, 3, 0) as upload:
        hub.faults.append(Fault(method, route, effect, times=999))
        upload(saved(folder, 10))
        wait_until(heard(capsys, NEXT, printed := []))
        hub.faults.clear()
        upload(saved(folder, 20))
    printed += capsys.readouterr()
    warnings = [line for line in "".join(printed).splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1 and warnings[0].endswith(NEXT)
    assert f"{name(10)} is not on the branch" in warnings[0] and said in warnings[0]
    assert WRITE_TOKEN not in "".join(printed)
    assert on_branch(model) == [name(20)]


def test_the_last_upload_is_waited_for_with_a_bound(
    hub: HubServer, model: str, folder: Path, slow: None, capsys, monkeypatch
):
    monkeypatch.setattr(uploads, "STOPPED_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(KeyError), uploading(model, folder, 3, 0) as upload:
        upload(saved(folder, 10))
        raise KeyError("a run that is stopped")
    assert time.monotonic() - started < SLOW
    said = capsys.readouterr()
    assert f"Waiting up to 0 s for the upload of {name(10)}." in said.out
    assert f"{name(10)} is not on the branch" in said.err and "did not end within" in said.err
    assert str(folder) in said.err
    assert [path.name for path in folder.iterdir()] == [name(10)]
    # It still goes on, in a thread that would not keep the process alive.
    threads = [thread for thread in threading.enumerate() if thread.name == "uploads"]
    assert threads[0].daemon
    threads[0].join(30)


def test_nothing_to_upload_is_nothing_to_wait_for(model: str, folder: Path, capsys):
    with uploading(model, folder, 3, 0):
        pass
    assert capsys.readouterr() == ("", "")
    assert not folder.exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "uploads"]
    assert HfApi().revision_exists(model, BRANCH)
