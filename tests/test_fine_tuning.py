"""Starting from a model: which weights and settings a run gets from it, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pix2pix import UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import reproduce_command
from pix2pix.commands.base_model import choose_model, find_model
from pix2pix.commands.train import write_discriminator
from pix2pix.config import MODEL_SETTINGS, Config
from pix2pix.export.onnx_graph import save_keras
from pix2pix.files import sha256
from pix2pix.flags import flag_arguments, parse
from pix2pix.networks import (
    build_discriminator,
    build_generator,
    published_copy,
    recover_trained_kernel,
)
from pix2pix.training.initial_weights import MAX_KERNEL_ERROR, InitialWeights
from pix2pix.training.trainer import Schedule, Trainer
from tests.builders import make_finished_run, make_pair_array, randomize_weights, tiny_config

STARTER = "assets/starter_model"
BASE = tiny_config(generator_depth=4)


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    """A trainer for tests that compare all weights that they change, or that change none."""
    return Trainer(BASE, 12)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a finished run, whose files a test may change."""
    shutil.copytree(make_finished_run()[1], tmp_path / "model")
    return tmp_path / "model"


def edit_description(folder: Path, **changes: dict) -> None:
    path = folder / "pix2pix.json"
    about = json.loads(path.read_text())
    for key, values in changes.items():
        about[key] |= values
    path.write_text(json.dumps(about))


def save_weights(folder: Path, config: Config) -> InitialWeights:
    """Writes networks with random weights as a run publishes them."""
    generator, discriminator = build_generator(config), build_discriminator(config)
    for number, network in enumerate((generator, discriminator)):
        randomize_weights(network, number)
    folder.mkdir(exist_ok=True)
    save_keras(published_copy(generator, config), folder)
    path = folder / "discriminator.weights.h5"
    discriminator.save_weights(path)
    return InitialWeights("me/base", config, folder / "model.weights.h5", path)


def noise() -> np.ndarray:
    return (make_pair_array(1)[:, 0] / 127.5 - 1).astype(np.float32)


def pass_on(config: Config) -> Config:
    """Returns the config that another process reads from the flags of this one."""
    return parse("", flag_arguments(config))[0]


def test_both_networks_start_with_the_weights_of_the_model_and_optimizers_are_new(tmp_path: Path):
    weights = save_weights(tmp_path, BASE)
    trainer = Trainer(replace(BASE, ema_decay=0.9, init_from="me/base", seed=5), 12)
    fresh = [np.array(v) for v in trainer.generator_optimizer.variables]
    weights.assign(trainer)
    for network, build, seed in (
        (trainer.generator, build_generator, 0),
        (trainer.averaged, build_generator, 0),
        (trainer.discriminator, build_discriminator, 1),
    ):
        expected = build(BASE)
        randomize_weights(expected, seed)
        for weight, value in zip(network.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, value)
    for variable, value in zip(trainer.generator_optimizer.variables, fresh, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_recovered_generator_computes_the_same_pictures(tmp_path: Path):
    config = tiny_config(upsampling="nearest", generator_depth=4, generator_norm="layer")
    weights = save_weights(tmp_path, config)
    published = build_generator(replace(config, upsampling="transposed"))
    published.load_weights(weights.generator)
    trainer = Trainer(config, 12)
    weights.assign(trainer)
    expected = np.asarray(published(noise()))
    assert expected.std() > 0.1, "a flat picture would be a weak test"
    np.testing.assert_allclose(trainer.generator(noise()), expected, atol=1e-5)


def test_the_starter_is_recovered_within_a_hundredth_of_a_gray_level():
    base = find_model(STARTER)
    assert base.weights.config.upsampling == "nearest"
    trainer = Trainer(replace(base.weights.config, ema_decay=None), 12)
    base.weights.assign(trainer)
    published = build_generator(replace(base.weights.config, upsampling="transposed"))
    published.load_weights(base.weights.generator)
    difference = np.abs(np.asarray(trainer.generator(noise()) - published(noise()))).max()
    assert difference < 0.01 / 127.5


def test_a_kernel_that_was_trained_as_4x4_can_not_be_recovered(tmp_path: Path):
    random = np.random.default_rng(0)
    assert recover_trained_kernel(random.normal(size=(4, 4, 2, 3)))[1] > 1000 * MAX_KERNEL_ERROR
    assert recover_trained_kernel(np.zeros((4, 4, 1, 1)))[1] == 0
    weights = save_weights(tmp_path, BASE)
    with pytest.raises(UserError, match=r"up_\d_conv of me/base was not .* leave out --upsampling"):
        weights.assign(Trainer(replace(BASE, upsampling="nearest"), 12))


def test_a_model_without_a_discriminator_leaves_the_new_one(tmp_path: Path, trainer: Trainer):
    weights = replace(save_weights(tmp_path, BASE), discriminator=None)
    before = trainer.discriminator.get_weights()
    # Nothing is loaded into the discriminator, so its size is free.
    weights.check(replace(BASE, discriminator_filters=8))
    weights.assign(trainer)
    for weight, value in zip(trainer.discriminator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"generator_filters": 8},
            "kernel of its layer down_1_conv is 4x4x3x4 in the model and 4x4x3x8 here. "
            "Set --generator_filters 4, as in the model",
        ),
        ({"generator_depth": 5}, r"Set --generator_depth 6,"),
        (
            {"image_size": 128},
            r"layer up_6_conv is 4x4x32x32 in the model .* Set --generator_depth 6,",
        ),
        ({"generator_norm": "layer"}, r"bias of its layer down_1_conv is missing in the model"),
        ({"input_channels": 1}, r"generator .* is 4x4x3x4 .* 4x4x1x4 here. Set --input_channels 3"),
        ({"target_channels": 1}, r"layer up_1_conv is 4x4x3x8 .* Set --target_channels 3"),
        ({"discriminator_filters": 8}, r"discriminator .* patch_1_conv .*discriminator_filters 4,"),
    ],
)
def test_settings_that_do_not_fit_are_explained(tmp_path: Path, changes: dict, reason: str):
    path = tmp_path / "x"
    weights = InitialWeights("me/base", tiny_config(), path, path)
    with pytest.raises(UserError, match=reason):
        weights.check(tiny_config(**changes))


def test_a_file_of_another_network_is_one_error(tmp_path: Path, trainer: Trainer):
    weights = save_weights(tmp_path, BASE)
    build_generator(replace(BASE, generator_filters=8)).save_weights(weights.generator)
    with pytest.raises(UserError, match=r"model\.weights\.h5 is damaged, or not of the network"):
        weights.assign(trainer)
    weights.generator.write_bytes(b"not HDF5")
    with pytest.raises(UserError, match=r"model\.weights\.h5 is damaged"):
        weights.assign(trainer)


def test_a_file_that_points_to_other_files_is_not_read(tmp_path: Path, trainer: Trainer):
    """HDF5 can refer to bytes of any file on this machine, which a fine-tune would publish."""
    weights = save_weights(tmp_path, BASE)
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4 * 4 * 3 * 4 * 4))
    with h5py.File(weights.generator, "r+") as file:
        variables = file["layers/conv2d/vars"]
        shape, size = variables["0"].shape, secret.stat().st_size
        del variables["0"]
        variables.create_dataset("0", shape, "float32", external=[(str(secret), 0, size)])
    with pytest.raises(UserError, match="is damaged"):
        weights.assign(trainer)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path, trainer: Trainer):
    weights = save_weights(tmp_path, BASE)
    with h5py.File(weights.generator, "r+") as file:
        file["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan
    with pytest.raises(UserError, match="missing or not finite"):
        weights.assign(trainer)


def test_a_folder_gives_its_networks_and_settings(model: Path):
    config, base = choose_model(Config.of_recipe(init_from=str(model), seed=3), None)
    own = make_finished_run()[0].config
    assert (base.revision, base.weights.discriminator) == (None, model / "discriminator.weights.h5")
    assert {name: getattr(config, name) for name in MODEL_SETTINGS} == {
        name: getattr(own, name) for name in MODEL_SETTINGS
    } | {"generator_depth": 6}
    assert (config.seed, config.lr_schedule, config.init_from) == (3, "constant", str(model))
    assert "its generator and its discriminator (--image_size 64" in base.describe()


def test_a_model_of_an_earlier_version_has_no_discriminator(model: Path):
    base = find_model(STARTER)
    assert base.weights.discriminator is None and base.digests.keys() == {"model.weights.h5"}
    assert "the discriminator starts new, since the model has none" in base.describe()


@pytest.mark.parametrize("name", ["model.weights.h5", "discriminator.weights.h5"])
def test_missing_and_damaged_files_are_one_error(model: Path, name: str):
    (model / name).write_bytes((model / name).read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{name} is not the file that pix2pix.json describes"):
        find_model(str(model))
    (model / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing, so a run can't start from it"):
        find_model(str(model))


def test_names_and_models_that_can_not_be_used_are_refused(model: Path, tmp_path: Path):
    with pytest.raises(UserError, match="There is no folder runs/nothing/x; .* --init_from"):
        find_model("runs/nothing/x")
    with pytest.raises(UserError, match="--init_from is me/base@: the revision after @ is empty"):
        find_model("me/base@")
    with pytest.raises(UserError, match="is not a complete pix2pix model"):
        find_model(str(tmp_path))
    with pytest.raises(UserError, match="--init_from is empty"):
        Config.of_recipe(init_from="")
    edit_description(model, sha256={"model.weights.h5": "0"})
    with pytest.raises(UserError, match="its sha256 differs"):
        find_model(str(model))
    about = json.loads((model / "pix2pix.json").read_text())
    del about["sha256"]["model.weights.h5"]
    (model / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="has no model.weights.h5 to start from"):
        find_model(str(model))


def test_settings_that_are_given_stay_and_all_others_are_the_models():
    base = tiny_config(image_size=128, load_size=128, dropout=0.1, generator_norm="layer")
    config = parse("", ["--init_from", "a/b", "--image_size", "256", "--recipe", "best"])[0]
    assert {"image_size", "recipe"}.isdisjoint(config.inherited)
    whole = config.inherit(base)
    assert (whole.image_size, whole.load_size, whole.depth) == (256, 286, 7)
    assert (whole.generator_filters, whole.dropout, whole.generator_norm) == (4, 0.1, "layer")
    assert (whole.learning_rate, whole.inherited) == (4e-4, ())
    same_size = parse("", ["--init_from", "a/b", "--load_size", "143"])[0].inherit(base)
    assert (same_size.image_size, same_size.load_size) == (128, 143)
    assert parse("", ["--init_from", "a/b"])[0].inherit(base).load_size == 128
    small = parse("", ["--init_from", "a/b", "--image_size", "64"])[0]
    with pytest.raises(UserError, match="--generator_depth is 7; it can be at most 6"):
        small.inherit(base)


def test_a_default_that_is_given_is_not_the_models(model: Path):
    """64 filters are the default, but the model has 4."""
    config, _ = parse("", ["--init_from", str(model), "--generator_filters", "64"])
    with pytest.raises(UserError, match=r"Set --generator_filters 4,"):
        choose_model(config, None)


def test_flags_pass_on_what_was_given_and_the_card_names_every_setting_of_the_model():
    config = parse("", ["--init_from", "a/b", "--image_size", "256", "--warmup_steps", "5"])[0]
    assert flag_arguments(config) == [
        "--image_size", "256", "--init_from", "a/b", "--warmup_steps", "5",
    ]  # fmt: skip
    assert pass_on(config) == config
    whole = config.inherit(tiny_config())
    assert pass_on(whole) == whole and whole.inherited == ()
    command = reproduce_command({"config": whole.to_dict()})
    assert "--dropout 0.5" in command and "--init_from a/b" in command
    assert "--dropout" not in reproduce_command({"config": tiny_config().to_dict()})


def test_every_setting_of_the_networks_comes_from_the_model():
    """A new one has to be marked, or a fine-tune would build another network."""
    assert set(MODEL_SETTINGS) == {
        "image_size", "load_size", "input_channels", "target_channels", "generator_filters",
        "generator_depth", "discriminator_filters", "generator_norm", "upsampling", "dropout",
    }  # fmt: skip


@pytest.mark.usefixtures("eager")
def test_only_the_decoder_is_trained_with_a_frozen_encoder_and_nothing_at_rate_zero(tmp_path: Path):
    config = tiny_config(
        init_from="me/base", freeze_encoder=True, warmup_steps=4, generator_depth=4,
        learning_rate=1e-2, discriminator_learning_rate=1e-3,
    )  # fmt: skip
    weights = save_weights(tmp_path, replace(config, init_from=None, freeze_encoder=False))
    trainer = Trainer(config, 12)
    weights.assign(trainer)
    networks = trainer.generator, trainer.discriminator
    layers = [layer for network in networks for layer in network.layers]
    before = {v.path: np.array(v) for layer in layers for v in layer.weights}

    def changed_layers() -> set[str]:
        return {
            layer.name for layer in layers for v in layer.weights
            if not np.array_equal(before[v.path], v)
        }  # fmt: skip

    pairs = make_pair_array(1)
    trainer.step(pairs[:, 0], pairs[:, 1])
    assert not changed_layers(), "the first rate of a warm-up is zero"
    optimizers = trainer.generator_optimizer, trainer.discriminator_optimizer
    assert [float(adam.learning_rate) for adam in optimizers] == pytest.approx([2.5e-3, 2.5e-4])
    trainer.step(pairs[:, 0], pairs[:, 1])
    trained = {layer.name for layer in layers if layer.weights}
    assert changed_layers() == {name for name in trained if not name.startswith("down_")}
    assert all(layer.trainable for layer in trainer.finish().layers), "as published"


def test_freezing_needs_a_model():
    with pytest.raises(UserError, match="--freeze_encoder keeps .* add --init_from"):
        Config(freeze_encoder=True)


@pytest.mark.parametrize(
    ("step", "fraction"), [(0, 0), (1, 0.1), (5, 0.5), (10, 1), (50, 1), (75, 0.5), (100, 0)]
)
def test_the_warm_up_rises_from_zero_and_composes_with_the_decay(step: int, fraction: float):
    assert float(Schedule(2e-4, 10, 100)(step)) == pytest.approx(2e-4 * fraction, abs=1e-10)
    constant = float(Schedule(2e-4, 10)(step))
    assert constant == pytest.approx(2e-4 * min(1, step / 10), abs=1e-10)


def test_a_warm_up_ends_before_the_run():
    assert tiny_config(warmup_steps=11).count_steps(20) == 12
    with pytest.raises(UserError, match="--warmup_steps is 12; it must be below 12"):
        tiny_config(warmup_steps=12).count_steps(20)


def test_the_weights_of_a_run_have_the_recorded_digests(model: Path):
    digests = json.loads((model / "pix2pix.json").read_text())["sha256"]
    for name in ("model.weights.h5", "discriminator.weights.h5"):
        assert digests[name] == sha256(model / name)


def test_the_discriminator_is_published_if_it_is_there_and_unchanged(model: Path):
    artifacts, path = ArtifactFolder(model), model / "discriminator.weights.h5"
    artifacts.check_digests()
    assert path.name in artifacts.list_published()
    content = path.read_bytes()
    for problem in (lambda: path.write_bytes(content[:-1]), path.unlink):
        problem()
        with pytest.raises(UserError, match=path.name):
            artifacts.check_digests()
    about = artifacts.read_description()
    del about["sha256"][path.name]
    (model / "pix2pix.json").write_text(json.dumps(about))
    artifacts.check_digests()  # a folder of an earlier version
    assert path.name not in artifacts.list_published()
    path.write_bytes(content)  # --no-publish_discriminator leaves it on this machine
    artifacts.check_digests()
    assert path.name not in artifacts.list_published()
    write_discriminator(model, None)
    assert not path.exists()
