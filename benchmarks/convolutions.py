"""When is a product quicker than TensorFlow's convolution? `python -m benchmarks.convolutions`

Each layer of the generator and the discriminator at batch 1, its filter's gradient and its image's
gradient (a transposed convolution, forward), by TensorFlow's kernel and by a product over patches,
in turns. The limits in pix2pix/training/convolutions.py are chosen by this table.
"""

import argparse
from functools import partial

import numpy as np

from benchmarks.measure import in_turns, outputs
from pix2pix.runtime import prepare_tensorflow


def convolutions(side: int, filters: int) -> dict[str, tuple]:
    """By layer: shapes of image, errors and kernel, stride, padding."""
    import keras

    from pix2pix.config import Config
    from pix2pix.networks import build_discriminator, build_generator

    config = Config(image_size=side, generator_filters=filters, discriminator_filters=filters)
    found = {}
    for network in (build_generator(config), build_discriminator(config)):
        shapes = {id(layer.output): output.shape for layer, output in outputs(network, side)}
        for layer, output in outputs(network, side):
            if hasattr(layer, "kernel"):
                given = shapes.get(id(layer.input), (1, side, side, layer.kernel.shape[2]))
                ends = [given, output.shape]
                if isinstance(layer, keras.layers.Conv2DTranspose):
                    ends.reverse()
                found[layer.name] = *ends, layer.kernel.shape, layer.strides[0], layer.padding
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image_size", type=int, default=256)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    prepare_tensorflow()
    import tensorflow as tf

    from pix2pix.training import convolutions as ours

    random = np.random.default_rng(0)
    print("ms, by TensorFlow's kernel / as a product\n")
    print(
        "| layer | weights a position | filter's gradient | image's gradient |\n|---|---|---|---|"
    )
    for name, (*shapes, stride, padding) in convolutions(
        arguments.image_size, arguments.filters
    ).items():
        image, errors, kernel = (
            tf.constant(random.standard_normal(shape, np.float32)) for shape in shapes
        )
        calls = {}
        for way, ratio in (("kernel", 10**12), ("product", 0)):
            ours.FILTER_RATIO = ours.IMAGE_RATIO = ratio
            for gradient, given in (
                (ours.filter_gradient, (image, errors, kernel.shape)),
                (ours.image_gradient, (errors, kernel, image.shape)),
            ):
                call = tf.function(partial(gradient, *given, stride, padding.upper()))
                call()
                calls[f"{gradient.__name__} {way}"] = call
        ms = [1e3 * s for s in in_turns(calls, arguments.rounds).values()]
        ratio = kernel.shape.num_elements() / errors.shape[:3].num_elements()
        print(f"| {name} | {ratio:,.0f} | {ms[0]:.1f} / {ms[2]:.1f} | {ms[1]:.1f} / {ms[3]:.1f} |")


if __name__ == "__main__":
    main()
