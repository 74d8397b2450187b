"""Finds the checkpoint and the commit of the dataset from which a run starts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.options import Options

if TYPE_CHECKING:
    from pix2pix.data.identity import DataIdentity
    from pix2pix.training.checkpoints import Checkpoint


def find_checkpoint(config: Config, options: Options, keep: bool) -> "Checkpoint | None":
    """Returns the checkpoint to resume from, or None to start from the first step.

    With `keep`, a checkpoint from the Hub is also written to the output folder.
    """
    from pix2pix import hub
    from pix2pix.training import checkpoints

    source = options.resume_from_checkpoint
    if source is None:
        return None
    folder = options.output_dir / "checkpoints"
    if source == "hub":
        return hub.resume_from_hub(options.model_id, folder, config, keep, options.pushes)
    if source != "latest":
        return checkpoints.read_checkpoint(Path(source))
    checkpoint = checkpoints.find_latest(folder)
    print(
        f"Resuming {checkpoint.path} after step {checkpoint.step}."
        if checkpoint
        else f"No checkpoint in {options.output_dir}: starting from the first step."
    )
    return checkpoint


def check_output_folder(options: Options, checkpoint: "Checkpoint | None") -> None:
    """Raises `UserError` unless the run may replace the work of another run in the folder."""
    from pix2pix import output_folder

    source, folder = options.resume_from_checkpoint, options.output_dir
    resumes = checkpoint is not None and (
        source in ("latest", "hub")
        or checkpoint.path.resolve().parent == (folder / "checkpoints").resolve()
    )
    if not resumes and not options.overwrite_output_dir:
        output_folder.check_unused(folder)


def check_same_data(checkpoint: "Checkpoint | None", identity: "DataIdentity") -> None:
    """Raises `UserError` when the checkpoint was trained on other data than this run would be."""
    from pix2pix.training import same_run

    if checkpoint:
        same_run.check_same_data(identity, checkpoint)


def check_length(
    config: Config, options: Options, checkpoint: "Checkpoint | None", pairs: int
) -> None:
    """Prints a changed length of a resumed run, and raises `UserError` if it can't have that one.

    A run can go on for longer, even after its end, while the learning rate and the color balance of
    every step so far are those of the longer run.

    Args:
        config: the settings of the resumed run.
        options: its folders.
        checkpoint: the checkpoint that it resumes, if any.
        pairs: the number of training pairs.
    """
    if checkpoint is None:
        return
    old, new = checkpoint.config.count_steps(pairs), config.count_steps(pairs)
    if old == new:
        return
    flat = min(c.steps_before_decay(pairs) for c in (checkpoint.config, config))
    if checkpoint.step > flat:
        raise UserError(
            f"The run in {options.output_dir} was planned for {old:,} steps and can't go on to "
            f"{new:,} after step {checkpoint.step:,}: {_name_schedule(config)} of the two lengths "
            f"differ from step {flat:,} on. Let it end as planned, then start a new run from its "
            f"model, with --init_from {options.output_dir} and another --output_dir."
        )
    print(f"The run ends after step {new:,} instead of {old:,}.")


def _name_schedule(config: Config) -> str:
    """Returns what depends on the run's length, and the flag that makes it do so."""
    if config.lr_schedule == "constant":
        return "with --color_balance_decay, the color balances"
    return f"with --lr_schedule {config.lr_schedule}, the learning rates"


def pin_dataset(config: Config, checkpoint: "Checkpoint | None") -> Config:
    """Returns the config with the commit of its Hub dataset in place of a branch or tag.

    A resumed run keeps the commit of its checkpoint. Raises `UserError` when the dataset is a path
    with nothing there, or the checkpoint belongs to a run with other settings.
    """
    from pix2pix import data, hub
    from pix2pix.training import same_run

    config = data.check_dataset(config)
    revision = config.dataset_revision
    if checkpoint and checkpoint.config.dataset_name == config.dataset_name:
        revision = revision or checkpoint.config.dataset_revision
    config = replace(config, dataset_revision=hub.dataset_commit(config.dataset_name, revision))
    if checkpoint:
        same_run.check_same_run(config, checkpoint)
    return config
