"""Measures by how much the two sides of a pair are shifted against each other."""

import warnings

import numpy as np
from PIL import Image

# Both sides are compared as squares of this many pixels.
SIDE = 128
BLUR = 2.0  # standard deviation in these pixels
# A shift counts only if the edges then agree better than this, and by this much better than
# unshifted. Of the 78 validation pairs of assets/sample_maps, shifted by 8 and 6 of 208 pixels, 40
# are found, 38 of these rightly, and none if they are not shifted (`python -m benchmarks.pairs`).
MIN_AGREEMENT, MIN_GAIN = 0.3, 0.1
# Smaller shifts are within the error of the measurement, as shares of the width and height.
MIN_SHIFT = 0.02


def measure_shift(a: Image.Image, b: Image.Image) -> tuple[float, float] | None:
    """Returns the shift of B against A as shares of (height, width), or None if there is none.

    It is the peak of the phase correlation of the edges, since the colors of the sides differ.
    Pairs whose edges do not agree, as of a photo and a sketch of it, give None.
    """
    from skimage.registration import phase_cross_correlation

    edges = [_edges(image) for image in (a, b)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the error that it returns too, and nobody uses
        shift = phase_cross_correlation(*edges)[0]
    steps = tuple(int(step) for step in shift)
    if max(map(abs, steps)) < MIN_SHIFT * SIDE:
        return None
    agreement = _correlation(edges[0], np.roll(edges[1], steps, (0, 1)))
    if agreement < max(MIN_AGREEMENT, _correlation(*edges) + MIN_GAIN):
        return None
    return -steps[0] / SIDE, -steps[1] / SIDE


def _edges(image: Image.Image) -> np.ndarray:
    """Returns the strength of the edges in any color, faded out at the borders, with mean 0."""
    from scipy.ndimage import gaussian_gradient_magnitude

    pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    strength = np.max(
        [gaussian_gradient_magnitude(pixels[..., c].astype(np.float32), BLUR) for c in range(3)], 0
    )
    # Without the limit, few strong edges, which the other side may lack, would decide.
    strength = np.minimum(strength, np.percentile(strength, 90))
    return (strength - strength.mean()) * np.outer(np.hanning(SIDE), np.hanning(SIDE))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / max(1e-9, np.sqrt((a * a).sum() * (b * b).sum())))
