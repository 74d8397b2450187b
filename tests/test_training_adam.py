"""The fused Adam is Keras's: same variables, same updates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix.training.adam import FusedAdam
from pix2pix.training.schedule import LinearDecay

STEPS = 5
SHAPES = [(4, 4, 3, 8), (8,), ()]


def updated(adam: type, rate) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and the optimizer's variables after a few steps on the same drawn gradients."""
    random = np.random.default_rng(0)
    weights = [keras.Variable(random.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer = adam(rate, beta_1=0.5, epsilon=1e-8)
    optimizer.build(weights)

    step = tf.function(lambda gradients: optimizer.apply(gradients, weights))
    for _ in range(STEPS):
        # From tiny to large, as a network's are.
        scales = 10.0 ** random.uniform(-6, 2, len(SHAPES))
        drawn = zip(SHAPES, scales, strict=True)
        step([tf.constant(random.normal(size=s) * scale, tf.float32) for s, scale in drawn])
    return [np.array(w) for w in weights], [np.array(v) for v in optimizer.variables]


@pytest.mark.parametrize("rate", [2e-4, LinearDecay(2e-4, STEPS)], ids=["constant", "linear"])
def test_it_moves_weights_and_moments_as_keras_does(rate):
    (mine, my_state), (theirs, their_state) = (
        updated(adam, rate) for adam in (FusedAdam, keras.optimizers.Adam)
    )
    assert len(my_state) == len(their_state)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    for a, b in zip(my_state, their_state, strict=True):
        # The operation takes 1 - beta2 in float32, which is off by 1.3e-5.
        np.testing.assert_allclose(a, b, rtol=3e-5, atol=1e-8)


def test_its_first_step_is_as_long_as_the_rate():
    """Algorithm 1: with both corrections, the first step is the rate times the gradient's sign."""
    weight = keras.Variable(np.zeros(3), dtype="float32")
    optimizer = FusedAdam(1e-3, beta_1=0.5, epsilon=1e-8)
    optimizer.apply([tf.constant([5.0, -0.1, 0.0])], [weight])
    np.testing.assert_allclose(weight, [-1e-3, 1e-3, 0.0], rtol=1e-4)
