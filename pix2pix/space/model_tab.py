"""The Model tab: origin, metrics, training curves and card of the chosen model."""

import math
import re
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import constants

from pix2pix import version
from pix2pix.artifacts import CARD_FILE, ArtifactFolder
from pix2pix.errors import UserError
from pix2pix.evaluation import table
from pix2pix.labels import labels_for
from pix2pix.space.api import read_license, read_metrics
from pix2pix.space.model_choice import build_for_each
from pix2pix.space.served_models import ServedModels
from pix2pix.translate import Translator

NO_CARD = "This model comes without a card."
NO_METRICS = "This model comes without held-out metrics."
FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
# Relative links to a model's pictures do not work on the page, and other tabs show the pictures.
RELATIVE_PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?://)[^)]*\)\n?", re.MULTILINE)
TITLE = re.compile(r"\A\s*# .*\n")
# The L1 loss is far below the others, and would look like a flat line in one plot with them.
PLOTS = (
    ("GAN losses", {"discriminator_loss": "discriminator", "generator_gan_loss": "generator"}),
    ("L1 loss", {"l1_loss": "generator"}),
    (
        "Mean output of the discriminator",
        {"d_real": "on real pairs", "d_fake": "on generated pairs"},
    ),
)
# Their contrast is at least 3:1 on white and on the dark background.
COLORS = ("#0d9488", "#d97706")
MAX_POINTS = 500


def model_tab(models: ServedModels, model: gr.Radio) -> None:
    """Builds the tab, which describes the chosen `model`."""
    build_for_each(models, model, lambda name: _model(name, models[name]))


def _model(name: str, translator: Translator) -> None:
    gr.Markdown(format_facts(name, translator), elem_classes="facts")
    gr.Markdown("### Held-out metrics, beside trivial baselines")
    gr.Markdown(format_metrics(translator.folder), elem_classes="wide")
    gr.Markdown("### Training curves")
    _curves(translator.folder)
    with gr.Accordion("The model's card", open=False):
        gr.Markdown(read_card(translator.folder), elem_classes="wide")


def format_facts(name: str, translator: Translator) -> str:
    """Returns a table about the model, with a row for each fact that is known."""
    config, about, labels = translator.config, translator.about, labels_for(translator.config)
    sides = "A to B" if config.direction == "a_to_b" else "B to A"
    training = about.get("training")
    training = training if isinstance(training, dict) else {}
    steps = training.get("steps")
    facts = {
        "model": _linked(name, translator.revision),
        "direction": f"{labels.source} to {labels.result} ({sides})",
        "size": f"{config.image_size} x {config.image_size} pixels",
        "dataset": _dataset(config.dataset_name, config.dataset_revision),
        "dataset's license": about.get("dataset_license"),
        "weights' license": read_license(translator.folder),
        "training steps": f"{steps:,}" if isinstance(steps, int) else None,
        "trained on": training.get("device"),
        "code": about.get("pix2pix_version") and version.format_code_version(about),
    }
    rows = [[key, str(value)] for key, value in facts.items() if value]
    return table.format_markdown([["", "this model"], *rows])


def format_metrics(folder: Path) -> str:
    """Returns a table of the metrics of model and baselines, with intervals, and the protocol."""
    report = read_metrics(folder)
    if report is None:
        return NO_METRICS
    try:
        rows = table.metric_rows(report, baseline_intervals="baseline_intervals" in report)
        protocol = report["protocol"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return NO_METRICS
    return f"{table.format_markdown(rows)}\n\n{protocol}"


def read_card(folder: Path) -> str:
    """Returns the Markdown of the card without front matter, title and relative pictures."""
    try:
        text = (folder / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return NO_CARD
    body = TITLE.sub("", FRONT_MATTER.sub("", text))
    return RELATIVE_PICTURE.sub("", body).strip() or NO_CARD


def read_history(folder: Path) -> list[dict[str, float]]:
    """Returns the rows of history.csv with all plotted figures, at most 500, evenly spread."""
    names = {"step", *(name for _, series in PLOTS for name in series)}
    try:
        rows = ArtifactFolder(folder).read_history() or []
    except UserError:
        return []
    rows = [row for row in rows if names <= row.keys()]
    return rows[:: max(1, math.ceil(len(rows) / MAX_POINTS))]


def _curves(folder: Path) -> None:
    """Adds the plots, or a sentence where the model has no readable history."""
    rows = read_history(folder)
    if not rows:
        gr.Markdown("This model comes without a training history.")
        return
    with gr.Row():
        for title, series in PLOTS:
            _plot(rows, title, series)


def _plot(rows: list[dict[str, float]], title: str, series: dict[str, str]) -> None:
    # The format that the component sends to the page, because a data frame would import pandas.
    value: Any = {
        "columns": ["step", "value", "curve"],
        "data": [[row["step"], row[name], label] for name, label in series.items() for row in rows],
        "datatypes": {"step": "quantitative", "value": "quantitative", "curve": "nominal"},
        "mark": "line",
    }
    gr.LinePlot(
        value, x="step", y="value", color="curve", title=title, height=260,
        color_map=dict(zip(series.values(), COLORS, strict=False)), y_title=" ", tooltip="all",
        min_width=280, show_label=False,
    )  # fmt: skip


def _linked(name: str, revision: str | None) -> str:
    """Returns the model's name, with a link to the served commit where it is on the Hub."""
    if not revision:
        return f"`{name}`"
    repo_id = name.partition("@")[0]
    return f"[{repo_id}]({constants.ENDPOINT}/{repo_id}/tree/{revision}), revision `{revision}`"


def _dataset(name: str, revision: str | None) -> str:
    if not revision:
        return f"`{name}`"
    return f"[{name}]({constants.ENDPOINT}/datasets/{name}/tree/{revision})"
