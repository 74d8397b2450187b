"""history.csv as interactive plots."""

import csv
import math
from pathlib import Path

import gradio as gr

# The L1 loss is far below the others, which would press it flat in one plot with them.
PLOTS = (
    ("GAN losses", {"discriminator_loss": "discriminator", "generator_gan_loss": "generator"}),
    ("L1 loss", {"l1_loss": "generator"}),
    (
        "Mean output of the discriminator",
        {"d_real": "on real pairs", "d_fake": "on generated pairs"},
    ),
)
# At least 3:1 on white and on the dark background.
COLOURS = ("#0d9488", "#d97706")
MAX_POINTS = 500


def curves(folder: Path) -> None:
    """Adds the plots, or a sentence where the model has no history that can be read."""
    rows = read_history(folder / "history.csv")
    if not rows:
        gr.Markdown("This model comes without a training history.")
        return
    with gr.Row():
        for title, series in PLOTS:
            _plot(rows, title, series)


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows whose figures can all be read, at most 500 of them, evenly spread."""
    names = ["step", *(name for _, series in PLOTS for name in series)]
    rows = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    values = {name: float(row[name]) for name in names}
                except (KeyError, TypeError, ValueError):
                    continue
                if all(map(math.isfinite, values.values())):
                    rows.append(values)
    except (OSError, ValueError, csv.Error):
        return []
    return rows[:: max(1, math.ceil(len(rows) / MAX_POINTS))]


def _plot(rows: list[dict[str, float]], title: str, series: dict[str, str]) -> None:
    # What the component sends to the page; as a data frame, it would need pandas at the start.
    value = {
        "columns": ["step", "value", "curve"],
        "data": [[row["step"], row[name], label] for name, label in series.items() for row in rows],
        "datatypes": {"step": "quantitative", "value": "quantitative", "curve": "nominal"},
        "mark": "line",
    }
    gr.LinePlot(
        value, x="step", y="value", color="curve", title=title, height=260,
        color_map=dict(zip(series.values(), COLOURS, strict=False)), y_title=" ", tooltip="all",
        min_width=280, show_label=False,
    )  # fmt: skip
