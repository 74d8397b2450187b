"""`--dry_run`: checks everything a run needs, prints the plan, trains and publishes nothing."""

import shutil
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from pix2pix import data, hub
from pix2pix.cli import Options
from pix2pix.config import Config
from pix2pix.data.cache import row_bytes
from pix2pix.errors import UserError
from pix2pix.files import write_image
from pix2pix.hub import spaces
from pix2pix.images import grid
from pix2pix.networks import build_discriminator, build_generator

PREVIEW_PAIRS = 4
FLOAT_BYTES = 4
# A step holds weights, gradients and Adam's two moments; a checkpoint all but the gradients.
STEP_COPIES, CHECKPOINT_COPIES = 4, 3
# Activations are kept for the backward pass, and each gets a gradient of its own size. The
# discriminator runs three times a step: on real pairs, and on generated ones for D and for G.
BACKWARD, DISCRIMINATOR_PASSES = 2, 3


def dry_run(config: Config, options: Options) -> None:
    """Prints the plan and writes <output_dir>/batch_preview.png.

    Raises `UserError` at the first thing that would stop the real run.
    """
    target = "nowhere: there is no --push_to_hub"
    if options.push_to_hub:
        target = hub.check_can_write(options.model_id, options.hub_tag, options.hub_create_pr)
    space = spaces.check_can_write(options.space_id) if options.space_id else "none"
    cache_dir = options.cache_dir or data.default_cache_dir()
    source = data.open_source(config, cache_dir)
    plan = source.plan(config)
    preview = options.output_dir / "batch_preview.png"
    write_image(preview, preview_grid(source, plan, config))
    generator, discriminator = build_generator(config), build_discriminator(config)
    parameters = generator.count_params(), discriminator.count_params()
    steps = config.steps(len(plan.train))
    cache = _cache_bytes(plan, config) if options.cache == "disk" else 0
    kept = _output_bytes(parameters, config, options)
    _check_disk({cache_dir: cache, options.output_dir: kept})
    lines = {
        "dataset": f"{source.name}, columns {' and '.join(source.columns)}",
        "revision": config.dataset_revision or "local files",
        "training pairs": f"{len(plan.train)}: {_rows(plan.train)}",
        "held-out pairs": f"{len(plan.held_out)}: {_rows(plan.held_out)}",
        "steps": f"{steps:,} of {config.train_batch_size}, "
        f"{steps * config.train_batch_size / len(plan.train):.1f} epochs",
        "generator": f"{parameters[0]:,} parameters",
        "discriminator": f"{parameters[1]:,} parameters",
        "memory": f"about {memory_bytes(generator, discriminator, config) / 1e9:.1f} GB a step",
        "disk": f"{cache / 1e9:.2f} GB of cache, {kept / 1e9:.2f} GB of checkpoints and artifacts",
        "publishes to": target,
        "Space": space,
        "preview": str(preview),
    }
    for name, value in lines.items():
        print(f"{name:>15}: {value}")
    print("Dry run: everything is in place; nothing was trained or published.")


def preview_grid(source: data.Source, plan: data.SplitPlan, config: Config) -> Image.Image:
    """The first pairs as training will see them, jittered: a row a pair, input and target."""
    count = min(PREVIEW_PAIRS, len(plan.train))
    first = data.Rows(plan.train.split, plan.train.start, plan.train.start + count)
    read = source.read(first)
    pairs = np.stack([data.decode_resized(row, config.load_size, source.grey) for row in read])
    drawn = map(data.TrainingPairs(pairs, config).sample, range(count))
    return grid([[Image.fromarray(picture) for picture in pair] for pair in drawn])


def memory_bytes(generator: keras.Model, discriminator: keras.Model, config: Config) -> int:
    """An estimate of what a step holds: parameters, gradients, Adam's moments, activations."""
    parameters = STEP_COPIES * (generator.count_params() + discriminator.count_params())
    if config.ema_decay is not None:
        parameters += generator.count_params()
    activations = _activations(generator, config)
    activations += DISCRIMINATOR_PASSES * _activations(discriminator, config)
    return FLOAT_BYTES * (parameters + BACKWARD * activations * config.train_batch_size)


def _activations(model: keras.Model, config: Config) -> int:
    """Values of all layers' outputs for one pair, from the shapes alone."""
    side = config.image_size
    pictures = [(1, side, side, tensor.shape[-1]) for tensor in model.inputs]
    shaped = keras.Model(
        model.inputs,
        [layer.output for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)],
    )
    shapes = shaped.compute_output_shape(pictures if len(pictures) > 1 else pictures[0])
    return sum(int(np.prod(shape)) for shape in shapes)


def _cache_bytes(plan: data.SplitPlan, config: Config) -> int:
    training = len(plan.train) * row_bytes(config.load_size)
    return training + len(plan.held_out) * row_bytes(config.image_size)


def _output_bytes(parameters: tuple[int, int], config: Config, options: Options) -> int:
    average = parameters[0] if config.ema_decay is not None else 0
    checkpoint = CHECKPOINT_COPIES * sum(parameters) + average
    artifacts = 2 * parameters[0]
    # One more checkpoint than are kept: the new one is written before the oldest goes.
    return FLOAT_BYTES * ((options.checkpoints_total_limit + 1) * checkpoint + artifacts)


def _check_disk(wanted: dict[Path, int]) -> None:
    for folder, size in wanted.items():
        place = next(p for p in (folder, *folder.resolve().parents) if p.exists())
        free = shutil.disk_usage(place).free
        if size > free:
            raise UserError(
                f"{folder} has {free / 1e9:.1f} GB free and the run needs about {size / 1e9:.1f}; "
                "free some space or name other places with --cache_dir and --output_dir."
            )


def _rows(rows: data.Rows) -> str:
    return f"rows {rows.start} to {rows.stop - 1} of {rows.split}"
