"""Exports the generator for other programs: a SavedModel, LiteRT, ONNX, or one Keras file.

All of them have the contract of generator.onnx: input "image", output "translation", float32 NHWC
in [-1, 1], with the channels of the generator. Batch, height and width are variable (multiples of
2**depth), except for LiteRT, whose delegates need a fixed size: one picture of the training size.
A SavedModel has a second signature, "uint8", with bytes in [0, 255] in and out.
"""

import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pix2pix.artifacts import EXPORTS, EXPORTS_FOLDER
from pix2pix.errors import UserError, first_line
from pix2pix.export import (
    INPUT,
    MAX_DIFFERENCE,
    OUTPUT,
    Run,
    largest_difference,
    load_onnx,
    save_onnx,
)
from pix2pix.images import to_tensor

TYPES: dict[str, type] = {"float16": np.float16, "float32": np.float32}
# Translations of one picture of which the fastest is reported: other programs slow the rest down.
TIMED_RUNS = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Format:
    """A file format of the generator.

    Attributes:
        precisions: the types in which kernels can be stored, the default first.
        save: writes the generator to a path, with kernels of a precision, for pictures of a size.
        load: returns the function that the program computes for which the format is.
    """

    precisions: tuple[str, ...]
    save: Callable[[keras.Model, Path, str, int], None]
    load: Callable[[Path], Run]


@dataclass(frozen=True)
class Export:
    """A written export, as compared with Keras.

    Attributes:
        format: a key of `FORMATS`. precision: the type in which kernels are stored.
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
        for precision in precisions:
            try:
                export = write_export(
                    generator, format, folder / EXPORTS[format], pictures, precision
                )
            except UserError as error:
                logger.warning("%s", error)
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
        advice = "Its weights need --precision float32."
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


def _save_saved_model(generator: keras.Model, path: Path, precision: str, size: int) -> None:
    import tensorflow as tf

    def signature(dtype: Any, compute: Callable) -> Any:
        spec = tf.TensorSpec((None, None, None, generator.input_shape[-1]), dtype, name=INPUT)
        return tf.function(lambda image: {OUTPUT: compute(image)}, input_signature=[spec])

    def translate(image: Any) -> Any:
        return generator(image, training=False)

    def translate_bytes(image: Any) -> Any:
        pixels = tf.round((translate(tf.cast(image, tf.float32) / 127.5 - 1) + 1) * 127.5)
        return tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8)

    module = tf.Module()
    # TensorFlow's variables alone: Keras's own would be stored too, and double the file.
    module.weights = [variable.value for variable in generator.variables]
    signatures = {
        "serving_default": signature(tf.float32, translate),
        "uint8": signature(tf.uint8, translate_bytes),
    }
    tf.saved_model.save(module, str(path), signatures)


def _load_saved_model(path: Path) -> Run:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    serve = model.signatures["serving_default"]

    def run(tensor: np.ndarray, model: Any = model) -> np.ndarray:  # keeps its variables alive
        return serve(**{INPUT: tf.constant(tensor)})[OUTPUT].numpy()

    return run


def _save_tflite(generator: keras.Model, path: Path, precision: str, size: int) -> None:
    import tensorflow as tf

    spec = tf.TensorSpec((1, size, size, generator.input_shape[-1]), tf.float32, name=INPUT)
    function = tf.function(lambda image: {OUTPUT: generator(image, training=False)})
    module = tf.Module()
    module.weights = [variable.value for variable in generator.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(spec)], module
    )
    # Otherwise the weights become variables, which nothing sets.
    converter.experimental_enable_resource_variables = False
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())


def _load_tflite(path: Path) -> Run:
    import tensorflow as tf

    with warnings.catch_warnings(action="ignore"):  # it recommends the package ai-edge-litert
        runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    return lambda tensor: runner(**{INPUT: tensor})[OUTPUT]


def _save_onnx(generator: keras.Model, path: Path, precision: str, size: int) -> None:
    save_onnx(generator, path, TYPES[precision])


def _save_keras(generator: keras.Model, path: Path, precision: str, size: int) -> None:
    generator.save(path)


def _load_keras(path: Path) -> Run:
    model = keras.saving.load_model(path, compile=False)
    return lambda tensor: np.asarray(model(tensor, training=False))


FORMATS = {
    "saved_model": Format(("float32",), _save_saved_model, _load_saved_model),
    "tflite": Format(("float16", "float32"), _save_tflite, _load_tflite),
    "onnx": Format(("float16", "float32"), _save_onnx, load_onnx),
    "keras": Format(("float32",), _save_keras, _load_keras),
}
