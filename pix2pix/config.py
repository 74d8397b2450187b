"""Everything that determines a trained model, in one frozen dataclass.

The defaults are the paper's (arXiv 1611.07004); each field is a flag of `train_hub.py` under the
same name, and `pix2pix.json` stores them beside the weights.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from pix2pix.errors import UserError

DIRECTIONS = ("a_to_b", "b_to_a")
# What a recipe sets where the caller sets nothing; measured by benchmarks/recipes.py.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": {"generator_norm": "layer", "lr_schedule": "linear", "learning_rate": 4e-4},
}
CHANNELS = (1, 3)
AUGMENTATIONS = ("flip", "dihedral")
PRECISIONS = ("no", "fp16", "bf16")
GENERATOR_NORMS = ("instance", "layer")
GAN_LOSSES = ("vanilla", "lsgan", "hinge")
LR_SCHEDULES = ("constant", "linear")
JIT_CHOICES = ("auto", "on", "off")
IMAGE_SIZES = (64, 128, 256, 512)

# Section 6.1: resized to 286 x 286, then randomly cropped back to 256 x 256.
JITTER_SCALE = 286 / 256


def option(
    default: Any, help: str, kind: type = str, choices: tuple | None = None, group: str = ""
) -> Any:
    """A dataclass field that carries what the command line needs to know about it.

    `group` is the heading in --help of this field and those after it.
    """
    about = {"help": help, "kind": kind, "choices": choices, "group": group}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Config:
    """What is trained, on what, and how. Raises `UserError` when a value makes no sense."""

    dataset_name: str = option(
        "huggan/maps",
        "Hub id, folder of parquet files or of pictures, or a .tar.gz as a path or URL",
        group="pairs",
    )
    dataset_revision: str | None = option(None, "commit, tag or branch of a Hub dataset")
    input_column: str | None = option(None, "column of picture A (found by itself when common)")
    target_column: str | None = option(None, "column of picture B (found by itself when common)")
    direction: str = option("a_to_b", "a_to_b: A is the input; b_to_a: B is", choices=DIRECTIONS)
    image_size: int = option(256, "side of the training pictures, pixels", int, IMAGE_SIZES)
    # None asks for the proportion of `JITTER_SCALE`: the field itself is always a number.
    load_size: int = option(
        None, "side before the random crop, pixels (286 for 256, in proportion otherwise)", int
    )
    input_channels: int = option(3, "3: colour; 1: the input is taken as grey", int, CHANNELS)
    target_channels: int = option(3, "3: colour; 1: the target is taken as grey", int, CHANNELS)
    augmentation: str = option(
        "flip",
        "beside the random crop; flip: mirrored or not; dihedral: also turned by 90 degrees, "
        "for pictures without an up and down",
        choices=AUGMENTATIONS,
    )
    max_train_samples: int | None = option(None, "use only the first N training pairs", int)
    validation_samples: int | None = option(
        None, "held-out pairs to use (all; the last tenth where a set has no held-out split)", int
    )

    recipe: str = option(
        "paper",
        "paper: as published; best: our own settings where none is given",
        choices=tuple(RECIPES),
        group="networks and losses",
    )
    generator_filters: int = option(64, "filters of the generator's first layer", int)
    discriminator_filters: int = option(64, "filters of the discriminator's first layer", int)
    dropout: float = option(0.5, "share dropped in the first decoder blocks (section 6.1)", float)
    generator_norm: str = option(
        "instance",
        "what the generator normalises together; instance: a channel of a picture, the paper's; "
        "layer: a picture's channels, so that their levels tell areas apart that are flat",
        choices=GENERATOR_NORMS,
    )
    gan_loss: str = option("vanilla", "adversarial loss", choices=GAN_LOSSES)
    l1_weight: float = option(
        100.0, "weight of L1 beside the GAN loss (lambda, section 3.3)", float
    )

    num_train_epochs: int = option(
        200, "passes over the training pairs (section 6.2)", int, group="optimisation"
    )
    max_train_steps: int | None = option(None, "steps to train, instead of epochs", int)
    train_batch_size: int = option(1, "pairs a step, over all devices", int)
    learning_rate: float = option(2e-4, "Adam's step size (section 3.3)", float)
    discriminator_learning_rate: float | None = option(
        None, "the discriminator's own step size (that of the generator)", float
    )
    adam_beta1: float = option(0.5, "Adam's first momentum (section 3.3)", float)
    lr_schedule: str = option(
        "constant", "linear: falls to zero over the second half", choices=LR_SCHEDULES
    )
    ema_decay: float | None = option(
        None, "publish an exponential moving average of the generator's weights, e.g. 0.999", float
    )
    mixed_precision: str = option(
        "no", "fp16 (with loss scaling) or bf16: faster on a GPU that has it", choices=PRECISIONS
    )
    jit_compile: str = option(
        "auto", "XLA: auto is on for a GPU, off for a CPU", choices=JIT_CHOICES
    )
    steps_per_execution: int = option(1, "steps a call of the compiled graph", int)
    seed: int = option(0, "seed of weights, dropout, order and jitter", int)

    def __post_init__(self) -> None:
        if self.load_size is None:
            object.__setattr__(self, "load_size", round(self.image_size * JITTER_SCALE))
        self._check_choices()
        self._check_ranges()

    def _check_choices(self) -> None:
        for f in dataclasses.fields(self):
            choices, value = f.metadata["choices"], getattr(self, f.name)
            if choices and value not in choices:
                allowed = ", ".join(map(str, choices))
                raise UserError(f"--{f.name} is {value}; choose one of {allowed}.")

    def _check_ranges(self) -> None:
        for name in (
            "max_train_samples", "validation_samples", "generator_filters", "discriminator_filters",
            "num_train_epochs", "max_train_steps", "train_batch_size", "learning_rate",
            "steps_per_execution", "discriminator_learning_rate",
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"--{name} is {value}; it must be greater than zero.")
        if self.load_size < self.image_size:
            raise UserError(
                f"--load_size is {self.load_size}; it must be at least "
                f"--image_size ({self.image_size}), because the crop is taken from it."
            )
        for name in ("adam_beta1", "ema_decay", "dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UserError(f"--{name} is {value}; it must be at least 0 and below 1.")
        for name in ("l1_weight", "seed"):
            if not getattr(self, name) >= 0:
                raise UserError(f"--{name} is {getattr(self, name)}; it must be at least 0.")

    @classmethod
    def of_recipe(cls, recipe: str = "paper", **given: Any) -> "Config":
        """The settings of `recipe`, but for those `given`. Raises `UserError` when it is none."""
        return cls(**(RECIPES.get(recipe, {}) | given), recipe=recipe)

    @property
    def depth(self) -> int:
        """Number of stride-2 levels of the U-Net: the bottleneck is 1x1 at `image_size`."""
        return self.image_size.bit_length() - 1

    @property
    def grey_sides(self) -> tuple[int, ...]:
        """Which pictures of a pair are taken as grey: 0 for A, 1 for B."""
        a, b = self.input_channels, self.target_channels
        sides = (a, b) if self.direction == "a_to_b" else (b, a)
        return tuple(side for side, channels in enumerate(sides) if channels == 1)

    def steps(self, pairs: int) -> int:
        """Training steps for `pairs` training pairs: `max_train_steps`, else whole epochs."""
        whole_epochs = self.num_train_epochs * pairs // self.train_batch_size
        return self.max_train_steps or max(1, whole_epochs)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Config":
        """The inverse of `to_dict`. Fields this version does not know raise `UserError`."""
        unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
        if unknown:
            raise UserError(
                f"The config has fields this version of pix2pix does not know "
                f"({', '.join(unknown)}); update the package."
            )
        return cls(**values)

    def differences(self, other: "Config") -> list[str]:
        """Names and both values of the fields that differ, for messages."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [f"{k} ({theirs[k]} -> {mine[k]})" for k in mine if mine[k] != theirs[k]]
