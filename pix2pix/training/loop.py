"""The training loop: steps, history, progress grids, checkpoints, and a clean stop by a signal."""

import logging
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
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
from pix2pix.training.history import (
    History,
    ProgressBar,
    divergence_error,
    write_history,
    write_rows,
)
from pix2pix.training.initial_weights import InitialWeights
from pix2pix.training.reporting import Report, open_report, save_progress_grid
from pix2pix.training.stop_signals import collect_stop_signals
from pix2pix.training.trainer import Trainer
from pix2pix.training.validation import Validation, ValidationPlan

LOGGER = logging.getLogger(__name__)


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
    # How the run is scored while it trains.
    validation: ValidationPlan = ValidationPlan()
    # Called with each new checkpoint, and with the best one if there is one. Training waits for it,
    # so it must be quick.
    on_checkpoint: Callable[[Path, Path | None], None] = lambda _path, _best: None

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.output_dir / "checkpoints"


@dataclass
class Result:
    """A finished run: trainer, last step, seconds, rows of history.csv, validations."""

    trainer: Trainer
    step: int
    seconds: float
    history: list[dict]
    validation: Validation


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

    The first step starts from the `initial` weights, by default random ones. With validation, the
    step that scores best gets a checkpoint that is kept, and the run may end early.
    `samples` are held-out inputs and targets, (K, S, S, 3) uint8, drawn every `sample_steps`.
    Raises `RunStopped` after a signal, with a checkpoint of that step on disk, and `UserError` when
    a loss or weight is no longer finite; the checkpoints before that step are kept.
    """
    total_steps = config.count_steps(len(pairs))
    trainer = Trainer(config, total_steps, devices, pairs.target_colors)
    step, history, validation = _start(trainer, total_steps, resumed, initial, settings)
    checkpoints.warn_of_later_checkpoints(settings.checkpoints, step)
    last_saved = step
    with (
        closing(ProgressBar(config, step, total_steps, len(pairs), devices.is_chief)) as progress,
        closing(prefetch(pairs.batches(step))) as batches,
        open_report(settings.report_to, settings.output_dir, config, step) as report,
        collect_stop_signals() as signals,
    ):
        while True:
            # First in the loop, because a run that a signal stopped at its last step resumes here
            # and still has to be scored.
            is_best = validation.is_due(step) and _validate(
                trainer, step, history, validation, settings, report
            )
            is_due = step > last_saved and _is_due(step, settings.checkpointing_steps)
            if is_best or is_due:
                _save(trainer, step, history, validation, settings)
                last_saved = step
            if validation.stops or step >= total_steps:
                break
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
                _save(trainer, step, history, validation, settings)
                raise RunStopped(_describe_stop(signals[0], step, settings))
            if devices.is_chief and _is_due(step, settings.sample_steps):
                generated = generate(trainer, samples[0])
                save_progress_grid(settings.output_dir, step, samples, generated)
    if last_saved < step:
        _save(trainer, step, history, validation, settings)
    if validation.stops:
        LOGGER.info(validation.describe_early_stop())
    return Result(trainer, step, history.seconds, history.rows, validation)


def _start(
    trainer: Trainer,
    total_steps: int,
    resumed: checkpoints.Checkpoint | None,
    initial: InitialWeights | None,
    settings: SaveSettings,
) -> tuple[int, History, Validation]:
    """Returns step, history and validations at the start of a run, or as the checkpoint has them.

    Sets the trainer's variables to those of the checkpoint, or of the model to start from.
    """
    step, log = 0, {}
    if resumed:
        checkpoints.restore(resumed, trainer.state())
        step, log = resumed.step, dict(resumed.log)
    elif initial:
        initial.assign(trainer)
    trainer.devices.check_same_step(step)
    validation = Validation(settings.validation, total_steps, **log.pop("validation", {}))
    return step, History(total_steps, **log), validation


def _record(history: History, settings: SaveSettings, devices: Devices) -> None:
    """Writes history.csv, and logs a warning if the discriminator has failed."""
    problem = history.find_problem()
    if problem:
        LOGGER.warning(problem)
    if devices.is_chief:
        write_history(settings.output_dir / "history.csv", history.rows)


def _validate(
    trainer: Trainer,
    step: int,
    history: History,
    validation: Validation,
    settings: SaveSettings,
    report: Report,
) -> bool:
    """Scores the run, writes validation.csv, and returns whether this step is the best so far.

    Each machine of a run computes the scores, since the others would wait for the first one anyway.
    """
    is_best = validation.run(trainer, step, history.seconds)
    validation.stops = trainer.devices.any_machine(validation.stops)
    if trainer.devices.is_chief:
        LOGGER.info(validation.describe_last(history.seconds))
        if problem := validation.find_problem():
            LOGGER.warning(problem)
        write_rows(settings.output_dir / "validation.csv", validation.rows)
        scores = validation.rows[-1].items()
        report(step, {f"selection/{k}": v for k, v in scores if k not in ("step", "seconds")})
    return is_best


def _save(
    trainer: Trainer, step: int, history: History, validation: Validation, settings: SaveSettings
) -> None:
    state = trainer.state()
    if not all(np.isfinite(np.asarray(variable)).all() for variable in state.values()):
        raise divergence_error(f"A weight is no longer finite after step {step}")
    if trainer.devices.is_chief:
        path = checkpoints.save(
            settings.checkpoints, step, trainer.config, history.state() | validation.state(),
            state, settings.data, settings.base_model,
        )  # fmt: skip
        best_step = validation.best_step
        checkpoints.prune(settings.checkpoints, step, settings.checkpoints_total_limit, best_step)
        best = checkpoints.path_of(settings.checkpoints, best_step) if best_step else None
        settings.on_checkpoint(path, best if best and best.exists() else None)


def _is_due(step: int, interval: int) -> bool:
    return interval > 0 and step % interval == 0


def _steps_until_next_event(
    step: int, total_steps: int, settings: SaveSettings, history: History
) -> int:
    """Counts the steps until something is due, such as a row or a checkpoint, or the run ends."""
    intervals = (
        settings.sample_steps, settings.checkpointing_steps, settings.validation.steps,
        history.interval,
    )  # fmt: skip
    return min(total_steps - step, *(n - step % n for n in intervals if n > 0))


def generate(trainer: Trainer, inputs: np.ndarray) -> np.ndarray:
    """Translates inputs with the published generator, without dropout.

    (K, S, S, 3) uint8 -> (K, S, S, C) uint8, where C is the number of the target's channels.
    """
    generator, channels = trainer.published, trainer.config.input_channels
    outputs = [generator(to_tensor(x[None], channels), training=False) for x in inputs]
    return to_uint8(np.concatenate(outputs))


def _describe_stop(number: int, step: int, settings: SaveSettings) -> str:
    return (
        f"Stopped by {signal.Signals(number).name} after step {step}; a checkpoint is in "
        f"{settings.checkpoints}. Run the same command with --resume_from_checkpoint latest."
    )
