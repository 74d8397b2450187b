"""The weights of a run's target colors in the L1 loss: rare colors count more."""

from dataclasses import dataclass

import numpy as np

from pix2pix.config import Config
from pix2pix.images import orient_pair
from pix2pix.legend import Legend, find_legend, pixel_grid

# A color can count at most this much more than the most common one.
MAX_RATIO = 10.0


@dataclass(frozen=True)
class ColorWeights:
    """The common colors of the targets; a pixel has the weight of the nearest one.

    Attributes:
        colors: (C, 3) uint8.
        weights: (C,) float32; their mean over the training pixels is 1.
    """

    colors: np.ndarray
    weights: np.ndarray


def find_color_weights(pairs: np.ndarray, config: Config) -> ColorWeights | None:
    """Returns the weights for `config.color_balance`, or None where it is 0.

    A color with the share s of the pixels counts (largest share / s) ** color_balance times as much
    as the most common one, as class rebalancing does in Zhang et al. 2016 (arXiv 1603.08511,
    section 2.2).

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
    ratios = (counts.max() / np.maximum(counts, 1)) ** config.color_balance
    weights = np.minimum(ratios, MAX_RATIO)
    weights *= counts.sum() / (weights @ counts)
    return ColorWeights(colors, weights.astype(np.float32))
