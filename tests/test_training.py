"""One training step: which weights it changes, what it returns, and the averaged generator."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pix2pix import losses
from pix2pix.images import to_tensor
from pix2pix.networks import with_features
from pix2pix.training.trainer import SCALARS, Schedule, Trainer
from tests.builders import make_pair_array, tiny_config

DECAY = 0.5
# Ten times the paper's learning rate, because networks with so few filters learn slowly.
CONFIG = tiny_config(ema_decay=DECAY, learning_rate=2e-3, generator_depth=4)


@pytest.fixture(scope="module")
def shared() -> tuple[Trainer, dict]:
    """A trainer, whose step takes seconds to compile, and its initial state."""
    trainer = Trainer(CONFIG, total_steps=100)
    return trainer, values(trainer.state())


@pytest.fixture
def trainer(shared) -> Trainer:
    """The shared trainer in its initial state."""
    trainer, start = shared
    assign(trainer, start)
    return trainer


@pytest.fixture(scope="module")
def batch() -> tuple[tf.Tensor, tf.Tensor]:
    pair = make_pair_array(1)[0]
    return tf.constant(pair[0][None]), tf.constant(pair[1][None])


def values(variables: dict | list) -> dict:
    items = variables.items() if isinstance(variables, dict) else enumerate(variables)
    return {name: np.array(variable) for name, variable in items}


def assign(trainer: Trainer, state: dict) -> None:
    for name, variable in trainer.state().items():
        variable.assign(state[name])


def are_equal(some: dict, others: dict) -> bool:
    return all(np.array_equal(some[name], others[name]) for name in some)


def test_thirty_steps_on_one_pair_lower_its_l1(trainer, batch):
    l1 = [float(trainer.step(*batch)["l1_loss"]) for _ in range(30)]
    assert np.mean(l1[-5:]) < 0.8 * np.mean(l1[:3])


def test_a_step_returns_finite_scalars_in_the_order_of_the_history(trainer, batch):
    scalars = trainer.step(*batch)
    assert tuple(scalars) == SCALARS
    for name, value in scalars.items():
        assert value.shape == () and value.dtype == tf.float32 and np.isfinite(value), name
    assert 0 < float(scalars["d_real"]) < 1 and 0 < float(scalars["d_fake"]) < 1


def test_a_step_changes_every_trainable_weight(trainer, batch):
    for model in (trainer.generator, trainer.discriminator):
        before = values(model.trainable_variables)
        trainer.step(*batch)
        for number, variable in enumerate(model.trainable_variables):
            assert not np.array_equal(before[number], variable), variable.path


def test_the_same_seed_gives_the_same_networks_and_another_seed_different_ones(shared):
    _, start = shared
    assert are_equal(values(Trainer(CONFIG, total_steps=100).state()), start)
    other = values(Trainer(replace(CONFIG, seed=1), total_steps=100).state())
    assert not are_equal(other, start)


def test_the_discriminator_is_updated_first_and_alone(shared, batch):
    """Updates alternate (section 3.3): each network's update leaves the other one unchanged."""
    trainer, start = shared
    inputs, targets = (tf.constant(to_tensor(pictures.numpy())) for pictures in batch)
    assign(trainer, start)
    generator_start = values(trainer.generator.trainable_variables)
    generated = trainer.generator(inputs, training=True)
    d_loss, _, _ = trainer._step_discriminator(inputs, targets, generated)
    assert are_equal(values(trainer.generator.trainable_variables), generator_start)
    updated = values(trainer.discriminator.variables)
    logits = trainer.discriminator([inputs, generated], training=True)
    g_loss = losses.generator_gan_loss(logits, "vanilla")

    assign(trainer, start)
    scalars = trainer._step(*batch)
    # After the whole step, the discriminator has only its own update,
    assert are_equal(values(trainer.discriminator.variables), updated)
    assert float(scalars["discriminator_loss"]) == float(d_loss)
    # and the generator was scored by the updated discriminator.
    assert float(scalars["generator_gan_loss"]) == pytest.approx(float(g_loss), rel=1e-6)
    assert not are_equal(values(trainer.generator.trainable_variables), generator_start)


def test_the_discriminators_update_sends_no_gradient_to_the_generator(trainer, batch):
    inputs, targets = (tf.constant(to_tensor(pictures.numpy())) for pictures in batch)
    with tf.GradientTape() as tape:
        generated = trainer.generator(inputs, training=True)
        d_loss, _, _ = trainer._step_discriminator(inputs, targets, generated)
    assert tape.gradient(d_loss, trainer.generator.trainable_variables[0]) is None


def test_the_average_follows_its_formula(trainer, batch):
    """The decay is min(ema_decay, (1 + n) / (10 + n)): 2/11, 3/12 and so on, then `ema_decay`."""
    for number in range(1, 13):
        before = values(trainer.averaged.trainable_variables)
        trainer.step(*batch)
        decay = min(DECAY, (1 + number) / (10 + number))
        for index, variable in enumerate(trainer.generator.trainable_variables):
            expected = decay * before[index] + (1 - decay) * np.array(variable)
            average = trainer.averaged.trainable_variables[index]
            np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-7)
    assert decay == DECAY


def test_the_averaged_generator_is_published_if_there_is_one(trainer):
    assert trainer.published is trainer.averaged
    plain = Trainer(tiny_config(), total_steps=1)
    assert plain.averaged is None and plain.published is plain.generator


def test_the_averaged_generator_starts_as_a_copy(trainer):
    for average, weight in zip(
        trainer.averaged.get_weights(), trainer.generator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(average, weight)


@pytest.mark.parametrize(
    ("step", "fraction"),
    [(0, 1), (49, 1), (50, 1), (60, 0.8), (75, 0.5), (99, 0.02), (100, 0), (150, 0)],
)
def test_the_linear_schedule_falls_over_the_second_half(step, fraction):
    rate = float(Schedule(2e-4, decay_steps=100)(step))
    assert rate == pytest.approx(2e-4 * fraction, rel=1e-5, abs=1e-12)


def test_the_optimizers_have_the_papers_settings():
    """Section 3.3: Adam, 2e-4, beta1 0.5; beta2 and epsilon are Torch's defaults."""
    trainer = Trainer(tiny_config(), total_steps=10)
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.5, 0.999, 1e-8)


def test_the_discriminator_can_have_its_own_learning_rate():
    trainer = Trainer(tiny_config(discriminator_learning_rate=3e-4), 10)
    optimizers = (trainer.generator_optimizer, trainer.discriminator_optimizer)
    assert [float(adam.learning_rate) for adam in optimizers] == pytest.approx([2e-4, 3e-4])


def test_state_has_every_variable_random_states_of_dropout_included(trainer):
    state = trainer.state()
    assert len({id(variable) for variable in state.values()}) == len(state)
    ids = {id(variable) for variable in state.values()}
    for owner in (
        trainer.generator, trainer.discriminator, trainer.averaged,
        trainer.generator_optimizer, trainer.discriminator_optimizer,
    ):  # fmt: skip
        assert {id(variable) for variable in owner.variables} <= ids
    seeds = [v for v in trainer.generator.variables if "seed_generator" in v.path]
    assert len(seeds) == 3 and {id(v) for v in seeds} <= ids


@pytest.mark.usefixtures("eager")
def test_with_nearest_upsampling_the_published_generator_has_stock_layers(batch):
    config = replace(CONFIG, upsampling="nearest")
    plain, averaging = (
        Trainer(replace(config, ema_decay=decay), total_steps=100) for decay in (None, 0.0)
    )
    start = values(averaging.generator.trainable_variables)
    averaging.step(*batch)
    assert not are_equal(start, values(averaging.generator.trainable_variables))
    image = to_tensor(batch[0].numpy())
    for trainer in (plain, averaging):  # with a decay of 0, the average is the last weights
        layers = {type(layer).__module__.split(".")[0] for layer in trainer.published.layers}
        assert layers == {"keras"}
        np.testing.assert_allclose(trainer.published(image), trainer.generator(image), atol=1e-5)


def test_feature_matching_draws_the_activations_of_generated_and_real_pairs_together(batch):
    # The discriminator stands still, so that both distances are of the same activations.
    still = replace(CONFIG, ema_decay=None, l1_weight=0.0, discriminator_learning_rate=1e-9)
    distances = []
    for weight in (0.0, 100.0):
        config = replace(still, feature_weight=weight)
        trainer = Trainer(config, total_steps=100)
        for _ in range(20):
            trainer.step(*batch)
        inputs, targets = (tf.constant(to_tensor(images.numpy())) for images in batch)
        model = with_features(trainer.discriminator)
        features = [model([inputs, image]) for image in (trainer.generator(inputs), targets)]
        distances.append(float(losses.feature_loss(*(f[:-1] for f in features))))
    assert distances[1] < 0.8 * distances[0]
