"""Checks that the memory of this machine suffices for a run, before anything is cached."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.memory import available_memory
from pix2pix.options import Options

if TYPE_CHECKING:
    import keras

    from pix2pix import data

FLOAT_BYTES = 4
# A step holds weights, gradients and Adam's two moments.
STEP_COPIES = 4
# Activations are kept for the backward pass, and each has a gradient of its own size. The
# discriminator runs three times per step: on real pairs, and on generated ones for D and for G.
BACKWARD, DISCRIMINATOR_PASSES = 2, 3
# The paper's networks at 256x256 need 1.75 GB in a step. The estimate takes 3 s on two cores, so it
# is left out for steps of at most this size where there is enough memory.
SMALL_STEP_BYTES = 3_000_000_000
FLOAT_BYTES = 4
STEP_COPIES = 4  # weights, gradients and Adam's two moments
# Activations are kept for the backward pass, and each has a gradient of its own size. The
# discriminator runs three times per step: on real pairs, and on generated ones for D and for G.
BACKWARD, DISCRIMINATOR_PASSES = 2, 3


def check_memory(config: Config, options: Options, plan: "data.SplitPlan", has_gpu: bool) -> None:
    """Raises `UserError` when the run needs more memory than this machine has available.

    The pairs of --cache memory are counted exactly. A step on the CPU is an estimate.
    """
    available = available_memory()
    if available is None:
        return
    pairs = pair_bytes(config, plan) if options.cache == "memory" else 0
    if pairs > available:
        raise UserError(
            f"--cache memory needs {_gigabytes(pairs)} for {len(plan.train)} training pairs and "
            f"{len(plan.held_out)} held-out pairs, and {_gigabytes(available)} are available; use "
            "--cache disk, or fewer or smaller pairs (--max_train_samples, --load_size)."
        )
    if has_gpu or (_is_small(config) and available - pairs > SMALL_STEP_BYTES):
        return
    step = step_bytes(config)
    if pairs + step > available:
        raise UserError(
            f"A training step needs about {_gigabytes(step)} of memory and "
            f"{_gigabytes(available - pairs)} are available; use a smaller --train_batch_size, "
            "--image_size, --generator_filters or --discriminator_filters."
        )


def _is_small(config: Config) -> bool:
    filters = max(config.generator_filters, config.discriminator_filters)
    return config.train_batch_size * config.image_size**2 <= 256**2 and filters <= 64


def pair_bytes(config: Config, plan: "data.SplitPlan") -> int:
    """Returns the bytes of all cached pairs of the run; at native scale, the least possible."""
    from pix2pix.data.cache import row_bytes

    training = len(plan.train) * row_bytes(config.load_size or config.image_size)
    others = [rows for rows in (plan.selection, plan.held_out) if rows]
    return training + sum(map(len, others)) * row_bytes(config.image_size)


def step_bytes(config: Config) -> int:
    """Estimates the memory of a training step on the CPU, without building its networks.

    Networks with many filters would not fit into memory themselves. The estimate is a polynomial of
    degree 2 in the number of filters: the weights grow with its square, the activations linearly.
    So the estimates for 1, 2 and 3 filters determine it.
    """
    from pix2pix.networks import build_discriminator, build_generator

    def estimate(generator_filters: int, discriminator_filters: int) -> int:
        small = replace(
            config,
            generator_filters=generator_filters,
            discriminator_filters=discriminator_filters,
        )
        return memory_bytes(build_generator(small), build_discriminator(small), small)

    generators = [estimate(filters, 1) for filters in (1, 2, 3)]
    discriminators = [generators[0], *(estimate(1, filters) for filters in (2, 3))]
    generator = _extrapolate(generators, config.generator_filters)
    return generator + _extrapolate(discriminators, config.discriminator_filters) - generators[0]


def memory_bytes(generator: "keras.Model", discriminator: "keras.Model", config: Config) -> int:
    """Estimates the memory of a step: parameters, gradients, Adam's moments and activations."""
    parameters = STEP_COPIES * (generator.count_params() + discriminator.count_params())
    if config.ema_decay is not None:
        parameters += generator.count_params()
    activations = _count_activations(generator, config)
    activations += DISCRIMINATOR_PASSES * _count_activations(discriminator, config)
    return FLOAT_BYTES * (parameters + BACKWARD * activations * config.train_batch_size)


def _count_activations(model: "keras.Model", config: Config) -> int:
    """Returns the number of values in the outputs of all layers for one pair."""
    import keras

    side = config.image_size
    inputs = [(1, side, side, tensor.shape[-1]) for tensor in model.inputs]
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])
    shapes = outputs.compute_output_shape(inputs if len(inputs) > 1 else inputs[0])
    return sum(math.prod(shape) for shape in shapes)


def _extrapolate(values: list[int], position: int) -> int:
    """Returns the value at `position` of the polynomial through `values` at 1, 2 and 3."""
    first, second, third = values
    steps = position - 1
    curvature = third - 2 * second + first
    return first + steps * (second - first) + steps * (steps - 1) // 2 * curvature


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
