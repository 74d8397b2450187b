"""The training loop: steps, history, progress grids, checkpoints, and a clean stop by a signal."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix.config import Config
from pix2pix.data import StreamedPairs, TrainingPairs, prefetch
from pix2pix.errors import UserError
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints
from pix2pix.training.devices import Devices
from pix2pix.training.history import History, ProgressBar, divergence_error, write_history
from pix2pix.training.initial_weights import InitialWeights
from pix2pix.training.reporting import open_report, save_progress_grid
from pix2pix.training.trainer import Trainer

LOGGER = logging.getLogger(__name__)
# Sent when the terminal or the SSH connection is closed; Windows has no such signal.
HANGUP = getattr(signal, "SIGHUP", None)


@dataclass(frozen=True)
class SaveSettings:
    """Where and how often a run saves. Intervals are in steps, and 0 turns one off."""

    output_dir: Path
    checkpointing_steps: int = 1000
    checkpoints_total_limit: int = 3
    sample_steps: int = 1000
    report_to: str = "none"
    # What each checkpoint records about the run's pairs, from `DataIdentity.to_dict`.
    data: dict[str, Any] | None = None
    # What each checkpoint records about the model that the run started from, if any.
    base_model: dict[str, Any] | None = None
    # Called with the path of each new checkpoint. Training waits for it, so it must be quick.
    on_checkpoint: Callable[[Path], None] = lambda _path: None

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.output_dir / "checkpoints"


@dataclass
class Result:
    """A finished run: its trainer, last step, seconds of training and rows of history.csv."""

    trainer: Trainer
    step: int
    seconds: float
    history: list[dict] = field(default_factory=list)


class RunStopped(UserError):
    """A signal stopped the run after it had saved a checkpoint."""


def train(
    config: Config,
    pairs: TrainingPairs | StreamedPairs,
    samples: tuple[np.ndarray, np.ndarray],
    settings: SaveSettings,
    resumed: checkpoints.Checkpoint | None = None,
    devices: Devices = Devices(),  # noqa: B008
    initial: InitialWeights | None = None,
) -> Result:
    """Trains on batches of `pairs`, from the checkpoint `resumed`, or from the first step.

    The first step starts from the `initial` weights, by default random ones.
    `samples` are held-out inputs and targets, (K, S, S, 3) uint8, drawn every `sample_steps`.
    Raises `RunStopped` after a signal, with a checkpoint of that step on disk, and `UserError` when
    a loss or weight is no longer finite; the checkpoints before that step are kept.
    """
    total_steps = config.count_steps(len(pairs))
    trainer = Trainer(config, total_steps, devices, pairs.color_weights)
    step, history = _start(trainer, total_steps, resumed, initial)
    checkpoints.warn_of_later_checkpoints(settings.checkpoints, step)
    last_saved = step
    with (
        closing(ProgressBar(config, step, total_steps, len(pairs), devices.is_chief)) as progress,
        closing(prefetch(pairs.batches(step))) as batches,
        open_report(settings.report_to, settings.output_dir, config) as report,
        _collect_stop_signals() as signals,
    ):
        while step < total_steps:
            limit = _steps_until_next_event(step, total_steps, settings, history)
            count = config.steps_per_execution if config.steps_per_execution <= limit else 1
            scalars = trainer.train_on(list(islice(batches, count)))
            step += count
            row = history.add(step, count, scalars)
            progress.update(count, scalars)
            if row:
                report(step, row)
                _record(history, settings, devices)
            if signals:
                _save(trainer, step, history, settings)
                raise RunStopped(_describe_stop(signals[0], step, settings))
            if devices.is_chief and _is_due(step, settings.sample_steps):
                generated = generate(trainer, samples[0])
                save_progress_grid(settings.output_dir, step, samples, generated)
            if _is_due(step, settings.checkpointing_steps):
                _save(trainer, step, history, settings)
                last_saved = step
    if last_saved < step:
        _save(trainer, step, history, settings)
    return Result(trainer, step, history.seconds, history.rows)


def _start(
    trainer: Trainer,
    total_steps: int,
    resumed: checkpoints.Checkpoint | None,
    initial: InitialWeights | None,
) -> tuple[int, History]:
    """Returns step and history at the start of a run, or as the checkpoint has them.

    Sets the trainer's variables to those of the checkpoint, or of the model to start from.
    """
    step, history = 0, History(total_steps)
    if resumed:
        checkpoints.restore(resumed, trainer.state())
        step, history = resumed.step, History(total_steps, **resumed.log)
    elif initial:
        initial.assign(trainer)
    trainer.devices.check_same_step(step)
    return step, history


def _record(history: History, settings: SaveSettings, devices: Devices) -> None:
    """Writes history.csv, and logs a warning if the discriminator has failed."""
    problem = history.find_problem()
    if problem:
        LOGGER.warning(problem)
    if devices.is_chief:
        write_history(settings.output_dir / "history.csv", history.rows)


def _save(trainer: Trainer, step: int, history: History, settings: SaveSettings) -> None:
    state = trainer.state()
    if not all(np.isfinite(np.asarray(variable)).all() for variable in state.values()):
        raise divergence_error(f"A weight is no longer finite after step {step}")
    if trainer.devices.is_chief:
        path = checkpoints.save(
            settings.checkpoints, step, trainer.config, history.state(), state, settings.data,
            settings.base_model,
        )  # fmt: skip
        checkpoints.prune(settings.checkpoints, step, settings.checkpoints_total_limit)
        settings.on_checkpoint(path)


def _is_due(step: int, interval: int) -> bool:
    return interval > 0 and step % interval == 0


def _steps_until_next_event(
    step: int, total_steps: int, settings: SaveSettings, history: History
) -> int:
    """Counts the steps until a row, a progress grid or a checkpoint is due, or the run ends."""
    intervals = (settings.sample_steps, settings.checkpointing_steps, history.interval)
    return min(total_steps - step, *(n - step % n for n in intervals if n > 0))


def generate(trainer: Trainer, inputs: np.ndarray) -> np.ndarray:
    """Translates inputs with the published generator, without dropout.

    (K, S, S, 3) uint8 -> (K, S, S, C) uint8, where C is the number of the target's channels.
    """
    generator, channels = trainer.published, trainer.config.input_channels
    outputs = [generator(to_tensor(x[None], channels), training=False) for x in inputs]
    return to_uint8(np.concatenate(outputs))


@contextmanager
def _collect_stop_signals() -> Iterator[list[int]]:
    """Collects SIGTERM, SIGINT and SIGHUP in a list, which the loop checks after each step."""
    received: list[int] = []
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def receive(number: int, _frame: object) -> None:
        received.append(number)
        if number == HANGUP:
            _discard_output(terminals)

    numbers = [signal.SIGTERM, signal.SIGINT]
    # nohup starts its command with the signal ignored.
    if HANGUP is not None and signal.getsignal(HANGUP) != signal.SIG_IGN:
        numbers.append(HANGUP)
    handlers = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _discard_output(descriptors: list[int]) -> None:
    """Discards what is written to a terminal that is gone, where each write would be an error."""
    with Path(os.devnull).open("w") as null:
        for descriptor in descriptors:
            os.dup2(null.fileno(), descriptor)


def _describe_stop(number: int, step: int, settings: SaveSettings) -> str:
    return (
        f"Stopped by {signal.Signals(number).name} after step {step}; a checkpoint is in "
        f"{settings.checkpoints}. Run the same command with --resume_from_checkpoint latest."
    )
