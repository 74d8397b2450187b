"""Draws pairs under each other, with a line of text for each."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from pix2pix.data.preview import add_label
from pix2pix.files import write_atomically
from pix2pix.images import image_grid
from pix2pix.pairing.side_reader import Sides

CELL = 256


def draw_pair(sides: Sides, label: str, with_overlay: bool = False) -> Image.Image:
    """Returns A and B side by side above a label; an overlay of both shows a shift."""
    images = [side.image.convert("RGB") for side in sides]
    scale = min(1.0, CELL / max(images[0].size))
    size = (max(1, round(images[0].width * scale)), max(1, round(images[0].height * scale)))
    cells = [image.resize(size, Image.Resampling.LANCZOS) for image in images]
    if with_overlay:
        cells.append(Image.blend(cells[0], cells[1], 0.5))
    return add_label(image_grid([cells]), label)


def write_sheet(path: Path, rows: Iterable[Image.Image]) -> None:
    """Writes pictures of pairs as one PNG, under each other."""
    # Unlike `write_image`, not as small as possible, which takes seconds.
    write_atomically(path, image_grid([[row] for row in rows]).save)
