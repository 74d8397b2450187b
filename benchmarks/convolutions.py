"""When is a matrix product faster than a convolution? Run `python -m benchmarks.convolutions`.

Computes two gradients for each layer of both networks at batch 1, with TensorFlow's kernels and
with matrix products over patches, in turns: the gradient of the filter and that of the image, which
is also the forward pass of a transposed convolution. FILTER_RATIO and IMAGE_RATIO in
pix2pix/training/cpu_kernels.py are chosen from this table.

A second table has the forward pass and both gradients of each resize convolution: as the transposed
convolution with the 4x4 kernel that it equals, and with its own 3x3 kernel.
"""

import argparse
from functools import partial

import numpy as np

from benchmarks.measure import in_turns, outputs
from pix2pix.runtime import prepare_tensorflow


def list_convolutions(side: int, filters: int) -> dict[str, tuple]:
    """Returns the shapes of image, output gradient and kernel, stride and padding of each layer."""
    import keras

    from pix2pix.config import Config
    from pix2pix.networks import build_discriminator, build_generator

    config = Config(image_size=side, generator_filters=filters, discriminator_filters=filters)
    layers = {}
    for network in (build_generator(config), build_discriminator(config)):
        shapes = {id(layer.output): output.shape for layer, output in outputs(network, side)}
        for layer, output in outputs(network, side):
            if hasattr(layer, "kernel"):
                input_shape = shapes.get(id(layer.input), (1, side, side, layer.kernel.shape[2]))
                ends = [input_shape, output.shape]
                if isinstance(layer, keras.layers.Conv2DTranspose):
                    ends.reverse()
                layers[layer.name] = *ends, layer.kernel.shape, layer.strides[0], layer.padding
    return layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image_size", type=int, default=256)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    prepare_tensorflow()
    print_gradients(arguments)
    print_resize_convolutions(arguments)


def print_gradients(arguments: argparse.Namespace) -> None:
    """Prints the time of both gradients of each convolution, computed in two ways."""
    import tensorflow as tf

    from pix2pix.training import cpu_kernels

    random = np.random.default_rng(0)
    thresholds = cpu_kernels.FILTER_RATIO, cpu_kernels.IMAGE_RATIO
    print("Milliseconds: TensorFlow's kernel / matrix product\n")
    print("| layer | weights per position | filter gradient | image gradient |\n|---|---|---|---|")
    for name, (*shapes, stride, padding) in list_convolutions(
        arguments.image_size, arguments.filters
    ).items():
        image, errors, kernel = (
            tf.constant(random.standard_normal(shape, np.float32)) for shape in shapes
        )
        calls = {}
        for method, ratio in (("kernel", 10**12), ("product", 0)):
            cpu_kernels.FILTER_RATIO = cpu_kernels.IMAGE_RATIO = ratio
            for gradient, operands in (
                (cpu_kernels.filter_gradient, (image, errors, kernel.shape)),
                (cpu_kernels.image_gradient, (errors, kernel, image.shape)),
            ):
                call = tf.function(partial(gradient, *operands, stride, padding.upper()))
                call()
                calls[f"{gradient.__name__} {method}"] = call
        ms = [1e3 * s for s in in_turns(calls, arguments.rounds).values()]
        ratio = kernel.shape.num_elements() / errors.shape[:3].num_elements()
        print(f"| {name} | {ratio:,.0f} | {ms[0]:.1f} / {ms[2]:.1f} | {ms[1]:.1f} / {ms[3]:.1f} |")
    cpu_kernels.FILTER_RATIO, cpu_kernels.IMAGE_RATIO = thresholds


def print_resize_convolutions(arguments: argparse.Namespace) -> None:
    """Prints the time of each resize convolution with its gradients, computed in two ways."""
    import tensorflow as tf

    from pix2pix.config import Config
    from pix2pix.networks import ResizeConvolution, build_generator
    from pix2pix.training import cpu_kernels

    side = arguments.image_size
    config = Config(image_size=side, generator_filters=arguments.filters, upsampling="nearest")
    random = np.random.default_rng(0)
    print("\nMilliseconds of a resize convolution with its gradients: 4x4 kernel / 3x3 kernel\n")
    print("| layer | time |\n|---|---|")
    for layer, output in outputs(build_generator(config), side):
        if not isinstance(layer, ResizeConvolution):
            continue
        channels = layer.trained_kernel.shape[-1]
        shape = (1, output.shape[1] // 2, output.shape[2] // 2, channels)
        image = tf.constant(random.standard_normal(shape, np.float32))

        def compute(call, image=image, kernel=layer.trained_kernel.value):
            with tf.GradientTape() as tape:
                tape.watch(image)
                total = tf.reduce_sum(call(image) ** 2)
            return tape.gradient(total, [image, kernel])

        calls = {
            name: tf.function(partial(compute, partial(call, layer)))
            for name, call in (
                ("4x4", cpu_kernels.call_transposed),
                ("3x3", cpu_kernels.call_resize),
            )
        }
        ms = [1e3 * s for s in in_turns(calls, arguments.rounds).values()]
        print(f"| {layer.name} | {ms[0]:.1f} / {ms[1]:.1f} |")


if __name__ == "__main__":
    main()
