"""Rewrites metrics.json, card, notebook and thumbnail of the starter models with today's wording.

    python -m tools.update_starter_model

Every figure stays as it was measured: this command runs no network. Use it after a change of the
card's template, of a metric's label or description, or of a name in metrics.json. After a change of
the metrics themselves, `--evaluate` measures the models again (a minute).
"""

import argparse
from pathlib import Path

from pix2pix.artifacts import METRICS_FILE, STARTER_FOLDERS, ArtifactFolder
from pix2pix.card import write_card
from pix2pix.evaluation.report import LEGEND_FOUND, describe_size, protocol
from pix2pix.files import write_json
from tests.commands import ROOT


def measure(folder: Path) -> None:
    """Writes metrics.json of a model again, from its graph and its held-out pairs."""
    from pix2pix import evaluation
    from pix2pix.commands.evaluate import EvaluateSettings, load
    from pix2pix.translate import Translator

    translator = Translator(folder)
    settings = EvaluateSettings(model=str(folder))
    config, loaded = load(settings, translator.config, translator.rule)
    samples = (ArtifactFolder(folder).read_metrics() or {})["samples"]
    report = evaluation.evaluate(translator.predict, loaded.reference, loaded.held_out, config)
    report["samples"] = [
        {"name": sample["name"], "held_out_pair": sample["held_out_pair"]}
        | report["per_pair"][sample["held_out_pair"]]
        for sample in samples
    ]
    write_json(folder / METRICS_FILE, report)


def update(folder: Path) -> None:
    """Rewrites these files of a model with a legend that was found in the training targets."""
    artifacts = ArtifactFolder(folder)
    image_size = artifacts.read_description()["config"]["image_size"]
    report = artifacts.read_metrics()
    assert report, f"{folder} has no {METRICS_FILE}"
    size, colors = describe_size(image_size), len(report["legend"])
    report["protocol"] = protocol(size, colors, LEGEND_FOUND, report["metrics"])
    write_json(artifacts / METRICS_FILE, report)
    write_card(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluate", action="store_true", help="measure the models again")
    evaluates = parser.parse_args().evaluate
    for starter in STARTER_FOLDERS:
        if evaluates:
            measure(ROOT / starter)
        update(ROOT / starter)
