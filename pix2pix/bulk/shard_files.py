"""Writes the translated rows as Parquet files, each of which appears when it is complete."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as parquet

from pix2pix.bulk.source_table import SourceTable, read_cells
from pix2pix.bulk.translation_plan import TranslationPlan, TranslationRecord
from pix2pix.bulk.workers import Translated, Workers
from pix2pix.data.wording import count
from pix2pix.errors import UserError
from pix2pix.files import remove_temporary, write_atomically
from pix2pix.pairing.shards import GROUP_BYTES, GROUP_ROWS

# If none of this many first pictures can be read, the column is wrong.
FIRST_PICTURES = 20

# Some rows with the number of their file and of the first row, and with their results.
Batch = tuple[tuple[int, int, pa.Table], list[Translated]]
OnRows = Callable[[int, list[tuple[int, str]]], None]


class ShardFolder:
    """The files of one split in a folder, with the record of how they are made."""

    def __init__(self, path: Path):
        self.path = path

    def open(self, record: TranslationRecord) -> None:
        """Prepares the folder for the files of a record; deletes those of another plan.

        Adds what an earlier run on this machine knows to the record, and writes it.
        """
        here = TranslationRecord.read(self.path)
        if here and here.plan == record.plan:
            record.untranslated = here.untranslated | record.untranslated
        elif self.path.exists():
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        remove_temporary(self.path)
        record.write(self.path)

    def find_shards(self, plan: TranslationPlan) -> set[int]:
        """Returns the numbers of the files that are complete."""
        names = {path.name for path in self.path.glob("*.parquet")}
        return {n for n in range(plan.shard_count) if plan.shard_name(n) in names}


def write_shards(
    table: SourceTable,
    record: TranslationRecord,
    missing: Iterable[int],
    folder: Path,
    workers: Workers,
    on_rows: OnRows,
) -> Iterator[Path]:
    """Translates the rows of the missing files, and yields each file when it is written.

    The source's columns are copied as they are, without decoding.

    Args:
        table: the source.
        record: the plan; it counts the rows without a translation, and is written before the file.
        missing: the numbers of the files.
        folder: where to write them.
        workers: translate the pictures.
        on_rows: is called after some rows with how many they are, and with the number and the
            problem of each that has no translation.

    Raises:
        UserError: when the source breaks off, or none of the first pictures can be read.
    """
    plan, schema = record.plan, _schema(table, record.plan)
    missing = sorted(missing)
    translated = workers.map_files(
        ((number, row, rows), read_cells(rows[plan.input_column]))
        for number, row, rows in _batches(table, plan, missing)
    )
    if missing[:1] == [0]:
        translated = _check_first(translated, plan)
    for number, batches in groupby(translated, lambda item: item[0][0]):
        shard = _Shard(number, batches, schema, on_rows)
        path = folder / plan.shard_name(number)
        write_atomically(path, partial(shard.write, record, folder), remove_leftovers=False)
        yield path


@dataclass
class _Shard:
    """The rows of one file, while they are translated.

    Attributes:
        number: the number of the file.
        batches: its rows with their results.
        schema: its columns.
        on_rows: see `write_shards`.
        failed: the number of rows without a translation so far.
    """

    number: int
    batches: Iterable[Batch]
    schema: pa.Schema
    on_rows: OnRows
    failed: int = 0

    def write(self, record: TranslationRecord, folder: Path, path: Path) -> None:
        """Writes the rows to `path`, and then the record with their count into `folder`.

        The file gets its name after that, so that no file is without its count.
        """
        # Pictures are compressed already.
        with parquet.ParquetWriter(path, self.schema, compression="none") as writer:
            for group in self._groups():
                writer.write_table(pa.concat_tables(group))
        record.untranslated.pop(self.number, None)
        if self.failed:
            record.untranslated[self.number] = self.failed
        record.write(folder)

    def _groups(self) -> Iterator[list[pa.Table]]:
        """Yields tables that are large enough together; only these are in memory."""
        group: list[pa.Table] = []
        for (_, row, rows), results in self.batches:
            problems = [(row + n, r.problem) for n, r in enumerate(results) if r.png is None]
            self.failed += len(problems)
            self.on_rows(len(results), problems)
            group.append(_add_column(rows, results, self.schema))
            size = sum(table.nbytes for table in group)
            if sum(table.num_rows for table in group) >= GROUP_ROWS or size > GROUP_BYTES:
                yield group
                group = []
        if group:
            yield group


def _schema(table: SourceTable, plan: TranslationPlan) -> pa.Schema:
    # The schema's metadata tell `datasets` which columns are pictures.
    features = datasets.Features({**table.features, plan.output_column: datasets.Image()})
    return features.arrow_schema


def _batches(
    table: SourceTable, plan: TranslationPlan, missing: Iterable[int]
) -> Iterator[tuple[int, int, pa.Table]]:
    """Yields the number of a file, the first row, and some rows that belong to this file."""
    for start, stop in plan.iter_row_ranges(missing):
        row = start
        for rows in table.read(start, stop):
            while rows.num_rows:
                number = row // plan.shard_rows
                part = rows.slice(0, (number + 1) * plan.shard_rows - row)
                yield number, row, part
                row += part.num_rows
                rows = rows.slice(part.num_rows)


def _add_column(rows: pa.Table, results: list[Translated], schema: pa.Schema) -> pa.Table:
    *names, output = schema.names
    cells = [None if r.png is None else {"bytes": r.png, "path": None} for r in results]
    columns = [*(rows[name] for name in names), pa.array(cells, schema.field(output).type)]
    return pa.Table.from_arrays(columns, schema=schema)


def _check_first(batches: Iterator[Batch], plan: TranslationPlan) -> Iterator[Batch]:
    """Yields all batches; raises `UserError` when no picture of the first ones has a translation.

    So a wrong column does not cost a run through the whole dataset.
    """
    first: list[Batch] = []
    for batch in batches:
        first.append(batch)
        if sum(len(results) for _, results in first) >= FIRST_PICTURES:
            break
    results = [result for _, results in first for result in results]
    if all(result.png is None for result in results):
        raise UserError(
            f"None of the first {count(len(results), 'picture')} in the column {plan.input_column} "
            "can be translated; choose another --input_column, or fix the problem of row 0: "
            f"{results[0].problem}"
        )
    yield from first
    yield from batches
