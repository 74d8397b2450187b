"""Pairs in a folder that `save_to_disk` of `datasets` wrote."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import datasets

from pix2pix.config import Config
from pix2pix.data.columns import TableSource, choose_columns, dataset_errors_as_user_errors
from pix2pix.data.source import TRAIN_SPLIT, Row, Rows
from pix2pix.errors import UserError, first_line
from pix2pix.files import describe_content


class SavedSource(TableSource):
    """A saved `Dataset`, whose rows are the split train, or a saved `DatasetDict`."""

    random_access = True

    def __init__(self, folder: Path, config: Config):
        """Raises `UserError` when the folder is damaged, or the columns can't be chosen."""
        super().__init__(config.dataset_name)
        self._folder = folder
        with dataset_errors_as_user_errors(self.name):
            saved = datasets.load_from_disk(str(folder))
            tables = saved if isinstance(saved, dict) else {TRAIN_SPLIT: saved}
            tables = {str(split): table for split, table in tables.items()}
            if not tables:
                raise UserError(f"{self.name} has no splits; save the dataset again.")
            features = next(iter(tables.values())).features
            first = next(iter(tables.values()))
            self.columns = choose_columns(
                self.name,
                features,
                config,
                lambda columns: next(iter(first.select_columns(columns)), dict.fromkeys(columns)),
            )
            self._tables = {split: self._select_columns(table) for split, table in tables.items()}
        self.splits = {split: len(table) for split, table in self._tables.items()}
        self.notes = (self._describe_columns(),)

    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the files of each pair; see `Source.read`."""
        table = self._tables[rows.split]
        for number in range(rows.start, rows.stop):
            try:
                yield self._read_row(rows.split, number, table[number])
            except OSError as error:
                raise UserError(
                    f"{self.row_name(rows.split, number)} can't be read ({first_line(error)})."
                ) from None

    def fingerprint(self) -> str:
        """Returns a hash of the columns and of the tables' content; see `Source.fingerprint`."""
        identity = json.dumps([self.name, self.columns, self.inventory()])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def inventory(self) -> dict[str, str]:
        """Returns a description of each table's content; see `Source.inventory`."""
        files = sorted(self._folder.rglob("*.arrow"))
        return {f.relative_to(self._folder).as_posix(): describe_content(f) for f in files}

    def _select_columns(self, table: datasets.Dataset) -> datasets.Dataset:
        table = table.select_columns(list(self.columns)).with_format(None)
        for column in self.columns:
            if isinstance(table.features[column], datasets.Image):
                table = table.cast_column(column, datasets.Image(decode=False))
        return table
