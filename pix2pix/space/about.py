"""What the Space tells programs about the model it serves."""

import json
from pathlib import Path

import yaml
from huggingface_hub import ModelCard

from pix2pix.space.models import Models
from pix2pix.space.settings import Settings
from pix2pix.translate import GRAPH_FILE, MODES


def describe(models: Models, settings: Settings) -> dict:
    """The default model, all names that may be asked for, and this Space's limits, for JSON."""
    translator = models.default
    config, metrics = translator.config, read_metrics(translator.folder)
    return {
        "name": models.names[0],
        "revision": translator.revision,
        "direction": config.direction,
        "image_size": config.image_size,
        "dataset": {"name": config.dataset_name, "revision": config.dataset_revision},
        "licence": licence(translator.folder),
        "held_out_pairs": metrics.get("held_out_pairs"),
        "metrics": metrics.get("metrics"),
        "baselines": metrics.get("baselines"),
        "protocol": metrics.get("protocol"),
        "sha256": translator.about["sha256"][GRAPH_FILE],
        "models": models.names,
        "modes": list(MODES),
        "limits": {
            "file_mb": settings.max_file_mb,
            "megapixels": settings.max_megapixels,
            "batch_files": settings.max_batch,
            "queue": settings.queue,
        },
    }


def read_metrics(folder: Path) -> dict:
    """What metrics.json says; nothing where there is none."""
    try:
        report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def licence(folder: Path) -> str | None:
    """The licence of the weights, that the model's card names."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
        return ModelCard(card).data.get("license")
    except (OSError, ValueError, yaml.YAMLError):
        return None
