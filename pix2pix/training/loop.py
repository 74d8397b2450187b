"""The training loop: steps, log, samples, checkpoints, and a clean stop on SIGTERM or Ctrl-C."""

import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pix2pix.config import Config
from pix2pix.data import StreamedPairs, TrainingPairs, prefetched
from pix2pix.errors import UserError
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints
from pix2pix.training.samples import save_progress_grid
from pix2pix.training.trainer import SCALARS, Trainer

LOG_ROWS = 500


@dataclass(frozen=True)
class Saving:
    """Where and how often a run saves; steps are counted from its start, 0 is never."""

    output_dir: Path
    checkpointing_steps: int = 1000
    checkpoints_total_limit: int = 3
    sample_steps: int = 1000

    @property
    def checkpoints(self) -> Path:
        return self.output_dir / "checkpoints"


@dataclass
class Result:
    """A finished run: the generator to publish, its log and the seconds it took."""

    trainer: Trainer
    step: int
    seconds: float
    history: list[dict] = field(default_factory=list)


class Stopped(UserError):
    """The run was asked to stop, and saved itself first."""


def train(
    config: Config,
    pairs: TrainingPairs | StreamedPairs,
    fixed: tuple[np.ndarray, np.ndarray],
    saving: Saving,
    resumed: checkpoints.Checkpoint | None = None,
) -> Result:
    """Trains on batches of `pairs`, from the start or from `resumed`.

    `fixed` are held-out inputs and targets, (K, S, S, 3) uint8, drawn every `sample_steps`.
    Raises `Stopped` after a signal, with a checkpoint of that step on disk, and `UserError` when
    a loss is no longer finite, with the checkpoints before it.
    """
    total = config.steps(len(pairs))
    trainer = Trainer(config, total)
    step, log = 0, Log(total)
    if resumed:
        checkpoints.check_same_run(config, resumed)
        checkpoints.restore(resumed, trainer.state())
        step, log = resumed.step, Log(total, **resumed.log)
    checkpoints.warn_of_others(saving.checkpoints, step)
    saved = step

    def save() -> None:
        nonlocal saved
        checkpoints.save(saving.checkpoints, step, config, log.state(), trainer.state())
        checkpoints.prune(saving.checkpoints, step, saving.checkpoints_total_limit)
        saved = step

    progress = tqdm(total=total, initial=step, desc="Training", unit="step", mininterval=1)
    prefetching = closing(prefetched(pairs.batches(step)))
    with progress, prefetching as batches, _signals() as received:
        while step < total:
            step += 1
            log.add(step, trainer.step(*next(batches)), progress)
            if received:
                save()
                raise Stopped(_stop_message(received[0], step, saving))
            if saving.sample_steps and step % saving.sample_steps == 0:
                save_progress_grid(saving.output_dir, step, fixed, generate(trainer, fixed[0]))
            if saving.checkpointing_steps and step % saving.checkpointing_steps == 0:
                save()
    if saved < step:
        save()
    return Result(trainer, step, log.seconds, log.rows)


def generate(trainer: Trainer, inputs: np.ndarray) -> np.ndarray:
    """The published generator on (K, S, S, 3) uint8 inputs, dropout off: uint8, same shape."""
    outputs = [trainer.published(to_tensor(x[None]), training=False) for x in inputs]
    return to_uint8(np.concatenate(outputs))


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
        self._stretch = max(1, math.ceil(total / LOG_ROWS))
        self._sums, self._count = np.array(sums), count

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: the rows, and the sums of a stretch that is not over yet."""
        sums = self._sums.tolist()
        return {"rows": self.rows, "seconds": self.seconds, "sums": sums, "count": self._count}

    @property
    def seconds(self) -> float:
        """Seconds of training so far, resumed runs added up."""
        return self._before + time.monotonic() - self._since

    def add(self, step: int, scalars: dict, progress: tqdm) -> None:
        progress.update()
        values = np.array([float(scalars[name]) for name in SCALARS])
        if not np.isfinite(values).all():
            raise UserError(
                f"A loss is no longer finite at step {step}; start again with a smaller "
                "--learning_rate or another --gan_loss, in a new --output_dir."
            )
        self._sums += values
        self._count += 1
        if step % self._stretch == 0:
            means = dict(zip(SCALARS, (self._sums / self._count).tolist(), strict=True))
            self.rows.append({"step": step, "seconds": round(self.seconds, 2)} | means)
            progress.set_postfix(_short(means), refresh=False)
            self._sums[:], self._count = 0, 0


def _short(means: dict) -> dict:
    names = ("D", "G", "L1", "D(real)", "D(fake)")
    return {n: f"{v:.3f}" for n, v in zip(names, means.values(), strict=True)}


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGTERM and SIGINT instead of dying of them; the loop looks after each step."""
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda n, _frame: received.append(n))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _stop_message(number: int, step: int, saving: Saving) -> str:
    return (
        f"Stopped by {signal.Signals(number).name} after step {step}; a checkpoint is in "
        f"{saving.checkpoints}. Run the same command with --resume_from_checkpoint latest."
    )
