"""Scores of many pictures: each metric for each picture and for all, with its interval."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pix2pix.evaluation.metrics import METRICS, Comparison
from pix2pix.images import orient_pair
from pix2pix.legend import Legend

RESAMPLES = 1000

# A generator or baseline: a function from (1, H, W, 3) uint8 to the same.
Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scores:
    """Holds what each metric measured on each of K pictures.

    From these values, the metrics of any set of these pictures can be computed, even if the set has
    some pictures twice, as the bootstrap does.

    Attributes:
        measured: for each metric key, the values of `Metric.measure` for all pictures, (K, ...).
    """

    measured: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.measured.values())))

    def compute(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Returns each metric's (R,) values for R sets of the pictures.

        Args:
            counts: (R, K), how often each picture occurs in each set.
        """
        counts = counts.astype(np.float64)
        values = {}
        for key, measured in self.measured.items():
            sums = counts @ measured.reshape(len(measured), -1)
            combine = METRICS[key].combine
            if combine:
                values[key] = combine(sums.reshape(-1, *measured.shape[1:]))
            else:
                values[key] = sums[:, 0] / counts.sum(axis=1)
        return values

    def summary(self) -> dict[str, float]:
        """Returns each metric over all pictures, rounded to six decimals."""
        return self._rounded(np.ones((1, len(self))))[0]

    def per_picture(self) -> list[dict[str, float]]:
        """Returns each metric of each picture alone, rounded to six decimals."""
        return self._rounded(np.eye(len(self)))

    def intervals(self) -> dict[str, list[float]]:
        """Returns the 95 % percentile bootstrap interval [low, high] of each metric.

        Pictures are drawn with replacement, 1,000 times, from a fixed seed (Efron and Tibshirani
        1993, chapter 13). The interval of a single picture has no width.
        """
        count = len(self)
        counts = np.random.default_rng(0).multinomial(count, [1 / count] * count, RESAMPLES)
        return {
            key: np.percentile(values, [2.5, 97.5]).round(6).tolist()
            for key, values in self.compute(counts).items()
        }

    def _rounded(self, counts: np.ndarray) -> list[dict[str, float]]:
        # The last digits depend on the order in which a machine adds, so they are rounded away.
        values = {key: value.round(6).tolist() for key, value in self.compute(counts).items()}
        return [{key: values[key][row] for key in values} for row in range(len(counts))]


def score(generated: np.ndarray, target: np.ndarray, legend: Legend) -> dict[str, float]:
    """Returns the metrics of one (H, W, 3) uint8 picture against its target."""
    return _collect([_measure(generated, target, legend)]).summary()


def score_all(
    predict: Predict,
    pairs: Iterable[np.ndarray],
    direction: str,
    legend: Legend,
    keys: Iterable[str] = METRICS,
) -> Scores:
    """Returns the scores of `predict` on each of the pairs, (2, H, W, 3) uint8.

    `keys` are the metrics to measure.
    """
    rows = []
    for pair in pairs:
        picture, target = orient_pair(pair, direction)
        rows.append(_measure(predict(picture[None])[0], target, legend, keys))
    return _collect(rows)


def _measure(
    generated: np.ndarray, target: np.ndarray, legend: Legend, keys: Iterable[str] = METRICS
) -> dict[str, object]:
    comparison = Comparison(generated, target, legend)
    return {key: METRICS[key].measure(comparison) for key in keys}


def _collect(rows: list[dict[str, object]]) -> Scores:
    return Scores({key: np.array([row[key] for row in rows]) for key in rows[0]})
