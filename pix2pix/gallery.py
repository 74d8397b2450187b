"""The held-out triplets that come with a model: samples/NNN-*.png and their scores."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One held-out pair and what the model made of it; `scores` as in metrics.json."""

    name: str
    input: Path
    generated: Path
    target: Path
    scores: dict[str, float]


def read_samples(folder: Path) -> list[Sample]:
    """The triplets of the artifacts in `folder`, in order; none where files are missing."""
    try:
        listed = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["samples"]
    except (OSError, ValueError, KeyError):
        return []
    samples = []
    for entry in listed:
        paths = [
            folder / "samples" / f"{entry['name']}-{kind}.png"
            for kind in ("input", "generated", "target")
        ]
        if all(path.is_file() for path in paths):
            scores = {key: entry[key] for key in ("l1", "psnr", "ssim")}
            samples.append(Sample(entry["name"], *paths, scores))
    return samples
