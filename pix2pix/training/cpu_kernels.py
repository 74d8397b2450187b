"""Faster CPU kernels for stock Keras layers and optimizers, used on machines without a GPU.

`use_cpu_kernels` is the only entry point; the environment variable `PIX2PIX_CPU_KERNELS=off` turns
the module off. Only the computation changes: layers, weights, optimizer variables, checkpoints and
saved files stay those of stock Keras, and results agree up to float32 rounding.

- Adam (Kingma and Ba, 2014, arXiv 1412.6980) runs as one operation per variable. Keras's own Adam
  reads and writes weights and moments a dozen times, which takes a fifth of a small step on a CPU.
- Convolutions of small, wide layers run as matrix products over patches (im2col). In these layers,
  TensorFlow's kernels for filter gradients and transposed convolutions reach a tenth of the CPU's
  rate for matrix products; the products over patches reach most of it
  (`python -m benchmarks.convolutions`).
- A `ResizeConvolution` multiplies by its 3x3 kernel, 9 products where the transposed convolution it
  equals has 16. Computing the 4x4 kernel in each step took longer than the convolution itself.
"""

import os
from collections.abc import Iterable
from functools import partial

import keras
import tensorflow as tf

from pix2pix.networks import ResizeConvolution

SWITCH = "PIX2PIX_CPU_KERNELS"
# Kernel weights per output position above which a matrix product is faster.
FILTER_RATIO, IMAGE_RATIO = 2**11, 2**16


def use_cpu_kernels(
    networks: Iterable[keras.Model],
    optimizers: Iterable[keras.optimizers.Optimizer],
    has_plain_convolutions: bool,
) -> None:
    """Makes Adam optimizers and networks compute with this module's kernels.

    Args:
        networks: networks of stock Keras layers.
        optimizers: `keras.optimizers.Adam`, or a `LossScaleOptimizer` around one.
        has_plain_convolutions: whether the networks compute in float32 without XLA; their
            convolutions are replaced only then.
    """
    if os.environ.get(SWITCH) == "off":
        return
    for optimizer in optimizers:
        use_fused_adam(getattr(optimizer, "inner_optimizer", optimizer))
    if has_plain_convolutions:
        for network in networks:
            use_matrix_products(network)


def use_fused_adam(optimizer: keras.optimizers.Adam) -> None:
    """Makes `optimizer` update each variable with one operation."""
    optimizer.update_step = partial(_update_step, optimizer)


def _update_step(adam: keras.optimizers.Adam, gradient, variable, learning_rate) -> None:
    index = adam._get_variable_index(variable)
    step = tf.cast(adam.iterations.value + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=adam._momentums[index].value.handle,
        v=adam._velocities[index].value.handle,
        beta1_power=adam.beta_1**step,
        beta2_power=adam.beta_2**step,
        lr=tf.cast(learning_rate, variable.dtype),
        beta1=adam.beta_1,
        beta2=adam.beta_2,
        epsilon=adam.epsilon,
        grad=gradient,
    )


def use_matrix_products(network: keras.Model) -> None:
    """Makes the convolutions of `network` compute with the functions of this module."""
    for layer in network.layers:
        if isinstance(layer, ResizeConvolution):
            layer.call = partial(call_resize, layer)
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            layer.call = partial(call_transposed, layer)
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


def call_transposed(layer: keras.layers.Conv2DTranspose, errors: tf.Tensor) -> tf.Tensor:
    """Computes a transposed convolution: the gradient of a convolution for its image."""
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

    return _add_bias(layer, transposed(errors, tf.convert_to_tensor(layer.kernel)))


def call_resize(layer: ResizeConvolution, image: tf.Tensor) -> tf.Tensor:
    """Computes a resize convolution with its 3x3 kernel."""
    return _add_bias(layer, resize_convolution(image, tf.convert_to_tensor(layer.trained_kernel)))


def _add_bias(layer: keras.layers.Conv2DTranspose, outputs: tf.Tensor) -> tf.Tensor:
    return tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias)) if layer.use_bias else outputs


def resize_convolution(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Doubles the size of `image` by nearest neighbor and convolves it with a 3x3 kernel.

    Args:
        image: (B, H, W, C).
        kernel: (3, 3, filters, C).

    Returns:
        (B, 2H, 2W, filters).
    """
    batch, height, width, channels = _shape(image)
    filters = kernel.shape[2]
    taps = tf.matmul(
        tf.reshape(image, (-1, channels)), tf.reshape(kernel, (-1, channels)), transpose_b=True
    )
    taps = tf.reshape(taps, (batch, height, width, 3, 3, filters))
    rows = _double(tf.unstack(taps, axis=3), axis=1)  # (B, H, 2, W, 3, filters)
    columns = _double(tf.unstack(rows, axis=4), axis=3)  # (B, H, 2, W, 2, filters)
    return tf.reshape(columns, (batch, 2 * height, 2 * width, filters))


def _double(taps: list[tf.Tensor], axis: int) -> tf.Tensor:
    """Sums the three taps of a kernel at the two pixels that each pixel becomes along `axis`.

    The pixels 2n and 2n + 1 of the enlarged picture both are pixel n. The neighbor before 2n is
    pixel n - 1, and the one after 2n + 1 is pixel n + 1; the others are pixel n.
    """
    before, center, after = taps
    size = _shape(before)[axis]
    most, last = tf.split(before, [size - 1, 1], axis)
    from_before = tf.concat([tf.zeros_like(last), most], axis)
    first, most = tf.split(after, [1, size - 1], axis)
    from_after = tf.concat([most, tf.zeros_like(first)], axis)
    return tf.stack([from_before + center + after, before + center + from_after], axis + 1)


def filter_gradient(image, errors, shape, strides: int, padding: str) -> tf.Tensor:
    """Returns the gradient of a convolution with respect to its kernel.

    Args:
        image: the convolution's input, (B, H, W, C).
        errors: the gradient of its output, (B, h, w, K).
        shape: the kernel's, (k, k, C, K), which is also the result's.
        strides: of the convolution, the same in both directions.
        padding: "SAME" or "VALID".
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
    """Returns the gradient of a convolution with respect to its input image.

    Args:
        errors: the gradient of the convolution's output, (B, h, w, K).
        kernel: the convolution's kernel, (k, k, C, K).
        shape: the image's, (B, H, W, C), which is also the result's.
        strides: of the convolution, the same in both directions.
        padding: "SAME" or "VALID".
    """
    halves_size = (strides, padding, kernel.shape[0]) == (2, "SAME", 4)
    if not (halves_size and _is_wide(kernel.shape, errors, IMAGE_RATIO)):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=kernel, out_backprop=errors, strides=[1, strides, strides, 1],
            padding=padding,
        )  # fmt: skip
    batch, height, width, filters = errors.shape
    channels = kernel.shape[2]
    weights = tf.reshape(kernel, (-1, filters))
    patches = tf.matmul(tf.reshape(errors, (-1, filters)), weights, transpose_b=True)
    # A 4x4 patch has four blocks of 2x2 pixels. Blocks from the same corner of all patches do not
    # overlap, so they form one image, which is shifted by the corner's offset. The sum of the four
    # images is the gradient.
    patches = tf.reshape(patches, (batch, height, width, 2, 2, 2, 2, channels))
    total = tf.constant(0.0, errors.dtype)
    for row in range(2):
        for column in range(2):
            blocks = tf.transpose(patches[:, :, :, row, :, column], (0, 1, 3, 2, 4, 5))
            blocks = tf.reshape(blocks, (batch, 2 * height, 2 * width, channels))
            offset = [[2 * row, 2 - 2 * row], [2 * column, 2 - 2 * column]]
            total += tf.pad(blocks, [[0, 0], *offset, [0, 0]])
    return total[:, 1:-1, 1:-1]


def _shape(tensor: tf.Tensor) -> tuple[int | tf.Tensor, ...]:
    return tuple(tensor.shape) if tensor.shape.is_fully_defined() else tf.unstack(tf.shape(tensor))


def _is_wide(kernel_shape: tf.TensorShape, errors: tf.Tensor, ratio: int) -> bool:
    """Returns whether a kernel has more than `ratio` weights per output position."""
    positions = errors.shape[:3].num_elements()
    return positions is not None and kernel_shape.num_elements() > ratio * positions
