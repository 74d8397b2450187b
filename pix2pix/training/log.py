"""What a run says while it goes on: the rows of history.csv, the progress line, and warnings."""

import csv
import io
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import write_text
from pix2pix.training.trainer import SCALARS

LOG_ROWS = 500
# A fetch waits for the device to finish the step, and so keeps the next one from being queued.
FETCHED_EVERY = 20
SHORT_NAMES = ("D", "G", "L1", "D(real)", "D(fake)")
# A discriminator that is this sure, or this undecided, for so many rows will not recover.
CERTAIN, UNDECIDED, ROWS_IN_TROUBLE = 0.98, 0.001, 25


class Log:
    """Means of the scalars over equal stretches of steps: the rows of history.csv."""

    def __init__(
        self,
        total: int,
        rows: Sequence[dict] = (),
        seconds: float = 0.0,
        sums: Sequence[float] = (0.0,) * len(SCALARS),
        count: int = 0,
    ):
        """A new log of a run of `total` steps, or what `state` gave, to go on with."""
        self.rows, self._before, self._since = list(rows), seconds, time.monotonic()
        self.stretch = max(1, math.ceil(total / LOG_ROWS))
        self._sums, self._count = np.array(sums), count
        self._waiting: list[tuple[int, int, dict]] = []

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: the rows, and the sums of a stretch that is not over yet."""
        self._fetch()
        sums = self._sums.tolist()
        return {"rows": self.rows, "seconds": self.seconds, "sums": sums, "count": self._count}

    @property
    def seconds(self) -> float:
        """Seconds of training so far, resumed runs added up."""
        return self._before + time.monotonic() - self._since

    def add(self, step: int, count: int, scalars: dict) -> dict[str, float] | None:
        """Takes the means of the `count` steps up to `step`; returns a row that is complete now.

        Raises `UserError` when a loss is no longer finite: at that step, or up to
        `FETCHED_EVERY` calls later.
        """
        self._waiting.append((step, count, scalars))
        if len(self._waiting) >= FETCHED_EVERY or step % self.stretch == 0:
            self._fetch()
        if step % self.stretch:
            return None
        means = dict(zip(SCALARS, (self._sums / self._count).tolist(), strict=True))
        self.rows.append({"step": step, "seconds": round(self.seconds, 2)} | means)
        self._sums[:], self._count = 0, 0
        return means

    def _fetch(self) -> None:
        """Adds what is still on the device to the sums."""
        waiting, self._waiting = self._waiting, []
        for step, count, scalars in waiting:
            values = np.array([float(scalars[name]) for name in SCALARS])
            if not np.isfinite(values).all():
                raise not_finite(f"A loss is no longer finite at step {step}")
            self._sums += count * values
            self._count += count

    def trouble(self) -> str | None:
        """What has just become of the discriminator that it will not recover from, and a remedy."""
        recent = [row["d_real"] - row["d_fake"] for row in self.rows[-ROWS_IN_TROUBLE - 1 :]]
        for now, what in (
            ([gap > CERTAIN for gap in recent], "has won: it teaches the generator nothing more"),
            ([abs(gap) < UNDECIDED for gap in recent], "tells nothing apart: it is dead"),
        ):
            # Said once, when there are just enough of such rows.
            if now[-ROWS_IN_TROUBLE - 1 :].count(True) == ROWS_IN_TROUBLE and all(now[1:]):
                return (
                    f"Warning: the discriminator {what}. Try --gan_loss lsgan, fewer "
                    "--discriminator_filters or a smaller --learning_rate."
                )
        return None


def write_history(path: Path, rows: list[dict]) -> None:
    """Writes the rows of a log as CSV; a run too short for one has a header only."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", "seconds", *SCALARS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def not_finite(what: str) -> UserError:
    """The error of a run that has diverged; its checkpoints hold finite numbers only."""
    return UserError(
        f"{what}; the checkpoints before it are kept. Start again with a smaller --learning_rate, "
        "another --gan_loss or --mixed_precision no, in a new --output_dir."
    )


class Progress:
    """The progress line: step, time left, epoch, pictures a second, and the latest scalars."""

    def __init__(self, config: Config, step: int, total: int, pairs: int, shown: bool = True):
        self._bar = tqdm(
            total=total, initial=step, desc="Training", unit="step", mininterval=1,
            disable=not shown,
        )  # fmt: skip
        self._batch_size, self._pairs = config.train_batch_size, pairs

    def show(self, count: int, scalars: dict) -> None:
        """Advances by `count` steps; the text changes when the line is drawn anew."""
        if not self._bar.update(count):
            return
        epoch = self._bar.n * self._batch_size / self._pairs
        rate = (self._bar.format_dict["rate"] or 0.0) * self._batch_size
        values = zip(SHORT_NAMES, scalars.values(), strict=True)
        parts = [f"epoch {epoch:.1f}", f"{rate:.1f} images/s"]
        parts += [f"{name}={float(value):.3f}" for name, value in values]
        self._bar.set_postfix_str(", ".join(parts), refresh=False)

    def warn(self, message: str | None) -> None:
        """Prints above the line, if there is anything to say."""
        if message:
            self._bar.write(message)

    def close(self) -> None:
        self._bar.close()
