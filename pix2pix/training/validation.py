"""Scores a run while it trains: finds its best step, and decides when to stop early."""

import logging
import math
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix.images import to_tensor, to_uint8
from pix2pix.training.history import divergence_error
from pix2pix.training.trainer import Trainer

LOGGER = logging.getLogger(__name__)
# Above this share of the run's time, validation is called expensive.
MAX_SHARE = 0.05

# A generator: a function from (1, S, S, 3) uint8 to the same.
Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ValidationPlan:
    """How a run is scored while it trains; by default, it is not.

    Attributes:
        steps: the number of steps between validations; 0 for none.
        metric: the metric that decides which step is the best.
        is_better: whether a value of that metric is better than another.
        score: returns the metrics of a generator on the selection pairs, by name. It is passed in,
            because `evaluation`, which computes them, may not be imported here.
        patience: the number of validations in a row without a new best step that ends the run.
    """

    steps: int = 0
    metric: str = ""
    is_better: Callable[[float, float], bool] = operator.lt
    score: Callable[[Predict], dict[str, float]] = lambda _predict: {}
    patience: int | None = None


class Validation:
    """The validations of a run so far.

    Attributes:
        plan: how the run is scored.
        rows: dicts with `step`, `seconds` (of training, as in history.csv) and the metrics.
        best_step: the step with the best value of the plan's metric; None before the first one.
        seconds: the time that validations took, earlier parts of a resumed run included.
        stops: whether the run is to end, since the last validations found no new best step.
    """

    def __init__(
        self,
        plan: ValidationPlan,
        total_steps: int,
        rows: list[dict[str, float]] | None = None,
        best_step: int | None = None,
        seconds: float = 0.0,
    ):
        """Starts without validations, or continues those whose `state()` is passed."""
        self.plan, self._total_steps = plan, total_steps
        self.rows, self.best_step, self.seconds = list(rows or []), best_step, seconds
        self.stops = self._has_lost_patience()
        self._predict: Predict | None = None
        # When the validations of this process started, and how long the last one took.
        self._starts: list[float] = []
        self._last_seconds = 0.0
        self._recent_share = 0.0
        self._warned = False

    def state(self) -> dict[str, Any]:
        """Returns what the log of a checkpoint stores beside the history; {} without validation."""
        if not self.plan.steps:
            return {}
        state = {"rows": self.rows, "best_step": self.best_step, "seconds": self.seconds}
        return {"validation": state}

    @property
    def best(self) -> dict[str, float] | None:
        """The row of the best step."""
        return next((row for row in self.rows if row["step"] == self.best_step), None)

    def is_due(self, step: int) -> bool:
        """Returns whether the run is to be scored after `step` and was not scored there before.

        Besides the multiples of the interval, the last step is due.
        """
        if not self.plan.steps or step == 0 or (self.rows and self.rows[-1]["step"] >= step):
            return False
        return step % self.plan.steps == 0 or step == self._total_steps

    def _has_lost_patience(self) -> bool:
        patience = self.plan.patience
        if patience is None or not self.rows or self.rows[-1]["step"] >= self._total_steps:
            return False
        return self._count_since_best() >= patience

    def _count_since_best(self) -> int:
        return sum(row["step"] > (self.best_step or 0) for row in self.rows)

    def run(self, trainer: Trainer, step: int, trained_seconds: float) -> bool:
        """Scores the generator after `step`; returns whether it is the best so far.

        The generator is the averaged one if there is one. Neither its weights nor a random state
        change. Raises `UserError` when its output is no longer finite.
        """
        self._measure_share(step)
        if self._predict is None:
            self._predict = compile_generator(trainer)
        scores = self.plan.score(self._predict)
        best, metric = self.best, self.plan.metric
        is_best = best is None or self.plan.is_better(scores[metric], best[metric])
        self.rows.append({"step": step, "seconds": round(trained_seconds, 2)} | scores)
        if is_best:
            self.best_step = step
        self.stops = self._has_lost_patience()
        self._last_seconds = time.monotonic() - self._starts[-1]
        self.seconds += self._last_seconds
        return is_best

    def _measure_share(self, step: int) -> None:
        """Measures which share of the time since its start the last validation took."""
        self._starts.append(time.monotonic())
        # The first validation also compiles the generator, and the last interval may be short.
        if len(self._starts) > 2 and step - self.rows[-1]["step"] == self.plan.steps:
            self._recent_share = self._last_seconds / (self._starts[-1] - self._starts[-2])

    def describe_last(self, trained_seconds: float) -> str:
        """Returns the scores of the last validation in one line."""
        row = self.rows[-1]
        scores = ", ".join(f"{k} {v:.4g}" for k, v in row.items() if k not in ("step", "seconds"))
        rank = (
            "the best so far" if row["step"] == self.best_step else f"best: step {self.best_step:,}"
        )
        share = self.seconds / max(trained_seconds, 1e-9)
        return f"Validation after step {row['step']:,} ({rank}): {scores}; {share:.1%} of the time."

    def find_problem(self) -> str | None:
        """Returns a warning, once, if validation takes over `MAX_SHARE` of the time."""
        share = self._recent_share
        if self._warned or share <= MAX_SHARE:
            return None
        self._warned = True
        # With v seconds of validation and t of training, the share is v / (v + t).
        factor = share * (1 - MAX_SHARE) / (MAX_SHARE * (1 - share))
        steps = math.ceil(self.plan.steps * factor)
        return (
            f"Validation takes {share:.0%} of the time; --validation_steps {steps} or a smaller "
            f"--selection_samples brings it below {MAX_SHARE:.0%}."
        )

    def describe_early_stop(self) -> str:
        """Returns why the run has ended before its last step."""
        count = self._count_since_best()
        validations = "validation" if count == 1 else "validations"
        return (
            f"The run has stopped early after step {self.rows[-1]['step']:,} of "
            f"{self._total_steps:,}: {count} {validations} in a row were not better than step "
            f"{self.best_step:,} (--early_stopping_patience). To go on, resume it with a larger "
            "number or without that flag."
        )


def compile_generator(trainer: Trainer) -> Predict:
    """Returns a function that translates pictures with the weights that the trainer has then.

    It uses the network that is trained, without dropout, or its average. The published network
    (`Trainer.published`) computes the same up to rounding, but is a second copy in memory.
    """
    network = trainer.generator if trainer.averaged is None else trainer.averaged
    translate = tf.function(lambda pictures: network(pictures, training=False))
    channels = trainer.config.input_channels

    def predict(pictures: np.ndarray) -> np.ndarray:
        output = np.asarray(translate(to_tensor(pictures, channels)))
        if not np.isfinite(output).all():
            raise divergence_error("The generator's output is no longer finite")
        return to_uint8(output)

    return predict
