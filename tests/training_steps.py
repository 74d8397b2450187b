"""A few training steps that tests compare across configurations and processes."""

import tensorflow as tf

from tests.builders import make_pair_array, tiny_config

STEPS = 4
PLAIN = tiny_config(train_batch_size=2, dropout=0.0, ema_decay=0.9)


def batches() -> tuple[tf.Tensor, tf.Tensor]:
    """Returns inputs and targets, each (STEPS, 2, 64, 64, 3) uint8."""
    pairs = make_pair_array(2 * STEPS).reshape(STEPS, 2, 2, 64, 64, 3)
    return tf.constant(pairs[:, :, 0]), tf.constant(pairs[:, :, 1])
