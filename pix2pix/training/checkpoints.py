"""Checkpoints: one `.npz` a step, with every variable, the config and the log so far.

A zip archive carries a checksum of each member, so reading one verifies it; nothing is pickled.
"""

import json
import os
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import write_atomically

# Fields that only say how long to train: a resumed run may change them.
RUN_LENGTH = {"num_train_epochs", "max_train_steps"}


@dataclass(frozen=True)
class Checkpoint:
    """What was read back: `arrays` by the names of `Trainer.state`."""

    path: Path
    step: int
    config: Config
    history: list[dict]
    seconds: float
    arrays: dict[str, np.ndarray]


def save(
    folder: Path, step: int, config: Config, history: list[dict], seconds: float, state: dict
) -> Path:
    """Writes `<folder>/step-<step>.npz` atomically and returns its path."""
    path = folder / f"step-{step:08d}.npz"
    about = {"step": step, "config": config.to_dict(), "history": history, "seconds": seconds}
    arrays = {name: np.asarray(variable) for name, variable in state.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)
            file.flush()
            os.fsync(file.fileno())

    write_atomically(path, write)
    return path


def listed(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, oldest first."""
    return sorted(p for p in folder.glob("step-*.npz") if re.fullmatch(r"step-\d+", p.stem))


def prune(folder: Path, limit: int) -> None:
    """Deletes all but the newest `limit` checkpoints."""
    for path in listed(folder)[:-limit]:
        path.unlink()


def read(path: Path) -> Checkpoint:
    """Reads and verifies a checkpoint. Raises `UserError` when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop("about")))
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint at {path}; check --resume_from_checkpoint."
        ) from None
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"The checkpoint {path} is damaged ({error}); delete it to resume from the one before."
        ) from None
    config = Config.from_dict(about["config"])
    return Checkpoint(path, about["step"], config, about["history"], about["seconds"], arrays)


def latest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that can be read; a damaged one is passed over with a warning."""
    for path in reversed(listed(folder)):
        try:
            return read(path)
        except UserError as error:
            print(f"Warning: {error}", file=sys.stderr)
    return None


def check_same_run(config: Config, checkpoint: Checkpoint) -> None:
    """Raises `UserError` naming the fields in which `config` differs from the checkpoint's."""
    allowed = RUN_LENGTH if config.lr_schedule == "constant" else set()
    changed = [d for d in config.differences(checkpoint.config) if d.split(" ")[0] not in allowed]
    if changed:
        raise UserError(
            f"The checkpoint {checkpoint.path} is of another run: {', '.join(changed)}. "
            "Use the same flags, or another --output_dir to start afresh."
        )


def restore(checkpoint: Checkpoint, state: dict) -> None:
    """Assigns the checkpoint's arrays to the variables of `Trainer.state`."""
    if checkpoint.arrays.keys() != state.keys():
        raise UserError(
            f"The checkpoint {checkpoint.path} was written by another version of pix2pix or Keras; "
            "install that version again, or start afresh in another --output_dir."
        )
    for name, variable in state.items():
        variable.assign(checkpoint.arrays[name])
