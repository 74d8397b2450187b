"""Checks everything that a training run needs and prints the plan, without training or publishing.

    pix2pix dry-run --dataset_name huggan/maps --push_to_hub --hub_model_id <user>/pix2pix-maps

It takes the flags of `pix2pix train`, where `--dry_run` does the same.
"""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix import console, preflight
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.flags import parse
from pix2pix.options import Options
from pix2pix.runtime import prepare_tensorflow

if TYPE_CHECKING:
    import keras
    from PIL import Image

    from pix2pix import data

# TensorFlow and datasets are imported where they are needed, so that --help is fast.
prepare_tensorflow()

PREVIEW_PAIRS = 4
FLOAT_BYTES = 4
# A step holds weights, gradients and Adam's two moments; a checkpoint all but the gradients.
STEP_COPIES, CHECKPOINT_COPIES = 4, 3
# Activations are kept for the backward pass, and each has a gradient of its own size. The
# discriminator runs three times per step: on real pairs, and on generated ones for D and for G.
BACKWARD, DISCRIMINATOR_PASSES = 2, 3


def main(arguments: list[str] | None = None, program: str = "pix2pix dry-run") -> int:
    """Runs the command line and returns the exit code."""
    from pix2pix.commands import job

    config, options = parse(__doc__ or "", arguments, program)
    options = replace(options, dry_run=True)
    command = job.run if options.hf_job else run
    return console.run_command(program, lambda: command(config, options))


def run(config: Config, options: Options) -> None:
    """Prints the plan and writes <output_dir>/batch_preview.png.

    Raises `UserError` for the first reason why the training would fail.
    """
    preflight.prepare_hub()
    preflight.check_run(options)
    from pix2pix import data
    from pix2pix.commands import resume
    from pix2pix.files import write_image

    config = resume.pin_dataset(config, resume.find_checkpoint(config, options, keep=False))
    targets = check_targets(options)
    cache_dir = options.cache_dir or data.default_cache_dir()
    source = data.open_source(config, cache_dir)
    plan = source.plan(config)
    preview = options.output_dir / "batch_preview.png"
    write_image(preview, preview_grid(source, plan, config))
    lines = {
        "dataset": f"{source.name}, columns {' and '.join(source.columns)}",
        "revision": config.dataset_revision or "local files",
        "training pairs": f"{len(plan.train)}: {_describe_rows(plan.train)}",
        "held-out pairs": f"{len(plan.held_out)}: {_describe_rows(plan.held_out)}",
    }
    lines |= check_work(config, options, plan, cache_dir) | targets | {"preview": str(preview)}
    for name, value in lines.items():
        print(f"{name:>15}: {value}")
    print("Dry run: everything is in place; nothing was trained or published.")


def check_targets(options: Options) -> dict[str, str]:
    """Checks, without changing anything, that the run may publish, and returns the destination."""
    from pix2pix import hub
    from pix2pix.hub import spaces

    target = "nowhere, because --push_to_hub is not set"
    if options.push_to_hub:
        target = hub.check_can_publish(options.model_id, options.hub_tag, options.hub_create_pr)
    space = spaces.check_can_deploy(options.space_id) if options.space_id else "none"
    return {"publishes to": target, "Space": space}


def check_work(
    config: Config, options: Options, plan: "data.SplitPlan", cache_dir: Path
) -> dict[str, str]:
    """Returns the steps, parameters, memory and disk space of the run, as lines of the plan.

    Raises `UserError` when the disk is too small.
    """
    from pix2pix.networks import build_discriminator, build_generator

    generator, discriminator = build_generator(config), build_discriminator(config)
    parameters = generator.count_params(), discriminator.count_params()
    steps = config.count_steps(len(plan.train))
    epochs = steps * config.train_batch_size / len(plan.train)
    cache = _cache_bytes(plan, config) if options.cache == "disk" else 0
    output = _output_bytes(parameters, config, options)
    _check_disk({cache_dir: cache, options.output_dir: output})
    memory = memory_bytes(generator, discriminator, config)
    return {
        "steps": f"{steps:,} with batch size {config.train_batch_size}, {epochs:.1f} epochs",
        "generator": f"{parameters[0]:,} parameters",
        "discriminator": f"{parameters[1]:,} parameters",
        "memory": f"about {memory / 1e9:.1f} GB during a step",
        "disk": f"{cache / 1e9:.2f} GB for the cache, "
        f"{output / 1e9:.2f} GB for checkpoints and artifacts",
    }


def preview_grid(source: "data.Source", plan: "data.SplitPlan", config: Config) -> "Image.Image":
    """Returns the first training pairs as one picture, augmented: one row per pair."""
    import numpy as np
    from PIL import Image

    from pix2pix import data
    from pix2pix.images import image_grid

    count = min(PREVIEW_PAIRS, len(plan.train))
    rows = data.Rows(plan.train.split, plan.train.start, plan.train.start + count)
    decoded = [
        data.decode_and_resize(row, config.load_size, source.gray) for row in source.read(rows)
    ]
    samples = map(data.TrainingPairs(np.stack(decoded), config).sample, range(count))
    return image_grid([[Image.fromarray(image) for image in pair] for pair in samples])


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


def _cache_bytes(plan: "data.SplitPlan", config: Config) -> int:
    from pix2pix.data.cache import row_bytes

    training = len(plan.train) * row_bytes(config.load_size)
    return training + len(plan.held_out) * row_bytes(config.image_size)


def _output_bytes(parameters: tuple[int, int], config: Config, options: Options) -> int:
    average = parameters[0] if config.ema_decay is not None else 0
    checkpoint = CHECKPOINT_COPIES * sum(parameters) + average
    artifacts = 2 * parameters[0]
    # One checkpoint more than the limit: the new one is written before the oldest is deleted.
    return FLOAT_BYTES * ((options.checkpoints_total_limit + 1) * checkpoint + artifacts)


def _check_disk(needed: dict[Path, int]) -> None:
    for folder, size in needed.items():
        existing = next(p for p in (folder, *folder.resolve().parents) if p.exists())
        free = shutil.disk_usage(existing).free
        if size > free:
            raise UserError(
                f"{folder} has {free / 1e9:.1f} GB free and the run needs about {size / 1e9:.1f}; "
                "free some space or choose other folders with --cache_dir and --output_dir."
            )


def _describe_rows(rows: "data.Rows") -> str:
    return f"rows {rows.start} to {rows.stop - 1} of {rows.split}"
