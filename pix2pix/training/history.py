"""The history of a run (rows of history.csv), its progress bar, and warnings about its losses."""

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

MAX_ROWS = 500
# Reading a scalar waits for the device to finish the step, so the next step can't be queued.
STEPS_BETWEEN_READS = 20
SHORT_NAMES = ("D", "G", "L1", "D(real)", "D(fake)")
# A discriminator does not recover once D(real) - D(fake) has stayed above CERTAIN, or within
# UNDECIDED of zero, for ROWS_BEFORE_WARNING rows.
CERTAIN, UNDECIDED, ROWS_BEFORE_WARNING = 0.98, 0.001, 25


class History:
    """Means of a run's scalars over intervals of equal length: the rows of history.csv.

    Attributes:
        rows: dicts with `step`, `seconds` and the names in `SCALARS`.
        interval: steps per row, chosen so that a run has at most `MAX_ROWS` rows. A run that goes
            on for longer may get a longer interval; earlier rows are then joined.
    """

    def __init__(
        self,
        total_steps: int,
        rows: Sequence[dict] = (),
        seconds: float = 0.0,
        sums: Sequence[float] = (0.0,) * len(SCALARS),
        count: int = 0,
    ):
        """Starts an empty history, or continues the one whose `state()` is passed."""
        self._seconds_before, self._started = seconds, time.monotonic()
        self.interval = max(1, math.ceil(total_steps / MAX_ROWS))
        self.rows, unfinished = _join_rows(rows, self.interval)
        self._sums, self._count = np.array(sums), count
        for row, weight in unfinished:
            self._sums += weight * _values(row)
            self._count += weight
        self._unread: list[tuple[int, int, dict]] = []

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint stores: the rows, and the sums of the unfinished interval."""
        self._read_scalars()
        sums = self._sums.tolist()
        return {"rows": self.rows, "seconds": self.seconds, "sums": sums, "count": self._count}

    @property
    def seconds(self) -> float:
        """Seconds of training, earlier parts of a resumed run included."""
        return self._seconds_before + time.monotonic() - self._started

    def add(self, step: int, count: int, scalars: dict) -> dict[str, float] | None:
        """Adds the means of the `count` steps up to `step`; returns a row if one is complete.

        Raises `UserError` when a loss is no longer finite, at that step or up to
        `STEPS_BETWEEN_READS` calls later.
        """
        self._unread.append((step, count, scalars))
        if len(self._unread) >= STEPS_BETWEEN_READS or step % self.interval == 0:
            self._read_scalars()
        if step % self.interval:
            return None
        means = dict(zip(SCALARS, (self._sums / self._count).tolist(), strict=True))
        self.rows.append({"step": step, "seconds": round(self.seconds, 2)} | means)
        self._sums[:], self._count = 0, 0
        return means

    def _read_scalars(self) -> None:
        """Adds the scalars that are still on the device to the sums."""
        unread, self._unread = self._unread, []
        for step, count, scalars in unread:
            values = np.array([float(scalars[name]) for name in SCALARS])
            if not np.isfinite(values).all():
                raise divergence_error(f"A loss is no longer finite at step {step}")
            self._sums += count * values
            self._count += count

    def find_problem(self) -> str | None:
        """Returns a warning if the last row shows that the discriminator has just failed.

        A discriminator fails when it separates real from generated pairs perfectly, or not at all,
        for `ROWS_BEFORE_WARNING` rows. The warning is returned once, for the last of these rows.
        """
        last = self.rows[-ROWS_BEFORE_WARNING - 1 :]
        gaps = [row["d_real"] - row["d_fake"] for row in last]
        for is_failed, problem in (
            ([gap > CERTAIN for gap in gaps], "has won: it teaches the generator nothing more"),
            (
                [abs(gap) < UNDECIDED for gap in gaps],
                "is dead: it does not separate real from generated pairs",
            ),
        ):
            # `is_failed` has one row more than ROWS_BEFORE_WARNING: if that row failed too, the
            # warning was already returned.
            if is_failed.count(True) == ROWS_BEFORE_WARNING and all(is_failed[1:]):
                return (
                    f"The discriminator {problem}. Try --gan_loss lsgan, fewer "
                    "--discriminator_filters or a smaller --learning_rate."
                )
        return None


def _join_rows(rows: Sequence[dict], interval: int) -> tuple[list[dict], list[tuple[dict, int]]]:
    """Joins rows of shorter intervals to rows of about `interval` steps, as weighted means.

    Returns:
        The rows, and those of an interval that is not complete yet, each with its number of steps.
    """
    steps = [0, *(row["step"] for row in rows)]
    weights = np.diff(steps).tolist()
    if all(weight >= interval for weight in weights):
        return list(rows), []
    groups: dict[int, list[tuple[dict, int]]] = {}
    for row, weight in zip(rows, weights, strict=True):
        groups.setdefault(math.ceil(row["step"] / interval), []).append((row, weight))
    unfinished = groups.popitem()[1] if steps[-1] % interval else []
    return [_mean_row(group) for group in groups.values()], unfinished


def _mean_row(group: list[tuple[dict, int]]) -> dict:
    """Returns one row for several, each with its number of steps."""
    last, _ = group[-1]
    if len(group) == 1:
        return last
    weights = [weight for _, weight in group]
    means = np.average([_values(row) for row, _ in group], axis=0, weights=weights)
    return last | dict(zip(SCALARS, means.tolist(), strict=True))


def _values(row: dict) -> np.ndarray:
    return np.array([row[name] for name in SCALARS])


def write_history(path: Path, rows: list[dict]) -> None:
    """Writes the rows of a history as CSV; without rows, the file has only a header."""
    write_rows(path, rows, ["step", "seconds", *SCALARS])


def write_rows(path: Path, rows: list[dict], columns: Sequence[str] | None = None) -> None:
    """Writes rows as CSV; the `columns` are by default those of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def divergence_error(problem: str) -> UserError:
    """Returns the error of a run that has diverged; its checkpoints hold only finite numbers."""
    return UserError(
        f"{problem}; earlier checkpoints are kept. Start again with a smaller --learning_rate, "
        "another --gan_loss or --mixed_precision no, in a new --output_dir."
    )


class ProgressBar:
    """The progress bar: step, time left, epoch, images per second and the latest scalars."""

    def __init__(
        self, config: Config, step: int, total_steps: int, pairs: int, is_visible: bool = True
    ):
        self._bar = tqdm(
            total=total_steps, initial=step, desc="Training", unit="step", mininterval=1,
            disable=not is_visible,
        )  # fmt: skip
        self._batch_size, self._pairs = config.train_batch_size, pairs

    def update(self, count: int, scalars: dict) -> None:
        """Advances by `count` steps; reads the scalars only when the bar is redrawn."""
        if not self._bar.update(count):
            return
        epoch = self._bar.n * self._batch_size / self._pairs
        rate = (self._bar.format_dict["rate"] or 0.0) * self._batch_size
        values = zip(SHORT_NAMES, scalars.values(), strict=True)
        parts = [f"epoch {epoch:.1f}", f"{rate:.1f} images/s"]
        parts += [f"{name}={float(value):.3f}" for name, value in values]
        self._bar.set_postfix_str(", ".join(parts), refresh=False)

    def close(self) -> None:
        """Ends the bar and leaves its last line on the terminal."""
        self._bar.close()
