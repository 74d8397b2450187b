"""The interface of a dataset of pairs, and the decoding of its rows.

A row holds the bytes of one picture file, which is a side-by-side pair with A on the left as in the
Berkeley archives, or of two files, A and B.
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
HELD_OUT_FRACTION = 0.1

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
    """The rows to train on and the held-out rows: two disjoint contiguous blocks."""

    train: Rows
    held_out: Rows

    def to_dict(self) -> dict:
        """Returns both blocks as JSON values, for pix2pix.json."""
        return asdict(self)


class Source(ABC):
    """A dataset that reads its rows as streams.

    Attributes:
        name: the dataset's name, as the user typed it.
        columns: the names of a row's pictures.
        splits: the number of rows of each split, under the dataset's own names.
        gray: the sides of a pair that are converted to gray, 0 for A and 1 for B.
    """

    name: str
    gray: tuple[int, ...] = ()
    columns: tuple[str, ...]
    splits: dict[str, int]

    @abstractmethod
    def read(self, rows: Rows) -> Iterator[Row]:
        """Yields the rows in order; raises `UserError` naming the row that can't be read."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Returns a hash that changes with the dataset's content and with the columns."""

    def plan(self, config: Config) -> SplitPlan:
        """Chooses training and held-out rows.

        The held-out rows are the dataset's own held-out split, or else the last tenth of the
        training split. `validation_samples` sets their number. Raises `UserError` when no row is
        left for training.
        """
        if TRAIN_SPLIT not in self.splits:
            names = ", ".join(self.splits) or "none"
            raise UserError(f"{self.name} has no split named {TRAIN_SPLIT}; its splits: {names}.")
        total, requested = self.splits[TRAIN_SPLIT], config.validation_samples
        split = next((s for s in HELD_OUT_SPLITS if self.splits.get(s)), None)
        if split:
            held_out = Rows(split, 0, min(requested or self.splits[split], self.splits[split]))
            stop = total
        else:
            # A contiguous block, because neighboring rows often show neighboring places.
            stop = total - (requested or max(1, int(total * HELD_OUT_FRACTION)))
            held_out = Rows(TRAIN_SPLIT, max(stop, 0), total)
        if stop < 1:
            raise UserError(
                f"{self.name} has {total} pairs, too few to hold {len(held_out)} out and train "
                "on the rest; use a larger dataset or a smaller --validation_samples."
            )
        train_stop = min(config.max_train_samples or stop, stop)
        return SplitPlan(Rows(TRAIN_SPLIT, 0, train_stop), held_out)


def decode(row: Row) -> tuple[Image.Image, Image.Image]:
    """Decodes a row to A and B in 8-bit RGB; raises `UserError` when a picture can't be read."""
    pictures = [open_image(picture) for picture in row]
    return (pictures[0], pictures[1]) if len(pictures) == 2 else split_pair(pictures[0])


def decode_and_resize(row: Row, size: int, gray: tuple[int, ...] = ()) -> np.ndarray:
    """Decodes a row to (2, size, size, 3) uint8, A first; raises `UserError` as `decode` does.

    The sides in `gray` get three equal channels.
    """
    # Resizing the joined picture first would blur the seam.
    pictures = [resize(picture, size, size) for picture in decode(row)]
    for side in gray:
        pictures[side] = pictures[side].convert("L").convert("RGB")
    return np.stack([np.asarray(picture) for picture in pictures])
