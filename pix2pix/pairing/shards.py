"""Writes rows of pairs as Parquet files, a few rows in memory at a time."""

from pathlib import Path
from types import TracebackType
from typing import Any

from pix2pix.pairing.side_reader import Sides

COLUMNS = ("imageA", "imageB")
# A group of rows is written when it has this many rows or bytes, and a new file is begun after this
# many bytes, as `datasets` does.
GROUP_ROWS, GROUP_BYTES, SHARD_BYTES = 100, 32_000_000, 500_000_000


class ShardWriter:
    """Writes one split as `data/<split>-NNNNN-of-NNNNN.parquet`.

    The files get these names at the end, when their number is known.
    """

    def __init__(self, folder: Path, split: str, shard_bytes: int = SHARD_BYTES):
        import datasets

        self._folder, self._split, self._shard_bytes = folder / "data", split, shard_bytes
        # The schema's metadata tell `datasets` that the columns are pictures.
        self._schema = datasets.Features({name: datasets.Image() for name in COLUMNS}).arrow_schema
        self._rows: list[dict] = []
        self._group_bytes = self._bytes = 0
        self._paths: list[Path] = []
        self._writer: Any = None
        self.rows = 0
        self._folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._close()
        if kind is None:
            for number, path in enumerate(self._paths):
                name = f"{self._split}-{number:05d}-of-{len(self._paths):05d}.parquet"
                path.rename(path.with_name(name))

    def write(self, sides: Sides) -> None:
        """Adds a row."""
        cells = [{"bytes": side.encode(), "path": side.name} for side in sides]
        self._rows.append(dict(zip(COLUMNS, cells, strict=True)))
        self.rows += 1
        self._group_bytes += sum(len(cell["bytes"]) for cell in cells)
        if len(self._rows) == GROUP_ROWS or self._group_bytes > GROUP_BYTES:
            self._flush()
        if self._bytes > self._shard_bytes:
            self._close()

    def _flush(self) -> None:
        if not self._rows:
            return
        import pyarrow as pa
        import pyarrow.parquet as parquet

        if self._writer is None:
            self._paths.append(self._folder / f"{self._split}-{len(self._paths):05d}.parquet")
            # Pictures are compressed already.
            self._writer = parquet.ParquetWriter(self._paths[-1], self._schema, compression="none")
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._bytes += self._group_bytes
        self._rows, self._group_bytes = [], 0

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._bytes = None, 0
