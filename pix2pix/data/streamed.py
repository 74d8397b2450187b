"""Pairs streamed with `datasets`: from the Hub, or from local parquet files."""

import bisect
import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import fsspec
import pyarrow.parquet as parquet

from pix2pix.config import Config
from pix2pix.data.columns import TableSource, choose_columns, dataset_errors_as_user_errors
from pix2pix.data.source import Row, Rows
from pix2pix.errors import UserError, first_line
from pix2pix.files import describe_content

# Single files that can be a dataset, and the builder of `datasets` that reads them.
FILE_BUILDERS = {".parquet": "parquet", ".arrow": "arrow", ".jsonl": "json", ".csv": "csv"}
# Rows of a remote dataset are large and not cached, so fewer of them are looked at.
REMOTE_SAMPLE = 24


class StreamedSource(TableSource):
    """A dataset that `datasets` can stream, with random access to row groups of parquet files."""

    def __init__(self, config: Config):
        """Opens `config.dataset_name`; raises `UserError` if it is missing or can't be read."""
        super().__init__(config.dataset_name)
        self._revision, self._config = config.dataset_revision, "default"
        with dataset_errors_as_user_errors(self.name):
            builder = self._load_builder(config)
            files = builder.config.data_files or {}
            self._files = {str(split): list(paths) for split, paths in files.items()}
            self._streams = builder.as_streaming_dataset()
            features = next(iter(self._streams.values())).features
            if features is None:
                raise UserError(
                    f"The columns of {self.name} are unknown before it is read; convert the "
                    "dataset to parquet."
                )
            self.columns = choose_columns(self.name, features, config, self._read_first)
            self._casts = [c for c in self.columns if not isinstance(features[c], datasets.Value)]
            if builder.name == "parquet" and set(self.columns) != set(features):
                # Parquet files store each column separately, so unused columns are not downloaded.
                columns = list(self.columns)
                self._streams = self._load_builder(config, columns=columns).as_streaming_dataset()
            self._groups = {s: count_row_groups(self._files.get(s, [])) for s in self._streams}
            metadata = builder.info.splits or {}
            self.splits = {split: self._count_rows(split, metadata) for split in self._streams}
        self._resharded: dict[str, datasets.IterableDataset] = {}
        self.notes = tuple(self._describe(builder))

    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the files of each pair; see `Source.read`."""
        number = rows.start
        try:
            for row in itertools.islice(self._stream_from(rows), len(rows)):
                yield self._read_row(rows.split, number, row)
                number += 1
        except Exception as error:  # the clients raise a dozen unrelated classes
            raise UserError(
                f"Reading {self.name} broke off at row {number} of {rows.split} "
                f"({first_line(error)}); the rows before it are kept: run the command again."
            ) from error

    def sample(self, rows: Rows, count: int) -> Iterator[tuple[int, Row]]:
        """Yields the first rows with their numbers; see `Source.sample`."""
        is_local = all(Path(path).exists() for path in self._files.get(rows.split, []))
        return super().sample(rows, count if is_local else min(count, REMOTE_SAMPLE))

    def fingerprint(self) -> str:
        """Returns a hash of the columns and of the revision or files; see `Source.fingerprint`."""
        files: str | list[tuple[int, int]]
        if self._revision:
            files = self._revision
        else:
            stats = [Path(f).stat() for paths in self._files.values() for f in paths]
            files = [(s.st_size, s.st_mtime_ns) for s in stats]
        identity = json.dumps([self.name, self._config, files, self.columns, list(self._files)])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def inventory(self) -> dict[str, str] | None:
        """Returns the local files, None for a dataset on the Hub; see `Source.inventory`."""
        if self._revision:
            return None
        paths = [Path(path) for paths in self._files.values() for path in paths]
        root = Path(os.path.commonpath([path.parent for path in paths]))
        return {path.relative_to(root).as_posix(): describe_content(path) for path in paths}

    def _load_builder(self, config: Config, **settings: Any) -> datasets.DatasetBuilder:
        """Returns the builder of the chosen configuration, and remembers its name."""
        builder = load_builder(self.name, config.dataset_config, self._revision, **settings)
        if not Path(self.name).is_file():
            self._config = builder.config.name
        return builder

    def _read_first(self, columns: list[str]) -> Mapping[str, Any]:
        """Returns the first row's cells in `columns`."""
        stream = next(iter(self._streams.values())).select_columns(columns)
        return next(iter(stream), dict.fromkeys(columns))

    def _describe(self, builder: datasets.DatasetBuilder) -> Iterator[str]:
        """Yields sentences about the columns and the configuration, for the user."""
        yield self._describe_columns()
        names = list(builder.builder_configs)
        if len(names) > 1:
            others = ", ".join(name for name in names if name != builder.config.name)
            yield f"The configuration {builder.config.name} is used; not used: {others}."

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
        for stream in iter_row_groups(self._resharded[rows.split], groups, rows.start):
            yield from stream

    def _select_columns(self, stream: datasets.IterableDataset) -> datasets.IterableDataset:
        stream = stream.select_columns(list(self.columns))
        for column in self._casts:
            # Some datasets store bare {bytes, path} structs; after the cast all rows look alike.
            stream = stream.cast_column(column, datasets.Image(decode=False))
        return stream

    def _count_rows(self, split: str, metadata: dict) -> int:
        if self._groups[split]:
            return sum(self._groups[split])
        if split in metadata:
            return metadata[split].num_examples
        # Without footers and metadata, the split must be read once to the end, undecoded.
        return sum(1 for _ in self._streams[split].decode(False))


def load_builder(
    name: str, configuration: str | None, revision: str | None, **settings: Any
) -> datasets.DatasetBuilder:
    """Returns the builder of a configuration of a dataset, or of a file with a table.

    Raises `UserError`, with the names of the configurations, when there is none of that name, or
    one of several must be chosen.
    """
    path = Path(name)
    if path.is_file():
        kind = FILE_BUILDERS[path.suffix.lower()]
        return datasets.load_dataset_builder(kind, data_files=str(path), **settings)
    try:
        return datasets.load_dataset_builder(name, configuration, revision=revision, **settings)
    except ValueError:
        names = datasets.get_dataset_config_names(name, revision=revision)
        if configuration in names or (configuration is None and len(names) < 2):
            raise
        if configuration is None:
            raise UserError(
                f"{name} has several configurations: {', '.join(names)}; choose one with "
                f"--dataset_config {names[0]}."
            ) from None
        known = f"it has: {', '.join(names)}" if len(names) > 1 else "leave --dataset_config out"
        raise UserError(f"{name} has no configuration {configuration}; {known}.") from None


def count_row_groups(paths: list[str]) -> list[int]:
    """Returns the rows of each row group from the footers; empty for other file types."""
    if not all(path.endswith(".parquet") for path in paths):
        return []
    footers = []
    for path in paths:
        with fsspec.open(path, "rb") as file:
            footers.append(parquet.read_metadata(file))
    return [f.row_group(i).num_rows for f in footers for i in range(f.num_row_groups)]


def iter_row_groups(
    stream: datasets.IterableDataset, groups: list[int], start: int
) -> Iterator[datasets.IterableDataset]:
    """Yields a stream for each row group from row `start` on; the first one begins at that row.

    `stream` has one shard for each row group, and `groups` are the numbers of their rows.
    """
    ends = list(itertools.accumulate(groups))
    first = bisect.bisect_right(ends, start)
    offset = start - (ends[first - 1] if first else 0)
    for index in range(first, len(groups)):
        group = stream.shard(len(groups), index)
        yield group.skip(offset) if offset else group
        offset = 0
