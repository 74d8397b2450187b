"""The baselines: predictors that ignore all shapes, and that a generator has to beat.

Each baseline is one entry of `BASELINES`, from which tables and texts are written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pix2pix.config import Config
from pix2pix.evaluation.scores import Predict
from pix2pix.images import orient_pair, resize

# Levels per channel of the color lookup, and of its fallback for colors not seen in training.
FINE, COARSE = 32, 8
# Number of pairs that are read at a time.
CHUNK = 16


@dataclass(frozen=True)
class Baseline:
    """Describes a predictor that is fitted on the training pairs.

    Attributes:
        key: its name in metrics.json.
        label: its name in tables.
        description: the text after the label on the card, without a final period or a semicolon.
        fit: a function from training pairs, (N, 2, L, L, 3) uint8, and their config to the
            predictor.
    """

    key: str
    label: str
    description: str
    fit: Callable[[np.ndarray, Config], Predict]


def fit_baselines(training: np.ndarray, config: Config) -> dict[str, Predict]:
    """Returns every baseline, fitted on the training pairs, (N, 2, L, L, 3) uint8, by its key."""
    return {key: baseline.fit(training, config) for key, baseline in BASELINES.items()}


def _fit_mean_map(training: np.ndarray, config: Config) -> Predict:
    total = np.zeros(training.shape[2:], np.float64)
    for _, targets in _chunks(training, config.direction):
        total += targets.sum(axis=0, dtype=np.float64)
    mean = Image.fromarray(np.rint(total / len(training)).astype(np.uint8))

    def predict(pictures: np.ndarray) -> np.ndarray:
        height, width = pictures.shape[1:3]
        return np.broadcast_to(np.asarray(resize(mean, width, height)), pictures.shape)

    return predict


def _fit_best_constant(training: np.ndarray, config: Config) -> Predict:
    counts = np.zeros((3, 256), np.int64)
    for _, targets in _chunks(training, config.direction):
        counts += [np.bincount(targets[..., c].ravel(), minlength=256) for c in range(3)]
    constant = _median(counts).astype(np.uint8)
    return lambda pictures: np.broadcast_to(constant, pictures.shape)


def _fit_color_lookup(training: np.ndarray, config: Config) -> Predict:
    """Fits the median target color of each input color, which minimizes L1.

    Colors have 32 levels per channel. A color that no training picture has gets the median of its
    neighborhood (8 levels per channel), or else the median of all targets.
    """
    tables = []
    for channel in range(3):
        counts = np.zeros(FINE**3 * 256, np.int64)
        for inputs, targets in _chunks(training, config.direction):
            np.add.at(counts, _color_bin(inputs) * 256 + targets[..., channel], 1)
        step = FINE // COARSE
        counts = counts.reshape(COARSE, step, COARSE, step, COARSE, step, 256)
        coarse = counts.sum(axis=(1, 3, 5), keepdims=True)
        overall = counts.reshape(-1, 256).sum(axis=0)
        fallback = np.where(coarse.any(-1), _median(coarse), _median(overall))
        # In 8 parts, because the counts take 67 MB, and a median makes two more arrays as large as
        # its argument.
        medians = np.stack([_median(counts[level]) for level in range(COARSE)])
        tables.append(np.where(counts.any(-1), medians, fallback).reshape(-1))
    lookup = np.stack(tables, axis=-1).astype(np.uint8)
    return lambda pictures: lookup[_color_bin(pictures)]


def _median(counts: np.ndarray) -> np.ndarray:
    """Returns the median of each histogram in `counts`, (..., 256), of the values 0 to 255."""
    cumulative = counts.cumsum(-1)
    return (2 * cumulative >= cumulative[..., -1:]).argmax(-1)


def _color_bin(pictures: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pictures // (256 // FINE), -1, 0).astype(np.int32)
    return (red * FINE + green) * FINE + blue


def _chunks(pairs: np.ndarray, direction: str) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(pairs), CHUNK):
        yield orient_pair(np.swapaxes(pairs[start : start + CHUNK], 0, 1), direction)


BASELINES: dict[str, Baseline] = {
    baseline.key: baseline
    for baseline in (
        Baseline(
            key="mean_map",
            label="mean map",
            description="the mean training target for every input",
            fit=_fit_mean_map,
        ),
        Baseline(
            key="best_constant",
            label="best constant",
            description="the single color with the lowest L1",
            fit=_fit_best_constant,
        ),
        Baseline(
            key="color_lookup",
            label="color lookup",
            description="for each input color, the output color with the lowest L1",
            fit=_fit_color_lookup,
        ),
    )
}
