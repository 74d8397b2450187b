"""Rewrites metrics.json and README.md of the starter models with today's names and wording.

    python -m tools.update_starter_model

Every figure stays as it was measured: this command runs no network. Use it after a change of the
card's template, of a metric's label or description, or of a name in metrics.json.
"""

from pathlib import Path

from pix2pix.artifacts import METRICS_FILE, STARTER_FOLDERS, ArtifactFolder
from pix2pix.card import write_card
from pix2pix.evaluation.report import LEGEND_FOUND, describe_size, protocol
from pix2pix.files import write_json
from tests.commands import ROOT


def update(folder: Path) -> None:
    """Rewrites the two files of a model with a legend that was found in the training targets."""
    artifacts = ArtifactFolder(folder)
    image_size = artifacts.read_description()["config"]["image_size"]
    report = artifacts.read_metrics()
    assert report, f"{folder} has no {METRICS_FILE}"
    size, colors = describe_size(image_size), len(report["legend"])
    report["protocol"] = protocol(size, colors, LEGEND_FOUND, report["metrics"])
    write_json(artifacts / METRICS_FILE, report)
    write_card(folder)


if __name__ == "__main__":
    for starter in STARTER_FOLDERS:
        update(ROOT / starter)
