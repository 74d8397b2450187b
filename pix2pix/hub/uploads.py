"""Uploads in the background: one thread, the newest file first, and none of it stops a run."""

import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from pix2pix.errors import UserError

# Seconds to wait for the last upload. A machine that is taken away gives about 30 after SIGTERM,
# in which the run saves as well; at the end of a run there is time, but not without end.
STOPPED_SECONDS, ENDED_SECONDS = 20.0, 600.0
# Beside the files that are uploaded, as only one file system can hold both ends of a hard link.
FOLDER = ".uploading"


class Uploads:
    """Hands files to `push`, one at a time, in a thread of its own while the `with` block runs.

    `add` keeps a hard link, so that the file may be deleted at once. While an upload is going, only
    the newest file waits. When `push` raises, a warning says so, and the file stays the one that
    waits: until the next `add` replaces it, or for a last attempt at the end of the block.
    """

    def __init__(self, push: Callable[[Path], None], folder: Path, where: str) -> None:
        """`folder` holds the files to upload; `where` names the place they go to, for messages."""
        self._push, self._folder, self._where = push, folder / FOLDER, where
        self._waiting: Path | None = None
        self._going: Path | None = None
        self._due = self._ending = self._behind = False
        self._changed = threading.Condition()
        # A daemon: at its end the process waits as long as `__exit__` does, and no longer.
        self._thread = threading.Thread(target=self._work, name="uploads", daemon=True)

    def __enter__(self) -> "Uploads":
        # What a killed process left; the same files are in the folder above, or superseded.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._thread.start()
        return self

    def add(self, path: Path) -> None:
        """Takes `path`, which is complete, to be uploaded as soon as nothing else is."""
        kept = self._folder / path.name
        try:
            _link(path, kept)
        except OSError as error:
            say(f"Warning: {path.name} can't be kept for its upload ({error}); training goes on.")
            return
        with self._changed:
            if self._waiting and self._waiting != kept:
                self._waiting.unlink(missing_ok=True)
                if self._due and not self._behind:
                    self._behind = True
                    say(f"Warning: checkpoints come faster than {self._where} takes them; "
                         "the newest is always the next.")  # fmt: skip
            self._waiting, self._due = kept, True
            self._changed.notify_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        bound = STOPPED_SECONDS if kind else ENDED_SECONDS
        with self._changed:
            last = self._waiting or self._going
            self._due, self._ending = self._waiting is not None, True
            self._changed.notify_all()
        try:
            if last:
                print(f"Waiting up to {bound:.0f} s for the upload of {last.name}.", flush=True)
            self._thread.join(bound)
            if last and self._thread.is_alive():
                say(f"Warning: {last.name} is not on {self._where}: its upload did not end within "
                     f"{bound:.0f} s. The file is in {self._folder.parent}.")  # fmt: skip
            elif last and not self._waiting:
                print(f"{last.name} is on {self._where}.", flush=True)
        finally:
            # An upload that still goes on has its file open.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._ending)
                if not (self._due and self._waiting):
                    return
                path = self._going = self._waiting
                self._waiting, self._due = None, False
            problem = self._attempt(path)
            with self._changed:
                newest = self._waiting is None
                if problem and newest:
                    self._waiting = path
                elif self._waiting != path:
                    path.unlink(missing_ok=True)
                self._going, last = None, self._ending and not self._due
            if problem:
                goes_on = "Training goes on, and the next save tries again."
                kept = f"The file is in {self._folder.parent}."
                say(f"Warning: {problem} {kept if last else goes_on}")

    def _attempt(self, path: Path) -> str | None:
        """Why `path` could not be uploaded, None if it was."""
        try:
            self._push(path)
        except UserError as error:
            return str(error)
        except Exception as error:
            # Whatever it is, the run is worth more. Its text may quote a signed address: left out.
            return f"{path.name} is not on {self._where} ({type(error).__name__})."
        return None


def _link(path: Path, kept: Path) -> None:
    """A second name for the file; a copy where the file system has no hard links."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.unlink(missing_ok=True)
    try:
        os.link(path, kept)
    except OSError:
        shutil.copyfile(path, kept)


def say(message: str) -> None:
    """On stderr, above the progress line."""
    tqdm.write(message, file=sys.stderr)
