"""Convolutions whose slow parts on a processor are matrix products instead; the numbers are equal.

Where a U-Net is small and wide, TensorFlow's kernels for a filter's gradient and for transposed
convolutions reach a tenth of the processor's rate, and a product over patches (im2col) most of it:
`python -m benchmarks.convolutions`. Only how layers compute changes: weights, configuration and
files stay those of stock Keras layers.
"""

from functools import partial

import keras
import tensorflow as tf

# Weights of the kernel for each position it is applied at, from which on a product is quicker.
FILTER_RATIO, IMAGE_RATIO = 2**11, 2**16


def use_products(network: keras.Model) -> None:
    """Makes the convolutions of `network` compute as this module says: float32 on a processor."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            layer.call = partial(_call_transposed, layer)
        elif isinstance(layer, keras.layers.Conv2D):
            layer.convolution_op = partial(_convolve, layer)


def _convolve(layer: keras.layers.Conv2D, image, kernel) -> tf.Tensor:
    strides, padding = layer.strides[0], layer.padding.upper()

    @tf.custom_gradient
    def convolution(image: tf.Tensor, kernel: tf.Tensor):
        def backward(errors: tf.Tensor):
            return (
                image_gradient(errors, kernel, _shape(image), strides, padding),
                filter_gradient(image, errors, kernel.shape, strides, padding),
            )

        return tf.nn.conv2d(image, kernel, strides, padding), backward

    return convolution(image, tf.convert_to_tensor(kernel))


def _call_transposed(layer: keras.layers.Conv2DTranspose, errors: tf.Tensor) -> tf.Tensor:
    """A transposed convolution is the gradient of a convolution with respect to its image."""
    strides, padding = layer.strides[0], layer.padding.upper()
    batch, height, width, _ = _shape(errors)
    shape = (batch, height * strides, width * strides, layer.filters)

    @tf.custom_gradient
    def transposed(errors: tf.Tensor, kernel: tf.Tensor):
        def backward(image: tf.Tensor):
            return (
                tf.nn.conv2d(image, kernel, strides, padding),
                filter_gradient(image, errors, kernel.shape, strides, padding),
            )

        return image_gradient(errors, kernel, shape, strides, padding), backward

    outputs = transposed(errors, tf.convert_to_tensor(layer.kernel))
    return tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias)) if layer.use_bias else outputs


def filter_gradient(image, errors, shape, strides: int, padding: str) -> tf.Tensor:
    """Gradient of a convolution with respect to its kernel of `shape` (k, k, C, K).

    `image` is the convolution's (B, H, W, C) input, `errors` (B, h, w, K) the gradient of its
    output.
    """
    steps = [1, strides, strides, 1]
    if not _is_wide(shape, errors, FILTER_RATIO):
        return tf.raw_ops.Conv2DBackpropFilter(
            input=image, filter_sizes=shape, out_backprop=errors, strides=steps, padding=padding
        )
    size, _, channels, filters = shape
    patches = tf.image.extract_patches(image, [1, size, size, 1], steps, [1] * 4, padding)
    patches = tf.reshape(patches, (-1, size * size * channels))
    product = tf.matmul(patches, tf.reshape(errors, (-1, filters)), transpose_a=True)
    return tf.reshape(product, shape)


def image_gradient(errors, kernel, shape, strides: int, padding: str) -> tf.Tensor:
    """Gradient of a convolution with respect to its (B, H, W, C) input of `shape`.

    `errors` is the gradient of its output, (B, h, w, K), `kernel` (k, k, C, K).
    """
    halves = (strides, padding, kernel.shape[0]) == (2, "SAME", 4)
    if not (halves and _is_wide(kernel.shape, errors, IMAGE_RATIO)):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=kernel, out_backprop=errors, strides=[1, strides, strides, 1],
            padding=padding,
        )  # fmt: skip
    batch, height, width, filters = errors.shape
    channels = kernel.shape[2]
    weights = tf.reshape(kernel, (-1, filters))
    patches = tf.matmul(tf.reshape(errors, (-1, filters)), weights, transpose_b=True)
    # A patch of 4 x 4 pixels is 2 x 2 blocks of 2 x 2: each block lies on the grid of its own.
    patches = tf.reshape(patches, (batch, height, width, 2, 2, 2, 2, channels))
    total = tf.constant(0.0, errors.dtype)
    for down in range(2):
        for right in range(2):
            blocks = tf.transpose(patches[:, :, :, down, :, right], (0, 1, 3, 2, 4, 5))
            blocks = tf.reshape(blocks, (batch, 2 * height, 2 * width, channels))
            around = [[2 * down, 2 - 2 * down], [2 * right, 2 - 2 * right]]
            total += tf.pad(blocks, [[0, 0], *around, [0, 0]])
    return total[:, 1:-1, 1:-1]


def _shape(tensor: tf.Tensor) -> tuple[int | tf.Tensor, ...]:
    return tuple(tensor.shape) if tensor.shape.is_fully_defined() else tf.unstack(tf.shape(tensor))


def _is_wide(kernel: tf.TensorShape, errors: tf.Tensor, ratio: int) -> bool:
    """Whether a kernel of that shape has over `ratio` weights for each of its positions."""
    positions = errors.shape[:3].num_elements()
    return positions is not None and kernel.num_elements() > ratio * positions
