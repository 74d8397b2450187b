"""The losses equal values that were computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix.losses import (
    discriminator_loss,
    feature_loss,
    generator_gan_loss,
    l1_loss,
    pixel_weights,
)

KINDS = ("vanilla", "lsgan", "hinge")


def logits(*values: float) -> tf.Tensor:
    return tf.reshape(tf.constant(values, tf.float32), (1, -1, 1, 1))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_loss_of_an_undecided_discriminator_is_ln_2():
    """This is the reference line in curves.png; logit 0 means a probability of 0.5."""
    zero = logits(0, 0, 0)
    assert float(discriminator_loss(zero, zero, "vanilla")) == pytest.approx(math.log(2))
    assert float(generator_gan_loss(zero, "vanilla")) == pytest.approx(math.log(2))


def test_vanilla_is_the_cross_entropy_of_the_sigmoid():
    real, fake = (2.0, -1.0), (0.5, -3.0)
    on_real = -np.mean([math.log(sigmoid(x)) for x in real])
    on_fake = -np.mean([math.log(1 - sigmoid(x)) for x in fake])
    loss = float(discriminator_loss(logits(*real), logits(*fake), "vanilla"))
    assert loss == pytest.approx((on_real + on_fake) / 2, rel=1e-6)
    expected = -np.mean([math.log(sigmoid(x)) for x in fake])
    assert float(generator_gan_loss(logits(*fake), "vanilla")) == pytest.approx(expected, rel=1e-6)


def test_lsgan_is_the_squared_distance_to_1_and_0():
    # real: (1 + 4) / 2, fake: (9 + 0) / 2, halved.
    loss = float(discriminator_loss(logits(2, -1), logits(3, 0), "lsgan"))
    assert loss == pytest.approx((2.5 + 4.5) / 2)
    assert float(generator_gan_loss(logits(3, 0), "lsgan")) == pytest.approx((4 + 1) / 2)


def test_hinge_ignores_logits_beyond_the_margin():
    # real: max(0, 1 - x) of 2, 0.5, -1; fake: max(0, 1 + x) of -3, 0, 1.
    loss = float(discriminator_loss(logits(2, 0.5, -1), logits(-3, 0, 1), "hinge"))
    assert loss == pytest.approx(((0 + 0.5 + 2) / 3 + (0 + 1 + 2) / 3) / 2)
    assert float(generator_gan_loss(logits(-3, 0, 1.5), "hinge")) == pytest.approx(0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_discriminator_loss_is_the_mean_over_real_and_fake(kind):
    """It is halved as in the authors' code (section 3.3)."""
    right = {"vanilla": 40.0, "lsgan": 0.0, "hinge": -1.0}[kind]
    with_perfect_fake = discriminator_loss(logits(0.25), logits(-abs(right)), kind)
    expected = {"vanilla": math.log(1 + math.exp(-0.25)), "lsgan": 0.75**2, "hinge": 0.75}[kind]
    assert float(with_perfect_fake) == pytest.approx(expected / 2, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_have_the_right_sign(kind):
    real, fake = tf.Variable(logits(0.2, -0.3)), tf.Variable(logits(0.1, 0.4))
    with tf.GradientTape(persistent=True) as tape:
        d_loss = discriminator_loss(real, fake, kind)
        g_loss = generator_gan_loss(fake, kind)
    assert (tape.gradient(d_loss, real).numpy() < 0).all()  # D raises its logits for real pairs,
    assert (tape.gradient(d_loss, fake).numpy() > 0).all()  # lowers them for generated ones,
    assert (tape.gradient(g_loss, fake).numpy() < 0).all()  # and G raises those.


@pytest.mark.parametrize("value", [-200.0, 200.0])
def test_vanilla_stays_finite_for_extreme_logits(value):
    """A direct log(sigmoid(x)) is infinite here."""
    loss = float(discriminator_loss(logits(value), logits(value), "vanilla"))
    assert loss == pytest.approx(100.0)


def test_l1_is_the_mean_absolute_difference():
    generated = tf.reshape(tf.constant([1.0, -1.0, 0.5, 0.0]), (1, 2, 2, 1))
    target = tf.reshape(tf.constant([-1.0, -1.0, 0.0, 0.25]), (1, 2, 2, 1))
    assert float(l1_loss(generated, target)) == pytest.approx((2 + 0 + 0.5 + 0.25) / 4)
    assert float(l1_loss(target, target)) == 0


def test_weights_multiply_the_differences_of_their_pixels():
    generated, target = tf.constant([[[[1.0, 0.5], [0.0, 0.0]]]]), tf.zeros((1, 1, 2, 2))
    weights = tf.constant([[[3.0, 0.5]]])
    assert float(l1_loss(generated, target, weights)) == pytest.approx(3 * 1.5 / 4)
    assert float(l1_loss(generated, target, tf.ones((1, 1, 2)))) == float(
        l1_loss(generated, target)
    )


def test_a_pixel_has_the_weight_of_the_nearest_color():
    colors = tf.constant([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [1.0, -1.0, -1.0]])
    target = tf.constant([[[[-0.9, -0.8, -1.0], [0.7, 1.0, 0.2], [0.4, -0.6, -0.3]]]])
    weights = pixel_weights(target, colors, tf.constant([1.0, 2.0, 5.0]))
    assert weights.numpy().tolist() == [[[1.0, 2.0, 5.0]]]


def test_the_feature_loss_is_the_mean_over_layers_and_moves_only_the_generated_ones():
    generated = [tf.Variable([1.0, 3.0]), tf.Variable([[5.0]])]
    real = [tf.Variable([0.0, 0.0]), tf.Variable([[1.0]])]
    with tf.GradientTape() as tape:
        loss = feature_loss(generated, real)
    assert float(loss) == pytest.approx((2.0 + 4.0) / 2)
    gradients = tape.gradient(loss, generated + real)
    assert [None if g is None else g.numpy().tolist() for g in gradients] == [
        [0.25, 0.25], [[0.5]], None, None,
    ]  # fmt: skip


def test_losses_are_float32_scalars():
    for kind in KINDS:
        for loss in (
            discriminator_loss(logits(1), logits(2), kind),
            generator_gan_loss(logits(1), kind),
            feature_loss([tf.cast(logits(1), tf.float16)], [tf.cast(logits(2), tf.float16)]),
        ):
            assert loss.shape == () and loss.dtype == tf.float32
