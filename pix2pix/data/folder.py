"""Pairs in a local folder of pictures."""

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
    """`train/`, `val/`, `test/` of side-by-side pictures, or `trainA/` and `trainB/` and so on.

    Files are paired by name and sorted as people count: 2.jpg comes before 10.jpg.
    """

    def __init__(self, folder: Path, name: str | None = None):
        """Raises `UserError` when the folder has neither layout, or a picture lacks its pair."""
        self.name = name or str(folder)
        found = {split: _pairs(folder, split) for split in SPLITS}
        self._files = {split: files for split, files in found.items() if files}
        if TRAIN_SPLIT not in self._files:
            raise UserError(
                f"{self.name} holds no pairs; expected are parquet files, or a folder {TRAIN_SPLIT}"
                f" of side-by-side pictures, or folders {TRAIN_SPLIT}A and {TRAIN_SPLIT}B."
            )
        self.splits = {split: len(files) for split, files in self._files.items()}
        both = len(self._files[TRAIN_SPLIT][0]) == 2
        self.columns = ("A", "B") if both else ("side by side",)

    def read(self, rows: Rows) -> Iterator[Row]:
        for number, paths in enumerate(self._files[rows.split][rows.start : rows.stop], rows.start):
            try:
                yield tuple(path.read_bytes() for path in paths)
            except OSError as error:
                raise UserError(
                    f"Row {number} of {self.name} ({rows.split}) can't be read: {error}."
                ) from None

    def fingerprint(self) -> str:
        files = [
            (path.name, path.stat().st_size, path.stat().st_mtime_ns)
            for pairs in self._files.values()
            for paths in pairs
            for path in paths
        ]
        return hashlib.sha256(json.dumps([self.name, files]).encode()).hexdigest()[:16]


def has_pictures(folder: Path) -> bool:
    """Whether `folder` looks like one of the two layouts."""
    return any((folder / name).is_dir() for name in (TRAIN_SPLIT, f"{TRAIN_SPLIT}A"))


def _pairs(folder: Path, split: str) -> list[tuple[Path, ...]]:
    if (folder / split).is_dir():
        return [(path,) for path in _pictures(folder / split).values()]
    a, b = (folder / f"{split}{side}" for side in "AB")
    if not (a.is_dir() and b.is_dir()):
        return []
    inputs, targets = _pictures(a), _pictures(b)
    alone = sorted(set(inputs) ^ set(targets))
    if alone:
        raise UserError(f"{alone[0]} is in only one of {a} and {b}; pairs need both.")
    return [(inputs[stem], targets[stem]) for stem in inputs]


def _pictures(folder: Path) -> dict[str, Path]:
    """Pictures by their names without suffix, in counting order."""
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    return {path.stem: path for path in sorted(paths, key=_counting)}


def _counting(path: Path) -> list:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
