"""Scores a generator on held-out pairs, beside baselines that see no shape.

Protocol: every held-out pair, resized to the training size, on 8-bit pictures as they are served,
dropout off. Per picture, then averaged over pictures:
    l1    mean absolute difference over pixels and channels, grey levels of 255 (lower is better)
    psnr  10 log10(255^2 / mean squared error), dB, at most 100
    ssim  Wang et al. 2004: 11x11 Gaussian window, sigma 1.5, mean of the three channels
"""

from collections.abc import Callable, Iterable

import numpy as np

from pix2pix.config import Config
from pix2pix.data import oriented
from pix2pix.images import resize

METRICS = ("l1", "psnr", "ssim")
PROTOCOL = (
    "Mean over all held-out pairs, each resized to {size}x{size}, on 8-bit pictures as served, "
    "dropout off. l1: mean absolute difference in grey levels of 255. psnr: dB, from each "
    "picture's mean squared error. ssim: 11x11 Gaussian window, sigma 1.5."
)
# Colours are looked up in 32 levels a channel; unseen ones in 8.
FINE, COARSE = 32, 8
MAX_PSNR = 100.0
CHUNK = 16

Predict = Callable[[np.ndarray], np.ndarray]


def score(generated: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """The metrics of one (H, W, 3) uint8 picture against its target."""
    import tensorflow as tf

    difference = generated.astype(np.float64) - target
    mse = np.mean(difference**2)
    psnr = MAX_PSNR if mse == 0 else min(MAX_PSNR, 10 * np.log10(255.0**2 / mse))
    ssim = tf.image.ssim(tf.constant(generated), tf.constant(target), max_val=255)
    values = np.abs(difference).mean(), psnr, ssim
    return {name: float(value) for name, value in zip(METRICS, values, strict=True)}


def score_all(predict: Predict, pairs: np.ndarray, direction: str) -> list[dict[str, float]]:
    """Scores of `predict`, (1, S, S, 3) uint8 -> same, on each of (K, 2, S, S, 3) uint8 pairs."""
    scores = []
    for pair in pairs:
        picture, target = oriented(pair, direction)
        scores.append(score(predict(picture[None])[0], target))
    return scores


def mean(scores: list[dict[str, float]]) -> dict[str, float]:
    """Average of each metric over pictures."""
    return {name: float(np.mean([s[name] for s in scores])) for name in METRICS}


def evaluate(predict: Predict, training: np.ndarray, held_out: np.ndarray, config: Config) -> dict:
    """The content of metrics.json: protocol, metrics, baselines, and the score of each pair.

    Args:
        training: (N, 2, L, L, 3) uint8, what the baselines are fitted on.
        held_out: (K, 2, S, S, 3) uint8, what everything is scored on.
    """
    scores = score_all(predict, held_out, config.direction)
    baselines = {
        name: mean(score_all(baseline, held_out, config.direction))
        for name, baseline in fit_baselines(training, config).items()
    }
    return {
        "protocol": PROTOCOL.format(size=config.image_size),
        "held_out_pairs": len(held_out),
        "metrics": mean(scores),
        "baselines": baselines,
        "per_pair": [{name: round(v, 4) for name, v in s.items()} for s in scores],
    }


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
            index = _colour_bin(inputs).astype(np.int64) * 256 + targets[..., channel]
            counts += np.bincount(index.ravel(), minlength=counts.size)
        step = FINE // COARSE
        counts = counts.reshape(COARSE, step, COARSE, step, COARSE, step, 256)
        coarse = counts.sum(axis=(1, 3, 5), keepdims=True)
        overall = counts.sum(axis=tuple(range(6)))
        table = np.where(coarse.any(-1), _median(coarse), _median(overall))
        tables.append(np.where(counts.any(-1), _median(counts), table).reshape(-1))
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
    from PIL import Image

    return np.asarray(resize(Image.fromarray(picture), size, size))
