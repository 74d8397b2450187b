"""Checkpoints: one `.npz` a step, with every variable, the config and the log so far.

A file ends with the SHA-256 of all that is before it, so a damaged one is never taken for a whole
one; `np.load` reads it all the same, and nothing is pickled. On the processor that wrote it, a run
goes on from a checkpoint bit by bit as if it had not been stopped; another number of processor
threads adds up in another order.
"""

import hashlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.format import write_array

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import remove_temporary, write_atomically

# What a resumed run may change: how long it is, and how its steps are handed to the device.
RUN_LENGTH = {"num_train_epochs", "max_train_steps"}
HANDLING = {"steps_per_execution"}
DIGEST_BYTES = hashlib.sha256().digest_size
BLOCK_BYTES = 1 << 20


class Unreadable(UserError):
    """The file is damaged, or its disk is: an earlier checkpoint may do."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read back: `log` is from `Log.state`, `arrays` by the names of `Trainer.state`."""

    path: Path
    step: int
    config: Config
    log: dict[str, Any]
    arrays: dict[str, np.ndarray]


def save(folder: Path, step: int, config: Config, log: dict[str, Any], state: dict) -> Path:
    """Writes `<folder>/step-<step>.npz` atomically and returns its path."""
    path = folder / f"step-{step:08d}.npz"
    about = {"step": step, "config": config.to_dict(), "log": log}
    members = {"about": np.array(json.dumps(about))} | state

    def write(temporary: Path) -> None:
        with temporary.open("w+b") as file:
            # As np.savez does, but for holding a copy of one variable at a time.
            with zipfile.ZipFile(file, "w") as archive:
                for name, variable in members.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        write_array(member, np.asarray(variable), allow_pickle=False)
            file.write(_digest(file, file.seek(0, os.SEEK_END)))
            file.flush()
            os.fsync(file.fileno())

    write_atomically(path, write)
    return path


def _digest(file: BinaryIO, count: int) -> bytes:
    """SHA-256 of the first `count` bytes; leaves the file after them."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(min(BLOCK_BYTES, count)):
        digest.update(block)
        count -= len(block)
    return digest.digest()


def listed(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, oldest first."""
    return sorted(path for path in folder.glob("step-*.npz") if is_checkpoint(path.name))


def is_checkpoint(name: str) -> bool:
    return re.fullmatch(r"step-\d+\.npz", name) is not None


def step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def superseded(found: Iterable[Path], step: int, limit: int) -> set[Path]:
    """Those of `found` that a run no longer needs, whose last checkpoint is of `step`.

    The newest `limit` up to `step` stay. Later ones are of a run that was started over from an
    earlier step: left there, they would be resumed in place of this one.
    """
    found = sorted(found)
    return set(found) - set([path for path in found if step_of(path) <= step][-limit:])


def prune(folder: Path, step: int, limit: int) -> None:
    """Deletes what is `superseded`, and what a killed process had not finished writing."""
    for path in superseded(listed(folder), step, limit):
        path.unlink()
    remove_temporary(folder)


def read(path: Path) -> Checkpoint:
    """Reads and verifies a checkpoint.

    Raises `UserError` when it is missing or of another version, `Unreadable` when it is damaged.
    """
    arrays = _verified(path)
    try:
        about = json.loads(str(arrays.pop("about")))
        config = Config.from_dict(about["config"])
        return Checkpoint(path, about["step"], config, about["log"], arrays)
    except UserError as error:
        raise UserError(f"The checkpoint {path} is of another version: {error}") from None
    except KeyError as error:
        raise UserError(
            f"The checkpoint {path} is of another version of pix2pix: it has no {error}; install "
            "that version again, or start afresh in another --output_dir."
        ) from None


def _verified(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            count = max(0, file.seek(0, os.SEEK_END) - DIGEST_BYTES)
            if _digest(file, count) != file.read():
                raise ValueError("its checksum does not match")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint at {path}; check --resume_from_checkpoint."
        ) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Unreadable(
            f"The checkpoint {path} is damaged ({error}); resume from another one."
        ) from None


def latest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that can be read; a damaged one is passed over with a warning.

    Raises `UserError` when there are some and all are damaged: to start afresh would replace them.
    """
    found = listed(folder)
    for path in reversed(found):
        try:
            return read(path)
        except Unreadable as error:
            print(f"Warning: {path.name} is passed over: {error}", file=sys.stderr)
    if found:
        raise UserError(
            f"No checkpoint in {folder} can be read ({', '.join(p.name for p in found)}); bring "
            "one back from a backup, or start afresh in another --output_dir."
        )
    return None


def warn_of_others(folder: Path, step: int) -> None:
    """Says which checkpoints a run that starts at `step` is going to replace."""
    later = [path.name for path in listed(folder) if step_of(path) > step]
    if later:
        print(
            f"Warning: the first checkpoint of this run replaces {', '.join(later)} in {folder}; "
            "stop now and use --resume_from_checkpoint latest to go on from there instead.",
            file=sys.stderr,
        )


def check_same_run(config: Config, checkpoint: Checkpoint) -> None:
    """Raises `UserError` naming the fields in which `config` differs from the checkpoint's."""
    allowed = HANDLING | (RUN_LENGTH if config.lr_schedule == "constant" else set())
    changed = [d for d in config.differences(checkpoint.config) if d.split(" ")[0] not in allowed]
    if changed:
        raise UserError(
            f"The checkpoint {checkpoint.path} is of another run: {', '.join(changed)}. "
            "Use the same flags, or another --output_dir to start afresh."
        )


def restore(checkpoint: Checkpoint, state: dict) -> None:
    """Assigns the checkpoint's arrays to the variables of `Trainer.state`."""
    shapes = {name: array.shape for name, array in checkpoint.arrays.items()}
    expected = {name: tuple(variable.shape) for name, variable in state.items()}
    differing = sorted(name for name, _ in shapes.items() ^ expected.items())
    if differing:
        names = ", ".join(dict.fromkeys(differing[:6]))
        raise UserError(
            f"The checkpoint {checkpoint.path} was written by another version of pix2pix or Keras, "
            f"whose variables differ ({names}); install that version again, or start afresh in "
            "another --output_dir."
        )
    for name, variable in state.items():
        variable.assign(checkpoint.arrays[name])
