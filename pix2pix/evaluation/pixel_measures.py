"""Measures of pixels and of structure: PSNR, SSIM at one and at several scales, sharpness."""

import functools
from collections.abc import Callable

import numpy as np

from pix2pix.evaluation.comparison import Comparison

MAX_PSNR = 100.0
# The side of SSIM's Gaussian window, and the weights of the five scales (Wang et al. 2003).
WINDOW = 11
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def psnr(mse: float) -> float:
    """Returns the peak signal-to-noise ratio in dB of a mean squared error in gray levels of 255.

    At most 100, for identical pictures too.
    """
    return MAX_PSNR if mse == 0 else min(MAX_PSNR, 10 * float(np.log10(255.0**2 / mse)))


def ssim(comparison: Comparison) -> float:
    """Returns the structural similarity (Wang et al. 2004)."""
    return float(_compiled_ssim(1)(comparison.generated, comparison.target))


def ms_ssim(comparison: Comparison) -> float:
    """Returns the similarity at up to five scales, each half as large (Wang et al. 2003).

    Pictures below 176 pixels have fewer scales: the window of 11 pixels has to fit.
    """
    side = min(comparison.target.shape[:2])
    scales = sum(side >> level >= WINDOW for level in range(len(SCALE_WEIGHTS)))
    return float(_compiled_ssim(scales)(comparison.generated, comparison.target))


@functools.cache
def _compiled_ssim(scales: int) -> Callable:
    """Returns TensorFlow's SSIM, compiled: four times as fast as its operations one by one."""
    import tensorflow as tf

    similarity = functools.partial(tf.image.ssim, max_val=255)
    if scales > 1:
        weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
        similarity = functools.partial(
            tf.image.ssim_multiscale, max_val=255, power_factors=weights.tolist()
        )
    # Pairs may differ in size, and a new trace for each size would take longer than the metric.
    return tf.function(similarity, reduce_retracing=True)


def share_within(levels: int, comparison: Comparison) -> float:
    """Returns the share of pixels that differ by at most `levels` in every channel."""
    return float(np.mean(comparison.largest_difference <= levels))


def gradient_energies(comparison: Comparison) -> np.ndarray:
    """Returns (2,) int64: the gradient energy of the generated picture and of the target."""
    return np.array([_gradient_energy(comparison.generated), _gradient_energy(comparison.target)])


def _gradient_energy(picture: np.ndarray) -> int:
    down, right = (np.diff(picture.astype(np.int32), axis=axis) for axis in (0, 1))
    return sum(int(np.square(d).sum(dtype=np.int64)) for d in (down, right))


def sharpness(energies: np.ndarray) -> np.ndarray:
    """Returns the generated gradient energy over the target's, (R, 2) -> (R,)."""
    generated, target = energies.T
    # One squared gray level is added to both, so that flat targets divide by 1 and not by 0.
    return (generated + 1) / (target + 1)
