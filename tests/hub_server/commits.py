"""Immutable values of the test Hub's store: file contents, edits, commits, and its errors."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class StoreError(Exception):
    """A request that the store rejects; the subclass is the reason."""


class RepoNotFound(StoreError): ...


class RevisionNotFound(StoreError): ...


class EntryNotFound(StoreError): ...


class Conflict(StoreError):
    """The name already exists."""


class StaleParent(StoreError):
    """The branch is no longer at the parent that the caller sent."""


class BadRequest(StoreError): ...


@dataclass(frozen=True)
class Blob:
    """The content of a file; `git_oid` is its git hash, or that of its pointer file for LFS."""

    sha256: str
    size: int
    git_oid: str
    lfs: bool

    @property
    def pointer(self) -> bytes:
        return (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{self.sha256}\nsize {self.size}\n"
        ).encode()


@dataclass(frozen=True)
class AddFile:
    path: str
    blob: Blob


@dataclass(frozen=True)
class DeletePath:
    path: str
    folder: bool = False


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    tree: Mapping[str, Blob]

    def directories(self) -> set[str]:
        return {
            "/".join(parts[:depth])
            for parts in (path.split("/") for path in self.tree)
            for depth in range(1, len(parts))
        }

    def entry_id(self, path: str) -> str | None:
        """Returns an id of the content of a file or folder, or None if the commit lacks it."""
        if path in self.tree:
            return self.tree[path].git_oid
        inside = sorted(p + b.git_oid for p, b in self.tree.items() if p.startswith(path + "/"))
        return hashlib.sha1("\n".join(inside).encode()).hexdigest() if inside else None


def apply_edits(tree: Mapping[str, Blob], edits: Iterable[AddFile | DeletePath]) -> dict[str, Blob]:
    """Returns a new tree with the edits applied."""
    result = dict(tree)
    for edit in edits:
        parts = edit.path.rstrip("/").split("/")
        if any(part in ("", ".", "..", ".git") for part in parts):
            raise BadRequest(f"Invalid path: {edit.path!r}")
        path = "/".join(parts)
        if isinstance(edit, AddFile):
            parents = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
            if parents & result.keys() or any(p.startswith(path + "/") for p in result):
                raise BadRequest(f"{path} would be both a file and a folder")
            result[path] = edit.blob
            continue
        deleted = [p for p in result if p.startswith(path + "/")] if edit.folder else [path]
        if not deleted or any(p not in result for p in deleted):
            raise EntryNotFound(f"{path} does not exist")
        for p in deleted:
            del result[p]
    return result


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
