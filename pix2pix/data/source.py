"""The interface of a dataset of pairs.

A row holds the bytes of one picture file, which is a side-by-side pair with A on the left as in the
Berkeley archives, or of two files, A and B.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pix2pix.config import Config
from pix2pix.data.decoding import Decoder, Row
from pix2pix.errors import UserError

if TYPE_CHECKING:
    from pix2pix.data.inspection import Inspection

TRAIN_SPLIT = "train"
# The spellings of a held-out split in the order of preference; capitals do not matter.
HELD_OUT_SPLITS = ("validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation")
HELD_OUT_FRACTION = 0.1


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
    """The rows that a run uses: disjoint contiguous blocks.

    Attributes:
        train: the rows to train on.
        held_out: the rows that the finished model is evaluated on.
        selection: the rows that the run is scored on while it trains; None without validation.
    """

    train: Rows
    held_out: Rows
    selection: Rows | None = None

    @property
    def blocks(self) -> list[Rows]:
        """All blocks."""
        return [rows for rows in (self.train, self.selection, self.held_out) if rows]

    def to_dict(self) -> dict:
        """Returns the blocks as JSON values, for pix2pix.json; without validation, two of them."""
        return {name: rows for name, rows in asdict(self).items() if rows is not None}


class Source(ABC):
    """A dataset that reads its rows as streams.

    Attributes:
        name: the dataset's name, as the user typed it.
        columns: the names of a row's pictures.
        splits: the number of rows of each split, under the dataset's own names.
        decoder: how its rows become pictures.
        notes: sentences about how the pairs were found and what is left out, for the user.
        inspection: what `inspect_pairs` found in a sample of the rows; None before.
        random_access: whether reading a single row is as cheap as reading the next one.
    """

    name: str
    decoder: Decoder = Decoder()
    notes: tuple[str, ...] = ()
    inspection: "Inspection | None" = None
    random_access: bool = False
    columns: tuple[str, ...]
    splits: dict[str, int]

    @abstractmethod
    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the rows in order; raises `UserError` naming the row that can't be read."""

    def sample(self, rows: Rows, count: int) -> Iterator[tuple[int, Row]]:
        """Yields up to `count` rows with their numbers: evenly spread, or the first ones.

        They are evenly spread where single rows can be read cheaply.
        """
        if not self.random_access:
            yield from enumerate(islice(self.read(rows), count), rows.start)
            return
        spread = np.linspace(rows.start, rows.stop - 1, min(count, len(rows)))
        for number in np.rint(spread).astype(int).tolist():
            for row in self.read(Rows(rows.split, number, number + 1)):
                yield number, row

    def row_name(self, split: str, number: int) -> str:
        """Returns what messages call a row: its files where it has files of its own."""
        return f"row {number} of {self.name} ({split})"

    @abstractmethod
    def fingerprint(self) -> str:
        """Returns a hash that changes with the dataset's content and with the columns."""

    def inventory(self) -> dict[str, str] | None:
        """Returns a description of each file's content by its name, or None where there are none.

        A copy of the files has the same descriptions.
        """
        return None

    def plan(self, config: Config) -> SplitPlan:
        """Chooses training and held-out rows.

        The held-out rows are the dataset's own held-out split, or else the last tenth of the
        training split. `validation_samples` sets their number. With validation, the last
        `selection_samples` of the other rows are the selection rows. Raises `UserError` when the
        training split is missing or no row is left for training.
        """
        train = self._find_train_split(config.train_split)
        total, requested = self.splits[train], config.validation_samples
        split = self._find_held_out_split(train)
        if split:
            size = self.splits[split]
            held_out = Rows(split, 0, size if requested is None else min(requested, size))
            stop = total
        else:
            # A contiguous block, because neighboring rows often show neighboring places.
            count = max(1, int(total * HELD_OUT_FRACTION)) if requested is None else requested
            stop = total - count
            held_out = Rows(train, max(stop, 0), total)
        if stop < 1:
            raise self._too_few(total, len(held_out))
        train_stop = min(config.max_train_samples or stop, stop)
        if not config.validation_steps:
            return SplitPlan(Rows(train, 0, train_stop), held_out)
        # The last rows, also a contiguous block, for the same reason.
        first = train_stop - config.selection_samples
        if first < 1:
            raise self._too_few_to_select(train_stop, config.selection_samples)
        return SplitPlan(Rows(train, 0, first), held_out, Rows(train, first, train_stop))

    def _find_train_split(self, requested: str | None) -> str:
        name = requested or TRAIN_SPLIT
        for split in self.splits:
            if split.casefold() == name.casefold():
                return split
        names = ", ".join(self.splits) or "none"
        hint = f"; choose one with --train_split {next(iter(self.splits))}" if self.splits else ""
        raise UserError(f"{self.name} has no split named {name}; its splits: {names}{hint}.")

    def _find_held_out_split(self, train: str) -> str | None:
        others = {split.casefold(): split for split, size in self.splits.items() if size}
        others.pop(train.casefold(), None)
        return next((others[name] for name in HELD_OUT_SPLITS if name in others), None)

    def _too_few(self, total: int, held_out: int) -> UserError:
        if total == 0:
            return UserError(f"{self.name} has no pairs to train on; check the dataset.")
        if total == 1:
            return UserError(
                f"{self.name} has 1 pair, too few to hold one out for the evaluation; use a larger "
                "dataset, or train on this pair with --validation_samples 0."
            )
        return UserError(
            f"{self.name} has {total} pairs, too few to hold {held_out} out and train on the "
            "rest; use a larger dataset or a smaller --validation_samples."
        )

    def _too_few_to_select(self, total: int, requested: int) -> UserError:
        if total < 2:
            return UserError(
                f"{self.name} has {total} training pair, and --validation_steps takes selection "
                "pairs from them: use a larger dataset, or leave out --validation_steps."
            )
        return UserError(
            f"--selection_samples is {requested}, and only {total} pairs of {self.name} are left "
            f"to train on: set a smaller number, such as {max(1, total // 10)}, or leave out "
            "--validation_steps."
        )
