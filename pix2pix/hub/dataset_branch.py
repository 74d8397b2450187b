"""Publishes a split of a dataset file by file, so that nobody sees it before it is complete.

Its finished files are on the branch `unfinished-<split>`, from which any machine can go on. When
all are there, one commit copies them to the main branch, and the branch is deleted.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from pix2pix.errors import UserError
from pix2pix.hub.errors import HubUnavailableError, hub_errors_as_user_errors
from pix2pix.hub.repositories import NOTHING_DONE_HINT, check_write_access

FLAG = "--push_to_hub"
DATA_FOLDER, CARD_FILE = "data", "README.md"
GO_ON_HINT = "Finished files are kept: run the command again."
# The Hub refuses more than 128 commits an hour, so files that are finished sooner share one.
COMMIT_SECONDS = 60
# So many files may wait on the disk for their upload before the translation waits for it.
MAX_WAITING = 8
# Seconds before a failed upload is repeated.
RETRY_SECONDS = (5.0, 20.0, 60.0, 180.0)

logger = logging.getLogger(__name__)


class DatasetBranch:
    """One split of a dataset repository; every method raises `UserError` on failure."""

    def __init__(self, repo_id: str, split: str, private: bool):
        """Checks, without changing anything, that the split can be published there.

        Raises `UserError` when the token may not write there, when it is the id of a model, or when
        a public repository exists and `private` is True.
        """
        from huggingface_hub import HfApi

        self._api, self._private = HfApi(), private
        self.repo_id, self.branch = repo_id, f"unfinished-{split}"
        self.folder = f"{DATA_FOLDER}/{split}"
        with self._errors(NOTHING_DONE_HINT):
            self.repo_id, self._exists = check_write_access(repo_id, "dataset", flag=FLAG)
            if not self._exists and self._api.repo_exists(self.repo_id):
                raise UserError(
                    f"{self.repo_id} is a model on the Hub; choose another {FLAG} for the dataset."
                )
            if self._exists and private and not self._api.dataset_info(self.repo_id).private:
                raise UserError(
                    f"{self.repo_id} exists and is public: make it private in its settings, choose "
                    f"another {FLAG}, or leave out --hub_private_repo."
                )

    def __str__(self) -> str:
        return f"The dataset {self.repo_id}"

    @property
    def page(self) -> str:
        """The URL of the dataset."""
        return f"{self._api.endpoint}/datasets/{self.repo_id}"

    def _errors(self, hint: str = GO_ON_HINT) -> AbstractContextManager[None]:
        return hub_errors_as_user_errors(str(self), writes=True, recovery_hint=hint, flag=FLAG)

    def list_main(self) -> set[str]:
        """Returns the files of the main branch; none where the repository does not exist."""
        return set(self._list("main")[1]) - {".gitattributes"} if self._exists else set()

    def list_unfinished(self) -> set[str]:
        """Returns the files of the split on its branch; none where there is no branch."""
        names = self._list(self.branch)[1] if self._exists else []
        return {name for name in names if name.startswith(f"{self.folder}/")}

    def _list(self, branch: str) -> tuple[str | None, list[str]]:
        """Returns the commit of a branch and its files; None and no files without the branch."""
        from huggingface_hub.errors import RevisionNotFoundError

        with self._errors():
            try:
                info = self._api.dataset_info(self.repo_id, revision=branch)
            except RevisionNotFoundError:
                return None, []
        return info.sha, [file.rfilename for file in info.siblings or ()]

    def read_json(self, path: str, unfinished: bool = False) -> dict[str, Any]:
        """Returns the content of a JSON file on the main branch, or on that of the split."""
        from huggingface_hub import hf_hub_download

        revision = self.branch if unfinished else "main"
        with self._errors():
            file = hf_hub_download(self.repo_id, path, repo_type="dataset", revision=revision)
            return json.loads(Path(file).read_text(encoding="utf-8"))

    def create(self) -> None:
        """Creates the repository and the branch, unless they exist."""
        with self._errors(NOTHING_DONE_HINT):
            self._api.create_repo(
                self.repo_id, repo_type="dataset", private=self._private or None, exist_ok=True
            )
            self._exists = True
            # From the first commit, so that the branch holds no files of main.
            first = self._api.list_repo_commits(self.repo_id, repo_type="dataset")[-1].commit_id
            self._api.create_branch(
                self.repo_id, branch=self.branch, revision=first, repo_type="dataset", exist_ok=True
            )

    def upload(self, files: Mapping[str, Path | bytes], title: str) -> None:
        """Adds files to the branch in one commit."""
        _retry(lambda: self._upload_once(files, title))

    def _upload_once(self, files: Mapping[str, Path | bytes], title: str) -> None:
        from huggingface_hub import CommitOperationAdd

        # Operations remember what was uploaded, so each attempt has new ones.
        operations = [CommitOperationAdd(f"{self.folder}/{n}", file) for n, file in files.items()]
        self._commit(operations, title, revision=self.branch)

    def publish(self, card: str, title: str) -> None:
        """Copies the branch's files to the main branch in one commit.

        Files of an earlier translation of the split are deleted; those of others stay.
        """
        _retry(lambda: self._publish_once(card, title))

    def _publish_once(self, card: str, title: str) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

        new = self.list_unfinished()
        head, branch_head = self._list("main"), self._list(self.branch)[0]
        old = {name for name in head[1] if name.startswith(f"{self.folder}/")}
        operations: list[Any] = [CommitOperationAdd(CARD_FILE, card.encode())]
        operations += [CommitOperationDelete(name) for name in sorted(old - new)]
        operations += [
            CommitOperationCopy(name, name, src_revision=branch_head) for name in sorted(new)
        ]
        self._commit(operations, title, parent=head[0])

    def _commit(
        self,
        operations: list[Any],
        title: str,
        revision: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Makes a commit on the branch `revision`, by default main, if its head is `parent`."""
        with self._errors():
            self._api.create_commit(
                self.repo_id, operations, commit_message=title, repo_type="dataset",
                revision=revision, parent_commit=parent,
            )  # fmt: skip

    def delete_branch(self) -> None:
        """Deletes the branch, if there is one."""
        if not self.list_unfinished():
            return
        with self._errors():
            self._api.delete_branch(self.repo_id, branch=self.branch, repo_type="dataset")


def _retry(request: Callable[[], None]) -> None:
    """Sends a request, and repeats it in an outage of a few minutes."""
    for seconds in RETRY_SECONDS:
        try:
            return request()
        except HubUnavailableError as error:
            seconds = max(seconds, error.retry_after or 0)
            logger.warning("%s. Retrying in %g s.", error.summary, seconds)
            time.sleep(seconds)
    return request()


class BranchUploads:
    """Uploads files to a branch in the background, with at most one commit a minute.

    Only `finish` does not wait for the minute. Used in a `with` block, at whose end an upload that
    is running is waited for.
    """

    def __init__(self, branch: DatasetBranch, on_uploaded: Callable[[Path], None], extra: Path):
        """Starts nothing yet.

        Args:
            branch: the branch.
            on_uploaded: is called for each file that is on the branch.
            extra: a file that is part of each commit, in its state at that time.
        """
        self._branch, self._on_uploaded, self._extra = branch, on_uploaded, extra
        self._waiting: list[Path] = []
        self._running: Future[None] | None = None
        self._started, self._count = float("-inf"), 0
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> "BranchUploads":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def add(self, path: Path) -> None:
        """Uploads a complete file soon. Raises `UserError` when an earlier upload has failed."""
        self._waiting.append(path)
        if self._running and (self._running.done() or len(self._waiting) > MAX_WAITING):
            self._wait()
        if not self._running and time.monotonic() - self._started >= COMMIT_SECONDS:
            self._start()

    def finish(self) -> None:
        """Uploads all files that still wait."""
        self._wait()
        if self._waiting:
            self._start()
            self._wait()

    def _wait(self) -> None:
        running, self._running = self._running, None
        if running:
            running.result()

    def _start(self) -> None:
        files, self._waiting = self._waiting, []
        self._started = time.monotonic()
        self._running = self._thread.submit(self._upload, files)

    def _upload(self, files: list[Path]) -> None:
        # Read now, because the file may be replaced during the upload.
        content: dict[str, Path | bytes] = {self._extra.name: self._extra.read_bytes()}
        title = f"Add {files[0].name if len(files) == 1 else f'{len(files)} files'}"
        self._branch.upload(content | {path.name: path for path in files}, title)
        for path in files:
            self._on_uploaded(path)
        self._count += len(files)
        logger.info("Files uploaded to %s so far: %d.", self._branch.page, self._count)
