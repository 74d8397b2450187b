"""Pairs from a local folder of pictures."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from pix2pix.data.source import HELD_OUT_SPLITS, TRAIN_SPLIT, Row, Rows, Source
from pix2pix.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
SPLITS = (TRAIN_SPLIT, *HELD_OUT_SPLITS)


class FolderSource(Source):
    """A folder with side-by-side pictures in train/, val/, test/, or with trainA/, trainB/, ...

    Pictures in the A and B folders are paired by name. All are in natural order: 2.jpg comes before
    10.jpg.
    """

    def __init__(self, folder: Path, name: str | None = None):
        """Raises `UserError` when the folder has neither layout or a picture lacks its pair."""
        self.name = name or str(folder)
        files = {split: _list_pairs(folder, split) for split in SPLITS}
        self._files = {split: pairs for split, pairs in files.items() if pairs}
        if TRAIN_SPLIT not in self._files:
            raise UserError(
                f"{self.name} has no pairs; it needs parquet files, a folder {TRAIN_SPLIT} of "
                f"side-by-side pictures, or the folders {TRAIN_SPLIT}A and {TRAIN_SPLIT}B."
            )
        self.splits = {split: len(pairs) for split, pairs in self._files.items()}
        has_two_folders = len(self._files[TRAIN_SPLIT][0]) == 2
        self.columns = ("A", "B") if has_two_folders else ("side by side",)

    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the files of each pair; see `Source.read`."""
        for number, paths in enumerate(self._files[rows.split][rows.start : rows.stop], rows.start):
            try:
                yield tuple(path.read_bytes() for path in paths)
            except OSError as error:
                raise UserError(
                    f"Row {number} of {self.name} ({rows.split}) can't be read: {error}."
                ) from None

    def fingerprint(self) -> str:
        """Returns a hash of names, sizes and modification times; see `Source.fingerprint`."""
        files = [
            (path.name, path.stat().st_size, path.stat().st_mtime_ns)
            for pairs in self._files.values()
            for paths in pairs
            for path in paths
        ]
        return hashlib.sha256(json.dumps([self.name, files]).encode()).hexdigest()[:16]


def has_pictures(folder: Path) -> bool:
    """Returns whether `folder` has the subfolder train or trainA."""
    return any((folder / name).is_dir() for name in (TRAIN_SPLIT, f"{TRAIN_SPLIT}A"))


def _list_pairs(folder: Path, split: str) -> list[tuple[Path, ...]]:
    """Lists the files of each pair of a split: one if side by side, else two."""
    if (folder / split).is_dir():
        return [(path,) for path in _list_pictures(folder / split).values()]
    a, b = (folder / f"{split}{side}" for side in "AB")
    if not (a.is_dir() and b.is_dir()):
        return []
    inputs, targets = _list_pictures(a), _list_pictures(b)
    unpaired = sorted(set(inputs) ^ set(targets))
    if unpaired:
        raise UserError(f"{unpaired[0]} is in only one of {a} and {b}; pairs need both.")
    return [(inputs[stem], targets[stem]) for stem in inputs]


def _list_pictures(folder: Path) -> dict[str, Path]:
    """Returns the folder's pictures by name without suffix, in natural order."""
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    return {path.stem: path for path in sorted(paths, key=_natural_order)}


def _natural_order(path: Path) -> list:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
