"""Caches pairs as uint8: in a memory-mapped file or in memory.

A cache holds the pixels of each pair, (2, S, S, 3), A first; pairs at native scale have the size of
their own A, and take 6 bytes for each of its pixels. On disk it grows row by row under
a temporary name, next to the sizes of the pictures and a list of the unreadable rows. An
interrupted build continues at the row that follows from the lengths of these files.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from pix2pix.data.decoding import Row
from pix2pix.data.source import Rows, Source
from pix2pix.errors import UserError
from pix2pix.geometry import Size

LOGGER = logging.getLogger(__name__)
# More unreadable rows than this fraction are not single damaged files, so the run stops.
MAX_SKIPPED_FRACTION = 0.01
# The width and height of a picture, both uint32.
SIZE_BYTES = 8
# A and B, three channels each.
PIXEL_BYTES = 6


@dataclass(frozen=True)
class CachedPairs:
    """Pairs from a cache.

    Attributes:
        pairs: (N, 2, S, S, 3) uint8, read-only when on disk; at native scale N x (2, H, W, 3).
        sizes: (N, 2) uint32, the width and height of each A before it was resized.
        skipped: numbers of the source's rows that could not be read.
    """

    pairs: "Pairs"
    sizes: np.ndarray
    skipped: tuple[int, ...] = ()


class PairsOfManySizes(Sequence[np.ndarray]):
    """Pairs of different sizes that are stored one after the other; each is a view.

    Attributes:
        pixels: all pairs, (B,) uint8.
        sizes: (N, 2), the width and height of each pair.
    """

    def __init__(self, pixels: np.ndarray, sizes: np.ndarray):
        self.pixels, self.sizes = pixels, sizes
        self._ends = _row_ends(sizes, 0)

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        width, height = self.sizes[index].tolist()
        end = int(self._ends[index])
        start = end - PIXEL_BYTES * width * height
        return self.pixels[start:end].reshape(2, height, width, 3)


Pairs = np.ndarray | PairsOfManySizes | list[np.ndarray]


def cache_pairs(
    source: Source, rows: Rows, size: int, folder: Path | None, as_served: bool = False
) -> CachedPairs:
    """Returns `rows` of `source` resized to `size`, from a cache that is built if necessary.

    A size of 0 keeps their own sizes.

    The cache is a file in `folder`, or in memory if `folder` is None. Only one process builds a
    file; others wait for it. With `as_served`, pairs keep their proportions (see
    `Decoder.decode_as_served`). Raises `UserError` when the folder can't be written to, or over 1 %
    of the rows can't be read.
    """
    work = _Work(source, rows, size, as_served)
    if folder is None:
        return _build_in_memory(work)
    path = Path(folder) / work.file_name()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not _is_complete(path, work):
                _build_on_disk(work, path)
    except OSError as error:
        raise UserError(
            f"The pairs can't be cached in {folder} ({error.strerror or error}); "
            "free some space or choose another folder with --cache_dir."
        ) from None
    pixels, sizes = np.memmap(path, np.uint8, mode="r"), _read_sizes(path)
    pairs = pixels.reshape(-1, 2, size, size, 3) if size else PairsOfManySizes(pixels, sizes)
    return CachedPairs(pairs, sizes, tuple(_read_skipped(path)))


def row_bytes(size: int) -> int:
    """Returns the bytes of one cached pair."""
    return PIXEL_BYTES * size * size


def _row_ends(sizes: np.ndarray, side: int) -> np.ndarray:
    """Returns where each pair of a cache ends, in bytes; `sizes` are those of the pictures."""
    areas = np.full(len(sizes), side * side) if side else sizes.astype(np.int64).prod(axis=1)
    return (PIXEL_BYTES * areas).cumsum()


@dataclass(frozen=True)
class _Work:
    """The rows to cache and how."""

    source: Source
    rows: Rows
    size: int
    as_served: bool

    def file_name(self) -> str:
        rows = self.rows
        name = f"{self.source.fingerprint()}-{rows.split}-{rows.start}-{rows.stop}-{self.size}"
        served = "-served" if self.as_served else ""
        return f"{name}-{self.source.decoder.cache_key()}{served}.uint8"

    def decode(self, number: int, row: Row, skipped: list[int]) -> tuple[np.ndarray, Size] | None:
        """Decodes a row to (2, S, S, 3) uint8 and A's size, or adds its number to `skipped`."""
        decoder, source = self.source.decoder, self.source
        decode = decoder.decode_as_served if self.as_served else decoder.decode_with_size
        try:
            return decode(row, self.size)
        except UserError as error:
            skipped.append(number)
            name = source.row_name(self.rows.split, number)
            if len(skipped) > MAX_SKIPPED_FRACTION * len(self.rows):
                raise too_many_unreadable(len(skipped), len(self.rows), name, error) from None
            LOGGER.info("Skipped %s: %s", name, error)
            return None


def too_many_unreadable(count: int, total: int, name: str, error: UserError) -> UserError:
    """Returns the error for a dataset of which over 1 % can't be read; `name` is the last row."""
    return UserError(
        f"{count} of {total} rows can't be read, over 1 %; the last of them is {name}: {error}"
    )


def _build_in_memory(work: _Work) -> CachedPairs:
    count = len(work.rows)
    pairs: Any = [None] * count
    if work.size:
        pairs = np.empty((count, 2, work.size, work.size, 3), np.uint8)
    sizes: list[Size] = []
    skipped: list[int] = []
    for number, row in _read_with_progress(work, work.rows, 0):
        if decoded := work.decode(number, row, skipped):
            pairs[len(sizes)], size = decoded
            sizes.append(size)
    return CachedPairs(pairs[: len(sizes)], _as_sizes(sizes), tuple(skipped))


def _is_complete(path: Path, work: _Work) -> bool:
    """Returns whether the finished cache exists and has its full length; else it is rebuilt."""
    if not path.exists():
        return False
    count, sizes = len(work.rows) - len(_read_skipped(path)), _read_sizes(path)
    length = _row_ends(sizes, work.size)[-1] if len(sizes) else 0
    return path.stat().st_size == length and len(sizes) == count


def _build_on_disk(work: _Work, path: Path) -> None:
    path.unlink(missing_ok=True)
    partial, skipped_path = path.with_suffix(".partial"), path.with_suffix(".skipped")
    sizes_path = path.with_suffix(".sizes")
    # A row's size is written before its pixels.
    ends = _row_ends(_read_sizes(path), work.size)
    length = partial.stat().st_size if partial.exists() else 0
    written = int(np.searchsorted(ends, length, side="right"))
    if not written:
        skipped_path.unlink(missing_ok=True)
    skipped = _read_skipped(path)
    if skipped_path.exists():
        # Removes a line that a kill cut short; the next line would be appended to it.
        os.truncate(skipped_path, skipped_path.read_bytes().rfind(b"\n") + 1)
    done = written + len(skipped)
    remaining = Rows(work.rows.split, work.rows.start + done, work.rows.stop)
    # Unbuffered, so that a killed process leaves whole rows and at most one partial row.
    with (
        partial.open("ab", buffering=0) as file,
        sizes_path.open("ab", buffering=0) as sizes_file,
        skipped_path.open("a") as skipped_file,
    ):
        file.truncate(ends[written - 1] if written else 0)
        sizes_file.truncate(written * SIZE_BYTES)
        for number, row in _read_with_progress(work, remaining, done):
            if decoded := work.decode(number, row, skipped):
                pixels, size = decoded
                _write_all(sizes_file, _as_sizes([size]))
                _write_all(file, pixels)
            else:
                skipped_file.write(f"{number}\n")
                skipped_file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    if not skipped:
        skipped_path.unlink()


def _write_all(file, pixels: np.ndarray) -> None:
    # One call of `write` on an unbuffered file may write only a part of the bytes.
    unwritten = memoryview(pixels.tobytes())
    while unwritten:
        unwritten = unwritten[file.write(unwritten) :]


def _read_skipped(path: Path) -> list[int]:
    """Reads the row numbers in the list next to a cache, without a line that a kill cut short."""
    skipped_path = path.with_suffix(".skipped")
    if not skipped_path.exists():
        return []
    lines = skipped_path.read_text().splitlines(keepends=True)
    return [int(line) for line in lines if line[-1] == "\n"]


def _as_sizes(sizes: list[Size]) -> np.ndarray:
    return np.array(sizes, np.uint32).reshape(-1, 2)


def _read_sizes(path: Path) -> np.ndarray:
    """Reads the sizes next to a cache, (N, 2) uint32, without one that a kill cut short."""
    sizes_path = path.with_suffix(".sizes")
    data = sizes_path.read_bytes() if sizes_path.exists() else b""
    return np.frombuffer(data[: len(data) // SIZE_BYTES * SIZE_BYTES], np.uint32).reshape(-1, 2)


def _read_with_progress(work: _Work, rows: Rows, done: int) -> Iterator[tuple[int, Row]]:
    """Yields numbered rows and shows a bar with rows, MB/s of cached pixels and time left."""
    source = work.source
    name = f"Caching {source.name} ({rows.split})"
    total = done + len(rows)
    started, count = time.monotonic(), 0
    with tqdm(desc=name, total=total, initial=done, unit=" pairs", mininterval=1) as bar:
        for number, row in enumerate(source.read(rows), rows.start):
            yield number, row
            count += 1
            if work.size:
                speed = count * row_bytes(work.size) / 1e6 / max(time.monotonic() - started, 1e-9)
                bar.set_postfix_str(f"{speed:.0f} MB/s", refresh=False)
            bar.update()
    if count != len(rows):
        raise UserError(
            f"{source.name} ended before row {rows.stop} of {rows.split}, although its metadata "
            "lists that row. Run the command again, or choose another --dataset_revision."
        )
