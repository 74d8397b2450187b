"""Saves the generator for other programs, and loads each file with the program it is for.

All formats have the contract of generator.onnx: input "image", output "translation", float32 NHWC
in [-1, 1], with the channels of the generator. Batch, height and width are variable (multiples of
2**depth), except for LiteRT, whose delegates need a fixed size: one picture of the training size.
A SavedModel has a second signature, "uint8", with bytes in [0, 255] in and out.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pix2pix.export.onnx_graph import INPUT, OUTPUT, Run, load_onnx, save_onnx

TYPES: dict[str, type] = {"float16": np.float16, "float32": np.float32}


@dataclass(frozen=True)
class Format:
    """A file format of the generator.

    Attributes:
        precisions: the types in which kernels can be stored, the default first.
        save: writes the generator to a path, with kernels of a precision, for pictures of a size.
        load: loads the file with the program that the format is for; returns its function.
    """

    precisions: tuple[str, ...]
    save: Callable[[keras.Model, Path, str, int], None]
    load: Callable[[Path], Run]


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
