r"""Trains pix2pix on paired images, evaluates it on held-out pairs and publishes it to the Hub.

A small run:
    pix2pix train --dataset_name assets/sample_maps --generator_filters 16 \
        --max_train_steps 200 --output_dir runs/demo
The paper's run, on a GPU:
    pix2pix train --dataset_name huggan/maps --push_to_hub --hub_model_id <user>/pix2pix-maps
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix import console, preflight
from pix2pix.artifacts import DISCRIMINATOR_FILE
from pix2pix.config import Config
from pix2pix.environment import describe_missing_gpu
from pix2pix.errors import UserError
from pix2pix.files import write_atomically
from pix2pix.flags import parse
from pix2pix.options import Options
from pix2pix.runtime import free_variables, prepare_tensorflow

if TYPE_CHECKING:
    import keras

    from pix2pix.commands.base_model import Start
    from pix2pix.data import LoadedPairs
    from pix2pix.data.identity import DataIdentity
    from pix2pix.training.checkpoints import Checkpoint
    from pix2pix.training.devices import Devices
    from pix2pix.training.loop import Result, SaveSettings

# TensorFlow, datasets and the Hub client are imported where they are needed, so that --help is
# fast and works before they are installed.
prepare_tensorflow()

logger = logging.getLogger(__name__)
FIXED_SAMPLES = 4
CPU_WARNING_STEPS = 20_000
RECOVERY_HINT = "caches and checkpoints are kept"


def main(
    arguments: list[str] | None = None,
    program: str = "pix2pix train",
    description: str = __doc__ or "",
) -> int:
    """Runs the command line and returns the exit code."""
    config, options = parse(description, arguments, program)
    return console.run_command(program, lambda: run(config, options), RECOVERY_HINT)


def run(config: Config, options: Options) -> None:
    """Trains on this machine, or runs the job, dry run or publishing that a flag asks for."""
    preflight.check_packages(preflight.BASE)
    from pix2pix.commands import dry_run, job, publish

    if options.hf_job:
        job.run(config, options)
    elif options.dry_run:
        dry_run.run(config, options)
    elif options.push_only:
        publish.run(options)
    else:
        train_and_publish(config, options)


def train_and_publish(config: Config, options: Options) -> None:
    """Trains, evaluates and writes the artifacts, and publishes them with --push_to_hub."""
    preflight.prepare_hub()
    preflight.check_run(options)
    from pix2pix import output_folder
    from pix2pix.training.cluster import read_worker

    # Of several machines, only the first one writes to the folder that all of them share.
    is_chief = read_worker().index == 0
    with output_folder.lock(options.output_dir) if is_chief else nullcontext():
        _train_and_publish(config, options)


def _train_and_publish(config: Config, options: Options) -> None:
    from pix2pix.commands import base_model, publish, resume

    if not options.resume_from_checkpoint:
        resume.check_output_folder(options, None)
    target = None
    options = publish.check_dashboard(options)
    if options.pushes:
        options, target = publish.prepare(options)
    from pix2pix.training.devices import choose_devices

    devices = choose_devices(config)
    checkpoint = resume.find_checkpoint(config, options, keep=devices.is_chief)
    resume.check_output_folder(options, checkpoint)
    config, model = base_model.choose_model(config, checkpoint)
    config = resume.pin_dataset(config, checkpoint)
    loaded, identity = load_pairs(config, options, devices, checkpoint)
    start = base_model.Start(checkpoint, record=checkpoint.base_model if checkpoint else None)
    if model:
        print(f"Starting from {model.describe()}.")
        record = model.record(loaded, config) if devices.is_chief else None
        start = base_model.Start(None, model.weights, record)
    result = train(config, options, loaded, identity, start, devices)
    if not devices.is_chief:
        print("This machine is done; the first machine in TF_CONFIG writes the artifacts.")
        return
    write_artifacts(config, options, loaded, result, start.record)
    options = publish.publish_curves(options)
    if target:
        publish.publish(options, target)


def load_pairs(
    config: Config, options: Options, devices: "Devices", checkpoint: "Checkpoint | None"
) -> "tuple[LoadedPairs, DataIdentity]":
    """Returns the training batches and held-out pairs of the dataset, and prints their number.

    Writes <output_dir>/batch_preview.png before the pairs are cached. Raises `UserError` when the
    dataset is not the one that the checkpoint was trained on.
    """
    from pix2pix import data
    from pix2pix.commands import dry_run, resources, resume
    from pix2pix.data.identity import identify

    folder = options.cache_dir or data.default_cache_dir()
    source = data.open_source(config, folder)
    plan = source.plan(config)
    identity = identify(source, plan)
    resume.check_same_data(checkpoint, identity)
    if devices.is_chief and not devices.has_gpu and (note := describe_missing_gpu()):
        logger.warning(note)
    resources.check_memory(config, options, plan, devices.has_gpu)
    dry_run.show_pairs(source, plan, config)
    if devices.is_chief:
        dry_run.write_preview(options.output_dir, source, plan, config)
    loaded = data.load_pairs(source, config, options.cache, folder, devices.worker)
    counts = {"training": len(loaded.batches), "selection": len(loaded.selection)}
    counts = {name: count for name, count in counts.items() if count}
    counts["held-out"] = len(loaded.held_out)
    parts = [f"{count} {name} pairs" for name, count in counts.items()]
    print(f"{', '.join(parts)} of {source.name}.")
    unreadable = sum(map(len, loaded.skipped.values()))
    if unreadable:
        rows = "1 row" if unreadable == 1 else f"{unreadable} rows"
        logger.warning("%s could not be read; pix2pix.json lists them.", rows)
    return loaded, identity


def train(
    config: Config,
    options: Options,
    loaded: "LoadedPairs",
    identity: "DataIdentity",
    start: "Start",
    devices: "Devices",
) -> "Result":
    """Trains the networks to the end of the run."""
    from pix2pix.commands import resume, selection
    from pix2pix.data.identity import write_inventory
    from pix2pix.images import orient_pair
    from pix2pix.training import loop

    checkpoint, weights = start.checkpoint, start.weights
    resume.check_length(config, options, checkpoint, len(loaded.batches))
    steps = config.count_steps(len(loaded.batches))
    print(f"Training {steps} steps on {devices.name}.")
    if not devices.has_gpu and steps > CPU_WARNING_STEPS and config.generator_filters >= 64:
        logger.warning("A full-size run takes days without a GPU; see --max_train_steps.")
    fixed = orient_pair(loaded.examples.squares(FIXED_SAMPLES).swapaxes(0, 1), config.direction)
    saving = loop.SaveSettings(
        options.output_dir,
        options.checkpointing_steps,
        options.checkpoints_total_limit,
        options.sample_steps,
        options.report_to,
        identity.to_dict(),
        start.record,
        selection.plan_validation(config, loaded),
    )
    if devices.is_chief:
        write_inventory(saving.checkpoints, identity)
        selection.keep_best(checkpoint, saving.checkpoints)
    with uploading_checkpoints(options, saving, checkpoint, devices) as saving:
        return loop.train(config, loaded.batches, fixed, saving, checkpoint, devices, weights)


@contextmanager
def uploading_checkpoints(
    options: Options, saving: "SaveSettings", checkpoint: "Checkpoint | None", devices: "Devices"
) -> Iterator["SaveSettings"]:
    """Yields `saving`, with an upload of each checkpoint for --hub_strategy every_save.

    At the end of the block, waits for the last upload.
    """
    from pix2pix import hub

    if options.hub_strategy != "every_save" or not devices.is_chief:
        yield saving
        return
    step = checkpoint.step if checkpoint else 0
    known_step = None if options.resume_from_checkpoint == "hub" else step
    with hub.upload_checkpoints(
        options.model_id, saving.checkpoints, options.checkpoints_total_limit, known_step
    ) as upload:
        yield replace(saving, on_checkpoint=upload)


def write_discriminator(folder: Path, discriminator: "keras.Model | None") -> None:
    """Writes the discriminator's weights; None deletes those of an earlier run."""
    path = folder / DISCRIMINATOR_FILE
    if discriminator is not None:
        write_atomically(path, discriminator.save_weights)
    else:
        path.unlink(missing_ok=True)


def write_artifacts(
    config: Config,
    options: Options,
    loaded: "LoadedPairs",
    result: "Result",
    base_model: dict[str, Any] | None,
) -> None:
    """Exports and evaluates the generator, writes all artifacts and prints the metrics."""
    from pix2pix.commands import selection

    trainer = result.trainer
    if validation := selection.use_best(config, result, options.output_dir / "checkpoints"):
        print(selection.describe(validation))
    write_discriminator(
        options.output_dir, trainer.discriminator if options.publish_discriminator else None
    )
    # Before the imports, because it frees memory that they and the following steps need.
    generator = trainer.finish()
    from pix2pix import artifact_writer
    from pix2pix.evaluation import table

    device = trainer.devices.name
    card = read_card(config)
    run = artifact_writer.FinishedRun(
        config, result.step, result.seconds, result.history, device, card, base_model,
        validation, result.validation.rows,
        options.publish_formats,
    )  # fmt: skip
    artifact_writer.write_network(options.output_dir, generator, run, loaded)
    free_variables(generator.variables)
    if loaded.held_out:
        print(f"Evaluating {len(loaded.held_out)} held-out pairs.")
    metrics = artifact_writer.write_results(options.output_dir, run, loaded)
    if loaded.held_out:
        print(table.format_plain(table.metric_rows(metrics)))
    else:
        print(metrics["protocol"])
    print(f"Everything is in {options.output_dir}: README.md, samples.png, generator.onnx, ...")


def read_card(config: Config) -> dict[str, Any]:
    """Returns the front matter of the dataset's card; {} when the Hub is down, to keep the run."""
    from pix2pix import hub

    try:
        return hub.read_dataset_card(config.dataset_name, config.dataset_revision)
    except UserError:
        return {}
