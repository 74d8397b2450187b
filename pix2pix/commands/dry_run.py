"""Checks everything that a training run needs and prints the plan, without training or publishing.

    pix2pix dry-run --dataset_name huggan/maps --push_to_hub --hub_model_id <user>/pix2pix-maps

It takes the flags of `pix2pix train`, where `--dry_run` does the same.
"""

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix import console, preflight
from pix2pix.commands import resources
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.flags import parse
from pix2pix.options import Options
from pix2pix.runtime import prepare_tensorflow

if TYPE_CHECKING:
    from pix2pix import data

# TensorFlow and datasets are imported where they are needed, so that --help is fast.
prepare_tensorflow()

LOGGER = logging.getLogger(__name__)
# A checkpoint holds the weights and Adam's two moments.
CHECKPOINT_COPIES = 3


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
    from pix2pix import data, output_folder
    from pix2pix.commands import base_model, resume
    from pix2pix.data.identity import identify

    if use := output_folder.find_use(options.output_dir):
        LOGGER.warning("%s; until it ends, no other run can start there.", use)
    checkpoint = resume.find_checkpoint(config, options, keep=False)
    resume.check_output_folder(options, checkpoint)
    config, model = base_model.choose_model(config, checkpoint)
    config = resume.pin_dataset(config, checkpoint)
    targets = check_targets(options)
    cache_dir = options.cache_dir or data.default_cache_dir()
    source = data.open_source(config, cache_dir)
    plan = source.plan(config)
    resume.check_same_data(checkpoint, identify(source, plan))
    resume.check_length(config, options, checkpoint, len(plan.train))
    show_pairs(source, plan, config)
    preview = write_preview(options.output_dir, source, plan, config)
    lines = {"starts from": model.describe()} if model else {}
    lines |= check_work(config, options, plan, cache_dir) | targets | {"preview": str(preview)}
    for name, value in lines.items():
        print(f"{name:>15}: {value}")
    print("Dry run: everything is in place; nothing was trained or published.")


def show_pairs(source: "data.Source", plan: "data.SplitPlan", config: Config) -> None:
    """Looks at a sample of the pairs, and prints what a run and its dry run say about them.

    Raises `UserError` when the pictures are not pairs, or too many rows can't be read.
    """
    from pix2pix import data

    inspection = data.inspect_pairs(source, plan, config)
    print(f"Dataset {source.name}, {_describe_revision(config)}:")
    for sentence in data.describe_pairs(source, plan):
        print(f"  {sentence}")
    for warning in inspection.warnings:
        LOGGER.warning("%s", warning)


def write_preview(
    folder: Path, source: "data.Source", plan: "data.SplitPlan", config: Config
) -> Path:
    """Writes <folder>/batch_preview.png, the first training pairs with the names of their files."""
    from pix2pix import data
    from pix2pix.files import write_image

    path = folder / "batch_preview.png"
    write_image(path, data.preview_pairs(source, plan, config))
    return path


def check_targets(options: Options) -> dict[str, str]:
    """Checks, without changing anything, that the run may publish, and returns the destination."""
    from pix2pix import hub
    from pix2pix.commands import publish
    from pix2pix.hub import spaces

    target = "nowhere, because --push_to_hub is not set"
    if options.push_to_hub:
        target = hub.check_can_publish(options.model_id, options.hub_tag, options.hub_create_pr)
    plan = publish.plan_space(options)
    space = spaces.check_can_deploy(plan) if plan else "none"
    options = publish.check_dashboard(options)
    curves = {"curves": options.trackio_space_id} if options.trackio_space_id else {}
    return {"publishes to": target, "Space": space, **curves}


def check_work(
    config: Config, options: Options, plan: "data.SplitPlan", cache_dir: Path
) -> dict[str, str]:
    """Returns the steps, parameters, memory and disk space of the run, as lines of the plan.

    Raises `UserError` when the disk is too small.
    """
    import tensorflow as tf

    from pix2pix.networks import build_discriminator, build_generator

    resources.check_memory(config, options, plan, bool(tf.config.list_physical_devices("GPU")))
    generator, discriminator = build_generator(config), build_discriminator(config)
    parameters = generator.count_params(), discriminator.count_params()
    steps = config.count_steps(len(plan.train))
    epochs = steps * config.train_batch_size / len(plan.train)
    cache = resources.pair_bytes(config, plan) if options.cache == "disk" else 0
    output = _output_bytes(parameters, config, options)
    _check_disk({cache_dir: cache, options.output_dir: output})
    at_least = "at least " if config.is_native else ""
    memory = resources.memory_bytes(generator, discriminator, config)
    validation = {"validation": _describe_validation(config, steps)} if plan.selection else {}
    return {
        "steps": f"{steps:,} with batch size {config.train_batch_size}, {epochs:.1f} epochs",
        **validation,
        "generator": f"{parameters[0]:,} parameters",
        "discriminator": f"{parameters[1]:,} parameters",
        "memory": f"about {memory / 1e9:.1f} GB during a step",
        "disk": f"{at_least}{cache / 1e9:.2f} GB for the cache, "
        f"{output / 1e9:.2f} GB for checkpoints and artifacts",
    }


def _output_bytes(parameters: tuple[int, int], config: Config, options: Options) -> int:
    average = parameters[0] if config.ema_decay is not None else 0
    checkpoint = CHECKPOINT_COPIES * sum(parameters) + average
    copies = 2 + len(options.publish_formats)
    artifacts = copies * parameters[0] + (parameters[1] if options.publish_discriminator else 0)
    # One checkpoint more than the limit: the new one is written before the oldest is deleted. The
    # best one stays too.
    kept = options.checkpoints_total_limit + 1 + bool(config.validation_steps)
    return resources.FLOAT_BYTES * (kept * checkpoint + artifacts)


def _describe_validation(config: Config, steps: int) -> str:
    every, pairs = config.validation_steps, config.selection_samples
    text = f"{-(-steps // every):,}, one every {every:,} steps, on {pairs} selection pairs, "
    text += f"compared by {config.selection_metric}"
    if config.early_stopping_patience:
        text += f"; stops after {config.early_stopping_patience} without a new best"
    weights = "the best" if config.publishes_best else "the last"
    return f"{text}; publishes {weights} weights"


def _check_disk(needed: dict[Path, int]) -> None:
    for folder, size in needed.items():
        existing = next(p for p in (folder, *folder.resolve().parents) if p.exists())
        free = shutil.disk_usage(existing).free
        if size > free:
            raise UserError(
                f"{folder} has {free / 1e9:.1f} GB free and the run needs about {size / 1e9:.1f}; "
                "free some space or choose other folders with --cache_dir and --output_dir."
            )


def _describe_revision(config: Config) -> str:
    return f"commit {config.dataset_revision}" if config.dataset_revision else "local files"
