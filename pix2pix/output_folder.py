"""Keeps an output folder to one run at a time, and the work of other runs in it."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pix2pix.artifacts import CONFIG_FILE, ArtifactFolder
from pix2pix.errors import UserError
from pix2pix.files import process_is_running, write_json
from pix2pix.training import checkpoints

# The operating system releases a lock on LOCK_FILE when its process ends, even by SIGKILL.
# HOLDER_FILE describes the process for messages only; a killed process leaves it behind.
LOCK_FILE, HOLDER_FILE = ".lock", ".lock.json"
# A dry run holds the lock for a moment, which must not stop a run that starts meanwhile.
LOCK_SECONDS = 0.5
CHECKPOINTS_FOLDER = "checkpoints"


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Reserves `folder` for this process until the end of the block.

    Raises `UserError` when another process has reserved it.
    """
    file_lock = FileLock(folder / LOCK_FILE)
    try:
        file_lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise UserError(
            f"{_describe_use(folder)}; wait until it ends, or choose another --output_dir."
        ) from None
    holder = folder / HOLDER_FILE
    try:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "started": started})
        yield
    finally:
        holder.unlink(missing_ok=True)
        file_lock.release()


def find_use(folder: Path) -> str | None:
    """Returns a clause about the process that has reserved `folder`, or None if it is free."""
    if not (folder / LOCK_FILE).exists():
        return None
    try:
        with FileLock(folder / LOCK_FILE).acquire(blocking=False):
            return None
    except Timeout:
        return _describe_use(folder)


def _describe_use(folder: Path) -> str:
    for _ in range(10):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            holder = json.loads((folder / HOLDER_FILE).read_text(encoding="utf-8"))
            is_here = holder["host"] == socket.gethostname()
            started = datetime.fromisoformat(holder["started"])
            if not is_here or process_is_running(holder["pid"]):
                where = "" if is_here else f" on {holder['host']}"
                since = f"{started:%Y-%m-%d %H:%M}"
                return f"{folder} is in use by process {holder['pid']}{where} since {since}"
        time.sleep(0.05)  # the other process has the lock and is about to write the file
    return f"{folder} is in use by another process"


def check_unused(folder: Path) -> None:
    """Raises `UserError` if `folder` has the model or the checkpoints of a run."""
    saved = checkpoints.list_checkpoints(folder / CHECKPOINTS_FOLDER)
    steps = [checkpoints.parse_step(path) for path in saved]
    resume = "to continue it, add --resume_from_checkpoint latest; " if steps else ""
    if (folder / CONFIG_FILE).exists():
        found = f"the finished model of {_describe_model(folder)}"
    elif steps:
        found = f"the checkpoints of a run that has made {max(steps)} steps"
    else:
        return
    raise UserError(
        f"{folder} has {found}: {resume}to keep it, choose another --output_dir; to replace it, "
        "add --overwrite_output_dir."
    )


def _describe_model(folder: Path) -> str:
    try:
        return (
            f"a run of {int(ArtifactFolder(folder).read_description()['training']['steps'])} steps"
        )
    except (UserError, KeyError, TypeError, ValueError):
        return "another run"
