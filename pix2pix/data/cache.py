"""Pairs resized once and kept on disk as uint8, memory-mapped.

A cache file is the bytes of a (N, 2, S, S, 3) uint8 array, A before B. It grows row by row under
a temporary name, so its length tells where an interrupted build goes on.
"""

import os
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from pix2pix.data.source import PairSource, Rows
from pix2pix.errors import UserError
from pix2pix.images import resize


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/pix2pix`, by default `~/.cache/pix2pix`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pix2pix"


def cached_pairs(source: PairSource, rows: Rows, size: int, folder: Path) -> np.ndarray:
    """`rows` of `source` resized to `size`: a read-only (N, 2, size, size, 3) uint8 array.

    Builds the cache in `folder` when it is not there; a second process waits for the first.
    """
    name = f"{source.fingerprint()}-{rows.split}-{rows.start}-{rows.stop}-{size}"
    path = Path(folder) / f"{name}.uint8"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                _build(source, rows, size, path)
    except OSError as error:
        raise UserError(
            f"The pairs can't be cached in {folder} ({error.strerror or error}); "
            "free some space or name another place with --cache_dir."
        ) from None
    return np.memmap(path, np.uint8, mode="r").reshape(-1, 2, size, size, 3)


def _build(source: PairSource, rows: Rows, size: int, path: Path) -> None:
    partial = path.with_suffix(".partial")
    row_bytes = 2 * size * size * 3
    done = partial.stat().st_size // row_bytes if partial.exists() else 0
    left = Rows(rows.split, rows.start + done, rows.stop)
    progress = tqdm(
        source.pairs(left), f"Caching {source.name} ({rows.split})", len(rows), initial=done,
        unit=" pairs", mininterval=1,
    )  # fmt: skip
    with partial.open("ab") as file:
        file.truncate(done * row_bytes)
        for pair in progress:
            for image in pair:
                file.write(_pixels(image, size))
        file.flush()
        os.fsync(file.fileno())
    if partial.stat().st_size != len(rows) * row_bytes:
        raise UserError(
            f"{source.name} ended before row {rows.stop} of {rows.split}; its metadata promised "
            "more rows. Run the command again, or name another --dataset_revision."
        )
    partial.replace(path)


def _pixels(image: Image.Image, size: int) -> bytes:
    return np.asarray(resize(image, size, size)).tobytes()
