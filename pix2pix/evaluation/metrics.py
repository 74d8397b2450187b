"""The metrics. Each is one entry of `METRICS`, from which all tables and texts are written.

To add a metric, add an entry here and a test. The results table, the protocol in metrics.json,
the model card with its model-index and verdict, and `pix2pix evaluate` all read `METRICS`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pix2pix.evaluation import class_measures, pixel_measures, spectrum_measures
from pix2pix.evaluation.comparison import Comparison


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
            measure=lambda comparison: pixel_measures.psnr(np.mean(comparison.difference**2)),
        ),
        Metric(
            key="ssim",
            label="SSIM",
            format="{:.3f}",
            better="higher",
            description="Wang et al. 2004, 11x11 Gaussian window, sigma 1.5, mean of the channels",
            measure=pixel_measures.ssim,
        ),
        Metric(
            key="ms_ssim",
            label="MS-SSIM",
            format="{:.3f}",
            better="higher",
            description="SSIM at up to five scales, each half as large (Wang et al. 2003)",
            measure=pixel_measures.ms_ssim,
        ),
        *(
            Metric(
                key=f"within_{levels}",
                label=f"pixels within {levels} gray levels",
                format="{:.1%}",
                better="higher",
                description=f"the share that differs from the target by at most {levels} in every "
                "channel",
                measure=functools.partial(pixel_measures.share_within, levels),
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
            measure=class_measures.class_accuracy,
            uses_legend=True,
        ),
        Metric(
            key="mean_iou",
            label="mean IoU",
            format="{:.3f}",
            better="higher",
            description="intersection over union of each legend class, averaged over the classes "
            "in the targets",
            measure=lambda comparison: comparison.class_areas,
            combine=class_measures.mean_iou,
            uses_legend=True,
        ),
        Metric(
            key="boundary_f1",
            label="boundary F1",
            format="{:.3f}",
            better="higher",
            description="F1 of the pixels on the boundary of each legend class that are within 2 "
            "pixels of the target's, averaged over the classes in the targets",
            measure=class_measures.count_boundaries,
            combine=class_measures.boundary_f1,
            uses_legend=True,
        ),
        Metric(
            key="classes_found",
            label="classes found",
            format="{:.1%}",
            better="higher",
            description="of the classes with at least 1 % of a target, the share that has at least "
            "a tenth of that area",
            measure=class_measures.count_found_classes,
            combine=class_measures.share_found,
            uses_legend=True,
        ),
        Metric(
            key="spectrum_distance",
            label="spectrum distance (dB)",
            format="{:.2f}",
            better="lower",
            description="the difference of the radial power spectra, averaged over 16 bands of "
            "frequency",
            measure=spectrum_measures.band_powers,
            combine=spectrum_measures.spectrum_distance,
        ),
        Metric(
            key="sharpness",
            label="sharpness (target: 1)",
            format="{:.2f}",
            better=None,  # A picture that is sharper than its target is not better.
            description="the squared differences of neighboring pixels, divided by the target's",
            measure=pixel_measures.gradient_energies,
            combine=pixel_measures.sharpness,
        ),
        Metric(
            key="checkerboard",
            label="checkerboard (target: 1)",
            format="{:.2f}",
            better=None,
            description="the energy of patterns that repeat every 2 or 4 pixels, divided by the "
            "target's",
            measure=spectrum_measures.checkerboard_energies,
            combine=spectrum_measures.checkerboard,
        ),
    )
}
