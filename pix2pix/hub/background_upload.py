"""Uploads checkpoints to the Hub in a background thread; a failed upload never stops a run."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from pix2pix.errors import UserError
from pix2pix.hub.checkpoint_branch import BRANCH, CheckpointBranch
from pix2pix.training.checkpoints import parse_step

logger = logging.getLogger(__name__)

# Seconds to wait for the last upload, after an exception and after a finished run. A preemptible
# machine gets about 30 s between SIGTERM and its end, and the run has to save in them as well.
STOPPED_TIMEOUT, FINISHED_TIMEOUT = 20.0, 600.0
# Beside the files to upload, since a hard link must be on the same file system.
PENDING_FOLDER = ".uploading"


@contextmanager
def upload_checkpoints(
    repo_id: str, folder: Path, limit: int, step: int | None
) -> Iterator[Callable[[Path, Path | None], None]]:
    """Yields a function that uploads a saved checkpoint in the background, and the best one.

    Creates the branch. At the end of the block, waits for the last upload, as `BackgroundUploads`
    describes. Once the branch exists, failures are logged as warnings.

    Args:
        repo_id: the model repository, which exists.
        folder: the folder that holds the checkpoints.
        limit: how many checkpoints the branch keeps.
        step: the step at which the run starts, or None for a run that `resume_from_hub` started:
            later checkpoints on the branch are damaged then, and may be deleted.

    Raises:
        UserError: when the branch can't be created, or when it holds checkpoints later than
            `step`, which the first upload would delete.
    """
    from huggingface_hub.utils import disable_progress_bars

    branch = CheckpointBranch(repo_id)
    names = branch.create()
    if step is not None and any(parse_step(Path(name)) > step for name in names):
        raise UserError(
            f"This run starts at step {step}, and its first upload would delete {', '.join(names)} "
            f"of {branch}: resume them with --resume_from_checkpoint hub, or choose another "
            f"--hub_model_id, or delete them with `hf repos branch delete {branch.repo_id} "
            f"{BRANCH}`."
        )
    warnings: set[str] = set()

    def upload(path: Path, best: Path | None) -> None:
        if branch.upload(path, limit, best):
            try:
                branch.free_storage()
            except UserError as error:
                # The checkpoint is on the Hub: warn once, and try again after the next upload.
                if str(error) not in warnings:
                    logger.warning("%s", error)
                warnings.add(str(error))

    # The client's progress bars would overwrite the training's.
    with disable_progress_bars(), BackgroundUploads(upload, folder, str(branch)) as uploads:
        yield uploads.add


class BackgroundUploads:
    """Passes checkpoints to `upload`, one after the other, in a thread during the `with` block.

    `add` keeps hard links, so the caller may delete the files at once. During an upload only the
    newest checkpoint waits; it replaces an older one. When `upload` raises, a warning is logged and
    the checkpoint waits again: until the next `add` replaces it, or for a last attempt at the end
    of the block.
    """

    def __init__(
        self, upload: Callable[[Path, Path | None], None], folder: Path, destination: str
    ) -> None:
        """Creates the thread without starting it.

        Args:
            upload: uploads a checkpoint, and the run's best one if that is missing there; called in
                the thread.
            folder: the folder that holds the files to upload.
            destination: where the files go to, for messages.
        """
        self._upload, self._folder = upload, folder / PENDING_FOLDER
        self._destination = destination
        # Each is a checkpoint, and the best one if there is one.
        self._waiting: tuple[Path, Path | None] | None = None
        self._uploading: tuple[Path, Path | None] | None = None
        # Whether the waiting one is due now; a failed one waits for the next `add` or the end.
        self._is_due = False
        self._is_ending = False
        self._warned_of_backlog = False
        self._changed = threading.Condition()
        # A daemon, so that the process does not wait for longer than `__exit__` does.
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def __enter__(self) -> "BackgroundUploads":
        # Left by a killed process: the folder above has the same files, or newer ones.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._thread.start()
        return self

    def add(self, path: Path, best: Path | None = None) -> None:
        """Uploads the file `path` as soon as the upload before it has ended, and `best` with it."""
        with self._changed:
            try:
                links = _link(path, self._folder), best and _link(best, self._folder)
            except OSError as error:
                logger.warning(
                    "%s can't be kept for its upload (%s); training goes on.", path.name, error
                )
                return
            replaces = self._waiting and self._waiting[0] != links[0]
            if replaces and self._is_due and not self._warned_of_backlog:
                self._warned_of_backlog = True
                logger.warning(
                    "New checkpoints are saved faster than they are uploaded to %s; only the "
                    "newest one is uploaded next.",
                    self._destination,
                )
            self._waiting, self._is_due = links, True
            self._delete_unused_links()
            self._changed.notify_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        timeout = STOPPED_TIMEOUT if kind else FINISHED_TIMEOUT
        with self._changed:
            last, _ = self._waiting or self._uploading or (None, None)
            self._is_due, self._is_ending = self._waiting is not None, True
            self._changed.notify_all()
        try:
            self._join(last, timeout)
        finally:
            # An upload that is still running has its file open.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _join(self, last: Path | None, timeout: float) -> None:
        if last:
            logger.info("Waiting up to %.0f s for the upload of %s.", timeout, last.name)
        self._thread.join(timeout)
        if last and self._thread.is_alive():
            logger.warning(
                "%s is not on %s: its upload did not end within %.0f s. The file is in %s.",
                last.name, self._destination, timeout, self._folder.parent,
            )  # fmt: skip
        elif last and not self._waiting:
            logger.info("%s is on %s.", last.name, self._destination)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_due or self._is_ending)
                if not (self._is_due and self._waiting):
                    return
                files = self._uploading = self._waiting
                self._waiting, self._is_due = None, False
            failure = self._try_upload(*files)
            with self._changed:
                if failure and self._waiting is None:
                    self._waiting = files
                self._uploading = None
                self._delete_unused_links()
                is_last = self._is_ending and not self._is_due
            if failure and is_last:
                logger.warning("%s The file is in %s.", failure, self._folder.parent)
            elif failure:
                logger.warning("%s Training goes on, and the next save tries again.", failure)

    def _delete_unused_links(self) -> None:
        used = {*(self._waiting or ()), *(self._uploading or ())}
        for link in set(self._folder.glob("*")) - used:
            link.unlink(missing_ok=True)

    def _try_upload(self, path: Path, best: Path | None) -> str | None:
        """Returns a sentence that says why the upload of `path` failed, or None."""
        try:
            self._upload(path, best)
        except UserError as error:
            return str(error)
        except Exception as error:
            # No upload may stop the run. The error's text is left out: it may quote a signed URL.
            return f"{path.name} is not on {self._destination} ({type(error).__name__})."
        return None


def _link(path: Path, folder: Path) -> Path:
    """Returns a hard link to the file, or a copy where the file system has no hard links."""
    link = folder / path.name
    if link.exists() and link.stat().st_mtime_ns == path.stat().st_mtime_ns:
        return link  # the best checkpoint is linked for each upload
    folder.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:
        shutil.copy2(path, link)
    return link
