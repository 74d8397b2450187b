"""What is measured between a generated picture and its target, both (H, W, 3) uint8.

Averaged over pictures:
    l1              mean absolute difference over pixels and channels, grey levels of 255
    psnr            10 log10(255^2 / mean squared error), dB, at most 100
    ssim            Wang et al. 2004: 11x11 Gaussian window, sigma 1.5, mean of the three channels
    within_5, _10   share of pixels at most 5, 10 grey levels off in every channel
    class_accuracy  share of pixels whose nearest legend colour is the target pixel's
Computed once from the sums over all pictures, since a picture may lack a class or be flat:
    mean_iou        intersection over union of each legend class, mean of the targets' classes
    sharpness       gradient energy (squared differences of neighbouring pixels) over the target's;
                    1 is as sharp. One squared grey level is added to both, for flat targets.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pix2pix.evaluation.legend import Legend
from pix2pix.images import oriented

METRICS = (
    "l1", "psnr", "ssim", "within_5", "within_10", "class_accuracy", "mean_iou", "sharpness",
)  # fmt: skip
CLASS_METRICS = ("class_accuracy", "mean_iou")
MAX_PSNR = 100.0
RESAMPLES = 1000

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scores:
    """Sums over each of K pictures, from which the metrics of any multiset of them follow.

    Attributes:
        means: (K, 6) float64, the metrics that are averaged, in the order of `METRICS`.
        confusion: (K, C, C) int64, pixels by target class (rows) and generated class (columns).
        gradients: (K, 2) int64, gradient energy of the generated picture and of the target.
    """

    means: np.ndarray
    confusion: np.ndarray
    gradients: np.ndarray

    def __len__(self) -> int:
        return len(self.means)

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """(R, 8) metrics of R multisets of pictures; `weights`, (R, K), counts each picture."""
        weights = weights.astype(np.float64)
        means = weights @ self.means / weights.sum(axis=1, keepdims=True)
        classes = self.confusion.shape[-1]
        confusion = weights @ self.confusion.reshape(len(self), -1)
        mean_iou = _mean_iou(confusion.reshape(-1, classes, classes))
        generated, target = (weights @ self.gradients).T
        return np.column_stack([means, mean_iou, (generated + 1) / (target + 1)])

    def summary(self) -> dict[str, float]:
        """Each metric over all pictures."""
        return _named(self.weighted(np.ones((1, len(self))))[0])

    def per_picture(self) -> list[dict[str, float]]:
        """Each metric of each picture alone."""
        return [_named(values) for values in self.weighted(np.eye(len(self)))]

    def intervals(self) -> dict[str, list[float]]:
        """95 % percentile bootstrap intervals [low, high]: pictures drawn anew, always alike.

        Efron and Tibshirani 1993, chapter 13. A single picture gives an interval of no width.
        """
        count = len(self)
        drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, RESAMPLES)
        bounds = np.percentile(self.weighted(drawn), [2.5, 97.5], axis=0)
        return {name: pair.round(6).tolist() for name, pair in zip(METRICS, bounds.T, strict=True)}


def score(generated: np.ndarray, target: np.ndarray, legend: Legend) -> dict[str, float]:
    """The metrics of one (H, W, 3) uint8 picture against its target."""
    return gathered([measure(generated, target, legend)]).summary()


def score_all(predict: Predict, pairs: np.ndarray, direction: str, legend: Legend) -> Scores:
    """Scores of `predict`, (1, S, S, 3) uint8 -> same, on each of (K, 2, S, S, 3) uint8 pairs."""
    measured = []
    for pair in pairs:
        picture, target = oriented(pair, direction)
        measured.append(measure(predict(picture[None])[0], target, legend))
    return gathered(measured)


def psnr(mse: float) -> float:
    """In dB, of a mean squared error in grey levels of 255."""
    return MAX_PSNR if mse == 0 else min(MAX_PSNR, 10 * float(np.log10(255.0**2 / mse)))


def gathered(measured: list[tuple]) -> Scores:
    """The `Scores` of what `measure` returned for each picture."""
    return Scores(*map(np.array, zip(*measured, strict=True)))


def measure(generated: np.ndarray, target: np.ndarray, legend: Legend) -> tuple:
    """One picture's rows of the arrays in `Scores`."""
    difference = np.abs(generated.astype(np.int32) - target)
    # Far faster than a maximum over an axis of three.
    worst = functools.reduce(np.maximum, np.moveaxis(difference, -1, 0))
    expected, found = legend.classes(target), legend.classes(generated)
    means = [
        difference.mean(),
        psnr(np.mean(difference**2)),
        float(_ssim()(generated, target)),
        np.mean(worst <= 5),
        np.mean(worst <= 10),
        np.mean(expected == found),
    ]
    count = len(legend.colours)
    cells = expected.astype(np.int64) * count + found
    confusion = np.bincount(cells.ravel(), minlength=count**2).reshape(count, count)
    return means, confusion, [_gradient_energy(generated), _gradient_energy(target)]


@functools.cache
def _ssim() -> Callable:
    """TensorFlow's SSIM, compiled: four times as fast as its operations one by one."""
    import tensorflow as tf

    return tf.function(functools.partial(tf.image.ssim, max_val=255))


def _gradient_energy(picture: np.ndarray) -> int:
    down, right = (np.diff(picture.astype(np.int32), axis=axis) for axis in (0, 1))
    return sum(int(np.square(d).sum(dtype=np.int64)) for d in (down, right))


def _mean_iou(confusion: np.ndarray) -> np.ndarray:
    """(R,) of (R, C, C): the mean over the classes that the targets hold."""
    target, generated = confusion.sum(axis=-1), confusion.sum(axis=-2)
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1)
    # A class that neither holds divides 0 by 1; it is not among the targets' anyway.
    iou = intersection / np.maximum(target + generated - intersection, 1)
    return iou.sum(axis=-1, where=target > 0) / np.sum(target > 0, axis=-1)


def _named(values: np.ndarray) -> dict[str, float]:
    # Rounded, so that the order in which a machine adds does not show.
    return dict(zip(METRICS, values.round(6).tolist(), strict=True))
