"""What every source of pairs (A, B) offers, whatever it reads from.

A row is one picture (a side-by-side pair: A left, B right, the layout of the Berkeley archives)
or two (A, B), as the bytes of their files.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.images import open_image, resize, split_pair

TRAIN_SPLIT = "train"
HELD_OUT_SPLITS = ("validation", "val", "test")
HELD_OUT_SHARE = 10

Row = tuple[bytes, ...]


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

    @classmethod
    def from_dict(cls, values: dict) -> "SplitPlan":
        return cls(Rows(**values["train"]), Rows(**values["held_out"]))


class Source(ABC):
    """One dataset as streams of rows.

    Attributes:
        name: as the user gave it. columns: what a row's pictures are called.
        splits: rows of each split, by the dataset's own names of them.
        grey: which pictures of a pair are taken as grey, 0 for A and 1 for B.
    """

    name: str
    grey: tuple[int, ...] = ()
    columns: tuple[str, ...]
    splits: dict[str, int]

    @abstractmethod
    def read(self, rows: Rows) -> Iterator[Row]:
        """The rows, in order. Raises `UserError` naming the row where reading broke off."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Changes when the dataset's content, or the choice of columns, does."""

    def plan(self, config: Config) -> SplitPlan:
        """The dataset's own held-out split, else the last tenth (or `validation_samples`)."""
        if TRAIN_SPLIT not in self.splits:
            found = ", ".join(self.splits) or "none"
            raise UserError(f"{self.name} has no split named {TRAIN_SPLIT}; its splits: {found}.")
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
        used = min(config.max_train_samples or stop, stop)
        return SplitPlan(Rows(TRAIN_SPLIT, 0, used), held_out)


def decode(row: Row) -> tuple[Image.Image, Image.Image]:
    """(A, B) as 8-bit RGB of their own sizes. Raises `UserError` when a picture can't be read."""
    pictures = [open_image(picture) for picture in row]
    return (pictures[0], pictures[1]) if len(pictures) == 2 else split_pair(pictures[0])


def decode_resized(row: Row, size: int, grey: tuple[int, ...] = ()) -> np.ndarray:
    """(2, size, size, 3) uint8, A before B; those in `grey` have three equal channels."""
    # Split first: resizing the joined picture would smear the seam.
    pictures = [resize(picture, size, size) for picture in decode(row)]
    for place in grey:
        pictures[place] = pictures[place].convert("L").convert("RGB")
    return np.stack([np.asarray(picture) for picture in pictures])
