"""Pairs (A, B) of any dataset that `datasets` can stream: on the Hub, or a local folder.

A dataset has either two picture columns, or one column of side-by-side pairs: A left, B right
(the layout of the Berkeley archives, which `datasets` reads as an image folder).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import datasets
import fsspec
import pyarrow.parquet as parquet
from PIL import Image

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.images import open_image, split_pair

TRAIN_SPLIT = "train"
HELD_OUT_SPLITS = ("validation", "val", "test")
HELD_OUT_SHARE = 10
PAIR_COLUMNS = (("imageA", "imageB"), ("input_image", "target_image"), ("image", "label"))
SIDE_BY_SIDE_COLUMN = "image"


@dataclass(frozen=True)
class Rows:
    """The rows [start, stop) of a split."""

    split: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class SplitPlan:
    """Which rows train and which are held out: disjoint contiguous blocks."""

    train: Rows
    held_out: Rows

    def to_dict(self) -> dict:
        return asdict(self)


class PairSource:
    """One dataset as a stream of pairs.

    Attributes:
        name: Hub id or folder. revision: commit of a Hub dataset, else None.
        columns: one name (side by side) or two (A, B). splits: rows of each split.
    """

    def __init__(self, name: str, builder: datasets.DatasetBuilder, named: tuple, revision=None):
        self.name, self.revision, self._builder = name, revision, builder
        self._files = {
            str(split): list(files) for split, files in builder.config.data_files.items()
        }
        self._streams = builder.as_streaming_dataset()
        if TRAIN_SPLIT not in self._streams:
            raise UserError(
                f"{name} has no split named {TRAIN_SPLIT}; it has {', '.join(self._streams)}."
            )
        available = self._streams[TRAIN_SPLIT].column_names or []
        self.columns = choose_columns(name, available, *named)
        self.splits = {split: self._count(split) for split in self._streams}

    def pairs(self, rows: Rows) -> Iterator[tuple[Image.Image, Image.Image]]:
        """The pairs (A, B) of `rows`, in order, as 8-bit RGB of their own sizes.

        A picture that can't be read raises `UserError` and names its row.
        """
        stream = self._streams[rows.split].select_columns(list(self.columns))
        for column in self.columns:
            # Some datasets store bare {bytes, path} structs: the cast makes both kinds alike.
            stream = stream.cast_column(column, datasets.Image(decode=False))
        stream = stream.skip(rows.start).take(len(rows))
        for number, row in enumerate(stream, start=rows.start):
            try:
                pictures = [_read(row[column]) for column in self.columns]
                yield tuple(pictures) if len(pictures) == 2 else split_pair(pictures[0])
            except UserError as error:
                raise UserError(f"Row {number} of {self.name} ({rows.split}): {error}") from None

    def fingerprint(self) -> str:
        """Changes when the dataset's files or the columns do."""
        if self.revision:
            files = self.revision
        else:
            stats = [Path(f).stat() for files in self._files.values() for f in files]
            files = [(s.st_size, s.st_mtime_ns) for s in stats]
        identity = json.dumps([self.name, files, self.columns, list(self._files)])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def plan(self, config: Config) -> SplitPlan:
        """The dataset's own held-out split, else the last tenth (or `validation_samples`)."""
        total, wanted = self.splits[TRAIN_SPLIT], config.validation_samples
        own = next((s for s in HELD_OUT_SPLITS if self.splits.get(s)), None)
        if own:
            held_out = Rows(own, 0, min(wanted or self.splits[own], self.splits[own]))
            stop = total
        else:
            # A contiguous block: neighbouring rows show neighbouring ground.
            stop = total - (wanted or max(1, total // HELD_OUT_SHARE))
            held_out = Rows(TRAIN_SPLIT, max(stop, 0), total)
        if stop < 1:
            raise UserError(
                f"{self.name} has {total} pairs, too few to hold {len(held_out)} out and train "
                "on the rest; use a larger dataset or a smaller --validation_samples."
            )
        return SplitPlan(
            Rows(TRAIN_SPLIT, 0, min(config.max_train_samples or stop, stop)), held_out
        )

    def _count(self, split: str) -> int:
        files = self._files.get(split, [])
        if files and all(f.endswith(".parquet") for f in files):
            return sum(_parquet_rows(f) for f in files)
        known = (self._builder.info.splits or {}).get(split)
        # Neither footers nor metadata: read the split through once, undecoded.
        return known.num_examples if known else sum(1 for _ in self._streams[split].decode(False))


def open_source(config: Config, token: str | None = None) -> PairSource:
    """Opens `config.dataset_name`. Raises `UserError` when it is missing or can't be read."""
    name = config.dataset_name
    try:
        builder = datasets.load_dataset_builder(name, revision=config.dataset_revision, token=token)
        named = (config.input_column, config.target_column)
        return PairSource(name, builder, named, config.dataset_revision)
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
        raise UserError(
            f"No pairs were found at {name}; parquet files with two picture columns or a folder of "
            f"side-by-side pictures are expected ({_first_line(error)})."
        ) from None
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"The dataset {name} can't be read: {_first_line(error)}") from None


def choose_columns(name: str, available: list[str], a: str | None, b: str | None) -> tuple:
    """The columns of A and B, or the one of side-by-side pairs; `a` and `b` where named."""
    chosen = tuple(column for column in (a, b) if column)
    missing = [column for column in chosen if column not in available]
    listed = ", ".join(available) or "none"
    if missing:
        raise UserError(f"{name} has no column {missing[0]}; its columns are {listed}.")
    if chosen:
        return chosen
    for pair in PAIR_COLUMNS:
        if all(column in available for column in pair):
            return pair
    if SIDE_BY_SIDE_COLUMN in available:
        return (SIDE_BY_SIDE_COLUMN,)
    raise UserError(
        f"Which columns of {name} are the pair? Its columns are {listed}; "
        "name them with --input_column and --target_column."
    )


def _read(cell: dict) -> Image.Image:
    if cell is None:
        raise UserError("the picture is missing.")
    if cell.get("bytes") is not None:
        return open_image(cell["bytes"])
    with fsspec.open(cell["path"], "rb") as file:
        return open_image(file.read())


def _parquet_rows(path: str) -> int:
    with fsspec.open(path, "rb") as file:
        return parquet.read_metadata(file).num_rows


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
