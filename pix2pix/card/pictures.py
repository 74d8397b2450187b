"""Draws the card's pictures: the grid of samples and the training curves."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from pix2pix.files import write_atomically  # noqa: E402
from pix2pix.images import image_grid  # noqa: E402

HEADINGS = ("input", "generated", "real")
HEADING_HEIGHT = 28


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


def write_curves(path: Path, history: list[dict]) -> None:
    """Plots the losses and the discriminator's mean outputs over the steps.

    Dotted lines at ln 2 and 0.5 mark a discriminator that can't tell real from generated pictures.

    Args:
        path: the PNG file.
        history: the rows of history.csv; without rows the plots are empty.
    """
    figure, (losses, outputs) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
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
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=100))
    pyplot.close(figure)
