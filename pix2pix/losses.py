"""Loss functions (arXiv 1611.07004, section 3.1); each returns a float32 scalar.

Logits are (B, h, w, 1) float32, one per patch; pictures are (B, H, W, 3) float32 in [-1, 1].
"""

import tensorflow as tf

# A color can count at most this much more than the most common one.
MAX_COLOR_RATIO = 10.0


def _cross_entropy(logits: tf.Tensor, real: bool) -> tf.Tensor:
    # softplus(-x) = -log sigmoid(x), and softplus(x) = -log(1 - sigmoid(x)).
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def _squared(logits: tf.Tensor, real: bool) -> tf.Tensor:
    return tf.reduce_mean(tf.square(logits - (1.0 if real else 0.0)))


def _hinge(logits: tf.Tensor, real: bool) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.relu(1.0 - logits if real else 1.0 + logits))


_CRITERIA = {"vanilla": _cross_entropy, "lsgan": _squared, "hinge": _hinge}


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor, kind: str) -> tf.Tensor:
    """Returns the discriminator's loss: the mean of those on real and on generated pairs.

    The mean, rather than the sum, is the paper's "divide the objective by 2" (section 3.3).
    """
    criterion = _CRITERIA[kind]
    return 0.5 * (criterion(real_logits, True) + criterion(fake_logits, False))


def generator_gan_loss(fake_logits: tf.Tensor, kind: str) -> tf.Tensor:
    """Returns the generator's adversarial loss, with the generated pairs labeled as real.

    This maximizes log D(x, G(x)) instead of minimizing log(1 - D(x, G(x))) (section 3.3).
    """
    if kind == "hinge":
        return -tf.reduce_mean(fake_logits)
    return _CRITERIA[kind](fake_logits, True)


def l1_loss(generated: tf.Tensor, target: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the mean absolute difference, in units of [-1, 1].

    `weights`, (B, H, W), multiply the differences of the pixels.
    """
    difference = tf.abs(generated - target)
    return tf.reduce_mean(difference if weights is None else difference * weights[..., None])


def color_weights(shares: tf.Tensor, balance: tf.Tensor | float) -> tf.Tensor:
    """Returns the weights of target colors in the L1 loss, (C,); their mean over all pixels is 1.

    A color with the share s of the pixels counts (largest share / s) ** balance times as much as
    the most common one, as class rebalancing does in Zhang et al. 2016 (arXiv 1603.08511, section
    2.2). `shares` are (C,), and their sum is 1.
    """
    ratios = tf.minimum((tf.reduce_max(shares) / shares) ** balance, MAX_COLOR_RATIO)
    return ratios / tf.reduce_sum(shares * ratios)


def pixel_weights(target: tf.Tensor, colors: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the weight of each pixel, (B, H, W): that of the nearest color (Euclidean).

    `colors` are (C, channels) in [-1, 1], `weights` (C,).
    """
    # |t - c|^2 = |t|^2 - 2 t c + |c|^2, and |t|^2 is the same for all colors.
    products = tf.tensordot(target, colors, axes=[[-1], [-1]])
    distances = tf.reduce_sum(colors**2, axis=-1) - 2.0 * products
    return tf.gather(weights, tf.argmin(distances, axis=-1))


def feature_loss(generated: list[tf.Tensor], real: list[tf.Tensor]) -> tf.Tensor:
    """Returns the L1 distance of the discriminator's activations, averaged over its layers.

    Activations of the generated picture are drawn to those of the real one: the feature matching
    loss of pix2pixHD (Wang et al. 2018, arXiv 1711.11585, section 3.3).
    """
    # In float32, because with mixed precision the activations are of half precision.
    generated, real = ([tf.cast(x, tf.float32) for x in layers] for layers in (generated, real))
    distances = [l1_loss(a, tf.stop_gradient(b)) for a, b in zip(generated, real, strict=True)]
    return tf.add_n(distances) / len(distances)
