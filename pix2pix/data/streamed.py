"""Pairs streamed with `datasets`: from the Hub, or from a local folder of parquet files."""

import bisect
import hashlib
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import fsspec
import pyarrow.parquet as parquet

from pix2pix.config import Config
from pix2pix.data.source import Row, Rows, Source
from pix2pix.errors import UserError, first_line

# Pairs of columns that are recognized without flags.
KNOWN_PAIRS = (
    ("imageA", "imageB"),
    ("input_image", "target_image"),
    ("input_image", "output_image"),
    ("image", "label"),
)


class StreamedSource(Source):
    """A dataset that `datasets` can stream, with random access to row groups of parquet files."""

    def __init__(self, config: Config):
        """Opens `config.dataset_name`; raises `UserError` if it is missing or can't be read."""
        self.name, self._revision = config.dataset_name, config.dataset_revision
        with _errors_as_user_errors(self.name):
            builder = datasets.load_dataset_builder(self.name, revision=self._revision)
            files = builder.config.data_files or {}
            self._files = {str(split): list(paths) for split, paths in files.items()}
            self._streams = builder.as_streaming_dataset()
            features = next(iter(self._streams.values())).features
            if features is None:
                raise UserError(
                    f"The columns of {self.name} are unknown before it is read; convert the "
                    "dataset to parquet."
                )
            self.columns = choose_columns(
                self.name, features, config.input_column, config.target_column
            )
            if builder.name == "parquet" and set(self.columns) != set(features):
                # Parquet files store each column separately, so unused columns are not downloaded.
                self._streams = datasets.load_dataset_builder(
                    self.name, revision=self._revision, columns=list(self.columns)
                ).as_streaming_dataset()
            self._groups = {split: self._count_row_groups(split) for split in self._streams}
            metadata = builder.info.splits or {}
            self.splits = {split: self._count_rows(split, metadata) for split in self._streams}
        self._resharded: dict[str, datasets.IterableDataset] = {}

    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the files of each pair; see `Source.read`."""
        number = rows.start
        try:
            for row in itertools.islice(self._stream_from(rows), len(rows)):
                yield tuple(_read_cell(row[column]) for column in self.columns)
                number += 1
        except Exception as error:  # the clients raise a dozen unrelated classes
            raise UserError(
                f"Reading {self.name} broke off at row {number} of {rows.split} "
                f"({first_line(error)}); the rows before it are kept: run the command again."
            ) from error

    def fingerprint(self) -> str:
        """Returns a hash of the columns and of the revision or files; see `Source.fingerprint`."""
        files: str | list[tuple[int, int]]
        if self._revision:
            files = self._revision
        else:
            stats = [Path(f).stat() for paths in self._files.values() for f in paths]
            files = [(s.st_size, s.st_mtime_ns) for s in stats]
        identity = json.dumps([self.name, files, self.columns, list(self._files)])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _stream_from(self, rows: Rows) -> Iterator[dict]:
        """Yields rows from `rows.start` on, without downloading the row groups before it."""
        groups = self._groups[rows.split]
        if not groups:
            yield from self._select_columns(self._streams[rows.split]).skip(rows.start)
            return
        if rows.split not in self._resharded:
            # Kept, because resharding downloads the footer of every file.
            stream = self._select_columns(self._streams[rows.split].reshard())
            self._resharded[rows.split] = stream
        ends = list(itertools.accumulate(groups))
        first = bisect.bisect_right(ends, rows.start)
        offset = rows.start - (ends[first - 1] if first else 0)
        for index in range(first, len(groups)):
            group = self._resharded[rows.split].shard(len(groups), index)
            yield from group.skip(offset) if offset else group
            offset = 0

    def _select_columns(self, stream: datasets.IterableDataset) -> datasets.IterableDataset:
        stream = stream.select_columns(list(self.columns))
        for column in self.columns:
            # Some datasets store bare {bytes, path} structs; after the cast all rows look alike.
            stream = stream.cast_column(column, datasets.Image(decode=False))
        return stream

    def _count_row_groups(self, split: str) -> list[int]:
        """Returns the rows of each row group from the footers; empty for other file types."""
        paths = self._files.get(split, [])
        if not all(path.endswith(".parquet") for path in paths):
            return []
        footers = []
        for path in paths:
            with fsspec.open(path, "rb") as file:
                footers.append(parquet.read_metadata(file))
        return [f.row_group(i).num_rows for f in footers for i in range(f.num_row_groups)]

    def _count_rows(self, split: str, metadata: dict) -> int:
        if self._groups[split]:
            return sum(self._groups[split])
        if split in metadata:
            return metadata[split].num_examples
        # Without footers and metadata, the split must be read once to the end, undecoded.
        return sum(1 for _ in self._streams[split].decode(False))


def choose_columns(
    name: str, features: datasets.Features, a: str | None = None, b: str | None = None
) -> tuple[str, ...]:
    """Returns the columns of A and B, or the one column of side-by-side pairs.

    Args:
        name: the dataset's name, for messages.
        features: the dataset's columns.
        a: `--input_column`, or None to recognize the columns.
        b: `--target_column`, or None.

    Raises:
        UserError: when a column is missing or has no pictures, or the choice is ambiguous; then it
            lists the columns and suggests two of them.
    """
    all_columns = ", ".join(features) or "none"
    chosen = tuple(column for column in (a, b) if column)
    for column in chosen:
        if column not in features:
            raise UserError(f"{name} has no column {column}; its columns are {all_columns}.")
        if not _has_pictures(features[column]):
            raise UserError(f"The column {column} of {name} has no pictures; choose another one.")
    if b and not a:
        raise UserError("--target_column needs --input_column; add it to the command.")
    if chosen:
        return chosen
    pictures = [column for column, feature in features.items() if _has_pictures(feature)]
    for pair in KNOWN_PAIRS:
        if set(pair) <= set(pictures):
            return pair
    if len(pictures) == 1:
        return tuple(pictures)
    first, second = (pictures + ["<A>", "<B>"])[:2] if pictures else ("<A>", "<B>")
    raise UserError(
        f"Which columns of {name} are the pair? Its columns are {all_columns}; name them, "
        f"e.g. --input_column {first} --target_column {second}."
    )


def _has_pictures(feature: Any) -> bool:
    # Some datasets store pictures as bare {bytes, path} structs instead of an Image column.
    return isinstance(feature, datasets.Image) or (
        isinstance(feature, dict) and {"bytes", "path"} <= set(feature)
    )


@contextmanager
def _errors_as_user_errors(name: str) -> Iterator[None]:
    """Turns the exceptions of opening a dataset with `datasets` into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
        raise UserError(
            f"No pairs were found at {name}; parquet files with two picture columns or a folder "
            f"train of side-by-side pictures are expected ({first_line(error)})."
        ) from None
    except Exception as error:  # the clients raise a dozen unrelated classes
        raise UserError(f"The dataset {name} can't be read: {first_line(error)}") from error


def _read_cell(cell: dict | None) -> bytes:
    """Returns the bytes of a picture file; empty if the row has no picture."""
    if cell is None:
        return b""
    if cell.get("bytes") is not None:
        return cell["bytes"]
    with fsspec.open(cell["path"], "rb") as file:
        return file.read()
