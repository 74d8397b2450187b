"""Pairs streamed with `datasets`: from the Hub, or from a local folder of parquet files."""

import bisect
import hashlib
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
import fsspec
import pyarrow.parquet as parquet

from pix2pix.config import Config
from pix2pix.data.columns import choose_columns
from pix2pix.data.source import Row, Rows, Source
from pix2pix.errors import UserError, first_line


class StreamedSource(Source):
    """A dataset that `datasets` can stream, with random access to row groups of parquet files."""

    def __init__(self, config: Config):
        """Opens `config.dataset_name`. Raises `UserError` when it is missing or can't be read."""
        self.name, self._revision = config.dataset_name, config.dataset_revision
        with _explained(self.name):
            builder = datasets.load_dataset_builder(self.name, revision=self._revision)
            files = builder.config.data_files or {}
            self._files = {str(split): list(paths) for split, paths in files.items()}
            self._streams = builder.as_streaming_dataset()
            features = next(iter(self._streams.values())).features
            if features is None:
                raise UserError(f"{self.name} does not tell its columns; convert it to parquet.")
            named = (config.input_column, config.target_column)
            self.columns = choose_columns(self.name, features, *named)
            if builder.name == "parquet" and set(self.columns) != set(features):
                # Parquet is stored by columns: the others are never fetched.
                self._streams = datasets.load_dataset_builder(
                    self.name, revision=self._revision, columns=list(self.columns)
                ).as_streaming_dataset()
            self._groups = {split: self._row_groups(split) for split in self._streams}
            known = builder.info.splits or {}
            self.splits = {split: self._count(split, known) for split in self._streams}
        self._by_group: dict[str, datasets.IterableDataset] = {}

    def read(self, rows: Rows) -> Iterator[Row]:
        number = rows.start
        try:
            for row in itertools.islice(self._from(rows), len(rows)):
                yield tuple(_content(row[column]) for column in self.columns)
                number += 1
        except Exception as error:  # the clients raise a dozen unrelated classes
            raise UserError(
                f"Reading {self.name} broke off at row {number} of {rows.split} "
                f"({first_line(error)}); what was read is kept: run the command again."
            ) from error

    def fingerprint(self) -> str:
        files: str | list[tuple[int, int]]
        if self._revision:
            files = self._revision
        else:
            stats = [Path(f).stat() for paths in self._files.values() for f in paths]
            files = [(s.st_size, s.st_mtime_ns) for s in stats]
        identity = json.dumps([self.name, files, self.columns, list(self._files)])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _from(self, rows: Rows) -> Iterator[dict]:
        """Rows of the split from `rows.start` on, without fetching the row groups before it."""
        groups = self._groups[rows.split]
        if not groups:
            yield from self._columns_of(self._streams[rows.split]).skip(rows.start)
            return
        if rows.split not in self._by_group:
            # Kept, as resharding fetches the footer of every file.
            self._by_group[rows.split] = self._columns_of(self._streams[rows.split].reshard())
        ends = list(itertools.accumulate(groups))
        first = bisect.bisect_right(ends, rows.start)
        offset = rows.start - (ends[first - 1] if first else 0)
        for index in range(first, len(groups)):
            group = self._by_group[rows.split].shard(len(groups), index)
            yield from group.skip(offset) if offset else group
            offset = 0

    def _columns_of(self, stream: datasets.IterableDataset) -> datasets.IterableDataset:
        stream = stream.select_columns(list(self.columns))
        for column in self.columns:
            # Some datasets store bare {bytes, path} structs: the cast makes both kinds alike.
            stream = stream.cast_column(column, datasets.Image(decode=False))
        return stream

    def _row_groups(self, split: str) -> list[int]:
        """Rows of each row group, from the files' footers; empty when they are not parquet."""
        paths = self._files.get(split, [])
        if not all(path.endswith(".parquet") for path in paths):
            return []
        footers = []
        for path in paths:
            with fsspec.open(path, "rb") as file:
                footers.append(parquet.read_metadata(file))
        return [f.row_group(i).num_rows for f in footers for i in range(f.num_row_groups)]

    def _count(self, split: str, known: dict) -> int:
        if self._groups[split]:
            return sum(self._groups[split])
        if split in known:
            return known[split].num_examples
        # Neither footers nor metadata: read the split through once, undecoded.
        return sum(1 for _ in self._streams[split].decode(False))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns what `datasets` raises while opening a dataset into one sentence."""
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


def _content(cell: dict | None) -> bytes:
    """The picture's file; no bytes at all where the row has none."""
    if cell is None:
        return b""
    if cell.get("bytes") is not None:
        return cell["bytes"]
    with fsspec.open(cell["path"], "rb") as file:
        return file.read()
