"""Caches pairs, resized, as uint8: in a memory-mapped file or in memory.

A cache holds the bytes of a (N, 2, S, S, 3) uint8 array, A first. On disk it grows row by row under
a temporary name, next to a list of the unreadable rows. An interrupted build continues at the row
that follows from the lengths of the two files.
"""

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from pix2pix.data.source import Rows, Source, decode_and_resize
from pix2pix.errors import UserError

LOGGER = logging.getLogger(__name__)
# More unreadable rows than this fraction are not single damaged files, so the run stops.
MAX_SKIPPED_FRACTION = 0.01


@dataclass(frozen=True)
class CachedPairs:
    """Pairs from a cache.

    Attributes:
        pairs: (N, 2, S, S, 3) uint8, read-only when on disk.
        skipped: numbers of the source's rows that could not be read.
    """

    pairs: np.ndarray
    skipped: tuple[int, ...] = ()


def default_cache_dir() -> Path:
    """Returns `$XDG_CACHE_HOME/pix2pix`, by default `~/.cache/pix2pix`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pix2pix"


def cache_pairs(source: Source, rows: Rows, size: int, folder: Path | None) -> CachedPairs:
    """Returns `rows` of `source` resized to `size`, from a cache that is built if necessary.

    The cache is a file in `folder`, or in memory if `folder` is None. Only one process builds a
    file; others wait for it. Raises `UserError` when the folder can't be written to, or over 1 %
    of the rows can't be read.
    """
    if folder is None:
        return _build_in_memory(source, rows, size)
    name = f"{source.fingerprint()}-{rows.split}-{rows.start}-{rows.stop}-{size}"
    name += "".join(f"-gray{side}" for side in source.gray)
    path = Path(folder) / f"{name}.uint8"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not _is_complete(path, rows, size):
                _build_on_disk(source, rows, size, path)
    except OSError as error:
        raise UserError(
            f"The pairs can't be cached in {folder} ({error.strerror or error}); "
            "free some space or choose another folder with --cache_dir."
        ) from None
    pairs = np.memmap(path, np.uint8, mode="r").reshape(-1, 2, size, size, 3)
    return CachedPairs(pairs, tuple(_read_skipped(path)))


def row_bytes(size: int) -> int:
    """Returns the bytes of one cached pair."""
    return 2 * size * size * 3


def _build_in_memory(source: Source, rows: Rows, size: int) -> CachedPairs:
    pairs = np.empty((len(rows), 2, size, size, 3), np.uint8)
    skipped: list[int] = []
    count = 0
    for number, row in _read_with_progress(source, rows, 0, size):
        pixels = _decode_or_skip(row, size, number, source, rows, skipped)
        if pixels is not None:
            pairs[count] = pixels
            count += 1
    return CachedPairs(pairs[:count], tuple(skipped))


def _is_complete(path: Path, rows: Rows, size: int) -> bool:
    """Returns whether the finished cache exists and has its full length; else it is rebuilt."""
    if not path.exists():
        return False
    return path.stat().st_size == (len(rows) - len(_read_skipped(path))) * row_bytes(size)


def _build_on_disk(source: Source, rows: Rows, size: int, path: Path) -> None:
    path.unlink(missing_ok=True)
    partial, skipped_path = path.with_suffix(".partial"), path.with_suffix(".skipped")
    written = partial.stat().st_size // row_bytes(size) if partial.exists() else 0
    if not written:
        skipped_path.unlink(missing_ok=True)
    skipped = _read_skipped(path)
    if skipped_path.exists():
        # Removes a line that a kill cut short; the next line would be appended to it.
        os.truncate(skipped_path, skipped_path.read_bytes().rfind(b"\n") + 1)
    done = written + len(skipped)
    remaining = Rows(rows.split, rows.start + done, rows.stop)
    # Unbuffered, so that a killed process leaves whole rows and at most one partial row.
    with partial.open("ab", buffering=0) as file, skipped_path.open("a") as skipped_file:
        file.truncate(written * row_bytes(size))
        for number, row in _read_with_progress(source, remaining, done, size):
            pixels = _decode_or_skip(row, size, number, source, rows, skipped)
            if pixels is None:
                skipped_file.write(f"{number}\n")
                skipped_file.flush()
            else:
                _write_all(file, pixels)
        os.fsync(file.fileno())
    partial.replace(path)
    if not skipped:
        skipped_path.unlink()


def _write_all(file, pixels: np.ndarray) -> None:
    # One call of `write` on an unbuffered file may write only a part of the bytes.
    unwritten = memoryview(pixels.tobytes())
    while unwritten:
        unwritten = unwritten[file.write(unwritten) :]


def _decode_or_skip(
    row: tuple, size: int, number: int, source: Source, rows: Rows, skipped: list[int]
) -> np.ndarray | None:
    """Decodes a row to (2, size, size, 3) uint8, or adds its number to `skipped`."""
    try:
        return decode_and_resize(row, size, source.gray)
    except UserError as error:
        skipped.append(number)
        if len(skipped) > MAX_SKIPPED_FRACTION * len(rows):
            raise UserError(
                f"Row {number} of {source.name} ({rows.split}) can't be read, so over 1 % of the "
                f"rows are unreadable ({len(skipped)} of {len(rows)}): {error}"
            ) from None
        LOGGER.info("Skipped row %d of %s (%s): %s", number, source.name, rows.split, error)
        return None


def _read_skipped(path: Path) -> list[int]:
    """Reads the row numbers in the list next to a cache, without a line that a kill cut short."""
    skipped_path = path.with_suffix(".skipped")
    if not skipped_path.exists():
        return []
    lines = skipped_path.read_text().splitlines(keepends=True)
    return [int(line) for line in lines if line[-1] == "\n"]


def _read_with_progress(
    source: Source, rows: Rows, done: int, size: int
) -> Iterator[tuple[int, tuple]]:
    """Yields numbered rows and shows a bar with rows, MB/s of cached pixels and time left."""
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
            f"{source.name} ended before row {rows.stop} of {rows.split}, although its metadata "
            "lists that row. Run the command again, or choose another --dataset_revision."
        )
