"""Measures of textures by their frequencies: the radial spectrum, and the checkerboard.

Generators that upsample leave peaks and gaps in the spectrum of their pictures that people see as
a grid or as smooth surfaces (Durall et al. 2020, arXiv 2003.01826). No weights are needed.
"""

import functools

import numpy as np

from pix2pix.evaluation.comparison import Comparison

# Bands of equal width from 0 to 0.5 cycles per pixel; diagonal frequencies beyond are left out.
BANDS = 16
# Periods of a checkerboard, which transposed convolutions of stride 2 leave: 2 and 4 pixels.
PERIOD = 4


def band_powers(comparison: Comparison) -> np.ndarray:
    """Returns (2, BANDS): the mean power in each band, of the generated picture and the target."""
    return np.stack([_band_powers(x) for x in (comparison.generated, comparison.target)])


def spectrum_distance(powers: np.ndarray) -> np.ndarray:
    """Returns the difference of two spectra in dB, averaged over the bands, (R, 2, BANDS) -> (R,).

    One is added to each power, so that the logarithm of a flat picture is finite: it is the power
    of noise of one gray level.
    """
    generated, target = (powers + 1.0).swapaxes(0, 1)
    return np.abs(10 * np.log10(generated / target)).mean(axis=-1)


def checkerboard_energies(comparison: Comparison) -> np.ndarray:
    """Returns (2,): the energy of patterns of periods 2 and 4, generated and target.

    The mean of all 4x4 blocks holds exactly the frequencies whose periods divide 4.
    """
    return np.array([_block_energy(x) for x in (comparison.generated, comparison.target)])


def checkerboard(energies: np.ndarray) -> np.ndarray:
    """Returns the generated energy over the target's, (R, 2) -> (R,)."""
    generated, target = energies.T
    # A thousandth of a squared gray level is added, so that flat targets do not divide by zero.
    return (generated + 1e-3) / (target + 1e-3)


def _band_powers(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    bands, counts, window = _bands(height, width)
    # Weighted by the window, the mean does not leak into the lowest frequencies.
    channels = np.ascontiguousarray(np.moveaxis(picture, -1, 0))
    means = (channels * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    spectrum = np.fft.rfft2((channels - means) * window)
    power = np.square(np.abs(spectrum)).mean(axis=0) / np.square(window).sum()
    return np.bincount(bands.ravel(), power.ravel(), BANDS + 1)[:BANDS] / counts


@functools.lru_cache(maxsize=4)
def _bands(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the band of each frequency, the frequencies in each band, and the Hann window."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    bands = np.minimum((radius * 2 * BANDS).astype(int), BANDS)
    counts = np.maximum(np.bincount(bands.ravel(), minlength=BANDS + 1)[:BANDS], 1)
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]
    return bands, counts, window


def _block_energy(picture: np.ndarray) -> float:
    height, width = (size // PERIOD * PERIOD for size in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // PERIOD, PERIOD, width // PERIOD, PERIOD, -1)
    return float(blocks.mean(axis=(0, 2)).var(axis=(0, 1)).sum())
