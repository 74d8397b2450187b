"""The training loop: steps, log, samples, checkpoints, and a clean stop on SIGTERM or Ctrl-C."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from pix2pix.config import Config
from pix2pix.data import StreamedPairs, TrainingPairs, prefetched
from pix2pix.errors import UserError
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints
from pix2pix.training.devices import Devices
from pix2pix.training.log import Log, Progress, not_finite, write_history
from pix2pix.training.reporting import reporting
from pix2pix.training.samples import save_progress_grid
from pix2pix.training.trainer import Trainer


@dataclass(frozen=True)
class Saving:
    """Where and how often a run saves; steps are counted from its start, 0 is never."""

    output_dir: Path
    checkpointing_steps: int = 1000
    checkpoints_total_limit: int = 3
    sample_steps: int = 1000
    report_to: str = "none"
    # Told of each checkpoint that is on disk; a step waits for it, so it should be quick.
    on_checkpoint: Callable[[Path], None] = lambda _path: None

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
    devices: Devices = Devices(),  # noqa: B008
) -> Result:
    """Trains on batches of `pairs`, from the start or from `resumed`.

    `fixed` are held-out inputs and targets, (K, S, S, 3) uint8, drawn every `sample_steps`.
    Raises `Stopped` after a signal, with a checkpoint of that step on disk, and `UserError` when
    the numbers are no longer finite, with the checkpoints before that.
    """
    total = config.steps(len(pairs))
    trainer = Trainer(config, total, devices)
    step, log = 0, Log(total)
    if resumed:
        checkpoints.restore(resumed, trainer.state())
        step, log = resumed.step, Log(total, **resumed.log)
    devices.check_agreed(step)
    checkpoints.warn_of_others(saving.checkpoints, step)
    saved = step
    with (
        closing(Progress(config, step, total, len(pairs), devices.is_chief)) as progress,
        closing(prefetched(pairs.batches(step))) as batches,
        reporting(saving.report_to, saving.output_dir, config) as report,
        _signals() as received,
    ):
        while step < total:
            due = _steps_until_due(step, total, saving, log)
            count = config.steps_per_execution if config.steps_per_execution <= due else 1
            scalars = trainer.advance(list(islice(batches, count)))
            step += count
            row = log.add(step, count, scalars)
            progress.show(count, scalars)
            if row:
                report(step, row)
                progress.warn(log.trouble())
                if devices.is_chief:
                    write_history(saving.output_dir / "history.csv", log.rows)
            if received:
                _save(trainer, step, log, saving)
                raise Stopped(_stop_message(received[0], step, saving))
            if devices.is_chief and _is_due(step, saving.sample_steps):
                save_progress_grid(saving.output_dir, step, fixed, generate(trainer, fixed[0]))
            if _is_due(step, saving.checkpointing_steps):
                _save(trainer, step, log, saving)
                saved = step
    if saved < step:
        _save(trainer, step, log, saving)
    return Result(trainer, step, log.seconds, log.rows)


def _save(trainer: Trainer, step: int, log: Log, saving: Saving) -> None:
    state = trainer.state()
    if not all(np.isfinite(np.asarray(variable)).all() for variable in state.values()):
        raise not_finite(f"A weight is no longer finite after step {step}")
    if trainer.devices.is_chief:
        path = checkpoints.save(saving.checkpoints, step, trainer.config, log.state(), state)
        checkpoints.prune(saving.checkpoints, step, saving.checkpoints_total_limit)
        saving.on_checkpoint(path)


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _steps_until_due(step: int, total: int, saving: Saving, log: Log) -> int:
    """Steps to the next one after which something else than a step is to be done."""
    every = (saving.sample_steps, saving.checkpointing_steps, log.stretch)
    return min(total - step, *(n - step % n for n in every if n > 0))


def generate(trainer: Trainer, inputs: np.ndarray) -> np.ndarray:
    """The published generator on (K, S, S, 3) uint8 inputs, dropout off: uint8, same shape."""
    generator, channels = trainer.published, trainer.config.input_channels
    outputs = [generator(to_tensor(x[None], channels), training=False) for x in inputs]
    return to_uint8(np.concatenate(outputs))


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
