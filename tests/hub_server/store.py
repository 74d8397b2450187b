"""The data of the test Hub: repositories, their commits, and file contents by sha256.

Contents are files on disk, so that the server can send them with Range support; commits and
references are in memory and end with the process. No HTTP in this module.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .commits import (
    AddFile,
    Blob,
    Commit,
    Conflict,
    DeletePath,
    EntryNotFound,
    RepoNotFound,
    RevisionNotFound,
    StaleParent,
    apply_edits,
    git_hash,
)

# fmt: off
LFS_SUFFIXES = frozenset((
    ".arrow", ".bin", ".ckpt", ".gz", ".h5", ".jpg", ".jpeg", ".keras", ".model", ".msgpack",
    ".npy", ".npz", ".onnx", ".parquet", ".pb", ".pkl", ".png", ".pt", ".pth", ".safetensors",
    ".tar", ".tflite", ".webp", ".zip",
))
# fmt: on
GITATTRIBUTES = "".join(f"*{s} filter=lfs diff=lfs merge=lfs -text\n" for s in sorted(LFS_SUFFIXES))


def now() -> str:
    """Returns the current time in the only format that the client parses."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class LfsFile:
    """An LFS object of a repository, with the path and reference that it was first pushed to."""

    sha256: str
    size: int
    git_oid: str
    path: str
    reference: str
    pushed_at: str


@dataclass
class Repo:
    kind: str  # "model", "dataset" or "space"
    id: str
    private: bool = False
    sdk: str | None = None
    created_at: str = field(default_factory=now)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, str] = field(default_factory=dict)  # "refs/pr/1" -> commit
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    hardware: str = "cpu-basic"
    sleep_time: int | None = None
    paused: bool = False
    gated: bool = False
    lfs_files: dict[str, LfsFile] = field(default_factory=dict)  # by sha256
    commit_count: int = 0  # of all commits, squashed ones too

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    @property
    def head(self) -> Commit:
        return self.commits[self.branches["main"]]

    def resolve(self, revision: str) -> Commit:
        """Returns the commit of a branch, tag, reference, or commit id of at least 7 digits."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for references in (self.branches, self.tags, self.pulls):
            if name in references:
                return self.commits[references[name]]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            for oid, commit in self.commits.items():
                if oid.startswith(revision):
                    return commit
        raise RevisionNotFound(f"Invalid rev id: {revision}")

    def history(self, commit: Commit) -> Iterator[Commit]:
        """Yields the commits from `commit` back to the first one."""
        oid: str | None = commit.oid
        while oid is not None:
            yield self.commits[oid]
            oid = self.commits[oid].parent

    def last_change(self, commit: Commit, path: str) -> Commit:
        """Returns the commit that gave `path` the content that it has in `commit`."""
        content_id, latest = commit.entry_id(path), commit
        for earlier in self.history(commit):
            if earlier.entry_id(path) != content_id:
                break
            latest = earlier
        return latest

    def branch(self, name: str, revision: str) -> None:
        if name in self.branches:
            raise Conflict(f"Branch {name} already exists")
        self.branches[name] = self.resolve(revision).oid

    def tag(self, name: str, revision: str) -> None:
        if name in self.tags:
            raise Conflict(f"Tag {name} already exists")
        self.tags[name] = self.resolve(revision).oid

    def commit(
        self,
        reference: str,
        edits: Sequence[AddFile | DeletePath],
        *,
        title: str,
        message: str = "",
        author: str = "tester",
        parent: str | None = None,
        pull_request: bool = False,
    ) -> tuple[Commit, str]:
        """Commits `edits` to `reference`, all or none; returns the commit and its reference.

        `parent` is the head that the caller saw; raises StaleParent if the branch has moved since.
        """
        references = self.pulls if reference in self.pulls else self.branches
        if reference not in references:
            raise RevisionNotFound(f"Invalid rev id: {reference}")
        base = self.commits[references[reference]]
        if parent is not None and not base.oid.startswith(parent):
            raise StaleParent(f"{reference} is at {base.oid}, not at {parent}")
        commit = self._record(base.oid, apply_edits(base.tree, edits), title, message, author)
        if pull_request:
            reference, references = f"refs/pr/{len(self.pulls) + 1}", self.pulls
        references[reference] = commit.oid
        for edit in edits:
            if isinstance(edit, AddFile) and edit.blob.lfs:
                self._register_lfs_file(edit, reference, commit.date)
        return commit, reference

    def _register_lfs_file(self, edit: AddFile, reference: str, date: str) -> None:
        blob = edit.blob
        file = LfsFile(blob.sha256, blob.size, blob.git_oid, edit.path, reference, date)
        self.lfs_files.setdefault(blob.sha256, file)

    def squash(self, branch: str, title: str, author: str) -> None:
        """Replaces a branch by one commit without a parent, and drops unreachable commits."""
        if branch not in self.branches:
            raise RevisionNotFound(f"Invalid rev id: {branch}")
        tree = self.commits[self.branches[branch]].tree
        self.branches[branch] = self._record(None, tree, title, "", author).oid
        names = (self.branches, self.tags, self.pulls)
        heads = [self.commits[oid] for references in names for oid in references.values()]
        self.commits = {c.oid: c for head in heads for c in self.history(head)}

    def _record(
        self, parent: str | None, tree: Mapping[str, Blob], title: str, message: str, author: str
    ) -> Commit:
        date = now()
        # The count distinguishes equal commits of the same millisecond.
        self.commit_count += 1
        identity = [str(self.commit_count), self.kind, self.id, str(parent), title, message, date]
        identity += [f"{path} {blob.git_oid}" for path, blob in sorted(tree.items())]
        oid = hashlib.sha1("\0".join(identity).encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, message, author, date, tree)
        return self.commits[oid]


class Store:
    """All repositories, with every file content in `root/blobs`."""

    def __init__(self, root: Path, regular_limit: int = 10 * 2**20) -> None:
        self.root, self.blobs = root, root / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.repos: dict[tuple[str, str], Repo] = {}
        self.buckets: dict[str, dict[str, str]] = {}  # the Xet hash of each path
        self.jobs: list[dict[str, Any]] = []
        self.regular_limit = regular_limit  # larger files must come through LFS
        self.redirects_lfs = False  # to /cdn on localhost: another host, as on the real Hub

    def wants_lfs(self, path: str, size: int) -> bool:
        return size > self.regular_limit or Path(path).suffix.lower() in LFS_SUFFIXES

    def blob_path(self, blob: Blob) -> Path:
        return self.blobs / blob.sha256

    def read_blob(self, blob: Blob) -> bytes:
        return self.blob_path(blob).read_bytes()

    def write_blob(self, data: bytes) -> Blob:
        """Stores the content of a regular (non-LFS) file."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not (self.blobs / sha256).exists():  # a request may be reading it
            draft = self.blobs / f"{sha256}.draft"
            draft.write_bytes(data)
            draft.replace(self.blobs / sha256)
        return Blob(sha256, len(data), git_hash(data), lfs=False)

    def find_lfs_blob(self, sha256: str, size: int | None) -> Blob | None:
        """Returns the uploaded LFS object, or None if it was never uploaded in this size."""
        path = self.blobs / sha256
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not path.is_file():
            return None
        if size is None:
            size = path.stat().st_size
        if path.stat().st_size != size:
            return None
        pointer = Blob(sha256, size, "", lfs=True).pointer
        return Blob(sha256, size, git_hash(pointer), lfs=True)

    def delete_lfs(self, repo: Repo, sha256: str) -> None:
        """Deletes an LFS object of a repository, and its bytes if no other repository has them."""
        if repo.lfs_files.pop(sha256, None) is None:
            raise EntryNotFound(f"{repo.id} has no LFS file {sha256}")
        others = (
            blob.sha256
            for other in self.repos.values()
            for commit in other.commits.values()
            for blob in commit.tree.values()
            if other is not repo or not blob.lfs
        )
        if sha256 not in others:
            (self.blobs / sha256).unlink(missing_ok=True)

    def create(self, kind: str, id: str, private: bool = False, sdk: str | None = None) -> Repo:
        if (kind, id) in self.repos:
            raise Conflict(f"You already created this {kind} repo: {id}")
        repo = Repo(kind, id, private, sdk)
        # As on the real Hub, a new repository is never empty.
        tree = {".gitattributes": self.write_blob(GITATTRIBUTES.encode())}
        repo.branches["main"] = repo._record(None, tree, "initial commit", "", "system").oid
        self.repos[kind, id] = repo
        return repo

    def repo(self, kind: str, id: str) -> Repo:
        try:
            return self.repos[kind, id]
        except KeyError:
            raise RepoNotFound("Repository not found") from None
