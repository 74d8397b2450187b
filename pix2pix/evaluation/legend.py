"""The colours that stand for classes in the targets, given or found, and the nearest of them."""

import functools
import re

import numpy as np

from pix2pix.errors import UserError

MAX_COLOURS = 64
# What `find_legend` looks for: at most so many colours, each with this share of the flat pixels,
# and this far apart (Euclidean, grey levels), as roads and ground of some street maps hardly are.
MAX_FOUND, MIN_SHARE, MIN_DISTANCE = 16, 0.004, 24
# Neighbours in a flat area differ by noise only: more than JPEG's is an edge.
NOISE = 8
# Pixels to look at, on a grid over all targets.
SAMPLED = 4_000_000
BINS = 32


class Legend:
    """`colours`: (C, 3) uint8, all different, C from 1 to 64."""

    def __init__(self, colours: np.ndarray | list):
        """Raises `UserError` when there are too few, too many, or two that are alike."""
        self.colours = np.array(colours, np.uint8).reshape(-1, 3)
        different = len({tuple(colour) for colour in self.colours.tolist()})
        if not 1 <= different == len(self.colours) <= MAX_COLOURS:
            raise UserError(
                f"The legend has {len(self.colours)} colours, {different} of them different; "
                f"name 1 to {MAX_COLOURS} colours, each once."
            )

    @classmethod
    def parse(cls, text: str) -> "Legend":
        """Reads `ffff00,007fff`: hexadecimal RGB. Raises `UserError` when a colour is none."""
        colours = [colour.strip().removeprefix("#") for colour in text.split(",")]
        for colour in colours:
            if not re.fullmatch("[0-9a-fA-F]{6}", colour):
                raise UserError(
                    f"{colour!r} in --legend is no colour; write each as six hexadecimal digits, "
                    "with commas between: ffff00,007fff."
                )
        return cls([list(bytes.fromhex(colour)) for colour in colours])

    def classes(self, picture: np.ndarray) -> np.ndarray:
        """(H, W) uint8 places in the legend of each pixel's nearest colour, Euclidean in RGB.

        Exact; the first of equally near ones.
        """
        return self._table[_codes(picture)]

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """(2**24,) uint8: the class of every colour there is, since pixels outnumber them."""
        levels = np.arange(256, dtype=np.int32)
        red, green, blue = ((levels - self.colours.astype(np.int32)[..., None]) ** 2).swapaxes(0, 1)
        # Distance and class in one number, so that the least distance brings its class along.
        plane = (green[:, :, None] + blue[:, None, :]).reshape(len(self.colours), -1)
        plane = plane * MAX_COLOURS + np.arange(len(self.colours), dtype=np.int32)[:, None]
        rows = [
            (plane + red[:, level, None] * MAX_COLOURS).min(axis=0) % MAX_COLOURS
            for level in levels
        ]
        return np.concatenate(rows, dtype=np.uint8, casting="unsafe")


def find_legend(targets: np.ndarray) -> np.ndarray:
    """(C, 3) uint8, the common colours of (N, H, W, 3) uint8 targets, most common first.

    Greedy peaks of a coarse histogram of the pixels in flat areas, which leaves out the mixtures
    that antialiasing makes along lines; each is the median of its pixels. At least one colour, at
    most 16; a function of the pixels alone.
    """
    colours, counts = np.unique(_codes(_flat_pixels(targets)), return_counts=True)
    colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)
    total = counts.sum()
    found: list[np.ndarray] = []
    while len(found) < MAX_FOUND and len(counts):
        bins = colours * BINS // 256
        near_peak = np.abs(bins - _peak(bins, counts)).max(axis=-1) <= 1
        if found and counts[near_peak].sum() < MIN_SHARE * total:
            break
        channels, times = colours[near_peak].T, counts[near_peak]
        medians = [np.median(np.repeat(channel, times)) for channel in channels]
        colour = np.array(medians).astype(np.int32)
        found.append(colour)
        left = ~near_peak & (np.square(colours - colour).sum(axis=-1) >= MIN_DISTANCE**2)
        colours, counts = colours[left], counts[left]
    return np.array(found, np.uint8)


def _flat_pixels(targets: np.ndarray) -> np.ndarray:
    """(P, 3) uint8: on a grid, the pixels like those to the right and below; else all of it."""
    step = max(1, round((targets.size / 3 / SAMPLED) ** 0.5))
    pixels = targets[:, :-1:step, :-1:step]
    right, below = targets[:, :-1:step, 1::step], targets[:, 1::step, :-1:step]
    # A picture at a time, which takes little memory.
    flat = np.concatenate(
        [p[_near(p, r) & _near(p, b)] for p, r, b in zip(pixels, right, below, strict=True)]
    )
    return flat if len(flat) else pixels.reshape(-1, 3)


def _near(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.abs(pixels.astype(np.int16) - others).max(axis=-1) <= NOISE


def _peak(bins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(3,) the bin with the most pixels in it and the bins around it."""
    histogram = np.zeros((BINS + 2,) * 3)
    np.add.at(histogram, tuple(bins.T + 1), counts)
    smooth = np.lib.stride_tricks.sliding_window_view(histogram, (3, 3, 3)).sum(axis=(3, 4, 5))
    return np.array(np.unravel_index(smooth.argmax(), smooth.shape))


def _codes(pixels: np.ndarray) -> np.ndarray:
    """(...,) int32 of (..., 3) uint8: one number a colour, 0xRRGGBB."""
    codes = pixels[..., 0].astype(np.int32)
    for channel in (1, 2):  # in place: one array, however many pixels
        codes <<= 8
        codes |= pixels[..., channel]
    return codes
