"""Finds the checkpoint to resume from, on the Hub or here, so that any machine can go on."""

import logging
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.hub.checkpoint_branch import CheckpointBranch
from pix2pix.training import checkpoints, same_run
from pix2pix.training.checkpoints import Checkpoint, DamagedCheckpointError

logger = logging.getLogger(__name__)

DOWNLOAD_PREFIX = ".downloading-"


def resume_from_hub(
    repo_id: str, folder: Path, config: Config, keep: bool = True, allow_missing_repo: bool = False
) -> Checkpoint | None:
    """Returns the newest checkpoint of this run, from the Hub or from `folder`, or None.

    A damaged checkpoint is skipped with a warning, and so is one of another run in `folder`.

    Args:
        repo_id: the model repository.
        folder: the folder for checkpoints on this machine.
        config: the config of the run.
        keep: whether a downloaded checkpoint is put into `folder`.
        allow_missing_repo: whether a missing repository counts as one without checkpoints.

    Raises:
        UserError: when the request fails, when a checkpoint on the Hub is of another run or
            version, and when there are checkpoints but none is usable, since a new run would
            replace them.
    """
    branch = CheckpointBranch(repo_id)
    on_hub = branch.list_checkpoints(allow_missing_repo)
    # Of two checkpoints of one step, the one in the folder is tried first: it needs no download.
    candidates = [(name, False) for name in on_hub]
    candidates += [(path.name, True) for path in checkpoints.list_checkpoints(folder)]
    for name, is_local in sorted(candidates, reverse=True):
        try:
            if is_local:
                checkpoint = _read_local(folder / name, config)
                state = "has nothing newer" if on_hub else "has no checkpoint"
                resumed = f"Resuming {checkpoint.path} after step {checkpoint.step}"
                logger.info("%s; %s %s.", resumed, branch, state)
            else:
                checkpoint = _download(branch, name, folder if keep else None, config)
                logger.info("Resuming %s of %s after step %d.", name, branch, checkpoint.step)
            if keep and checkpoint.best_step is not None:
                _fetch_best(branch, on_hub, folder, config, checkpoint.best_step)
            return checkpoint
        except DamagedCheckpointError as error:
            logger.warning("Skipping %s: %s", name, error)
    if candidates:
        raise UserError(
            f"No checkpoint on {branch} or in {folder} is usable; to start a new run, choose "
            "another --output_dir and another --hub_model_id."
        )
    logger.info("No checkpoint on %s or in %s: starting from the first step.", branch, folder)
    return None


def _read_local(path: Path, config: Config) -> Checkpoint:
    checkpoint = checkpoints.read_checkpoint(path)
    try:
        _check_same_run(config, checkpoint)
    except UserError as error:
        # Skipped rather than refused, since the Hub may hold a checkpoint of this run.
        raise DamagedCheckpointError(str(error)) from None
    return checkpoint


def _download(
    branch: CheckpointBranch, name: str, folder: Path | None, config: Config
) -> Checkpoint:
    """Downloads a checkpoint, verifies it, and puts it into `folder` unless that is None."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"{DOWNLOAD_PREFIX}*"):  # of a killed process
            shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=DOWNLOAD_PREFIX, dir=folder) as temporary:
        path = branch.download(name, Path(temporary))
        checkpoint = replace(checkpoints.read_checkpoint(path), path=Path(branch.repo_id, name))
        _check_same_run(config, checkpoint)
        if folder:
            path.replace(folder / name)
    return replace(checkpoint, path=folder / name) if folder else checkpoint


def _fetch_best(
    branch: CheckpointBranch, on_hub: list[str], folder: Path, config: Config, step: int
) -> None:
    """Puts the best checkpoint into `folder` if it is not there; if it is damaged, warns."""
    path = checkpoints.path_of(folder, step)
    if path.exists() or path.name not in on_hub:
        return
    try:
        _download(branch, path.name, folder, config)
        logger.info("The best checkpoint, %s, is from %s too.", path.name, branch)
    except DamagedCheckpointError as error:
        logger.warning("Skipping %s: %s", path.name, error)


def _check_same_run(config: Config, checkpoint: Checkpoint) -> None:
    # The commit of the dataset's revision is looked up, and compared, later.
    config = replace(config, dataset_revision=checkpoint.config.dataset_revision)
    same_run.check_same_run(config, checkpoint)
