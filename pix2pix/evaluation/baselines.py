"""Three predictors that see no shape: what a generator has to beat."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from pix2pix.config import Config
from pix2pix.evaluation.metrics import Predict
from pix2pix.images import oriented, resize

# Colours are looked up in 32 levels a channel; unseen ones in 8.
FINE, COARSE = 32, 8
# Pairs at a time.
CHUNK = 16


def fit_baselines(training: np.ndarray, config: Config) -> dict[str, Predict]:
    """Three predictors fitted on the training pairs, (N, 2, L, L, 3) uint8, that see no shape.

    mean_map: the mean training target, whatever the input. best_constant: the one colour of least
    L1. colour_lookup: for each input colour, the output colour of least L1.
    """
    size = config.image_size
    total = np.zeros(training.shape[2:], np.float64)
    for _, targets in _chunks(training, config.direction):
        total += targets.sum(axis=0, dtype=np.float64)
    mean_map = _resized(np.rint(total / len(training)).astype(np.uint8), size)
    lookup, constant = _fit_lookup(training, config.direction)
    return {
        "mean_map": lambda x: np.broadcast_to(mean_map, x.shape),
        "best_constant": lambda x: np.broadcast_to(constant, x.shape),
        "colour_lookup": lambda x: lookup[_colour_bin(x)],
    }


def _fit_lookup(training: np.ndarray, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """(FINE**3, 3) and (3,) uint8: per-bin and overall medians, which minimise L1."""
    tables, constant = [], []
    for channel in range(3):
        counts = np.zeros(FINE**3 * 256, np.int64)
        for inputs, targets in _chunks(training, direction):
            np.add.at(counts, _colour_bin(inputs) * 256 + targets[..., channel], 1)
        step = FINE // COARSE
        counts = counts.reshape(COARSE, step, COARSE, step, COARSE, step, 256)
        coarse = counts.sum(axis=(1, 3, 5), keepdims=True)
        overall = counts.sum(axis=tuple(range(6)))
        table = np.where(coarse.any(-1), _median(coarse), _median(overall))
        # In parts: the tallies are large, and their median makes two more of them.
        medians = np.stack([_median(counts[place]) for place in range(COARSE)])
        tables.append(np.where(counts.any(-1), medians, table).reshape(-1))
        constant.append(_median(overall))
    return np.stack(tables, axis=-1).astype(np.uint8), np.array(constant, np.uint8)


def _median(counts: np.ndarray) -> np.ndarray:
    """Median of the values 0 to 255 that `counts`, (..., 256), tallies."""
    cumulative = counts.cumsum(-1)
    return (2 * cumulative >= cumulative[..., -1:]).argmax(-1)


def _colour_bin(pictures: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pictures // (256 // FINE), -1, 0).astype(np.int32)
    return (red * FINE + green) * FINE + blue


def _chunks(pairs: np.ndarray, direction: str) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(pairs), CHUNK):
        yield oriented(np.swapaxes(pairs[start : start + CHUNK], 0, 1), direction)


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(resize(Image.fromarray(picture), size, size))
