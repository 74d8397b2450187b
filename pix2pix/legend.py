"""The legend: the colors that stand for classes in the targets, such as blue for water.

It is chosen by the user or found in the training targets. A pixel belongs to the class with the
nearest color.
"""

import functools

import numpy as np

from pix2pix.errors import UserError
from pix2pix.palettes import parse_colors

MAX_COLORS = 64
# `find_legend` returns at most 16 colors, each with at least 0.4 % of the flat pixels, and at least
# 24 gray levels apart (Euclidean): roads and ground of some street maps are hardly farther apart.
MAX_FOUND, MIN_SHARE, MIN_DISTANCE = 16, 0.004, 24
# Largest difference of neighbors in a flat area, in gray levels: JPEG noise. More is an edge.
NOISE = 8
# Number of pixels that are examined, on a grid over all targets.
SAMPLED_PIXELS = 4_000_000
# Bins of the color histogram per channel.
BINS = 32


class Legend:
    """Assigns a class to each pixel: the nearest of 1 to 64 different colors.

    Attributes:
        colors: (C, 3) uint8.
    """

    def __init__(self, colors: np.ndarray | list):
        """Raises `UserError` when there are no colors, more than 64, or two equal ones."""
        self.colors = np.array(colors, np.uint8).reshape(-1, 3)
        different = len({tuple(color) for color in self.colors.tolist()})
        if not 1 <= different == len(self.colors) <= MAX_COLORS:
            raise UserError(
                f"The legend has {len(self.colors)} colors, {different} of them different; "
                f"choose 1 to {MAX_COLORS} different colors."
            )

    @classmethod
    def parse(cls, text: str) -> "Legend":
        """Parses hexadecimal RGB, `ffff00,007fff`. Raises `UserError` for anything else."""
        return cls(parse_colors(text, "--legend"))

    def classes(self, picture: np.ndarray) -> np.ndarray:
        """Returns (H, W) uint8, the index of the legend color nearest to each pixel.

        The distance is Euclidean in RGB and exact; of equally near colors, the first one counts.
        """
        return self._table[color_codes(picture)]

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """Returns (2**24,) uint8: the class of every RGB color.

        Computing it once is faster, because the targets and the predictions of all predictors
        together have more pixels than there are colors.
        """
        levels = np.arange(256, dtype=np.int32)
        red, green, blue = ((levels - self.colors.astype(np.int32)[..., None]) ** 2).swapaxes(0, 1)
        # Distance and class are packed into one number, so that the minimum also gives the class.
        plane = (green[:, :, None] + blue[:, None, :]).reshape(len(self.colors), -1)
        plane = plane * MAX_COLORS + np.arange(len(self.colors), dtype=np.int32)[:, None]
        rows = [
            (plane + red[:, level, None] * MAX_COLORS).min(axis=0) % MAX_COLORS for level in levels
        ]
        return np.concatenate(rows, dtype=np.uint8, casting="unsafe")


def find_legend(targets: np.ndarray) -> np.ndarray:
    """Returns the 1 to 16 common colors of the targets, most common first, (C, 3) uint8.

    They are the peaks of a coarse histogram, found one after the other; each color is the median
    of the pixels around its peak. Only flat areas are counted, without the mixed colors that
    antialiasing makes along lines. The result depends on the pixels only.

    Args:
        targets: (N, H, W, 3) uint8.
    """
    colors, counts = np.unique(color_codes(flat_pixels(targets)), return_counts=True)
    colors = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=-1)
    total = counts.sum()
    legend: list[np.ndarray] = []
    while len(legend) < MAX_FOUND and len(counts):
        bins = colors * BINS // 256
        near_peak = np.abs(bins - _peak(bins, counts)).max(axis=-1) <= 1
        if legend and counts[near_peak].sum() < MIN_SHARE * total:
            break
        channels, repeats = colors[near_peak].T, counts[near_peak]
        medians = [np.median(np.repeat(channel, repeats)) for channel in channels]
        color = np.array(medians).astype(np.int32)
        legend.append(color)
        remaining = ~near_peak & (np.square(colors - color).sum(axis=-1) >= MIN_DISTANCE**2)
        colors, counts = colors[remaining], counts[remaining]
    return np.array(legend, np.uint8)


def flat_pixels(pictures: np.ndarray) -> np.ndarray:
    """Returns the pixels of a grid that equal their right and lower neighbors, up to noise.

    Returns all pixels of the grid if no pixel does. The result is (P, 3) uint8.
    """
    step = _grid_step(pictures)
    pixels = pixel_grid(pictures)
    right, below = pictures[:, :-1:step, 1::step], pictures[:, 1::step, :-1:step]
    # One picture at a time, to save memory.
    flat = np.concatenate(
        [p[_near(p, r) & _near(p, b)] for p, r, b in zip(pixels, right, below, strict=True)]
    )
    return flat if len(flat) else pixels.reshape(-1, 3)


def pixel_grid(pictures: np.ndarray) -> np.ndarray:
    """Returns about 4 million pixels on a grid, a view: (N, H, W, 3) -> (N, h, w, 3)."""
    step = _grid_step(pictures)
    return pictures[:, :-1:step, :-1:step]


def _grid_step(pictures: np.ndarray) -> int:
    return max(1, round((pictures.size / 3 / SAMPLED_PIXELS) ** 0.5))


def _near(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.abs(pixels.astype(np.int16) - others).max(axis=-1) <= NOISE


def _peak(bins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the bin with the most pixels, counting its 26 neighbors too, (3,) int64."""
    histogram = np.zeros((BINS + 2,) * 3)
    np.add.at(histogram, tuple(bins.T + 1), counts)
    smooth = np.lib.stride_tricks.sliding_window_view(histogram, (3, 3, 3)).sum(axis=(3, 4, 5))
    return np.array(np.unravel_index(smooth.argmax(), smooth.shape))


def color_codes(pixels: np.ndarray) -> np.ndarray:
    """Returns one number for each color, 0xRRGGBB: (..., 3) uint8 -> (...) int32."""
    codes = pixels[..., 0].astype(np.int32)
    for channel in (1, 2):  # in place, so that there is only one large array
        codes <<= 8
        codes |= pixels[..., channel]
    return codes
