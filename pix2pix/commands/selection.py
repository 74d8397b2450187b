"""Validates a run on its selection pairs while it trains, and takes the best of its weights."""

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.validation_settings import SELECTION_METRICS

if TYPE_CHECKING:
    from pix2pix.data import LoadedPairs
    from pix2pix.training.checkpoints import Checkpoint
    from pix2pix.training.loop import Result
    from pix2pix.training.validation import Predict, ValidationPlan

LOGGER = logging.getLogger(__name__)


def plan_validation(config: Config, loaded: "LoadedPairs") -> "ValidationPlan":
    """Returns how the run is scored on its selection pairs.

    The legend is that of the evaluation: from class numbers, or found in the training targets. No
    held-out pair is used.
    """
    from pix2pix import artifact_writer, evaluation
    from pix2pix.training.validation import ValidationPlan

    if not config.validation_steps:
        return ValidationPlan()
    legend = artifact_writer.find_own_legend(config, loaded)
    legend = legend or evaluation.find_training_legend(loaded.reference, config)

    def score(predict: "Predict") -> dict[str, float]:
        pairs, direction = loaded.selection, config.direction
        return evaluation.score_all(predict, pairs, direction, legend, SELECTION_METRICS).summary()

    metric = evaluation.METRICS[config.selection_metric]
    return ValidationPlan(
        config.validation_steps, metric.key, metric.is_better, score, config.early_stopping_patience
    )


def keep_best(checkpoint: "Checkpoint | None", folder: Path) -> None:
    """Copies the best checkpoint of a run that is resumed from elsewhere into its new `folder`.

    Logs a warning if there is none.
    """
    from pix2pix.training import checkpoints

    if not checkpoint or checkpoint.best_step is None:
        return
    path = checkpoints.path_of(folder, checkpoint.best_step)
    if path.exists():
        return
    source = checkpoint.path.with_name(path.name)
    if source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        copy = path.with_suffix(".copy")
        shutil.copyfile(source, copy)
        copy.replace(path)
        return
    LOGGER.warning(
        "The best checkpoint so far, %s, is missing in %s; unless a later one is better, the last "
        "weights will be published.",
        path.name, checkpoint.path.parent,
    )  # fmt: skip


def use_best(config: Config, result: "Result", folder: Path) -> dict[str, Any] | None:
    """Gives the trainer the weights to publish, and returns "validation" of pix2pix.json.

    They are those of the best checkpoint in `folder`, or the last ones. If the best checkpoint
    can't be read, that is a warning, because the last weights are a result as well. Returns None
    for a run without validation.
    """
    from pix2pix.training import checkpoints

    validation, published = result.validation, result.step
    if not (best := validation.best):
        return None
    best_step = int(best["step"])
    if config.publishes_best and best_step != published:
        path = checkpoints.path_of(folder, best_step)
        try:
            checkpoints.restore_networks(path, result.trainer.state())
            published = best_step
        except UserError as error:
            LOGGER.warning("The last weights are published, not the best ones: %s", error)
    return {
        "published_step": published,
        "best_step": best_step,
        "metric": config.selection_metric,
        "scores": {key: best[key] for key in SELECTION_METRICS},
        "validations": len(validation.rows),
        "share_of_time": round(validation.seconds / max(result.seconds, 1e-9), 4),
        "stopped_early": validation.stops,
    }


def describe(about: dict[str, Any]) -> str:
    """Returns a sentence about the weights that a run publishes, from what `use_best` returned."""
    from pix2pix.evaluation import METRICS

    metric, best_step = METRICS[about["metric"]], about["best_step"]
    value = metric.format_value(about["scores"][metric.key])
    best = f"the best of {about['validations']} validations ({metric.name} {value})"
    if about["published_step"] == best_step:
        return f"Evaluating the weights of step {best_step:,}, {best}."
    return f"Evaluating the last weights; step {best_step:,} is {best}."
