"""Exports the generator for other programs, and compares each export with Keras."""

import logging
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pix2pix.artifacts import EXPORTS, EXPORTS_FOLDER
from pix2pix.errors import UserError, first_line
from pix2pix.export.file_formats import FORMATS, TYPES
from pix2pix.export.onnx_graph import MAX_DIFFERENCE, Run, largest_difference
from pix2pix.images import to_tensor

# A picture is translated this often, and the fastest counts: other programs slow some runs down.
TIMED_RUNS = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """A written export, as compared with Keras.

    Attributes:
        format: a key of `FORMATS`.
        precision: the type in which kernels are stored.
        bytes: the size of the file or folder.
        max_difference: the largest difference from Keras, on outputs in [-1, 1].
        seconds: the time of a picture of the training size, on this machine.
    """

    format: str
    precision: str
    bytes: int
    max_difference: float
    seconds: float

    def describe(self) -> str:
        """Returns one line for the user."""
        return (
            f"{self.format} {self.precision}: {self.bytes / 1e6:.1f} MB, largest difference from "
            f"Keras {self.max_difference:.1e} of 2, {1000 * self.seconds:.0f} ms a picture"
        )


def write_export(
    generator: keras.Model, format: str, path: Path, pictures: np.ndarray, precision: str
) -> Export:
    """Writes `generator` to `path`, unless it differs from Keras too much.

    Args:
        generator: the published generator, float32.
        format: a key of `FORMATS`.
        path: the file, or the folder for a SavedModel; an earlier export there is replaced.
        pictures: (K, S, S, 3) uint8, S the training size, on which both are compared and timed.
        precision: one of the format's precisions.

    Raises:
        UserError: when the export can't be written, or differs by more than `MAX_DIFFERENCE`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        run = _save_and_load(generator, format, temporary, precision, pictures.shape[1])
        difference = largest_difference(generator, run, pictures)
        _check_difference(difference, format, precision)
        seconds = _time(run, to_tensor(pictures[:1], generator.input_shape[-1]))
        del run
        _replace(temporary, path)
    return Export(format, precision, _count_bytes(path), difference, seconds)


def write_published(
    folder: Path, generator: keras.Model, formats: tuple[str, ...], pictures: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Writes the exports of a run in `formats`, and deletes those of an earlier one.

    An export that fails is left out with a warning, since the run has a complete model without it.

    Args:
        folder: the artifact folder.
        generator: the published generator, float32.
        formats: keys of `FORMATS`.
        pictures: (K, S, S, 3) uint8, as for `write_export`.

    Returns:
        What pix2pix.json says of each export: the values of `Export`.
    """
    shutil.rmtree(folder / EXPORTS_FOLDER, ignore_errors=True)
    exports = {}
    for format in dict.fromkeys(formats):
        # generator.onnx has float16 kernels already.
        precisions = ("float32",) if format == "onnx" else FORMATS[format].precisions
        for precision, following in zip_longest(precisions, precisions[1:]):
            try:
                export = write_export(
                    generator, format, folder / EXPORTS[format], pictures, precision
                )
            except UserError as error:
                logger.warning("%s%s", error, f" Trying {following}." if following else "")
                continue
            logger.info("%s", export.describe())
            exports[format] = asdict(export)
            break
    return exports


def _save_and_load(
    generator: keras.Model, format: str, path: Path, precision: str, size: int
) -> Run:
    try:
        FORMATS[format].save(generator, path, precision, size)
        return FORMATS[format].load(path)
    except Exception as error:  # TensorFlow's converters raise errors of many classes
        raise UserError(
            f"The {format} export can't be written ({first_line(error)[:200]})."
        ) from None


def _check_difference(difference: float, format: str, precision: str) -> None:
    limit = MAX_DIFFERENCE[TYPES[precision]]
    if difference < limit:
        return
    advice = "Please report this with the versions in pix2pix.json."
    if precision != "float32":
        advice = "Its weights need float32 kernels (--precision float32 of pix2pix export)."
    raise UserError(
        f"The {format} export differs from the Keras generator by {difference:.2g}, more than "
        f"{limit:.2g}, so it was not written. {advice}"
    )


def _time(run: Run, tensor: np.ndarray) -> float:
    run(tensor)
    times = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        run(tensor)
        times.append(time.perf_counter() - started)
    return min(times)


def _replace(temporary: Path, path: Path) -> None:
    """Moves an export to its place. Raises `UserError` rather than replace another folder."""
    if path.is_dir():
        is_export = (path / "saved_model.pb").is_file() or not any(path.iterdir())
        if not temporary.is_dir() or not is_export:
            raise UserError(f"{path} is a folder with other files; choose another --output.")
        shutil.rmtree(path)
    elif temporary.is_dir() and path.exists():
        raise UserError(f"{path} is a file, and a SavedModel is a folder; choose another --output.")
    temporary.replace(path)


def _count_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
