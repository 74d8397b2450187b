"""Declares everything that determines a trained model, in one frozen dataclass.

The defaults are the paper's (arXiv 1611.07004). Each field is a flag of `pix2pix train` with the
same name, and `pix2pix.json` stores all of them beside the weights.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.pixels.rule import PixelRule

# The defaults that a recipe changes; measured by benchmarks/recipes.py.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": {"generator_norm": "layer", "lr_schedule": "linear", "learning_rate": 4e-4},
}

# Section 6.1: pictures are resized to 286 x 286, then cropped at random to 256 x 256.
JITTER_SCALE = 286 / 256


@dataclass(frozen=True)
class Config:
    """Describes a training run: the pairs, the networks and the optimization.

    Raises `UserError` for a value that is not allowed.
    """

    recipe: Literal["paper", "best"] = setting(
        "paper",
        "defaults of the other settings; paper: as published; best: "
        "--generator_norm layer, --lr_schedule linear and --learning_rate 4e-4",
        group="recipe",
        sets_defaults=True,
    )

    dataset_name: str = setting(
        "huggan/maps",
        "Hub dataset id, folder of parquet files or of images, or path or URL of a .tar.gz archive",
        group="pairs",
        on_card=False,
        may_be_path=True,
    )
    dataset_revision: str | None = setting(
        None,
        "commit, tag or branch of a Hub dataset",
        default_help="the newest commit",
        on_card=False,
    )
    dataset_config: str | None = setting(
        None,
        "configuration of a dataset that has several",
        default_help="the only one, or the one named default",
        on_card=False,
    )
    train_split: str | None = setting(
        None,
        "name of the split to train on",
        default_help="train",
        on_card=False,
    )
    pair_layout: Literal["auto", "left_right", "top_bottom", "folders", "columns"] = setting(
        "auto",
        "how a pair is stored; left_right, top_bottom: one image with A on the left or at the top; "
        "folders: A and B in two folders, paired by name; columns: two columns; auto: recognized",
        on_card=False,
    )
    force_split: bool = setting(
        False,
        "split every image into A and B, even if its size says that it is not a pair",
        on_card=False,
    )
    input_column: str | None = setting(
        None,
        "dataset column with image A",
        default_help="detected from common column names",
        on_card=False,
    )
    target_column: str | None = setting(
        None,
        "dataset column with image B",
        default_help="detected from common column names",
        on_card=False,
    )
    direction: Literal["a_to_b", "b_to_a"] = setting(
        "a_to_b",
        "a_to_b: A is the input and B the target; b_to_a: B is the input and A the target",
        on_card=False,
    )
    image_size: Literal[64, 128, 256, 512] = setting(
        256, "side of the training images, in pixels", sets_defaults=True
    )
    # The default is None, but `__post_init__` replaces it: the attribute is always a number.
    load_size: int = setting(
        None,
        "side before the random crop, in pixels",
        default_help="286/256 of --image_size, rounded",
    )
    input_channels: Literal[1, 3] = setting(
        3, "3: color; 1: the input is converted to gray", on_card=False
    )
    target_channels: Literal[1, 3] = setting(
        3, "3: color; 1: the target is converted to gray", on_card=False
    )
    aspect: Literal["squash", "crop", "pad"] = setting(
        "squash",
        "how images that are not square become square; squash: resized to it; crop: the middle "
        "square; pad: extended by reflection",
    )
    bands: str | None = setting(
        None,
        "bands of the input to use as red, green and blue, from 1, e.g. 1,2,3; one for gray",
        default_help="recognized",
        on_card=False,
    )
    value_range: str = setting(
        "auto",
        "values that become black and white in images that do not have 8 bits; LOW,HIGH: these; "
        "dtype: the smallest and largest that the type holds; auto: recognized from the dataset",
        on_card=False,
    )
    augmentation: Literal["flip", "dihedral"] = setting(
        "flip",
        "random changes besides the crop; flip: mirrored left to right; dihedral: mirrored and "
        "rotated by multiples of 90 degrees, for images without an up and down",
    )
    max_train_samples: int | None = setting(
        None, "number of training pairs to use", above=0, default_help="all", on_card=False
    )
    validation_samples: int | None = setting(
        None,
        "number of held-out pairs to use; a dataset without a held-out split holds out the last "
        "tenth of its training pairs; 0: none, and nothing is measured",
        at_least=0,
        default_help="all",
        on_card=False,
    )

    generator_filters: int = setting(
        64, "filters of the generator's first layer", above=0, group="networks and losses"
    )
    discriminator_filters: int = setting(64, "filters of the discriminator's first layer", above=0)
    generator_norm: Literal["instance", "layer"] = setting(
        "instance",
        "normalization in the generator; instance: each channel of an image separately, as in the "
        "paper; layer: all channels of an image together, which keeps the levels that distinguish "
        "flat areas",
    )
    dropout: float = setting(
        0.5,
        "fraction of values dropped in the first decoder blocks (section 6.1)",
        at_least=0,
        below=1,
    )
    gan_loss: Literal["vanilla", "lsgan", "hinge"] = setting("vanilla", "adversarial loss")
    l1_weight: float = setting(
        100.0, "weight of the L1 loss beside the adversarial loss (lambda, section 3.3)", at_least=0
    )

    num_train_epochs: int = setting(
        200, "passes over the training pairs (section 6.2)", above=0, group="optimization"
    )
    max_train_steps: int | None = setting(
        None,
        "number of training steps, overrides --num_train_epochs",
        above=0,
        default_help="given by the epochs",
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
    steps_per_execution: int = setting(1, "training steps per call of the compiled graph", above=0)
    # NumPy's and TensorFlow's seeds have 32 bits.
    seed: int = setting(
        0,
        "random seed of weights, dropout, order of the pairs and augmentation",
        at_least=0,
        below=2**32,
    )

    def __post_init__(self) -> None:
        # `check_settings` below reports an image size of the wrong type.
        if self.load_size is None and isinstance(self.image_size, int):
            object.__setattr__(self, "load_size", round(self.image_size * JITTER_SCALE))
        check_settings(self)
        PixelRule.parse(self.bands, self.value_range)
        if self.load_size < self.image_size:
            raise UserError(
                f"--load_size is {self.load_size}; it must be at least "
                f"--image_size ({self.image_size}), because the crop is taken from it."
            )

    @classmethod
    def of_recipe(cls, recipe: str = "paper", **settings: Any) -> "Config":
        """Returns a config with the defaults of `recipe`, which `settings` override.

        Raises `UserError` for an unknown recipe.
        """
        return cls(**(RECIPES.get(recipe, {}) | settings | {"recipe": recipe}))

    @property
    def depth(self) -> int:
        """Number of stride-2 levels of the U-Net, whose bottleneck is 1x1 at `image_size`."""
        return self.image_size.bit_length() - 1

    @property
    def gray_sides(self) -> tuple[int, ...]:
        """The images of a pair that are converted to gray: 0 for A, 1 for B."""
        a, b = self.input_channels, self.target_channels
        sides = (a, b) if self.direction == "a_to_b" else (b, a)
        return tuple(side for side, channels in enumerate(sides) if channels == 1)

    def count_steps(self, pairs: int) -> int:
        """Returns the number of training steps for `pairs` training pairs, at least 1."""
        steps = self.num_train_epochs * pairs // self.train_batch_size
        return self.max_train_steps or max(1, steps)

    def to_dict(self) -> dict[str, Any]:
        """Returns the settings by name, as `pix2pix.json` stores them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Config":
        """Returns the config with the settings in `values`, and the defaults of all others.

        Raises `UserError` for settings that this version does not know.
        """
        unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
        if unknown:
            raise UserError(
                f"The config has fields this version of pix2pix does not know "
                f"({', '.join(unknown)}); update the package."
            )
        return cls(**values)

    def changed_fields(self, other: "Config") -> dict[str, tuple[Any, Any]]:
        """Returns the settings that differ from `other`: name -> (value in `other`, own value)."""
        own, others = self.to_dict(), other.to_dict()
        return {name: (others[name], own[name]) for name in own if own[name] != others[name]}
