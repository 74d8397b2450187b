"""Pairs resized once and kept as uint8: on disk, memory-mapped, or in memory.

A cache is the bytes of a (N, 2, S, S, 3) uint8 array, A before B. On disk it grows row by row
under a temporary name, beside a list of the rows that could not be read, so the two lengths tell
where an interrupted build goes on.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from pix2pix.data.source import Rows, Source, decode_resized
from pix2pix.errors import UserError

# More unreadable rows than this share mean that something else is wrong.
MAX_SKIPPED_SHARE = 0.01


@dataclass(frozen=True)
class CachedPairs:
    """`pairs`: (N, 2, S, S, 3) uint8. `skipped`: rows of the source that could not be read."""

    pairs: np.ndarray
    skipped: tuple[int, ...] = ()


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/pix2pix`, by default `~/.cache/pix2pix`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pix2pix"


def cached_pairs(source: Source, rows: Rows, size: int, folder: Path | None) -> CachedPairs:
    """`rows` of `source` resized to `size`; in `folder`, or in memory when it is None.

    Builds the disk cache when it is not there; a second process waits for the first. Raises
    `UserError` when the folder can't be written, or over 1 % of the rows can't be read.
    """
    if folder is None:
        return _in_memory(source, rows, size)
    name = f"{source.fingerprint()}-{rows.split}-{rows.start}-{rows.stop}-{size}"
    name += "".join(f"-grey{side}" for side in source.grey)
    path = Path(folder) / f"{name}.uint8"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not _is_complete(path, rows, size):
                _build(source, rows, size, path)
    except OSError as error:
        raise UserError(
            f"The pairs can't be cached in {folder} ({error.strerror or error}); "
            "free some space or name another place with --cache_dir."
        ) from None
    pairs = np.memmap(path, np.uint8, mode="r").reshape(-1, 2, size, size, 3)
    return CachedPairs(pairs, tuple(_skipped(path)))


def row_bytes(size: int) -> int:
    """Bytes of one cached pair."""
    return 2 * size * size * 3


def _in_memory(source: Source, rows: Rows, size: int) -> CachedPairs:
    pairs = np.empty((len(rows), 2, size, size, 3), np.uint8)
    skipped: list[int] = []
    count = 0
    for number, row in _progress(source, rows, 0, size):
        pixels = _pixels(row, size, number, source, rows, skipped)
        if pixels is not None:
            pairs[count] = pixels
            count += 1
    return CachedPairs(pairs[:count], tuple(skipped))


def _is_complete(path: Path, rows: Rows, size: int) -> bool:
    """Whether a finished cache is there in full; a damaged one is built again."""
    if not path.exists():
        return False
    return path.stat().st_size == (len(rows) - len(_skipped(path))) * row_bytes(size)


def _build(source: Source, rows: Rows, size: int, path: Path) -> None:
    path.unlink(missing_ok=True)
    partial, listed = path.with_suffix(".partial"), path.with_suffix(".skipped")
    kept = partial.stat().st_size // row_bytes(size) if partial.exists() else 0
    if not kept:
        listed.unlink(missing_ok=True)
    skipped = _skipped(path)
    if listed.exists():
        # Without the line that a kill cut short: the next would be joined to it.
        os.truncate(listed, listed.read_bytes().rfind(b"\n") + 1)
    done = kept + len(skipped)
    left = Rows(rows.split, rows.start + done, rows.stop)
    # Unbuffered: what a killed process wrote is there, whole rows and at most one part of one.
    with partial.open("ab", buffering=0) as file, listed.open("a") as list_file:
        file.truncate(kept * row_bytes(size))
        for number, row in _progress(source, left, done, size):
            pixels = _pixels(row, size, number, source, rows, skipped)
            if pixels is None:
                print(number, file=list_file, flush=True)
            else:
                _write(file, pixels)
        os.fsync(file.fileno())
    partial.replace(path)
    if not skipped:
        listed.unlink()


def _write(file, pixels: np.ndarray) -> None:
    """All of it: an unbuffered file may take only a part at a time."""
    left = memoryview(pixels.tobytes())
    while left:
        left = left[file.write(left) :]


def _pixels(
    row: tuple, size: int, number: int, source: Source, rows: Rows, skipped: list[int]
) -> np.ndarray | None:
    """(2, size, size, 3) uint8, or None when the row can't be read, which `skipped` then lists."""
    try:
        return decode_resized(row, size, source.grey)
    except UserError as error:
        skipped.append(number)
        if len(skipped) > MAX_SKIPPED_SHARE * len(rows):
            raise UserError(
                f"Row {number} of {source.name} ({rows.split}) can't be read, like "
                f"{len(skipped) - 1} before it, and over 1 % are too many: {error}"
            ) from None
        tqdm.write(f"Skipped row {number} of {source.name} ({rows.split}): {error}")
        return None


def _skipped(path: Path) -> list[int]:
    """Row numbers from the list beside a cache; a line without its end was cut by a kill."""
    listed = path.with_suffix(".skipped")
    if not listed.exists():
        return []
    return [int(line) for line in listed.read_text().splitlines(keepends=True) if line[-1] == "\n"]


def _progress(source: Source, rows: Rows, done: int, size: int) -> Iterator[tuple[int, tuple]]:
    """Numbered rows under a bar with rows, MB/s of cached pixels and the time left."""
    name = f"Caching {source.name} ({rows.split})"
    total = done + len(rows)
    started, count = time.monotonic(), 0
    with tqdm(desc=name, total=total, initial=done, unit=" pairs", mininterval=1) as bar:
        for number, row in enumerate(source.read(rows), rows.start):
            yield number, row
            count += 1
            speed = count * row_bytes(size) / 1e6 / max(time.monotonic() - started, 1e-9)
            bar.set_postfix_str(f"{speed:.0f} MB/s", refresh=False)
            bar.update()
    if count != len(rows):
        raise UserError(
            f"{source.name} ended before row {rows.stop} of {rows.split}: its metadata promised "
            "more rows. Run the command again, or name another --dataset_revision."
        )
