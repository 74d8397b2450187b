"""The metrics. Each is one entry of `METRICS`, from which all tables and texts are written.

To add a metric, add an entry here and a test. The results table, the protocol in metrics.json,
the model card with its model-index and verdict, and `pix2pix evaluate` all read `METRICS`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pix2pix.evaluation.legend import Legend

MAX_PSNR = 100.0


class Comparison:
    """Holds a generated picture and its target, with the arrays that several metrics need.

    Attributes:
        generated: (H, W, 3) uint8.
        target: (H, W, 3) uint8.
        legend: the colors that stand for classes.
    """

    def __init__(self, generated: np.ndarray, target: np.ndarray, legend: Legend):
        self.generated, self.target, self.legend = generated, target, legend

    @functools.cached_property
    def difference(self) -> np.ndarray:
        """Returns the absolute difference in gray levels, (H, W, 3) int32."""
        return np.abs(self.generated.astype(np.int32) - self.target)

    @functools.cached_property
    def largest_difference(self) -> np.ndarray:
        """Returns the difference of the channel that differs most, (H, W) int32."""
        # This is far faster than `max` over an axis of length 3.
        return functools.reduce(np.maximum, np.moveaxis(self.difference, -1, 0))

    @functools.cached_property
    def target_classes(self) -> np.ndarray:
        """Returns the legend index of each target pixel, (H, W) uint8."""
        return self.legend.classes(self.target)

    @functools.cached_property
    def generated_classes(self) -> np.ndarray:
        """Returns the legend index of each generated pixel, (H, W) uint8."""
        return self.legend.classes(self.generated)


@dataclass(frozen=True)
class Metric:
    """Describes one metric: how it is named, formatted, explained and computed.

    Attributes:
        key: its name in metrics.json and in the card's model-index.
        label: its name in tables, with the unit in parentheses.
        format: a format string for its value, such as `{:.2f}`.
        better: whether a "lower" or a "higher" value is better; None if neither is.
        description: the text after the label in the protocol, without a final period or a
            semicolon.
        measure: a function from the `Comparison` of one picture to a number or an array.
        combine: a function from the sums of `measure` over R sets of pictures, (R, ...), to the R
            values of the metric. None if the metric is the mean of `measure` over the pictures.
        uses_legend: whether the value depends on the legend, so that it can be compared only
            with a value of the same legend.
    """

    key: str
    label: str
    format: str
    better: Literal["lower", "higher"] | None
    description: str
    measure: Callable[[Comparison], float | np.ndarray]
    combine: Callable[[np.ndarray], np.ndarray] | None = None
    uses_legend: bool = False

    @property
    def name(self) -> str:
        """Returns the label without its unit, for sentences."""
        return self.label.partition(" (")[0]

    def format_value(self, value: float, interval: list[float] | None = None) -> str:
        """Returns the value for people: `2.57 [2.19, 3.00]`, or `2.57` without an interval."""
        text = self.format.format(value)
        if not interval:
            return text
        low, high = map(self.format.format, interval)
        return f"{text} [{low}, {high}]"

    def is_better(self, value: float, other: float) -> bool:
        """Returns whether `value` is better than `other`; False where `better` is None."""
        if self.better == "lower":
            return value < other
        return self.better == "higher" and value > other


def psnr(mse: float) -> float:
    """Returns the peak signal-to-noise ratio in dB of a mean squared error in gray levels of 255.

    At most 100, for identical pictures too.
    """
    return MAX_PSNR if mse == 0 else min(MAX_PSNR, 10 * float(np.log10(255.0**2 / mse)))


def _ssim(comparison: Comparison) -> float:
    return float(_compiled_ssim()(comparison.generated, comparison.target))


@functools.cache
def _compiled_ssim() -> Callable:
    """Returns TensorFlow's SSIM, compiled: four times as fast as its operations one by one."""
    import tensorflow as tf

    # Pairs may differ in size, and a new trace for each size would take longer than the metric.
    return tf.function(functools.partial(tf.image.ssim, max_val=255), reduce_retracing=True)


def _share_within(levels: int, comparison: Comparison) -> float:
    return float(np.mean(comparison.largest_difference <= levels))


def _class_accuracy(comparison: Comparison) -> float:
    return float(np.mean(comparison.target_classes == comparison.generated_classes))


def _confusion(comparison: Comparison) -> np.ndarray:
    """Returns (C, C) int64: pixels by target class (rows) and generated class (columns)."""
    count = len(comparison.legend.colors)
    cells = comparison.target_classes.astype(np.int64) * count + comparison.generated_classes
    return np.bincount(cells.ravel(), minlength=count**2).reshape(count, count)


def _mean_iou(confusion: np.ndarray) -> np.ndarray:
    """Returns the mean IoU over the classes that occur in the targets, (R, C, C) -> (R,)."""
    target, generated = confusion.sum(axis=-1), confusion.sum(axis=-2)
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1)
    # For a class without any pixel, 0 is divided by 1; the mean leaves it out.
    iou = intersection / np.maximum(target + generated - intersection, 1)
    return iou.sum(axis=-1, where=target > 0) / np.sum(target > 0, axis=-1)


def _gradient_energies(comparison: Comparison) -> np.ndarray:
    """Returns (2,) int64: the gradient energy of the generated picture and of the target."""
    return np.array([_gradient_energy(comparison.generated), _gradient_energy(comparison.target)])


def _gradient_energy(picture: np.ndarray) -> int:
    down, right = (np.diff(picture.astype(np.int32), axis=axis) for axis in (0, 1))
    return sum(int(np.square(d).sum(dtype=np.int64)) for d in (down, right))


def _sharpness(energies: np.ndarray) -> np.ndarray:
    generated, target = energies.T
    # One squared gray level is added to both, so that flat targets divide by 1 and not by 0.
    return (generated + 1) / (target + 1)


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            key="l1",
            label="L1 (gray levels of 255)",
            format="{:.2f}",
            better="lower",
            description="the absolute difference, averaged over pixels and channels",
            measure=lambda comparison: comparison.difference.mean(),
        ),
        Metric(
            key="psnr",
            label="PSNR (dB)",
            format="{:.2f}",
            better="higher",
            description="10 log10(255^2 / mean squared error), at most 100",
            measure=lambda comparison: psnr(np.mean(comparison.difference**2)),
        ),
        Metric(
            key="ssim",
            label="SSIM",
            format="{:.3f}",
            better="higher",
            description="Wang et al. 2004, 11x11 Gaussian window, sigma 1.5, mean of the channels",
            measure=_ssim,
        ),
        *(
            Metric(
                key=f"within_{levels}",
                label=f"pixels within {levels} gray levels",
                format="{:.1%}",
                better="higher",
                description=f"the share that differs from the target by at most {levels} in every "
                "channel",
                measure=functools.partial(_share_within, levels),
            )
            for levels in (5, 10)
        ),
        Metric(
            key="class_accuracy",
            label="class accuracy",
            format="{:.1%}",
            better="higher",
            description="the share of pixels with the target's class, which is the nearest legend "
            "color (Euclidean RGB)",
            measure=_class_accuracy,
            uses_legend=True,
        ),
        Metric(
            key="mean_iou",
            label="mean IoU",
            format="{:.3f}",
            better="higher",
            description="intersection over union of each legend class, averaged over the classes "
            "in the targets",
            measure=_confusion,
            combine=_mean_iou,
            uses_legend=True,
        ),
        Metric(
            key="sharpness",
            label="sharpness (target: 1)",
            format="{:.2f}",
            better=None,  # A picture that is sharper than its target is not better.
            description="the squared differences of neighboring pixels, divided by the target's",
            measure=_gradient_energies,
            combine=_sharpness,
        ),
    )
}
