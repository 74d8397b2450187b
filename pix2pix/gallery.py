"""Reads the held-out samples of a model: samples/NNN-{input,generated,target}.png and scores."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix.artifacts import SAMPLE_KINDS, ArtifactFolder
from pix2pix.errors import UserError

# The metrics that the Space shows under each sample.
SCORES = ("l1", "psnr", "ssim")
ORDERS = ("as stored", "best first", "worst first")


@dataclass(frozen=True)
class Sample:
    """One held-out pair, the model's translation of its input, and the scores in metrics.json."""

    name: str
    input: Path
    generated: Path
    target: Path
    scores: dict[str, float]


def read_samples(folder: Path) -> list[Sample]:
    """Returns the samples of the artifacts in `folder`, in the order of metrics.json.

    Without a readable metrics.json the list is empty; entries that lack a score or a file are left
    out.
    """
    artifacts = ArtifactFolder(folder)
    try:
        report = artifacts.read_metrics()
    except UserError:
        return []
    entries = report.get("samples") if report else None
    if not isinstance(entries, list):
        return []
    samples = (_read_sample(artifacts, entry) for entry in entries)
    return [sample for sample in samples if sample]


def _read_sample(artifacts: ArtifactFolder, entry: Any) -> Sample | None:
    try:
        name = entry["name"]
        scores = {key: float(entry[key]) for key in SCORES}
        # The name becomes part of a path, and an untrusted model may have any text here.
        if not re.fullmatch(r"\w+", name) or not all(map(math.isfinite, scores.values())):
            return None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    source, generated, target = (artifacts.sample_path(name, kind) for kind in SAMPLE_KINDS)
    if not all(path.is_file() for path in (source, generated, target)):
        return None
    return Sample(name, source, generated, target, scores)


def ordered(samples: list[Sample], order: str) -> list[Sample]:
    """Returns the samples in one of `ORDERS`, by L1."""
    if order == ORDERS[0]:
        return samples
    return sorted(samples, key=lambda sample: sample.scores["l1"], reverse=order == ORDERS[2])
