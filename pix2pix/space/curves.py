"""history.csv as interactive plots."""

import csv
import math
from pathlib import Path

import gradio as gr

LOSSES = {
    "discriminator_loss": "discriminator",
    "generator_gan_loss": "generator, GAN",
    "l1_loss": "generator, L1",
}
OUTPUTS = {"d_real": "on real pairs", "d_fake": "on generated pairs"}
COLOURS = ("#0f766e", "#b45309", "#6d28d9")
MAX_POINTS = 500


def curves(folder: Path) -> None:
    """Adds the plots, or a sentence where the model has no history that can be read."""
    rows = read_history(folder / "history.csv")
    if not rows:
        gr.Markdown("This model comes without a training history.")
        return
    with gr.Row():
        _plot(rows, LOSSES, "Losses", None)
        _plot(rows, OUTPUTS, "Mean output of the discriminator (0.5: it can't tell)", [0, 1])


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows whose figures can all be read, at most 500 of them, evenly spread."""
    names = ["step", *LOSSES, *OUTPUTS]
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


def _plot(rows: list[dict], series: dict[str, str], title: str, limits: list | None) -> None:
    # What the component sends to the page; as a data frame, it would need pandas at the start.
    value = {
        "columns": ["step", "value", "curve"],
        "data": [[row["step"], row[name], label] for name, label in series.items() for row in rows],
        "datatypes": {"step": "quantitative", "value": "quantitative", "curve": "nominal"},
        "mark": "line",
    }
    gr.LinePlot(
        value, x="step", y="value", color="curve", title=title, y_lim=limits, height=300,
        color_map=dict(zip(series.values(), COLOURS, strict=False)), y_title=" ", tooltip="all",
        min_width=300, show_label=False,
    )  # fmt: skip
