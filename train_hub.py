"""Trains pix2pix on paired pictures, measures it on held-out pairs and publishes it to the Hub.

A small run on the pairs of this repository:
    python train_hub.py --dataset_name assets/sample_maps --generator_filters 16 \\
        --max_train_steps 200 --output_dir runs/demo
The paper's run, on a GPU:
    python train_hub.py --dataset_name huggan/maps --push_to_hub --hub_model_id <user>/pix2pix-maps
"""

import shlex
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pix2pix import checks
from pix2pix.cli import Options, parse
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.runtime import give_up, prepare_tensorflow

# TensorFlow and datasets are imported where they are needed, so that --help answers at once.
prepare_tensorflow()

FIXED_SAMPLES = 4
CPU_WARNING_STEPS = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    config, options = parse(__doc__, arguments)
    try:
        run(config, options)
    except UserError as error:
        print(f"train_hub.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train_hub.py: interrupted; caches and checkpoints so far are kept.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"train_hub.py: {error}; checkpoints and caches so far are kept.", file=sys.stderr)
        return 1
    return 0


def run(config: Config, options: Options) -> None:
    """Prepare, stream, train, evaluate, publish."""
    checks.check_packages(checks.BASE)
    from pix2pix import hub
    from pix2pix.hub import spaces

    hub.limit_waiting()
    checks.check_space(options)
    if options.hf_job:
        from pix2pix import job

        job.run(config, options)
        return
    checks.check_packages(checks.TRAINING)
    checks.check_output_dir(options)
    checks.check_report(options)
    if options.dry_run:
        from pix2pix.dry_run import dry_run

        dry_run(pin_dataset(config, find_checkpoint(config, options, keep=False)), options)
        return
    target = find_target(options) if options.pushes else None
    if target:
        options = replace(options, hub_model_id=target.repo_id)
    if options.space_id:
        space_id = spaces.prepare_space(options.space_id, options.hub_private_repo)
        options = replace(options, space_id=space_id)
    if not options.push_only:
        from pix2pix.training.devices import choose

        devices = choose(config)
        resumed = find_checkpoint(config, options, keep=devices.is_chief)
        config = pin_dataset(config, resumed)
        loaded = load(config, options, devices)
        result = train(config, options, loaded, resumed, devices)
        if not devices.is_chief:
            print("This machine is done; the first one of TF_CONFIG writes the artifacts.")
            return
        write(config, options, loaded, result)
    if target:
        publish(options, target)


def find_checkpoint(config: Config, options: Options, keep: bool):
    """The checkpoint to resume, or None; `keep`: one from the Hub goes into <output_dir>."""
    from pix2pix import hub
    from pix2pix.training import checkpoints

    wanted = options.resume_from_checkpoint
    if wanted is None:
        return None
    if wanted == "hub":
        folder = options.output_dir / "checkpoints"
        return hub.resume(options.model_id, folder, config, keep, options.pushes)
    if wanted != "latest":
        return checkpoints.read(Path(wanted))
    found = checkpoints.latest(options.output_dir / "checkpoints")
    print(
        f"Resuming {found.path} after step {found.step}."
        if found
        else f"No checkpoint in {options.output_dir}: starting afresh."
    )
    return found


def pin_dataset(config: Config, resumed) -> Config:
    """The config with the Hub dataset's commit for a branch; a resumed run keeps its own.

    Raises `UserError` when the checkpoint is of a run with other settings.
    """
    from pix2pix import hub
    from pix2pix.training import checkpoints

    revision = config.dataset_revision
    if resumed and resumed.config.dataset_name == config.dataset_name:
        revision = revision or resumed.config.dataset_revision
    config = replace(config, dataset_revision=hub.dataset_commit(config.dataset_name, revision))
    if resumed:
        checkpoints.check_same_run(config, resumed)
    return config


def load(config: Config, options: Options, devices):
    """The dataset's training batches and held-out pairs."""
    from pix2pix import data

    folder = options.cache_dir or data.default_cache_dir()
    source = data.open_source(config, folder)
    loaded = data.load_pairs(source, config, options.cache, folder, devices.worker)
    counts = len(loaded.batches), len(loaded.held_out)
    print(f"{counts[0]} training pairs, {counts[1]} held-out pairs of {source.name}.")
    unreadable = sum(map(len, loaded.skipped.values()))
    if unreadable:
        print(f"Warning: {unreadable} rows could not be read; pix2pix.json lists them.")
    return loaded


def train(config: Config, options: Options, loaded, resumed, devices):
    """Trains, and tells first on what devices."""
    from pix2pix.images import oriented
    from pix2pix.training import loop

    steps = config.steps(len(loaded.batches))
    print(f"Training {steps} steps on {devices.name}.")
    if not devices.has_gpu and steps > CPU_WARNING_STEPS and config.generator_filters >= 64:
        print("Warning: a full-size run takes days without a GPU; see --max_train_steps.")
    fixed = oriented(loaded.held_out[:FIXED_SAMPLES].swapaxes(0, 1), config.direction)
    saving = loop.Saving(
        options.output_dir,
        options.checkpointing_steps,
        options.checkpoints_total_limit,
        options.sample_steps,
        options.report_to,
    )
    with uploading(options, saving, resumed, devices) as saving:
        return loop.train(config, loaded.batches, fixed, saving, resumed, devices)


@contextmanager
def uploading(options: Options, saving, resumed, devices):
    """`saving`, with every checkpoint uploaded where that is asked for; waits for the last one."""
    from pix2pix import hub

    if options.hub_strategy != "every_save" or not devices.is_chief:
        yield saving
        return
    from_hub = options.resume_from_checkpoint == "hub"
    step = None if from_hub else resumed.step if resumed else 0
    limit = options.checkpoints_total_limit
    with hub.uploading(options.model_id, saving.checkpoints, limit, step) as upload:
        yield replace(saving, on_checkpoint=upload)


def write(config: Config, options: Options, loaded, result) -> None:
    """Exports, evaluates, writes every artifact and says where."""
    # First: what a step needed gives way to what comes now.
    generator = result.trainer.finish()
    from pix2pix import artifacts
    from pix2pix.evaluation import table
    from pix2pix.hub import datasets

    device = result.trainer.devices.name
    license = datasets.dataset_license(config.dataset_name, config.dataset_revision)
    run = artifacts.Run(config, result.step, result.seconds, result.history, device, license)
    artifacts.write_network(options.output_dir, generator, run, loaded)
    give_up(generator.variables)
    print(f"Scoring {len(loaded.held_out)} held-out pairs.")
    metrics = artifacts.write_results(options.output_dir, run, loaded)
    print(table.plain(table.rows(metrics)))
    print(f"Everything is in {options.output_dir}: README.md, samples.png, generator.onnx, ...")


def find_target(options: Options):
    """Where to publish, checked before the first step: the token, the repository, the tag."""
    from pix2pix import hub

    then = push_later(options) if options.push_only else hub.BEFORE
    proposes = options.hub_create_pr
    repo_id = hub.prepare_repo(options.model_id, options.hub_private_repo, proposes, then)
    target = hub.aim(repo_id, options.hub_tag, proposes, not options.push_only, then)
    return replace(target, then=push_later(options))


def push_later(options: Options) -> str:
    """What to type when publishing failed: a sentence for messages."""
    flags = ["--output_dir", str(options.output_dir), "--hub_model_id", options.model_id]
    for name in ("hub_tag", "space_id"):
        flags += [f"--{name}", getattr(options, name)] if getattr(options, name) else []
    for name in ("hub_private_repo", "hub_create_pr"):
        flags += [f"--{name}"] if getattr(options, name) else []
    command = shlex.join(["python", "train_hub.py", "--push_only", *flags])
    return f"Nothing is lost; afterwards, publish with: {command}"


def publish(options: Options, target) -> None:
    """Publishes the artifacts with a card that names them, then the Space that serves them."""
    from pix2pix import card, hub
    from pix2pix.hub import spaces

    card.write_card(options.output_dir, target.repo_id, target.tag, options.space_id)
    print(hub.publish(options.output_dir, target))
    if options.space_id:
        print(f"The Space: {spaces.deploy(options.space_id, target.repo_id)}")


if __name__ == "__main__":
    sys.exit(main())
