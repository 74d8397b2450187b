"""Loss functions (arXiv 1611.07004, section 3.1): pure, each returns a float32 scalar.

Logits are (B, h, w, 1) float32, one a patch; pictures are (B, H, W, 3) float32 in [-1, 1].
"""

import tensorflow as tf


def _cross_entropy(logits: tf.Tensor, real: bool) -> tf.Tensor:
    # softplus(-x) = -log sigmoid(x), and softplus(x) = -log(1 - sigmoid(x)).
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def _squared(logits: tf.Tensor, real: bool) -> tf.Tensor:
    return tf.reduce_mean(tf.square(logits - (1.0 if real else 0.0)))


def _hinge(logits: tf.Tensor, real: bool) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.relu(1.0 - logits if real else 1.0 + logits))


_CRITERIA = {"vanilla": _cross_entropy, "lsgan": _squared, "hinge": _hinge}


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor, kind: str) -> tf.Tensor:
    """Mean of the loss on real and on generated pairs: halved, as in section 3.3."""
    criterion = _CRITERIA[kind]
    return 0.5 * (criterion(real_logits, True) + criterion(fake_logits, False))


def generator_gan_loss(fake_logits: tf.Tensor, kind: str) -> tf.Tensor:
    """How far the discriminator is from taking generated pairs for real ones (section 3.3)."""
    if kind == "hinge":
        return -tf.reduce_mean(fake_logits)
    return _CRITERIA[kind](fake_logits, True)


def l1_loss(generated: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference, in units of [-1, 1]."""
    return tf.reduce_mean(tf.abs(generated - target))
