"""Names and reads the artifacts: the files that a run writes to --output_dir and publishes.

This module alone defines the file names, and which files are published, served and required. It
imports neither Keras nor a network library, because the Space reads artifacts too.
"""

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix.errors import UserError
from pix2pix.files import sha256, write_json

GRAPH_FILE, CONFIG_FILE = "generator.onnx", "pix2pix.json"
CARD_FILE, METRICS_FILE, HISTORY_FILE = "README.md", "metrics.json", "history.csv"
VALIDATION_FILE = "validation.csv"
CURVES_FILE, GRID_FILE, SAMPLES_FOLDER = "curves.png", "samples.png", "samples"
NOTEBOOK_FILE, THUMBNAIL_FILE = "notebook.ipynb", "thumbnail.png"
# TensorBoard's events; the Hub shows the curves of every such file on the tab Metrics.
EVENTS_FOLDER = "runs"
EVENTS = f"{EVENTS_FOLDER}/*.tfevents.*"
WEIGHTS_FILE, DISCRIMINATOR_FILE = "model.weights.h5", "discriminator.weights.h5"
# Keras's own Hub layout, which `hf://` loads.
KERAS_FILES = ("config.json", "metadata.json", WEIGHTS_FILE)
# What Inference Endpoints run, and install before.
HANDLER_FILE, REQUIREMENTS_FILE = "handler.py", "requirements.txt"
# The generator for other programs, by format; a directory for a SavedModel.
EXPORTS_FOLDER = "exports"
EXPORTS = {
    "saved_model": f"{EXPORTS_FOLDER}/saved_model",
    "tflite": f"{EXPORTS_FOLDER}/generator.tflite",
    "onnx": f"{EXPORTS_FOLDER}/generator-float32.onnx",
    "keras": f"{EXPORTS_FOLDER}/generator.keras",
}
SAVED_MODEL_FILES = (
    "saved_model.pb", "fingerprint.pb", "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)  # fmt: skip
EXPORTED_FILES = (
    *(f"{EXPORTS['saved_model']}/{name}" for name in SAVED_MODEL_FILES),
    *(path for format, path in EXPORTS.items() if format != "saved_model"),
)
# A sample is one held-out pair with the model's translation of its input; one PNG for each kind.
SAMPLE_KINDS = ("input", "generated", "target")

# Glob patterns of the files on the main branch of a model repository.
PUBLISHED = (
    CARD_FILE, *KERAS_FILES, GRAPH_FILE, CONFIG_FILE, METRICS_FILE, GRID_FILE,
    f"{SAMPLES_FOLDER}/*.png", HISTORY_FILE, CURVES_FILE, VALIDATION_FILE, DISCRIMINATOR_FILE,
    NOTEBOOK_FILE, THUMBNAIL_FILE, EVENTS, HANDLER_FILE, REQUIREMENTS_FILE, *EXPORTED_FILES,
)  # fmt: skip
# The part of them that only some models have: by a run's settings, or by its version.
OPTIONAL = (
    VALIDATION_FILE, DISCRIMINATOR_FILE, NOTEBOOK_FILE, THUMBNAIL_FILE, EVENTS, HANDLER_FILE,
    REQUIREMENTS_FILE, *EXPORTED_FILES,
)  # fmt: skip
# The part of them that serving downloads: the Keras weights would double the download.
SERVED = tuple(name for name in PUBLISHED if name not in (*KERAS_FILES, *OPTIONAL))
# Every pix2pix model has these files; the smallest comes first.
REQUIRED = (CONFIG_FILE, GRAPH_FILE)
# The folders of the starter models in a checkout: from photo to map, and from sketch to photo.
STARTER_FOLDER, PAINTER_FOLDER = "assets/starter_model", "assets/starter_painter"
STARTER_FOLDERS = (STARTER_FOLDER, PAINTER_FOLDER)  # the default first
# The files whose SHA-256 is in pix2pix.json, if they are there.
DIGESTED = (WEIGHTS_FILE, GRAPH_FILE, DISCRIMINATOR_FILE, *EXPORTED_FILES)

# Names that earlier versions spelled differently in published files: old name -> current name.
RENAMED_BASELINES = {"colour_lookup": "color_lookup"}


@dataclass(frozen=True)
class ArtifactFolder:
    """Finds and reads the artifacts of a run in a folder.

    All readers handle errors alike: a missing optional file gives None; a damaged file and a
    missing required file raise `UserError` with the file's path and the reason.
    """

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def sample_path(self, name: str, kind: str) -> Path:
        """Returns the path of one picture of a sample; `kind` is one of `SAMPLE_KINDS`."""
        return self.path / SAMPLES_FOLDER / f"{name}-{kind}.png"

    def read_description(self) -> dict[str, Any]:
        """Returns the content of pix2pix.json. Raises `UserError` when it can't be read."""
        description = self._read_json(CONFIG_FILE)
        if description is None:
            raise UserError(f"{self.path} has no {CONFIG_FILE}: it is not a pix2pix model.")
        return description

    def read_metrics(self) -> dict[str, Any] | None:
        """Returns the content of metrics.json, or None when there is no such file.

        Keys of earlier versions are renamed to the current ones, and every figure is checked to be
        a number. Only "metrics" is always present: files of earlier versions lack the legend, the
        intervals and some metrics. Raises `UserError` when the file is damaged. "samples" is not
        checked here; `gallery.read_samples` leaves out each entry that is damaged.
        """
        report = self._read_json(METRICS_FILE)
        if report is None:
            return None
        try:
            if "metrics" not in report:
                raise ValueError("it has no metrics")
            for key in ("baselines", "baseline_intervals"):
                if key in report:
                    report[key] = {RENAMED_BASELINES.get(k, k): v for k, v in report[key].items()}
            _check_figures(report)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self / METRICS_FILE} can't be read ({error}).") from None
        return report

    def list_published(self) -> dict[str, Path]:
        """Returns the files to publish, by their path in the repository.

        A discriminator that pix2pix.json does not describe is not among them. Raises `UserError`
        when a file is missing, as after a run that was killed.
        """
        missing = [
            name for name in PUBLISHED if name not in OPTIONAL and not list(self.path.glob(name))
        ]
        if missing:
            raise UserError(
                f"{self.path} is not a finished run: {missing[0]} is missing; train to the end."
            )
        paths = sorted(path for pattern in PUBLISHED for path in self.path.glob(pattern))
        # Numbers in place of TensorBoard's names, which contain the name of the machine.
        events = [path for path in paths if path.match(EVENTS)]
        files = {path.relative_to(self.path).as_posix(): path for path in paths}
        for number, path in enumerate(events):
            files.pop(path.relative_to(self.path).as_posix())
            files[f"{EVENTS_FOLDER}/events.out.tfevents.{number}"] = path
        if DISCRIMINATOR_FILE not in (self.read_description().get("sha256") or {}):
            files.pop(DISCRIMINATOR_FILE, None)
        return files

    def leave_out_discriminator(self) -> None:
        """Removes the discriminator from pix2pix.json, so that it is not published.

        The file stays on this machine.
        """
        description = self.read_description()
        if (description.get("sha256") or {}).pop(DISCRIMINATOR_FILE, None):
            write_json(self / CONFIG_FILE, description)

    def check_digests(self) -> None:
        """Raises `UserError` unless the weights have the SHA-256 in pix2pix.json."""
        digests = self.read_description().get("sha256") or {}
        for name in DIGESTED:
            path = self.path / name
            if name in OPTIONAL and name not in digests:
                continue  # not a part of the model, also if there is such a file
            try:
                digest = sha256(path)
            except OSError as error:
                raise UserError(f"{path} can't be read ({error}).") from None
            if digests.get(name) != digest:
                raise UserError(
                    f"{path} is not the file that {CONFIG_FILE} describes (its sha256 differs): "
                    "train to the end again, or restore the file."
                )

    def read_history(self) -> list[dict[str, float]] | None:
        """Returns the rows of history.csv whose figures are all finite, or None without the file.

        Raises `UserError` when the file can't be read as CSV.
        """
        path = self / HISTORY_FILE
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return [row for line in csv.DictReader(file) if (row := _parse_row(line))]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(f"{path} can't be read ({error}).") from None

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path} can't be read ({error}).") from None
        if not isinstance(content, dict):
            raise UserError(f"{path} can't be read (it does not hold a JSON object).")
        return content


def _check_figures(report: dict[str, Any]) -> None:
    """Raises an error unless metrics and intervals are numbers and the legend holds colors."""
    base = report.get("base_model", {"metrics": {}, "intervals": {}})
    for values in (report["metrics"], base["metrics"], *report.get("baselines", {}).values()):
        _check_numbers(values.values())
    for intervals in (
        report.get("intervals", {}),
        base["intervals"],
        *report.get("baseline_intervals", {}).values(),
    ):
        for low, high in intervals.values():
            _check_numbers([low, high])
    for red, green, blue in report.get("legend", []):
        if not all(isinstance(v, int) and 0 <= v <= 255 for v in (red, green, blue)):
            raise ValueError(f"{[red, green, blue]} in its legend is not a color")


def _check_numbers(values: Iterable[Any]) -> None:
    for value in values:
        # bool is a subclass of int.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise ValueError(f"{value!r} is not a number")


def _parse_row(line: dict[str, Any]) -> dict[str, float] | None:
    """Returns the figures of a line of a CSV file, or None unless all of them are finite."""
    try:
        row = {name: float(text) for name, text in line.items()}
    except (TypeError, ValueError):
        return None
    return row if all(map(math.isfinite, row.values())) else None
