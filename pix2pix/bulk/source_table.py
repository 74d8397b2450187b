"""Reads a split of any dataset as Arrow tables with all of its columns, pictures undecoded."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.table import embed_table_storage

from pix2pix.data.columns import dataset_errors_as_user_errors, has_pictures, is_binary
from pix2pix.data.loading import is_saved_dataset
from pix2pix.data.source import TRAIN_SPLIT
from pix2pix.data.streamed import (
    FILE_BUILDERS,
    count_row_groups,
    iter_row_groups,
    load_builder,
)
from pix2pix.errors import UserError, first_line

# Rows that are read, translated and held in memory together.
BATCH_ROWS = 8


class SourceTable:
    """One split of a dataset.

    Attributes:
        name: the dataset's name, as the user typed it.
        split: the split's name.
        features: its columns.
        rows: the number of its rows.
        fingerprint: a hash of the files' sizes and times; None for a dataset on the Hub.
    """

    def __init__(
        self, name: str, split: str, configuration: str | None = None, revision: str | None = None
    ):
        """Opens a Hub id, a folder or a file with a table.

        Raises `UserError` when it can't be read, or has no such split.
        """
        self.name, self.split = name, split
        # The library also raises the errors that it logs; users should see each only once.
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        with dataset_errors_as_user_errors(name, "pictures"):
            if is_saved_dataset(Path(name)):
                self._open_saved()
            else:
                self._open_stream(configuration, revision)
        if not self.rows:
            raise UserError(f"The split {split} of {name} has no rows; choose another one.")

    def _open_saved(self) -> None:
        saved = datasets.load_from_disk(self.name)
        tables = saved if isinstance(saved, dict) else {TRAIN_SPLIT: saved}
        self._check_split([str(split) for split in tables])
        self._table = tables[self.split].with_format("arrow")
        self.features, self.rows = self._table.features, len(self._table)
        self.fingerprint: str | None = _fingerprint(Path(self.name).rglob("*.arrow"))

    def _open_stream(self, configuration: str | None, revision: str | None) -> None:
        path = Path(self.name)
        if path.is_file() and path.suffix.lower() not in FILE_BUILDERS:
            raise UserError(
                f"{self.name} is a file, but no table ({', '.join(FILE_BUILDERS)}); pix2pix "
                "translate <file> --output <folder> translates pictures."
            )
        builder = load_builder(self.name, configuration, revision)
        if builder.name == "parquet":
            # Else a whole row group would be in memory, which can have thousands of pictures.
            builder = load_builder(self.name, configuration, revision, batch_size=BATCH_ROWS)
        streams = builder.as_streaming_dataset()
        self._check_split([str(split) for split in streams])
        stream = streams[self.split]
        if stream.features is None:
            raise UserError(
                f"The columns of {self.name} are unknown before it is read; convert the dataset to "
                "parquet."
            )
        self._table, self.features = None, stream.features
        files = [str(file) for file in (builder.config.data_files or {}).get(self.split, [])]
        self._groups = count_row_groups(files)
        self._stream = stream.reshard() if self._groups else stream
        self.rows = sum(self._groups) or _count_rows(builder, stream, self.split)
        self.fingerprint = None if revision else _fingerprint(map(Path, files))

    def _check_split(self, splits: list[str]) -> None:
        if self.split not in splits:
            names = ", ".join(splits) or "none"
            hint = f"; choose one with --split {splits[0]}" if splits else ""
            raise UserError(
                f"{self.name} has no split named {self.split}; its splits: {names}{hint}."
            )

    def read(self, start: int, stop: int) -> Iterator[pa.Table]:
        """Yields the rows [start, stop) in order, in tables of at most `BATCH_ROWS`.

        Files that the table only names are read, so that the result does not depend on them.
        Raises `UserError`, with the number of the row, when the dataset can't be read any more.
        """
        row = start
        try:
            for table in self._read(start, stop):
                table = embed_table_storage(table.slice(0, stop - row))
                yield table
                row += table.num_rows
                if row >= stop:
                    return
        except Exception as error:  # the clients raise a dozen unrelated classes
            raise UserError(
                f"Reading {self.name} broke off at row {row} of {self.split} "
                f"({first_line(error)}); finished files are kept: run the command again."
            ) from error
        advice = f"start anew with --max_samples {row} --overwrite" if row else "choose another one"
        raise UserError(
            f"The split {self.split} of {self.name} ended at row {row}, not at {stop}: {advice}."
        )

    def _read(self, start: int, stop: int) -> Iterator[pa.Table]:
        if self._table is not None:
            yield from self._table.select(range(start, stop)).iter(BATCH_ROWS)
            return
        streams = iter([self._stream.skip(start)])
        if self._groups:
            streams = iter_row_groups(self._stream, self._groups, start)
        for stream in streams:
            yield from stream.with_format("arrow").iter(BATCH_ROWS)


def read_cells(column: pa.ChunkedArray) -> list[bytes]:
    """Returns the file in each cell of a column of pictures; empty bytes where there is none."""
    cells = column.to_pylist()
    return [(cell.get("bytes") if isinstance(cell, dict) else cell) or b"" for cell in cells]


def choose_input_column(
    name: str, features: Mapping[str, Any], requested: str | None, trained: str | None
) -> str:
    """Returns the column to translate.

    It is the one that the user asks for, else that of the model's training, else the only one that
    has pictures.

    Raises:
        UserError: when the column is missing or has no pictures, or none can be chosen; it lists
            the columns.
    """
    pictures = [column for column in features if has_pictures(features[column])]
    pictures = pictures or [column for column in features if is_binary(features[column])]
    names = f"its columns are {', '.join(features) or 'none'}"
    if pictures:
        names += f"; those with pictures: {', '.join(pictures)}"
    if requested:
        if requested not in features:
            raise UserError(f"{name} has no column {requested}; {names}.")
        if requested not in pictures and not is_binary(features[requested]):
            raise UserError(f"The column {requested} of {name} has no pictures; {names}.")
        return requested
    if trained in pictures:
        return str(trained)
    if len(pictures) == 1:
        return pictures[0]
    if not pictures:
        raise UserError(f"{name} has no column with pictures; {names}.")
    raise UserError(
        f"Which column of {name} is translated? Name it, e.g. --input_column {pictures[0]}; "
        f"{names}."
    )


def _count_rows(
    builder: datasets.DatasetBuilder, stream: datasets.IterableDataset, split: str
) -> int:
    metadata = builder.info.splits or {}
    if split in metadata:
        return int(metadata[split].num_examples)
    # Without footers and metadata, the split must be read once to the end, undecoded.
    return sum(table.num_rows for table in stream.with_format("arrow").iter(BATCH_ROWS))


def _fingerprint(files: Iterable[Path]) -> str:
    stats = [(path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:16]
