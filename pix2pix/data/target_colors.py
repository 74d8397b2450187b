"""The common colors of a run's targets and their shares, which `--color_balance` weights by."""

from dataclasses import dataclass

import numpy as np

from pix2pix.config import Config
from pix2pix.images import orient_pair
from pix2pix.legend import Legend, find_legend, pixel_grid


@dataclass(frozen=True)
class TargetColors:
    """The common colors of the targets; every pixel counts as the nearest one.

    Attributes:
        colors: (C, 3) uint8.
        shares: (C,) float32, of the training pixels; their sum is 1.
    """

    colors: np.ndarray
    shares: np.ndarray


def find_target_colors(pairs: np.ndarray, config: Config) -> TargetColors | None:
    """Returns the common target colors, or None where `config.color_balance` is 0.

    Args:
        pairs: training pairs, (N, 2, L, L, 3) uint8.
        config: the run's settings.
    """
    if not config.color_balance:
        return None
    _, targets = orient_pair(pairs.swapaxes(0, 1), config.direction)
    colors = find_legend(targets)
    legend = Legend(colors)
    counts = np.zeros(len(colors))
    for picture in pixel_grid(targets):  # one at a time, to save memory
        counts += np.bincount(legend.classes(picture).ravel(), minlength=len(colors))
    counts = np.maximum(counts, 1)
    return TargetColors(colors, (counts / counts.sum()).astype(np.float32))
