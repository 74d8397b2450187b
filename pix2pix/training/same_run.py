"""Checks that a run which resumes a checkpoint has the settings and the data of its first part."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.fields import settings_of
from pix2pix.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    from pix2pix.data.identity import DataIdentity

LOGGER = logging.getLogger(__name__)


def check_same_run(config: Config, checkpoint: Checkpoint) -> None:
    """Raises `UserError` naming the fields in which `config` differs from the checkpoint's.

    Fields that are declared as resumable may differ, but validation can't be switched on or off.
    """
    allowed = {spec.name for spec in settings_of(Config) if spec.resumable}
    if checkpoint.data and checkpoint.data["file_count"] and Path(config.dataset_name).exists():
        allowed |= {"dataset_name"}  # the folder was moved, or `check_same_data` finds the changes
    changed = config.changed_fields(checkpoint.config).items()
    changes = [f"{name} ({old} -> {new})" for name, (old, new) in changed if name not in allowed]
    if changes:
        raise UserError(
            f"The checkpoint {checkpoint.path} is of another run: {', '.join(changes)}. "
            "Use the same flags, or another --output_dir for a new run."
        )
    before, now = (bool(c.validation_steps) for c in (checkpoint.config, config))
    if before != now:
        remedy = "set --validation_steps" if before else "leave out --validation_steps"
        raise UserError(
            f"The checkpoint {checkpoint.path} is of a run {'with' if before else 'without'} "
            "validation, which takes its selection pairs from the training pairs, so this can't "
            f"change: {remedy}, or start a new run in another --output_dir."
        )


def check_same_data(identity: "DataIdentity", checkpoint: Checkpoint) -> None:
    """Raises `UserError` naming what differs between the data of the checkpoint and of this run.

    Logs a warning if the checkpoint is of a version that did not record its data.
    """
    name = checkpoint.config.dataset_name
    if checkpoint.data is None:
        LOGGER.warning(
            "The checkpoint %s is of an earlier version, which did not record its pairs; make sure "
            "that %s has not changed since.",
            checkpoint.path, name,
        )  # fmt: skip
        return
    # Imported late: the Space imports this module, and `pix2pix.data` loads TensorFlow.
    from pix2pix.data.identity import describe_changes

    changes = describe_changes(checkpoint.data, identity, checkpoint.path.parent)
    if changes:
        raise UserError(
            f"The dataset {name} is not the one that the checkpoint {checkpoint.path} was trained "
            f"on: {'; '.join(changes)}. Restore it, or start a new run in another --output_dir."
        )
