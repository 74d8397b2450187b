"""Checkpoints: one `.npz` file with every variable, the config and the history of the run.

A file ends with the SHA-256 of everything before it, so damage is always detected. `np.load` still
reads the file, and nothing is pickled. A run that resumes on the CPU that wrote the checkpoint ends
with the same bits as an uninterrupted run. A different number of CPU threads changes the order of
sums, and therefore the last bits.
"""

import hashlib
import json
import logging
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.format import write_array

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import remove_temporary, write_atomically

LOGGER = logging.getLogger(__name__)
DIGEST_BYTES = hashlib.sha256().digest_size
BLOCK_BYTES = 1 << 20


class DamagedCheckpointError(UserError):
    """The file or its disk is damaged; an earlier checkpoint may still be intact."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        path: the file.
        step: the number of steps that the run had made.
        config: the run's settings.
        log: the run's history, as `History.state` returns it, and its validations, if any, under
            "validation", as `Validation.state` returns them.
        arrays: values of all variables, under the names of `Trainer.state`.
        data: what `DataIdentity.to_dict` returned for the run's pairs; None in earlier versions.
        base_model: what the run recorded about the model that it started from; None without one.
    """

    path: Path
    step: int
    config: Config
    log: dict[str, Any]
    arrays: dict[str, np.ndarray]
    data: dict[str, Any] | None = None
    base_model: dict[str, Any] | None = None

    @property
    def best_step(self) -> int | None:
        """The step of the run's best checkpoint so far; None before the first validation."""
        return self.log.get("validation", {}).get("best_step")


def save(
    folder: Path,
    step: int,
    config: Config,
    log: dict[str, Any],
    state: dict,
    data: dict[str, Any] | None = None,
    base_model: dict[str, Any] | None = None,
) -> Path:
    """Writes `<folder>/step-<step>.npz` atomically and returns its path.

    `log` is that of `Checkpoint`, `state` from `Trainer.state`, `data` from `DataIdentity.to_dict`.
    """
    path = path_of(folder, step)
    metadata = {"step": step, "config": config.to_dict(), "log": log, "data": data}
    metadata |= {"base_model": base_model} if base_model else {}
    members = {"about": np.array(json.dumps(metadata))} | state

    def write(temporary: Path) -> None:
        with temporary.open("w+b") as file:
            # Unlike np.savez, this holds a copy of only one variable at a time.
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
    """Returns the SHA-256 of the first `count` bytes, and leaves the file's position after them."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(min(BLOCK_BYTES, count)):
        digest.update(block)
        count -= len(block)
    return digest.digest()


def path_of(folder: Path, step: int) -> Path:
    """Returns the path of the checkpoint of `step`."""
    return folder / f"step-{step:08d}.npz"


def list_checkpoints(folder: Path) -> list[Path]:
    """Returns the checkpoints in `folder`, the earliest step first."""
    return sorted(path for path in folder.glob("step-*.npz") if is_checkpoint(path.name))


def is_checkpoint(name: str) -> bool:
    """Returns whether a file name is that of a checkpoint."""
    return re.fullmatch(r"step-\d+\.npz", name) is not None


def parse_step(path: Path) -> int:
    """Returns the step in the file name of a checkpoint."""
    return int(path.stem.removeprefix("step-"))


def find_superseded(
    paths: Iterable[Path], step: int, limit: int, best_step: int | None = None
) -> set[Path]:
    """Returns the checkpoints that can be deleted after the one of `step` has been saved.

    The newest `limit` checkpoints up to `step` are kept, and so is the one of `best_step`.
    Checkpoints of later steps belong to an earlier run that this run replaces; if they stayed,
    "latest" would resume that run.
    """
    paths = sorted(paths)
    newest = [path for path in paths if parse_step(path) <= step][-limit:]
    return {path for path in paths if path not in newest and parse_step(path) != best_step}


def prune(folder: Path, step: int, limit: int, best_step: int | None = None) -> None:
    """Deletes superseded checkpoints and the unfinished files of killed processes."""
    for path in find_superseded(list_checkpoints(folder), step, limit, best_step):
        path.unlink()
    remove_temporary(folder)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads and verifies a checkpoint.

    Raises `UserError` when it is missing or was written by an incompatible version, and
    `DamagedCheckpointError` when it is damaged.
    """
    arrays = _read_verified(path)
    try:
        metadata = json.loads(str(arrays.pop("about")))
        config = Config.from_dict(metadata["config"])
        step, log, data = metadata["step"], metadata["log"], metadata.get("data")
        return Checkpoint(path, step, config, log, arrays, data, metadata.get("base_model"))
    except UserError as error:
        raise UserError(f"The checkpoint {path} was written by another version: {error}") from None
    except KeyError as error:
        raise UserError(
            f"The checkpoint {path} was written by another version of pix2pix: it has no {error}; "
            "install that version, or start a new run in another --output_dir."
        ) from None


def _read_verified(path: Path) -> dict[str, np.ndarray]:
    with _open_verified(path) as archive:
        return {name: archive[name] for name in archive.files}


@contextmanager
def _open_verified(path: Path) -> Iterator[Any]:
    """Yields the archive of a checkpoint whose checksum matches."""
    try:
        with path.open("rb") as file:
            count = max(0, file.seek(0, os.SEEK_END) - DIGEST_BYTES)
            if _digest(file, count) != file.read():
                raise ValueError("its checksum does not match")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                yield archive
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint at {path}; check --resume_from_checkpoint."
        ) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedCheckpointError(
            f"The checkpoint {path} is damaged ({error}); resume from another one."
        ) from None


def find_latest(folder: Path) -> Checkpoint | None:
    """Returns the latest checkpoint that can be read, or None if the folder has none.

    Logs a warning for each damaged checkpoint. Raises `UserError` when all of them are damaged,
    because a new run would replace them.
    """
    paths = list_checkpoints(folder)
    for path in reversed(paths):
        try:
            return read_checkpoint(path)
        except DamagedCheckpointError as error:
            LOGGER.warning("%s is skipped: %s", path.name, error)
    if paths:
        raise UserError(
            f"No checkpoint in {folder} can be read ({', '.join(p.name for p in paths)}); restore "
            "one from a backup, or start a new run in another --output_dir."
        )
    return None


def warn_of_later_checkpoints(folder: Path, step: int) -> None:
    """Logs a warning if a run that starts after `step` will replace later checkpoints."""
    later = [path.name for path in list_checkpoints(folder) if parse_step(path) > step]
    if later:
        LOGGER.warning(
            "The first checkpoint of this run replaces %s in %s; to continue from there instead, "
            "stop now and use --resume_from_checkpoint latest.",
            ", ".join(later), folder,
        )  # fmt: skip


def restore(checkpoint: Checkpoint, state: dict) -> None:
    """Assigns the checkpoint's arrays to the variables of `Trainer.state`.

    Raises `UserError` before the first assignment when names or shapes differ.
    """
    shapes = {name: array.shape for name, array in checkpoint.arrays.items()}
    expected = {name: tuple(variable.shape) for name, variable in state.items()}
    differing = sorted(name for name, _ in shapes.items() ^ expected.items())
    if differing:
        names = ", ".join(dict.fromkeys(differing[:6]))
        raise UserError(
            f"The checkpoint {checkpoint.path} was written by another version of pix2pix or Keras, "
            f"whose variables differ ({names}); install that version, or start a new run in "
            "another --output_dir."
        )
    for name, variable in state.items():
        variable.assign(checkpoint.arrays[name])


def restore_networks(path: Path, state: dict) -> None:
    """Assigns a checkpoint's weights to the networks in `Trainer.state`, not to the optimizers.

    Arrays are read one at a time, to save memory. Raises `UserError` as `read_checkpoint` does.
    """
    with _open_verified(path) as archive:
        for name, variable in state.items():
            if "optimizer" not in name:
                variable.assign(archive[name])
