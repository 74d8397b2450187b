"""Tests of the config: the paper's defaults, its checks and its JSON."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from pix2pix import UserError
from pix2pix.config import RECIPES, Config
from pix2pix.fields import check_settings, setting, settings_of


def test_the_defaults_are_the_papers():
    config = Config()
    assert (config.image_size, config.load_size) == (256, 286)
    assert (config.generator_filters, config.discriminator_filters) == (64, 64)
    assert (config.gan_loss, config.l1_weight) == ("vanilla", 100)
    assert (config.learning_rate, config.adam_beta1) == (2e-4, 0.5)
    assert (config.num_train_epochs, config.train_batch_size) == (200, 1)
    assert (config.lr_schedule, config.ema_decay) == ("constant", None)
    assert (config.dataset_name, config.direction) == ("huggan/maps", "a_to_b")


def test_a_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1


@pytest.mark.parametrize(
    ("image_size", "load_size"), [(64, 72), (128, 143), (256, 286), (512, 572)]
)
def test_load_size_has_the_papers_proportion_by_default(image_size, load_size):
    assert Config(image_size=image_size).load_size == load_size


def test_a_load_size_that_is_set_is_kept():
    assert Config(image_size=256, load_size=256).load_size == 256


@pytest.mark.parametrize(("image_size", "depth"), [(64, 6), (128, 7), (256, 8), (512, 9)])
def test_depth_levels_reduce_the_image_size_to_one_pixel(image_size, depth):
    assert Config(image_size=image_size).depth == depth
    assert image_size // 2**depth == 1


def test_the_number_of_steps_follows_from_the_epochs_unless_it_is_set():
    assert Config().count_steps(1096) == 200 * 1096
    assert Config(num_train_epochs=3, train_batch_size=4).count_steps(10) == 7
    assert Config(max_train_steps=50).count_steps(1096) == 50


def test_a_run_has_at_least_one_step():
    """Otherwise an untrained generator would be evaluated and published."""
    assert Config(num_train_epochs=1, train_batch_size=8).count_steps(3) >= 1


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "paper"])
def test_a_recipe_changes_only_its_own_settings_and_none_that_is_set(recipe):
    changed = Config.of_recipe(recipe).changed_fields(Config())
    assert changed.keys() == {"recipe"} | RECIPES[recipe].keys()
    assert Config.of_recipe("best", ema_decay=0.5).ema_decay == 0.5
    assert Config.of_recipe("best", learning_rate=1e-3).learning_rate == 1e-3
    assert Config.of_recipe() == Config()


def test_the_recipes_are_those_that_the_flag_accepts():
    (recipe,) = (spec for spec in settings_of(Config) if spec.name == "recipe")
    assert recipe.choices == tuple(RECIPES)
    for name, value in RECIPES["best"].items():
        text = f"{value:g}".replace("0.0004", "4e-4") if isinstance(value, float) else value
        assert f"--{name} {text}" in recipe.help
    photo = RECIPES["best"] | {"l1_weight": 25.0}
    del photo["color_balance"], photo["color_balance_decay"]
    assert RECIPES["photo"] == photo
    assert "as best, but no color balance and --l1_weight 25" in recipe.help


def test_the_recipe_of_a_stored_config_is_not_applied_again():
    """The stored settings are complete, so a later version's recipe must not change them."""
    stored = Config.of_recipe("best", lr_schedule="constant").to_dict()
    assert Config.from_dict(stored).lr_schedule == "constant"


@pytest.mark.parametrize(
    ("direction", "inputs", "targets", "gray"),
    [
        ("a_to_b", 3, 3, ()),
        ("a_to_b", 1, 3, (0,)),
        ("a_to_b", 3, 1, (1,)),
        ("b_to_a", 1, 3, (1,)),
        ("b_to_a", 1, 1, (0, 1)),
    ],
)
def test_gray_sides_follow_from_channels_and_direction(direction, inputs, targets, gray):
    config = Config(direction=direction, input_channels=inputs, target_channels=targets)
    assert config.gray_sides == gray


def test_a_config_survives_json():
    config = Config(image_size=128, ema_decay=0.999, gan_loss="hinge", input_column="x", seed=7)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_of_an_older_version_gets_the_defaults_of_newer_settings():
    stored = Config(seed=7, l1_weight=10).to_dict()
    for name in ("recipe", "generator_norm", "steps_per_execution"):
        del stored[name]
    assert Config.from_dict(stored) == Config(seed=7, l1_weight=10.0)


def test_a_config_with_unknown_fields_is_refused():
    with pytest.raises(UserError, match="does not know \\(color, sound\\); update"):
        Config.from_dict(Config().to_dict() | {"sound": 1, "color": 2})


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("direction", "left", "choose one of a_to_b, b_to_a"),
        ("gan_loss", "wasserstein", "choose one of vanilla, lsgan, hinge"),
        ("lr_schedule", "cosine", "choose one of constant, linear"),
        ("jit_compile", "maybe", "choose one of auto, on, off"),
        ("image_size", None, "choose one of 64, 128, 256, 512"),
        ("image_size", "256", "choose one of 64, 128, 256, 512"),
        ("image_size", 100, "choose one of 64, 128, 256, 512"),
        ("load_size", 255, "at least --image_size (256)"),
        ("max_train_samples", 0, "greater than 0"),
        ("validation_samples", -1, "at least 0"),
        ("generator_filters", 0, "greater than 0"),
        ("generator_depth", 3, "at least 4"),
        ("generator_depth", 9, "at most 8 for --image_size 256"),
        ("discriminator_filters", -64, "greater than 0"),
        ("num_train_epochs", 0, "greater than 0"),
        ("max_train_steps", 0, "greater than 0"),
        ("train_batch_size", 0, "greater than 0"),
        ("steps_per_execution", 0, "greater than 0"),
        ("input_channels", 4, "choose one of 1, 3"),
        ("target_channels", 2, "choose one of 1, 3"),
        ("dropout", 1.0, "at least 0 and below 1"),
        ("mixed_precision", "fp8", "choose one of no, fp16, bf16"),
        ("upsampling", "bilinear", "choose one of transposed, nearest"),
        ("augmentation", "mosaic", "choose one of none, flip, transpose, dihedral"),
        ("discriminator_learning_rate", 0.0, "greater than 0"),
        ("recipe", "secret", "choose one of paper, best"),
        ("learning_rate", 0.0, "greater than 0"),
        ("learning_rate", float("nan"), "greater than 0"),
        ("l1_weight", -1.0, "at least 0"),
        ("l1_weight", float("nan"), "at least 0"),
        ("adam_beta1", 1.0, "at least 0 and below 1"),
        ("adam_beta1", -0.1, "at least 0 and below 1"),
        ("ema_decay", 1.0, "at least 0 and below 1"),
        ("ema_decay", -0.5, "at least 0 and below 1"),
        ("color_balance_decay", 1.5, "at least 0 and at most 1"),
        ("seed", -1, "at least 0"),
        ("seed", 1.5, "an integer"),
        ("seed", True, "an integer"),
        ("seed", None, "an integer"),
        ("learning_rate", "1e-3", "a number"),
        ("dataset_name", 7, "text"),
    ],
)
def test_an_invalid_value_is_refused_with_its_flag_and_what_is_allowed(field, value, allowed):
    with pytest.raises(UserError) as caught:
        Config(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"--{field} is {value}; ")
    assert allowed in message
    assert message.endswith(".") and "\n" not in message


def test_a_decay_without_a_color_balance_is_refused():
    for settings in ({"recipe": "photo"}, {"recipe": "best", "color_balance": 0.0}):
        with pytest.raises(UserError, match="has no effect without --color_balance: add it"):
            Config.of_recipe(**settings, color_balance_decay=0.3)
    # The recipe's own decay may stay when the balance is switched off.
    assert Config.of_recipe("best", color_balance=0.0).color_balance_decay == 0.5


def test_numpy_numbers_are_valid_values():
    config = Config(seed=np.int64(3), learning_rate=np.float32(0.5))
    assert (config.seed, config.learning_rate) == (3, 0.5)


def test_changed_fields_have_both_values():
    old, new = Config(), Config(seed=3, gan_loss="lsgan")
    assert new.changed_fields(old) == {"gan_loss": ("vanilla", "lsgan"), "seed": (0, 3)}
    assert new.changed_fields(new) == {}


@dataclasses.dataclass(frozen=True)
class Example:
    """Has one field of each kind."""

    paths: tuple[Path, ...] = setting(help="required paths", positional=True)
    sizes: tuple[int, ...] = setting((), "sizes", above=0)
    side: Literal["left", "right"] | None = setting(None, "a side")

    def __post_init__(self) -> None:
        check_settings(self)


def test_type_and_choices_follow_from_the_annotation():
    paths, sizes, side = settings_of(Example)
    assert (paths.type, paths.repeated, paths.is_required) == (Path, True, True)
    assert (sizes.type, sizes.repeated, sizes.is_required) == (int, True, False)
    assert (side.type, side.choices, side.optional) == (str, ("left", "right"), True)


def test_every_value_of_a_list_is_checked():
    assert Example((Path("a"), Path("b")), (1, 2), "left").sizes == (1, 2)
    with pytest.raises(UserError, match="--sizes is 0; it must be greater than 0"):
        Example((Path("a"),), (1, 0))
    with pytest.raises(UserError, match="paths is b; it must be a path"):
        Example((Path("a"), "b"))
