"""Draws the card's pictures: the grid of samples, the thumbnail and the training curves."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from PIL import Image, ImageDraw, ImageFont, ImageOps  # noqa: E402

from pix2pix.evaluation import METRICS  # noqa: E402
from pix2pix.files import write_atomically, write_image  # noqa: E402
from pix2pix.images import image_grid  # noqa: E402

HEADINGS = ("input", "generated", "real")
HEADING_HEIGHT = 28
# The size that social networks ask for, and how many samples are side by side in it.
THUMBNAIL_SIZE = (1200, 630)
THUMBNAIL_COUNT = 4


def sample_grid(rows: list[list[Image.Image]]) -> Image.Image:
    """Returns samples.png: rows of (input, generated, real), two side by side, under headings."""
    lines = [sum(rows[i : i + 2], []) for i in range(0, len(rows), 2)]
    grid = image_grid(lines)
    page = Image.new("RGB", (grid.width, grid.height + HEADING_HEIGHT), "white")
    page.paste(grid, (0, HEADING_HEIGHT))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    step = (grid.width + 4) // len(lines[0])
    for column in range(len(lines[0])):
        heading = HEADINGS[column % len(HEADINGS)]
        pen.text((column * step + 4, 4), heading, "black", font)
    return page


def write_thumbnail(path: Path, pairs: list[tuple[Path, Path]], labels: tuple[str, str]) -> None:
    """Writes the picture that links to the model show: inputs above, their results below.

    256 colors make a third of the file, because some messengers leave out pictures above 0.6 MB.

    Args:
        path: the PNG file, 1200x630.
        pairs: the files of the input and the result of each sample; the first four are shown.
        labels: what an input and a result are called.
    """
    shown = pairs[:THUMBNAIL_COUNT]
    page = Image.new("RGB", THUMBNAIL_SIZE, "white")
    width, height = THUMBNAIL_SIZE[0] // len(shown), THUMBNAIL_SIZE[1] // 2
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(28)
    for row, label in enumerate(labels):
        for column, pair in enumerate(shown):
            with Image.open(pair[row]) as image:
                tile = ImageOps.fit(image.convert("RGB"), (width, height))
            page.paste(tile, (column * width, row * height))
        left, top, right, bottom = pen.textbbox((24, row * height + 20), label, font)
        pen.rounded_rectangle((left - 12, top - 10, right + 12, bottom + 10), 8, "#0f172a")
        pen.text((24, row * height + 20), label, "white", font)
    write_image(path, page.quantize(256))


def write_curves(
    path: Path,
    history: list[dict],
    validation_rows: list[dict] | None = None,
    validation: dict | None = None,
) -> None:
    """Plots the losses and the discriminator's mean outputs over the steps.

    Dotted lines at ln 2 and 0.5 mark a discriminator that can't tell real from generated pictures.
    After a run with validation, a third plot has its scores, with a dotted line at the best step.

    Args:
        path: the PNG file.
        history: the rows of history.csv; without rows the plots are empty.
        validation_rows: the rows of validation.csv.
        validation: "validation" of pix2pix.json, if there is one.
    """
    count = 3 if validation else 2
    figure, plots = pyplot.subplots(1, count, figsize=(5.5 * count, 4), layout="constrained")
    losses, outputs = plots[:2]
    steps = [row["step"] for row in history]
    for name, label in (
        ("discriminator_loss", "D loss"),
        ("generator_gan_loss", "G GAN loss"),
        ("l1_loss", "L1 loss"),
    ):
        losses.plot(steps, [row[name] for row in history], label=label, linewidth=1)
    losses.axhline(math.log(2), color="gray", linestyle=":", label="ln 2")
    for name, label in (("d_real", "D(real)"), ("d_fake", "D(generated)")):
        outputs.plot(steps, [row[name] for row in history], label=label, linewidth=1)
    outputs.axhline(0.5, color="gray", linestyle=":")
    outputs.set_ylim(0, 1)
    for axes, title in ((losses, "Losses"), (outputs, "Mean output of the discriminator")):
        axes.set(title=title, xlabel="step")
        axes.legend()
    if validation:
        _plot_validation(plots[2], validation_rows or [], validation)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=100))
    pyplot.close(figure)


def _plot_validation(axes: Axes, rows: list[dict], validation: dict) -> None:
    """Plots the metric that chose the best step."""
    metric = METRICS[validation["metric"]]
    steps, values = [row["step"] for row in rows], [row[metric.key] for row in rows]
    axes.plot(steps, values, marker=".", linewidth=1)
    axes.axvline(validation["best_step"], color="gray", linestyle=":", label="best")
    axes.set(title=f"{metric.label} on selection pairs", xlabel="step")
    axes.legend()
