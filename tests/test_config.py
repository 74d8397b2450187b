"""The one config: the paper's defaults, its errors, its JSON."""

import dataclasses
import json

import pytest

from pix2pix import UserError
from pix2pix.config import RECIPES, Config


def test_the_defaults_are_the_papers():
    config = Config()
    assert (config.image_size, config.load_size) == (256, 286)
    assert (config.generator_filters, config.discriminator_filters) == (64, 64)
    assert (config.gan_loss, config.l1_weight) == ("vanilla", 100)
    assert (config.learning_rate, config.adam_beta1) == (2e-4, 0.5)
    assert (config.num_train_epochs, config.train_batch_size) == (200, 1)
    assert (config.lr_schedule, config.ema_decay) == ("constant", None)
    assert (config.dataset_name, config.direction) == ("huggan/maps", "a_to_b")


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1


@pytest.mark.parametrize(
    ("image_size", "load_size"), [(64, 72), (128, 143), (256, 286), (512, 572)]
)
def test_load_size_keeps_the_papers_proportion(image_size, load_size):
    assert Config(image_size=image_size).load_size == load_size


def test_a_given_load_size_is_kept():
    assert Config(image_size=256, load_size=256).load_size == 256


@pytest.mark.parametrize(("image_size", "depth"), [(64, 6), (128, 7), (256, 8), (512, 9)])
def test_depth_brings_the_training_size_down_to_one_pixel(image_size, depth):
    assert Config(image_size=image_size).depth == depth
    assert image_size // 2**depth == 1


def test_steps_are_epochs_of_pairs_unless_they_are_given():
    assert Config().steps(1096) == 200 * 1096
    assert Config(num_train_epochs=3, train_batch_size=4).steps(10) == 7
    assert Config(max_train_steps=50).steps(1096) == 50


def test_a_run_is_never_shorter_than_one_step():
    """Else an untrained generator would be measured and published."""
    assert Config(num_train_epochs=1, train_batch_size=8).steps(3) >= 1


def test_a_recipe_sets_what_is_not_given():
    best = Config.of_recipe("best")
    changed = {d.split(" ")[0] for d in best.differences(Config())}
    assert changed == {"recipe"} | RECIPES["best"].keys(), "and nothing else"
    assert Config.of_recipe("best", ema_decay=0.5).ema_decay == 0.5
    assert Config.of_recipe() == Config(), "the paper's is the default"


def test_a_stored_recipe_is_not_applied_again():
    """Its settings are stored one by one: a later version's recipe must not change them."""
    stored = Config.of_recipe("best", lr_schedule="constant").to_dict()
    assert Config.from_dict(stored).lr_schedule == "constant"


@pytest.mark.parametrize(
    ("direction", "inputs", "targets", "grey"),
    [
        ("a_to_b", 3, 3, ()),
        ("a_to_b", 1, 3, (0,)),
        ("a_to_b", 3, 1, (1,)),
        ("b_to_a", 1, 3, (1,)),
        ("b_to_a", 1, 1, (0, 1)),
    ],
)
def test_which_pictures_are_grey(direction, inputs, targets, grey):
    config = Config(direction=direction, input_channels=inputs, target_channels=targets)
    assert config.grey_sides == grey


def test_json_round_trip():
    config = Config(image_size=128, ema_decay=0.999, gan_loss="hinge", input_column="x", seed=7)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_of_a_newer_version_is_refused():
    with pytest.raises(UserError, match="does not know \\(colour, sound\\); update"):
        Config.from_dict(Config().to_dict() | {"sound": 1, "colour": 2})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", "left"),
        ("gan_loss", "wasserstein"),
        ("lr_schedule", "cosine"),
        ("jit_compile", "maybe"),
        ("image_size", 100),
        ("load_size", 255),
        ("max_train_samples", 0),
        ("validation_samples", -1),
        ("generator_filters", 0),
        ("discriminator_filters", -64),
        ("num_train_epochs", 0),
        ("max_train_steps", 0),
        ("train_batch_size", 0),
        ("steps_per_execution", 0),
        ("input_channels", 4),
        ("target_channels", 2),
        ("dropout", 1.0),
        ("mixed_precision", "fp8"),
        ("augmentation", "mosaic"),
        ("discriminator_learning_rate", 0.0),
        ("recipe", "secret"),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("l1_weight", -1.0),
        ("l1_weight", float("nan")),
        ("adam_beta1", 1.0),
        ("adam_beta1", -0.1),
        ("ema_decay", 1.0),
        ("ema_decay", -0.5),
        ("seed", -1),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_flag(field, value):
    with pytest.raises(UserError) as caught:
        Config(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"--{field} is {value}")
    assert message.endswith(".") and "\n" not in message


def test_a_choice_that_is_refused_names_the_others():
    with pytest.raises(UserError, match="choose one of vanilla, lsgan, hinge"):
        Config(gan_loss="other")


def test_differences_name_the_field_with_both_values():
    old, new = Config(), Config(seed=3, gan_loss="lsgan")
    assert new.differences(old) == ["gan_loss (vanilla -> lsgan)", "seed (0 -> 3)"]
    assert new.differences(new) == []


def test_every_field_says_what_it_is_for():
    for field in dataclasses.fields(Config):
        assert len(field.metadata["help"]) > 5, field.name
