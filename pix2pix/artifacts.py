"""Writes what `train_hub.py` publishes: the artifact layout, each file whole or not there."""

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import pix2pix
from pix2pix import card, evaluation, export, version
from pix2pix.config import Config
from pix2pix.data import LoadedPairs
from pix2pix.files import sha256, write_image, write_json
from pix2pix.gallery import KINDS
from pix2pix.images import oriented
from pix2pix.training.log import write_history
from pix2pix.translate import CONFIG_FILE, GRAPH_FILE, Translator

SAMPLE_COUNT = 12
PARITY_COUNT = 4
PACKAGES = (
    "tensorflow", "keras", "numpy", "pillow", "datasets", "huggingface_hub", "onnx", "onnxruntime",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What is known about a finished run besides its weights."""

    config: Config
    step: int
    seconds: float
    history: list[dict]
    device: str
    dataset_license: str | None = None


def write_network(folder: Path, generator: keras.Model, run: Run, loaded: LoadedPairs) -> None:
    """Writes the network's files of the artifact layout into `folder`, with what it needs."""
    export.save_keras(generator, folder)
    inputs, _ = oriented(loaded.held_out[:PARITY_COUNT].swapaxes(0, 1), run.config.direction)
    parity = export.export_onnx(generator, folder / GRAPH_FILE, inputs)
    write_json(folder / CONFIG_FILE, describe(folder, run, loaded, parity))


def write_results(folder: Path, run: Run, loaded: LoadedPairs) -> dict:
    """Writes the other files beside the network's, and returns the metrics.

    The file that is served is what is measured, not the network that was in memory.
    """
    translator, held_out = Translator(folder), loaded.held_out
    metrics = evaluation.evaluate(translator.generate, loaded.reference, held_out, run.config)
    metrics["samples"] = write_samples(folder, translator, held_out, metrics["per_pair"])
    write_json(folder / "metrics.json", metrics)
    write_history(folder / "history.csv", run.history)
    card.write_curves(folder / "curves.png", run.history)
    card.write_card(folder)
    return metrics


def describe(folder: Path, run: Run, loaded: LoadedPairs, parity: float) -> dict:
    """The content of pix2pix.json: all that preprocessing and reproduction need."""
    weights = ("model.weights.h5", GRAPH_FILE)
    return {
        "pix2pix_version": pix2pix.__version__,
        "pix2pix_commit": version.code_commit(),
        "config": run.config.to_dict(),
        "size_multiple": 2**run.config.depth,
        "columns": list(loaded.source.columns),
        "rows": loaded.plan.to_dict(),
        "skipped_rows": loaded.skipped,
        "dataset_license": run.dataset_license,
        "training": {
            "steps": run.step,
            "seconds": round(run.seconds, 1),
            "device": run.device,
        },
        "onnx_max_difference": parity,
        "sha256": {name: sha256(folder / name) for name in weights},
        "versions": _versions(),
    }


def write_samples(
    folder: Path, translator: Translator, held_out: np.ndarray, scores: list[dict]
) -> list[dict]:
    """Writes samples/NNN-*.png and samples.png; returns the name, row and scores of each."""
    count = min(SAMPLE_COUNT, len(held_out))
    chosen = np.linspace(0, len(held_out) - 1, count).round().astype(int)
    for earlier in (folder / "samples").glob("*.png"):
        earlier.unlink()
    samples, rows = [], []
    for number, place in enumerate(chosen):
        picture, target = oriented(held_out[place], translator.config.direction)
        generated = translator.generate(picture[None])[0]
        row = [Image.fromarray(pixels) for pixels in (picture, generated, target)]
        for kind, image in zip(KINDS, row, strict=True):
            write_image(folder / "samples" / f"{number:03d}-{kind}.png", image)
        rows.append(row)
        samples.append({"name": f"{number:03d}", "held_out_pair": int(place)} | scores[place])
    write_image(folder / "samples.png", card.sample_grid(rows))
    return samples


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
