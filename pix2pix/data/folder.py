"""Pairs from a local folder of pictures."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pix2pix.data.layouts import Layout, find_layout
from pix2pix.data.layouts.layout_notes import describe_files
from pix2pix.data.source import Row, Rows, Source
from pix2pix.data.unpacking import Contents
from pix2pix.errors import UserError
from pix2pix.files import describe_content


class FolderSource(Source):
    """A folder of pictures; `find_layout` says which ways of storing pairs it recognizes.

    The pairs of a split are in natural order: 2.jpg comes before 10.jpg.
    """

    random_access = True

    def __init__(
        self,
        folder: Path,
        name: str | None = None,
        pair_layout: str = "auto",
        layout: Layout | None = None,
        archive: Contents | None = None,
    ):
        """Finds the pairs in `folder`.

        Args:
            folder: the dataset.
            name: what messages call it, by default the path.
            pair_layout: how pairs are stored; see `Config.pair_layout`.
            layout: the pairs in `folder`, if they have been found already.
            archive: what was in the archive that the folder was unpacked from.

        Raises:
            UserError: when there are no pairs, or a picture lacks its partner.
        """
        self.name = name or str(folder)
        layout = layout or find_layout(folder, pair_layout, name=self.name)
        if layout is None:
            raise UserError(f"{self.name} has no pairs of pictures, but other files.")
        self._folder, self._files, self._archive = folder, layout.splits, archive
        self.splits = {split: len(pairs) for split, pairs in layout.splits.items()}
        self.columns, self.notes = layout.columns, layout.notes
        if archive:
            self.notes += tuple(describe_files(archive.others, archive.broken))

    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the files of each pair; see `Source.read`."""
        for number in range(rows.start, min(rows.stop, self.splits[rows.split])):
            try:
                yield tuple(
                    (self._folder / name).read_bytes() for name in self._files[rows.split][number]
                )
            except OSError as error:
                raise UserError(
                    f"{self.row_name(rows.split, number)} of {self.name} can't be read: {error}."
                ) from None

    def row_name(self, split: str, number: int) -> str:
        """Returns the names of a pair's files, relative to the folder."""
        return " and ".join(self._files[split][number])

    def fingerprint(self) -> str:
        """Returns a hash of the names, sizes and modification times; see `Source.fingerprint`.

        For an archive it is a hash of the names and of the archive, which stay the same when it
        is unpacked again.
        """
        files = self._archive.sha256 if self._archive else self._stats()
        identity = json.dumps([self._files, files])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def inventory(self) -> dict[str, str]:
        """Returns the size and a checksum of each file; see `Source.inventory`."""
        return {name: describe_content(self._folder / name) for name in self._list_names()}

    def _stats(self) -> list[tuple[int, int]]:
        stats = ((self._folder / name).stat() for name in self._list_names())
        return [(stat.st_size, stat.st_mtime_ns) for stat in stats]

    def _list_names(self) -> list[str]:
        return [name for pairs in self._files.values() for pair in pairs for name in pair]
