"""Writes the generator of a model for other programs, and compares it with Keras.

    pix2pix export --model <user>/pix2pix-maps --format tflite --output generator.tflite

Prints the size, the largest difference from Keras on the model's samples, and the time of a
picture.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pix2pix import console, preflight
from pix2pix.artifacts import SAMPLES_FOLDER
from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.flags import parse_as
from pix2pix.options import ExportFormat
from pix2pix.runtime import prepare_tensorflow

if TYPE_CHECKING:
    import numpy as np

    from pix2pix.config import Config

prepare_tensorflow()

# Samples on which the export is compared with Keras, as many as for the published graph.
COMPARED_SAMPLES = 4


@dataclass(frozen=True)
class ExportSettings:
    """Names the model, the format and the file. Raises `UserError` for a wrong value."""

    model: str = setting(help="Hub id, id@revision, or folder of a model", may_be_path=True)
    format: ExportFormat = setting(
        help="saved_model: a folder for TensorFlow Serving; tflite: a file for LiteRT, with the "
        "fixed size of the training; onnx: a graph like the published one; keras: one file that "
        "Keras loads"
    )
    output: Path = setting(help="file to write, or folder for a SavedModel")
    precision: Literal["float16", "float32"] | None = setting(
        None,
        "type in which kernels are stored; float16 halves the file",
        default_help="float16 for tflite and onnx, float32 for saved_model and keras",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.model:
            raise UserError("--model is empty; name a Hub id, id@revision, or a folder.")
        if self.precision == "float16" and self.format in ("saved_model", "keras"):
            raise UserError(
                f"--format {self.format} stores float32 only: leave out --precision, or use tflite "
                "or onnx."
            )
        if self.format == "keras" and self.output.suffix != ".keras":
            raise UserError(f"--output is {self.output}; Keras loads files that end with .keras.")
        if self.format != "saved_model" and self.output.is_dir():
            raise UserError(f"--output {self.output} is a folder; name a file.")


def main(arguments: list[str] | None = None, program: str = "pix2pix export") -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((ExportSettings,), __doc__ or "", arguments, program)
    return console.run_command(program, lambda: run(settings))


def run(settings: ExportSettings) -> None:
    """Writes the export and prints what was measured."""
    preflight.prepare_hub()
    preflight.check_packages(("tensorflow", "keras", "onnx"))
    preflight.prepare_keras()
    from pix2pix.commands.base_model import find_model
    from pix2pix.export import exports
    from pix2pix.export.file_formats import FORMATS

    model = find_model(settings.model, "--model")
    pictures = read_samples(model.folder, model.weights.config)
    precision = settings.precision or FORMATS[settings.format].precisions[0]
    export = exports.write_export(
        model.weights.load_generator(), settings.format, settings.output, pictures, precision
    )
    print(export.describe())
    print(f"The export is {settings.output}.")


def read_samples(folder: Path, config: "Config") -> "np.ndarray":
    """Returns the inputs of the model's samples, (K, S, S, 3) uint8 with S the training size.

    Raises `UserError` when the model has none.
    """
    import numpy as np

    from pix2pix.geometry import make_square
    from pix2pix.pixels.gate import open_image

    paths = sorted((folder / SAMPLES_FOLDER).glob("*-input.png"))[:COMPARED_SAMPLES]
    if not paths:
        raise UserError(
            f"{folder} has no {SAMPLES_FOLDER}/*-input.png, on which an export is compared with "
            "Keras; train or publish the model again."
        )
    squares = [make_square(open_image(path), config.image_size, config.aspect) for path in paths]
    return np.stack([np.asarray(square) for square in squares])
