"""The tab about the models that are served: where they come from, and how good they are."""

import re
from pathlib import Path

import gradio as gr
from huggingface_hub import constants

from pix2pix import version
from pix2pix.evaluation import table
from pix2pix.space.about import licence, read_metrics
from pix2pix.space.curves import curves
from pix2pix.space.models import Models
from pix2pix.space.words import words
from pix2pix.translate import Translator

NO_CARD = "This model comes without a card."
NO_METRICS = "This model comes without held-out metrics."
FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
# The page can't reach a model's own pictures, and the tab shows them in its own way.
RELATIVE_PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?://)[^)]*\)\n?", re.MULTILINE)
TITLE = re.compile(r"\A\s*# .*\n")


def model_tab(models: Models) -> None:
    """Builds the tab, with a tab of its own for each of several models."""
    if len(models.names) == 1:
        _model(models.names[0], models.default)
        return
    with gr.Tabs():
        for name in models.names:
            with gr.Tab(name):
                _model(name, models[name])


def _model(name: str, translator: Translator) -> None:
    gr.Markdown(facts(name, translator), elem_classes="facts")
    gr.Markdown("### Held-out metrics, beside baselines that see no shape")
    gr.Markdown(metrics(translator.folder), elem_classes="wide")
    gr.Markdown("### Training curves")
    curves(translator.folder)
    with gr.Accordion("The model's card", open=False):
        gr.Markdown(read_card(translator.folder), elem_classes="wide")


def facts(name: str, translator: Translator) -> str:
    """A table of what is served; a row only for what is known."""
    config, about, named = translator.config, translator.about, words(translator.config)
    a_to_b = config.direction == "a_to_b"
    training = about.get("training")
    training = training if isinstance(training, dict) else {}
    rows = {
        "model": _linked(name, translator.revision),
        "direction": f"{named.source} to {named.result} ({'A to B' if a_to_b else 'B to A'})",
        "size": f"{config.image_size} x {config.image_size} pixels",
        "dataset": _dataset(config.dataset_name, config.dataset_revision),
        "dataset's licence": about.get("dataset_license"),
        "weights' licence": licence(translator.folder),
        "training steps": training.get("steps"),
        "trained on": training.get("device"),
        "code": about.get("pix2pix_version") and version.told(about),
    }
    shown = [[name, str(value)] for name, value in rows.items() if value]
    return table.markdown([["", "this model"], *shown])


def metrics(folder: Path) -> str:
    """The metrics with their intervals beside the baselines', and how they were measured."""
    report = read_metrics(folder)
    try:
        rows = table.rows(report, baseline_intervals="baseline_intervals" in report)
        protocol = report["protocol"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return NO_METRICS
    return f"{table.markdown(rows)}\n\n{protocol}"


def read_card(folder: Path) -> str:
    """The Markdown of README.md below its front matter and title, without relative pictures."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return NO_CARD
    body = TITLE.sub("", FRONT_MATTER.sub("", text))
    return RELATIVE_PICTURE.sub("", body).strip() or NO_CARD


def _linked(name: str, revision: str | None) -> str:
    """The model's name; for one of the Hub, with a link to the very files that are served."""
    if not revision:
        return f"`{name}`"
    repo_id = name.partition("@")[0]
    return f"[{repo_id}]({constants.ENDPOINT}/{repo_id}/tree/{revision}), revision `{revision}`"


def _dataset(name: str, revision: str | None) -> str:
    if not revision:
        return f"`{name}`"
    return f"[{name}]({constants.ENDPOINT}/datasets/{name}/tree/{revision})"
