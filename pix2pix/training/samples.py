"""The same held-out pictures again and again while a run goes on."""

from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix.files import write_image
from pix2pix.images import grid


def save_progress_grid(
    folder: Path, step: int, fixed: tuple[np.ndarray, np.ndarray], generated: np.ndarray
) -> None:
    """Writes `<folder>/progress/step-<step>.png`: a row a sample, input / generated / target."""
    inputs, targets = fixed
    rows = [
        [Image.fromarray(picture) for picture in row]
        for row in zip(inputs, generated, targets, strict=True)
    ]
    write_image(folder / "progress" / f"step-{step:08d}.png", grid(rows))
