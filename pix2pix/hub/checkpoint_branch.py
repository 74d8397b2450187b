"""The checkpoints of a run on the Hub.

They are on the branch `checkpoints` of a model repository, which holds the newest few of one run,
and its best one. Each upload is one commit, which also deletes the checkpoints that it supersedes.
To keep the branch from growing, its history is then squashed, and the LFS files of checkpoints that
no commit of the repository points to any more are deleted.

According to the client's source and the Hub's documentation, a squashed history can't be restored,
and deleting a pointer frees no storage: the LFS file has to be deleted too. That breaks each
commit which still points to the file, unless the history is rewritten, which would change commits
that people have pinned. So an LFS file stays while a commit of any branch, tag or pull request
points to it, and no history is rewritten. Not documented: how soon the storage is free, whether
files in Xet storage are among the listed LFS files (if not, they stay), and what a token with
narrower rights may delete (a refusal is a warning, because the checkpoint is on the Hub by then).
"""

from contextlib import AbstractContextManager
from pathlib import Path

from pix2pix.hub.errors import RETRY_HINT, hub_errors_as_user_errors
from pix2pix.hub.repositories import commit_and_files, complete_repo_id
from pix2pix.training.checkpoints import find_superseded, is_checkpoint, parse_step

BRANCH = "checkpoints"
# A run repeats a failed upload by itself, so these need no advice.
UPLOAD_REASONS = {
    404: ("the repository or its branch was not found (404)", ""),
    409: ("another change is in progress (409)", ""),
    412: ("somebody else changed it meanwhile (412)", ""),
    429: ("the Hub throttles requests (429)", ""),
}


class CheckpointBranch:
    """The branch `checkpoints` of a model repository; every method raises `UserError` on failure.

    Only one run at a time may upload to a repository: two would delete each other's checkpoints.
    """

    def __init__(self, repo_id: str) -> None:
        """Completes `repo_id` with the token's owner where it is a bare name."""
        from huggingface_hub import HfApi

        self._api = HfApi()
        with hub_errors_as_user_errors(f"The model repository {repo_id}"):
            self.repo_id = complete_repo_id(repo_id)
        # The LFS files of each commit, by SHA-256. Commits never change, so these are kept.
        self._lfs_files: dict[str, set[str]] = {}

    def __str__(self) -> str:
        return f"the branch {BRANCH} of {self.repo_id}"

    def list_checkpoints(self, allow_missing_repo: bool = False) -> list[str]:
        """Returns the checkpoints on the branch, oldest first; none where it does not exist.

        `allow_missing_repo` also gives none where the repository does not exist.
        """
        from huggingface_hub import errors

        missing: list[type[Exception]] = [errors.RevisionNotFoundError]
        if allow_missing_repo:
            missing.append(errors.RepositoryNotFoundError)
        with hub_errors_as_user_errors(f"The model repository {self.repo_id}"):
            try:
                return self._head()[1]
            except tuple(missing):
                return []

    def create(self) -> list[str]:
        """Creates the branch unless it exists; returns its checkpoints, oldest first."""
        with hub_errors_as_user_errors(
            f"The model repository {self.repo_id}", writes=True, recovery_hint=RETRY_HINT
        ):
            return self._create()[1]

    def _create(self) -> tuple[str, list[str]]:
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            return self._head()
        except RevisionNotFoundError:
            # From the first commit, not from the last, so that it holds no artifacts of main.
            commit = self._api.list_repo_commits(self.repo_id)[-1].commit_id
            self._api.create_branch(self.repo_id, branch=BRANCH, revision=commit, exist_ok=True)
            return self._head()

    def _head(self) -> tuple[str, list[str]]:
        """Returns the branch's newest commit and its checkpoints, oldest first."""
        info = self._api.model_info(self.repo_id, revision=BRANCH)
        commit, files = commit_and_files(info)
        return commit, sorted(f.rfilename for f in files if is_checkpoint(f.rfilename))

    def upload(self, path: Path, limit: int, best: Path | None = None) -> bool:
        """Adds a checkpoint and deletes those it supersedes; returns whether it replaced any.

        The newest `limit` checkpoints stay, and so does `best`, which is added if it is missing.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        with self._upload_errors(f"{path.name} is not on {self}"):
            head, names = self._create()
            new = [path] if best is None or best.name in (path.name, *names) else [path, best]
            all_names = {*names, *(file.name for file in new)}
            best_step = None if best is None else parse_step(best)
            superseded = find_superseded(map(Path, all_names), parse_step(path), limit, best_step)
            old = sorted(superseded)
            self._api.create_commit(
                self.repo_id,
                [CommitOperationAdd(file.name, file) for file in new]
                + [CommitOperationDelete(checkpoint.name) for checkpoint in old],
                commit_message=f"Checkpoint after step {parse_step(path)}",
                revision=BRANCH, parent_commit=head,
            )  # fmt: skip
        return bool(old) or path.name in names

    def free_storage(self) -> None:
        """Squashes the branch's history and deletes the LFS files that no commit needs then."""
        with self._upload_errors(f"Superseded checkpoints of {self} are not deleted"):
            self._api.super_squash_history(
                self.repo_id, branch=BRANCH, commit_message="The newest checkpoints"
            )
            # Listed before the references: a file that is committed from now on is not in the list.
            files = [f for f in self._api.list_lfs_files(self.repo_id) if is_checkpoint(f.filename)]
            referenced = self._referenced_files()
            unreferenced = [file for file in files if file.file_oid not in referenced]
            self._api.permanently_delete_lfs_files(
                self.repo_id, unreferenced, rewrite_history=False
            )

    def _upload_errors(self, subject: str) -> AbstractContextManager[None]:
        return hub_errors_as_user_errors(
            subject, writes=True, recovery_hint="", reasons=UPLOAD_REASONS
        )

    def _referenced_files(self) -> set[str]:
        """Returns the SHA-256 of each LFS file that a branch, tag or pull request can reach."""
        refs = self._api.list_repo_refs(self.repo_id, include_pull_requests=True)
        commits: set[str] = set()
        for ref in [*refs.branches, *refs.tags, *refs.converts, *(refs.pull_requests or [])]:
            if ref.target_commit not in commits:
                history = self._api.list_repo_commits(self.repo_id, revision=ref.target_commit)
                commits |= {commit.commit_id for commit in history}
        self._lfs_files = {commit: self._lfs_files_of(commit) for commit in commits}
        return set().union(*self._lfs_files.values())

    def _lfs_files_of(self, commit: str) -> set[str]:
        if commit not in self._lfs_files:
            info = self._api.model_info(self.repo_id, revision=commit, files_metadata=True)
            return {file.lfs.sha256 for file in commit_and_files(info)[1] if file.lfs}
        return self._lfs_files[commit]

    def download(self, name: str, folder: Path) -> Path:
        """Downloads a checkpoint into `folder`, where the client leaves files of its own."""
        from huggingface_hub import hf_hub_download

        with hub_errors_as_user_errors(f"{name} of {self}"):
            return Path(hf_hub_download(self.repo_id, name, revision=BRANCH, local_dir=folder))
