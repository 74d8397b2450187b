"""Writes the artifacts of a finished run, each file completely or not at all."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import pix2pix
from pix2pix import card, endpoint, evaluation, version
from pix2pix.artifacts import (
    CONFIG_FILE,
    CURVES_FILE,
    DIGESTED,
    GRAPH_FILE,
    GRID_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    SAMPLE_KINDS,
    SAMPLES_FOLDER,
    VALIDATION_FILE,
    ArtifactFolder,
)
from pix2pix.config import Config
from pix2pix.data import LoadedPairs, spread_evenly
from pix2pix.export import exports, onnx_graph
from pix2pix.files import sha256, write_image, write_json
from pix2pix.images import orient_pair
from pix2pix.legend import MAX_COLORS, Legend
from pix2pix.palettes import Color
from pix2pix.training.history import write_history, write_rows
from pix2pix.translate import Translator

# Published samples, evenly spread over the held-out pairs. samples.png shows half of them, which
# fit on a screen.
SAMPLE_COUNT = 12
GRID_COUNT = 6
# Held-out pairs on which the ONNX graph is compared with the Keras network.
PARITY_COUNT = 4
# The packages whose versions pix2pix.json records.
PACKAGES = (
    "tensorflow", "keras", "numpy", "pillow", "datasets", "huggingface_hub", "onnx", "onnxruntime",
)  # fmt: skip


@dataclass(frozen=True)
class FinishedRun:
    """Describes a finished training run, except for its weights.

    Attributes:
        config: the settings of the training.
        step: the number of steps.
        seconds: the duration of the training.
        history: the rows of history.csv.
        device: the name of the hardware.
        dataset_card: the front matter of the dataset's card; {} without one.
        base_model: "model" and "scores" of the model that the run started from, if any.
        validation: which weights these are, and their scores on the selection pairs; None without
            validation.
        validation_rows: the rows of validation.csv.
        formats: the formats of --publish_formats.
    """

    config: Config
    step: int
    seconds: float
    history: list[dict]
    device: str
    dataset_card: dict[str, Any] = field(default_factory=dict)
    base_model: dict[str, Any] | None = None
    validation: dict[str, Any] | None = None
    validation_rows: list[dict] = field(default_factory=list)
    formats: tuple[str, ...] = ()


def write_network(
    folder: Path, generator: keras.Model, run: FinishedRun, loaded: LoadedPairs
) -> None:
    """Writes the Keras files, the ONNX graph, other exports and pix2pix.json into `folder`."""
    onnx_graph.save_keras(generator, folder)
    squares = loaded.examples.squares(PARITY_COUNT)
    inputs, _ = orient_pair(squares.swapaxes(0, 1), run.config.direction)
    parity = onnx_graph.export_onnx(generator, folder / GRAPH_FILE, inputs)
    exported = exports.write_published(folder, generator, run.formats, inputs)
    write_json(folder / CONFIG_FILE, describe(folder, run, loaded, parity, exported))


def write_results(folder: Path, run: FinishedRun, loaded: LoadedPairs) -> dict:
    """Evaluates the model, writes all other artifacts, and returns the content of metrics.json.

    The ONNX graph in `folder` is evaluated rather than the Keras model, because it is what the
    Space and `Translator` run. Without held-out pairs nothing is measured, and the samples show
    training pairs.
    """
    translator, held_out = Translator(folder), loaded.held_out
    if held_out:
        legend = find_own_legend(run.config, loaded)
        report = evaluation.evaluate(
            translator.predict, loaded.reference, held_out, run.config, legend
        )
    else:
        report = evaluation.empty_report()
    if run.base_model and run.base_model["scores"]:
        report["base_model"] = run.base_model["scores"]
    report["samples"] = write_samples(folder, translator, loaded.examples, report["per_pair"])
    write_json(folder / METRICS_FILE, report)
    write_history(folder / HISTORY_FILE, run.history)
    write_validation(folder, run)
    card.write_curves(folder / CURVES_FILE, run.history, run.validation_rows, run.validation)
    endpoint.write_handler(folder)
    card.write_card(folder)
    return report


def write_validation(folder: Path, run: FinishedRun) -> None:
    """Writes validation.csv; without validation, deletes that of an earlier run."""
    if run.validation:
        write_rows(folder / VALIDATION_FILE, run.validation_rows)
    else:
        (folder / VALIDATION_FILE).unlink(missing_ok=True)


def describe(
    folder: Path, run: FinishedRun, loaded: LoadedPairs, parity: float, exported: dict[str, dict]
) -> dict:
    """Returns the content of pix2pix.json, which describes the run for serving and reproduction.

    Args:
        folder: the folder to which `write_network` wrote the network's files.
        run: the finished run.
        loaded: the pairs it was trained on.
        parity: the largest difference between the ONNX graph and Keras, on outputs in [-1, 1].
        exported: what `exports.write_published` returned.
    """
    return {
        "pix2pix_version": pix2pix.__version__,
        "pix2pix_commit": version.code_commit(),
        "config": run.config.to_dict(),
        "size_multiple": 2**run.config.depth,
        "pair_aspects": loaded.pair_aspects,
        "pair_sizes": loaded.pair_sizes,
        "reading": _describe_reading(run.config, loaded),
        "columns": list(loaded.source.columns),
        "rows": loaded.plan.to_dict(),
        "skipped_rows": loaded.skipped,
        **_describe_palettes(run, loaded),
        "dataset_license": _license_of(run.dataset_card),
        "training": {
            "steps": run.step,
            "seconds": round(run.seconds, 1),
            "device": run.device,
        },
        **({"validation": run.validation} if run.validation else {}),
        "onnx_max_difference": parity,
        **({"exports": exported} if exported else {}),
        **({"base_model": run.base_model["model"]} if run.base_model else {}),
        "sha256": {name: sha256(folder / name) for name in DIGESTED if (folder / name).exists()},
        "versions": _package_versions(),
    }


def _describe_reading(config: Config, loaded: LoadedPairs) -> dict:
    """Returns how the values of the run's pictures became 8-bit RGB; serving does the same."""
    rules = orient_pair(loaded.source.decoder.rules, config.direction)
    return {name: rule.to_dict() for name, rule in zip(("input", "target"), rules, strict=True)}


def _legends(config: Config, loaded: LoadedPairs) -> tuple[list[Color], list[Color]]:
    """Returns the colors of the class numbers that inputs and targets hold; [] for pictures."""
    return orient_pair(map(loaded.source.decoder.legend, (0, 1)), config.direction)


def find_own_legend(config: Config, loaded: LoadedPairs) -> Legend | None:
    """Returns the legend of targets that hold class numbers, or None for pictures."""
    _, colors = _legends(config, loaded)
    return Legend(colors) if 0 < len(colors) <= MAX_COLORS else None


def _license_of(dataset_card: dict[str, Any]) -> str | None:
    license = dataset_card.get("license")
    if isinstance(license, list):
        return ", ".join(map(str, license))
    return license if isinstance(license, str) else None


def _describe_palettes(run: FinishedRun, loaded: LoadedPairs) -> dict:
    """Returns the flat colors of inputs and targets, with the names of the dataset's card."""
    named = run.dataset_card.get("palettes")
    named = named if isinstance(named, dict) else {}
    # Pairs that are one picture have one column, so the card can't name a side.
    columns = loaded.source.columns if len(loaded.source.columns) == 2 else ("", "")
    columns = orient_pair(columns, run.config.direction)
    sides = orient_pair(loaded.reference.swapaxes(0, 1), run.config.direction)
    legends = _legends(run.config, loaded)
    return {
        f"{side}_palette": evaluation.find_palette(pictures, named.get(column), legend)
        for side, pictures, column, legend in zip(
            ("input", "target"), sides, columns, legends, strict=True
        )
    }


def write_samples(
    folder: Path, translator: Translator, pairs: Sequence[np.ndarray], scores: list[dict]
) -> list[dict]:
    """Writes samples/NNN-*.png and samples.png, and deletes the samples of an earlier run.

    Args:
        folder: the artifact folder.
        translator: the model that generates the pictures.
        pairs: K pairs, each (2, H, W, 3) uint8; 12 of them are chosen, evenly spread.
        scores: the metrics of each of the K pairs; empty for training pairs.

    Returns:
        The name, index and metrics of each sample.
    """
    for old_sample in (folder / SAMPLES_FOLDER).glob("*.png"):
        old_sample.unlink()
    samples, rows = [], []
    for number, index in enumerate(spread_evenly(len(pairs), SAMPLE_COUNT)):
        name = f"{number:03d}"
        picture, target = orient_pair(pairs[index], translator.config.direction)
        generated = translator.predict(picture[None])[0]
        row = [Image.fromarray(pixels) for pixels in (picture, generated, target)]
        for kind, image in zip(SAMPLE_KINDS, row, strict=True):
            write_image(ArtifactFolder(folder).sample_path(name, kind), image)
        rows.append(row)
        if scores:
            samples.append({"name": name, "held_out_pair": index} | scores[index])
        else:
            samples.append({"name": name, "training_pair": index})
    step = -(-len(rows) // GRID_COUNT)
    write_image(folder / GRID_FILE, card.sample_grid(rows[::step]))
    return samples


def _package_versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
