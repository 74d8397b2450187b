"""Declares everything that determines a trained model, in one frozen dataclass.

The defaults are the paper's (arXiv 1611.07004). Each field is a flag of `pix2pix train` with the
same name, and `pix2pix.json` stores all of them beside the weights.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting, settings_of
from pix2pix.pair_settings import PairSettings
from pix2pix.validation_settings import ValidationSettings

# The defaults that a recipe changes; measured by benchmarks/recipes.py.
_SHARED = {
    "generator_norm": "layer",
    "upsampling": "nearest",
    "feature_weight": 10.0,
    "lr_schedule": "linear",
    "learning_rate": 4e-4,
}
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": _SHARED | {"color_balance": 1.0, "color_balance_decay": 0.5},
    "photo": _SHARED | {"l1_weight": 25.0},
}


@dataclass(frozen=True)
class _Recipe:
    """Holds the setting that comes first in --help."""

    recipe: Literal["paper", "best", "photo"] = setting(
        "paper",
        "defaults of the other settings; paper: as published; best: --generator_norm layer, "
        "--upsampling nearest, --color_balance 1, --color_balance_decay 0.5, --feature_weight 10, "
        "--lr_schedule linear and --learning_rate 4e-4; photo, for photos and other textures: as "
        "best, but no color balance and --l1_weight 25",
        group="recipe",
        sets_defaults=True,
    )


@dataclass(frozen=True)
class Config(ValidationSettings, PairSettings, _Recipe):
    """Describes a training run: recipe, pairs, validation, networks and optimization.

    Raises `UserError` for a value that is not allowed.
    """

    generator_filters: int = setting(
        64,
        "filters of the generator's first layer",
        above=0,
        group="networks and losses",
        of_model=True,
    )
    generator_depth: int | None = setting(
        None,
        "stride-2 levels of the generator's U-Net; 6 instead of 8 halve the size of the model",
        at_least=4,
        default_help="until the bottleneck is 1x1: 8 for --image_size 256",
        of_model=True,
    )
    discriminator_filters: int = setting(
        64, "filters of the discriminator's first layer", above=0, of_model=True
    )
    generator_norm: Literal["instance", "layer"] = setting(
        "instance",
        "normalization in the generator; instance: each channel of an image separately, as in the "
        "paper; layer: all channels of an image together, which keeps the differences between "
        "channels that distinguish flat areas",
        of_model=True,
    )
    upsampling: Literal["transposed", "nearest"] = setting(
        "transposed",
        "how the generator's decoder doubles the resolution; transposed: 4x4 transposed "
        "convolution, as in the paper; nearest: nearest-neighbor upsampling and a 3x3 convolution, "
        "which avoids checkerboards and is published as the transposed convolution it equals",
        of_model=True,
    )
    dropout: float = setting(
        0.5,
        "fraction of values dropped in the first decoder blocks (section 6.1)",
        at_least=0,
        below=1,
        of_model=True,
    )
    gan_loss: Literal["vanilla", "lsgan", "hinge"] = setting("vanilla", "adversarial loss")
    l1_weight: float = setting(
        100.0, "weight of the L1 loss beside the adversarial loss (lambda, section 3.3)", at_least=0
    )
    color_balance: float = setting(
        0.0,
        "how much more the L1 loss counts pixels of rare target colors, such as thin roads on a "
        "map: (share of the most common color / share of the color) ** color_balance times as "
        "much, up to a limit; 0: all pixels alike",
        at_least=0,
    )
    color_balance_decay: float = setting(
        0.0,
        "fraction of --color_balance that is removed linearly over the second half of a run; 0: "
        "it stays constant, 1: it falls to zero. A high balance makes rare colors appear, and a "
        "lower one then gets more pixels right",
        at_least=0,
        at_most=1,
    )
    feature_weight: float = setting(
        0.0,
        "weight of the feature matching loss, which makes the discriminator's activations on "
        "generated and real pairs alike, as in pix2pixHD, e.g. 10; 0: none",
        at_least=0,
    )

    init_from: str | None = setting(
        None,
        "model to start from: Hub id, id@revision, or folder. Sizes, channels and networks are the "
        "model's, unless their flags are given. A run that resumes a checkpoint ignores it",
        group="optimization",
        default_help="random weights",
        on_card=False,
        may_be_path=True,
        resumable=True,
    )
    freeze_encoder: bool = setting(
        False, "keep the generator's encoder as it is in the model of --init_from", on_card=False
    )
    num_train_epochs: int = setting(
        200, "passes over the training pairs (section 6.2)", above=0, resumable=True
    )
    max_train_steps: int | None = setting(
        None,
        "number of training steps, overrides --num_train_epochs",
        above=0,
        default_help="given by the epochs",
        resumable=True,
    )
    train_batch_size: int = setting(1, "pairs per step, over all devices together", above=0)
    learning_rate: float = setting(2e-4, "Adam's learning rate (section 3.3)", above=0)
    discriminator_learning_rate: float | None = setting(
        None, "Adam's learning rate for the discriminator", above=0, default_help="--learning_rate"
    )
    adam_beta1: float = setting(
        0.5, "Adam's decay rate of the first moment (section 3.3)", at_least=0, below=1
    )
    lr_schedule: Literal["constant", "linear"] = setting(
        "constant", "learning rate schedule; linear: decays to zero over the second half"
    )
    warmup_steps: int = setting(
        0, "first steps, in which both learning rates rise linearly from zero", at_least=0
    )
    ema_decay: float | None = setting(
        None,
        "decay per step of an exponential moving average of the generator's weights, which is "
        "then published instead of the last weights, e.g. 0.999",
        at_least=0,
        below=1,
        default_help="no average",
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = setting(
        "no", "fp16 (with loss scaling) or bf16: faster on a GPU that supports it"
    )
    jit_compile: Literal["auto", "on", "off"] = setting(
        "auto", "compilation with XLA; auto: on for a GPU, off for a CPU"
    )
    steps_per_execution: int = setting(
        1, "training steps per call of the compiled graph", above=0, resumable=True
    )
    # NumPy's and TensorFlow's seeds have 32 bits.
    seed: int = setting(
        0,
        "random seed of weights, dropout, order of the pairs and augmentation",
        at_least=0,
        below=2**32,
    )

    # The settings that are still to be taken from the model of --init_from.
    inherited: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.set_load_size()
        check_settings(self)
        if self.init_from == "":
            raise UserError("--init_from is empty; name a Hub id, id@revision, or a folder.")
        if self.freeze_encoder and self.init_from is None:
            raise UserError("--freeze_encoder keeps the encoder of a model: add --init_from.")
        self.check_validation()
        if "image_size" not in self.inherited:
            self._check_sizes()

    def _check_sizes(self) -> None:
        self.check_pairs()
        levels = self.image_size.bit_length() - 1
        if self.depth > levels:
            raise UserError(
                f"--generator_depth is {self.depth}; it can be at most {levels} for --image_size "
                f"{self.image_size}, because each level halves the image."
            )

    @classmethod
    def of_recipe(cls, recipe: str = "paper", **settings: Any) -> "Config":
        """Returns a config with the defaults of `recipe`, which `settings` override.

        With `init_from`, the networks' settings that are not in `settings` are still to be
        `inherit`ed from that model. Raises `UserError` for an unknown recipe or a conflict.
        """
        names = () if settings.get("init_from") is None else MODEL_SETTINGS
        inherited = tuple(name for name in names if name not in settings)
        values = RECIPES.get(recipe, {}) | settings | {"recipe": recipe}
        if settings.get("color_balance_decay") and not values.get("color_balance"):
            raise UserError("--color_balance_decay has no effect without --color_balance: add it.")
        return cls(**values, inherited=inherited)

    def inherit(self, model: "Config") -> "Config":
        """Returns the config with the settings in `inherited` taken from `model`."""
        values = {name: getattr(model, name) for name in self.inherited}
        # By default these two follow from the image size, which may be another one here.
        if "generator_depth" in values:
            values["generator_depth"] = model.depth
        if "load_size" in values and "image_size" not in values:
            values["load_size"] = None
        return dataclasses.replace(self, **values, inherited=())

    @property
    def depth(self) -> int:
        """Number of stride-2 levels of the U-Net; by default its bottleneck is 1x1."""
        return self.generator_depth or self.image_size.bit_length() - 1

    def count_steps(self, pairs: int) -> int:
        """Returns the number of training steps for `pairs` training pairs, at least 1.

        Raises `UserError` when the warm-up would not end before the run does.
        """
        steps = self.num_train_epochs * pairs // self.train_batch_size
        steps = self.max_train_steps or max(1, steps)
        if self.warmup_steps >= steps:
            raise UserError(
                f"--warmup_steps is {self.warmup_steps}; it must be below {steps}, the number of "
                "steps of the run."
            )
        return steps

    def steps_before_decay(self, pairs: int) -> float:
        """Returns the step up to which the training does not depend on the run's length."""
        decays = self.lr_schedule == "linear" or self.color_balance * self.color_balance_decay
        return self.count_steps(pairs) // 2 if decays else math.inf

    def to_dict(self) -> dict[str, Any]:
        """Returns the settings by name, as `pix2pix.json` stores them."""
        return {spec.name: getattr(self, spec.name) for spec in settings_of(type(self))}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Config":
        """Returns the config with the settings in `values`, and the defaults of all others.

        Raises `UserError` for settings that this version does not know.
        """
        unknown = sorted(set(values) - {spec.name for spec in settings_of(cls)})
        if unknown:
            raise UserError(
                f"The config has fields this version of pix2pix does not know "
                f"({', '.join(unknown)}); update the package."
            )
        return cls(**values)

    def changed_fields(self, other: "Config") -> dict[str, tuple[Any, Any]]:
        """Returns the settings that differ from `other`: name -> (value in `other`, own value).

        Settings that are still to be inherited do not differ.
        """
        own, others = self.to_dict(), other.to_dict()
        names = [name for name in own if name not in self.inherited]
        return {name: (others[name], own[name]) for name in names if own[name] != others[name]}


# The settings that a run with --init_from takes from the model unless they are given.
MODEL_SETTINGS = tuple(spec.name for spec in settings_of(Config) if spec.of_model)
