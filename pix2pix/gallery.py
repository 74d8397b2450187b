"""The held-out triplets that come with a model: samples/NNN-*.png and their scores."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("input", "generated", "target")
SCORES = ("l1", "psnr", "ssim")
ORDERS = ("as stored", "best first", "worst first")


@dataclass(frozen=True)
class Sample:
    """One held-out pair and what the model made of it; `scores` as in metrics.json."""

    name: str
    input: Path
    generated: Path
    target: Path
    scores: dict[str, float]


def read_samples(folder: Path) -> list[Sample]:
    """The triplets of the artifacts in `folder`, in order.

    None without a readable metrics.json; entries that lack a score or a file are left out.
    """
    try:
        listed = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["samples"]
        return [sample for entry in listed if (sample := _sample(folder / "samples", entry))]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _sample(folder: Path, entry: Any) -> Sample | None:
    try:
        name = entry["name"]
        scores = {key: float(entry[key]) for key in SCORES}
        # A name is part of a path, and a model's files are not ours.
        if not re.fullmatch(r"\w+", name) or not all(map(math.isfinite, scores.values())):
            return None
    except (KeyError, TypeError, ValueError):
        return None
    source, generated, target = (folder / f"{name}-{kind}.png" for kind in KINDS)
    if not all(path.is_file() for path in (source, generated, target)):
        return None
    return Sample(name, source, generated, target, scores)


def ordered(samples: list[Sample], order: str) -> list[Sample]:
    """The samples in one of `ORDERS`, by L1."""
    if order == ORDERS[0]:
        return samples
    return sorted(samples, key=lambda sample: sample.scores["l1"], reverse=order == ORDERS[2])
