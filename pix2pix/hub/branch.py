"""The branch `checkpoints` of a model repository: it holds the newest few of one run.

Each checkpoint comes as one commit, which also deletes those that it supersedes. To keep the branch
from growing, its history is then squashed, and the LFS files of checkpoints that no commit of the
repository points to any more are deleted.

The client's source and the Hub's documentation say of that: a squashed history can't be brought
back; deleting a pointer frees nothing, the LFS file has to be deleted too; that breaks each commit
which still points to it, unless the history is rewritten (which would change the commits that
people have pinned). So nothing is deleted here that a commit of any branch, tag or pull request
points to, and no history is rewritten. They do not say how soon the space is free, whether files in
Xet storage are listed among the LFS files (if not, these stay) or what a token of narrower rights
may delete (a refusal is a warning: by then the checkpoint is on the Hub).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.hub.models import content
from pix2pix.hub.refusals import bare_uploads, explained
from pix2pix.training.checkpoints import is_checkpoint, step_of, superseded

BRANCH = "checkpoints"


@contextmanager
def _told(what: str, advice: str = "") -> Iterator[None]:
    """`explained`, but for refusals that pass by themselves: a run that goes on tries again."""
    from huggingface_hub.errors import HfHubHTTPError

    with explained(what, writes=True):
        try:
            with bare_uploads():
                yield
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in (409, 412):
                raise UserError(f"{what}: someone else changed it meanwhile ({status}).") from None
            if status == 429 or status >= 500:
                busy = "asks to slow down" if status == 429 else "is out of order"
                raise UserError(f"{what}: the Hub {busy} ({status}){advice}.") from None
            raise


class Branch:
    """What a run does with the branch. Every method raises `UserError` when the Hub refuses.

    Two runs must not upload to one repository at a time: each would delete the other's.
    """

    def __init__(self, repo_id: str) -> None:
        from huggingface_hub import HfApi

        self._api = HfApi()
        self.repo_id = repo_id
        with explained(f"The model repository {repo_id}"):
            if "/" not in repo_id:
                self.repo_id = f"{self._api.whoami()['name']}/{repo_id}"
        # What each commit points to: commits do not change, so each is asked for once.
        self._lfs_files: dict[str, set[str]] = {}

    def __str__(self) -> str:
        return f"the branch {BRANCH} of {self.repo_id}"

    def names(self, may_lack_repo: bool = False) -> list[str]:
        """The checkpoints on the branch, oldest first; none where there is no branch yet.

        `may_lack_repo`: nor is there any where there is no repository yet.
        """
        from huggingface_hub import errors

        absent: list[type[Exception]] = [errors.RevisionNotFoundError]
        if may_lack_repo:
            absent.append(errors.RepositoryNotFoundError)
        with explained(f"The model repository {self.repo_id}"):
            try:
                return self._head()[1]
            except tuple(absent):
                return []

    def prepare(self) -> list[str]:
        """Creates the branch unless it exists; returns the checkpoints it holds, oldest first."""
        with _told(str(self), "; try again in a few minutes"):
            return self._created()[1]

    def _created(self) -> tuple[str, list[str]]:
        """`_head`, after creating the branch where there is none."""
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            return self._head()
        except RevisionNotFoundError:
            # From the first commit, not from the last: the artifacts of main stay there.
            first = self._api.list_repo_commits(self.repo_id)[-1].commit_id
            self._api.create_branch(self.repo_id, branch=BRANCH, revision=first, exist_ok=True)
            return self._head()

    def _head(self) -> tuple[str, list[str]]:
        """The branch's commit and its checkpoints, oldest first."""
        info = self._api.model_info(self.repo_id, revision=BRANCH)
        commit, files = content(info)
        return commit, sorted(f.rfilename for f in files if is_checkpoint(f.rfilename))

    def push(self, path: Path, limit: int) -> bool:
        """Adds the checkpoint; keeps the newest `limit`. Whether it took the place of another."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        with _told(f"{path.name} is not on {self}"):
            head, names = self._created()
            gone = superseded(map(Path, {*names, path.name}), step_of(path), limit)
            deletions = [CommitOperationDelete(old.name) for old in sorted(gone)]
            self._api.create_commit(
                self.repo_id, [CommitOperationAdd(path.name, path), *deletions],
                commit_message=f"Checkpoint after step {step_of(path)}",
                revision=BRANCH, parent_commit=head,
            )  # fmt: skip
        return bool(gone) or path.name in names

    def tidy(self) -> None:
        """Squashes the branch's history and deletes what that sets free."""
        with _told(f"What {self} no longer needs is not deleted"):
            self._api.super_squash_history(
                self.repo_id, branch=BRANCH, commit_message="The newest checkpoints"
            )
            # Listed first: what is committed from now on is seen below as needed.
            files = [f for f in self._api.list_lfs_files(self.repo_id) if is_checkpoint(f.filename)]
            needed = self._needed()
            unneeded = [file for file in files if file.file_oid not in needed]
            self._api.permanently_delete_lfs_files(self.repo_id, unneeded, rewrite_history=False)

    def _needed(self) -> set[str]:
        """The LFS files, by SHA-256, that any commit points to which can be reached by a name."""
        refs = self._api.list_repo_refs(self.repo_id, include_pull_requests=True)
        reached: set[str] = set()
        for ref in [*refs.branches, *refs.tags, *refs.converts, *(refs.pull_requests or [])]:
            if ref.target_commit not in reached:
                history = self._api.list_repo_commits(self.repo_id, revision=ref.target_commit)
                reached |= {commit.commit_id for commit in history}
        self._lfs_files = {commit: self._files_of(commit) for commit in reached}
        return set().union(*self._lfs_files.values())

    def _files_of(self, commit: str) -> set[str]:
        if commit not in self._lfs_files:
            info = self._api.model_info(self.repo_id, revision=commit, files_metadata=True)
            return {file.lfs.sha256 for file in content(info)[1] if file.lfs}
        return self._lfs_files[commit]

    def download(self, name: str, folder: Path) -> Path:
        """Fetches a checkpoint into `folder`, which is left with files of the client's as well."""
        from huggingface_hub import hf_hub_download

        with explained(f"{name} of {self}"):
            return Path(hf_hub_download(self.repo_id, name, revision=BRANCH, local_dir=folder))
