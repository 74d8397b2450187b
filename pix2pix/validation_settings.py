"""Declares how a run is validated while it trains, and which of its weights are published."""

from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

from pix2pix.errors import UserError
from pix2pix.fields import setting, settings_of

# The metrics of each validation, by their keys in `evaluation.METRICS`: cheap ones, of pixels,
# structure and classes.
SelectionMetric = Literal["l1", "ssim", "ms_ssim", "class_accuracy", "mean_iou"]
SELECTION_METRICS: tuple[str, ...] = get_args(SelectionMetric)


@dataclass(frozen=True)
class ValidationSettings:
    """The pairs that a run is scored on while it trains, and what follows from the scores."""

    validation_steps: int = setting(
        0,
        "steps between validations, which score the generator on pairs taken from the training "
        "pairs (the selection pairs) and keep the best checkpoint; 0: none, and all training pairs "
        "are trained on",
        at_least=0,
        group="validation during the training",
        on_card=False,
        resumable=True,
    )
    selection_samples: int = setting(
        64,
        "number of selection pairs with --validation_steps: the last training pairs, which are not "
        "trained on",
        above=0,
        on_card=False,
    )
    selection_metric: SelectionMetric = setting(
        "l1", "metric that decides which checkpoint is the best", on_card=False
    )
    early_stopping_patience: int | None = setting(
        None,
        "end the training after this number of validations in a row without a new best checkpoint",
        above=0,
        default_help="train to the end",
        on_card=False,
        resumable=True,
    )
    publish: Literal["best", "last"] | None = setting(
        None,
        "weights that are evaluated and published: those of the best checkpoint, or the last",
        default_help="best with --validation_steps, else last",
        on_card=False,
        resumable=True,
    )

    @property
    def publishes_best(self) -> bool:
        """Whether the weights of the best checkpoint are published instead of the last ones."""
        return bool(self.validation_steps) and self.publish != "last"

    def without_validation(self) -> Self:
        """Returns the settings of a run that is not validated, and trains on all its pairs."""
        defaults = {spec.name: spec.default for spec in settings_of(ValidationSettings)}
        return replace(self, **defaults)

    def check_validation(self) -> None:
        """Raises `UserError` for settings that have no effect without validation."""
        if self.validation_steps:
            return
        for spec in settings_of(ValidationSettings):
            value = getattr(self, spec.name)
            # Without validation, the last weights are the only ones.
            if value != spec.default and value != "last":
                raise UserError(
                    f"--{spec.name} {value} has no effect without --validation_steps: add it."
                )
