"""Unpacks the pictures of a tar or ZIP archive, without writing outside of a folder."""

import json
import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from pix2pix.data.layouts.folder_names import is_hidden
from pix2pix.data.layouts.folder_tree import METADATA_FILES
from pix2pix.data.wording import printable
from pix2pix.errors import UserError
from pix2pix.files import sha256, write_json
from pix2pix.formats import PICTURE_SUFFIXES

# An archive may unpack to this many bytes, or to this many times its size. Photos hardly compress;
# label maps as uncompressed BMP reach 100 : 1, and a ZIP bomb exceeds 1000 : 1.
FREE_BYTES, MAX_RATIO = 2**30, 200
HEADER_BYTES = 512
MAX_LINKS = 40  # that lead from one to the next; Linux has the same limit
MAX_LINKED_FILES = 2_000_000


@dataclass
class Contents:
    """What was in an archive.

    Attributes:
        sha256: the hash of the archive.
        others: the number of files that were not unpacked, by ending.
        broken: links to nothing in the archive, and special files.
        pictures: the number of pictures, without those behind links.
    """

    sha256: str
    pictures: int = 0
    others: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Contents":
        """Reads what `write` has written."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**values | {"others": Counter(values["others"])})

    def write(self, path: Path) -> None:
        """Writes the contents as JSON."""
        write_json(path, vars(self) | {"others": dict(self.others)})


@dataclass(frozen=True)
class Member:
    """A file or link of an archive; `link` is its target, from the top of the archive."""

    name: str
    size: int = 0
    open: Callable[[], IO[bytes] | None] | None = None
    link: str | None = None


def unpack(archive: Path, folder: Path) -> Contents:
    """Writes the pictures and metadata files of `archive` to `folder`, which must not exist.

    Links are followed inside the archive. Raises `UserError` when a file lies outside of the
    archive or the archive is a ZIP bomb, and the errors of `tarfile` and `zipfile` for damage.
    """
    folder.mkdir(parents=True)
    contents = Contents(sha256(archive))
    budget = _Budget(archive.stat().st_size, shutil.disk_usage(folder).free)
    links: dict[str, str] = {}
    written: set[str] = set()
    with archive.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    for member in (_zip_members if is_zip else _tar_members)(archive, budget):
        name = _inner_path(member.name)
        if any(map(is_hidden, name.split("/"))):
            continue
        if member.link is not None:
            links[name] = member.link
        elif not _is_wanted(name):
            contents.others[printable(PurePosixPath(name).suffix.lower())] += 1
        elif member.open is None:
            contents.broken.append(printable(name))
        else:
            budget.add_written(member.size)
            _write(member, folder / name)
            written.add(name)
            contents.pictures += PurePosixPath(name).name.lower() not in METADATA_FILES
    _follow_links(folder, links, written, contents)
    return contents


class _Budget:
    """Counts the bytes that an archive unpacks to; raises `UserError` when they are too many."""

    def __init__(self, archive_bytes: int, free: int):
        self._most, self._free = max(FREE_BYTES, MAX_RATIO * archive_bytes), free
        self._read = self._written = 0

    def add_read(self, size: int) -> None:
        self._read += size
        if self._read > self._most:
            raise UserError(
                f"it unpacks to over {self._most / 1e9:.1f} GB, {MAX_RATIO} times its size, like a "
                "ZIP bomb; if you trust it, unpack it and pass the folder"
            )

    def add_written(self, size: int) -> None:
        self._written += size
        if self._written > self._free:
            raise UserError(
                f"its pictures need more than the {self._free / 1e9:.1f} GB that are free; free "
                "some space or choose another folder with --cache_dir"
            )


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in PICTURE_SUFFIXES or path.name.lower() in METADATA_FILES


def _inner_path(name: str) -> str:
    """Returns a member's name without a leading slash; raises `UserError` if it leads outside."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise UserError(f"the path of its file {name!r} leads outside of the archive")
    return "/".join(parts)


def _write(member: Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = member.open() if member.open else None
    if source is None:
        raise tarfile.ReadError(f"{member.name} has no content")
    with source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def _tar_members(archive: Path, budget: _Budget) -> Iterator[Member]:
    with tarfile.open(archive) as tar:
        for member in tar:
            budget.add_read(member.size + HEADER_BYTES)
            if member.isfile():
                yield Member(member.name, member.size, partial(tar.extractfile, member))
            elif member.islnk():
                yield Member(member.name, link=member.linkname)
            elif member.issym():
                yield Member(member.name, link=_target(member.name, member.linkname))
            elif not member.isdir():
                yield Member(member.name)
        # tarfile takes a damaged header for the end of the archive; reading on to the real end
        # verifies the checksum of the compressed data.
        while block := tar.fileobj.read(1 << 20):  # type: ignore[union-attr]
            budget.add_read(len(block))


def _zip_members(archive: Path, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        infos = packed.infolist()
        for info in infos:
            budget.add_read(info.file_size + HEADER_BYTES)
        # Some programs on Windows write backslashes, against the specification.
        has_slashes = any("/" in info.filename for info in infos)
        for info in infos:
            name = _zip_name(info)
            name = name if has_slashes else name.replace("\\", "/")
            if name.endswith("/"):
                continue
            if info.flag_bits & 1:
                raise UserError("it has a password; unpack it and pass the folder")
            if stat.S_ISLNK(info.external_attr >> 16):
                target = packed.read(info)[:4096].decode("utf-8", "replace")
                yield Member(name, link=_target(name, target))
            else:
                yield Member(name, info.file_size, partial(packed.open, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Returns the name of a file; macOS writes UTF-8 without marking it as such."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _target(name: str, target: str) -> str:
    """Returns the target of a symbolic link, from the top of the archive; absolute ones stay."""
    return posixpath.join(posixpath.dirname(name), target)


def _follow_links(
    folder: Path, links: dict[str, str], written: set[str], contents: Contents
) -> None:
    """Makes the files behind links files of their own; the others are added to `broken`."""
    targets = {name: _resolve(target, links) for name, target in links.items()}
    files = {name: t for name, t in targets.items() if t in written and _is_wanted(name)}
    number = len(files)
    folders = {name: target for name, target in targets.items() if name not in files}
    for name, target in folders.items():
        inside = [w for w in (*written, *files) if target and w.startswith(f"{target}/")]
        if not inside and (_is_wanted(name) or not PurePosixPath(name).suffix):
            contents.broken.append(printable(name))
        number += len(inside)
        if number > MAX_LINKED_FILES:
            raise UserError("its links lead to too many files; unpack it and pass the folder")
        for source in inside:
            files[name + source.removeprefix(str(target))] = targets.get(source) or source
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _link_or_copy(folder / source, path)


def _resolve(target: str, links: dict[str, str]) -> str | None:
    """Returns the path without links that `target` leads to, or None if it leads outside."""
    for _ in range(MAX_LINKS):
        target = posixpath.normpath(target)
        if target.startswith(("/", "..")):
            return None
        parts = target.split("/")
        prefixes = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
        link = next((prefix for prefix in prefixes if prefix in links), None)
        if link is None:
            return target
        target = links[link] + target.removeprefix(link)
    return None


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # noqa: PTH200
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
