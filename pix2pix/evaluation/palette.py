"""The palette of one side of the pairs: the flat colors that it is drawn with, such as a legend's.

A page with a canvas offers these colors. `pix2pix.json` stores them as a list of objects with
`color` ("#rrggbb"), `name` (a string or null) and `share` (of the pixels), the most common first.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pix2pix.legend import MIN_DISTANCE, NOISE, color_codes, flat_pixels, pixel_grid
from pix2pix.palettes import Color

MAX_COLORS = 32
# Smallest share of a color in the flat areas. Of a photo, hardly any color has so much.
MIN_SHARE = 0.0005
# Smallest share of all pixels that the colors of a palette cover; the others lie along edges.
MIN_COVERED = 0.85
# What would break a table of the model card.
UNSAFE = re.compile(r"[|`<>\s]+")


def find_palette(
    pictures: np.ndarray, named: Any = None, legend: Sequence[Color] = ()
) -> list[dict[str, Any]] | None:
    """Returns the palette of the pictures, or None where few flat colors do not cover them.

    Args:
        pictures: (N, H, W, 3) uint8.
        named: the palette of the dataset's card, a list of objects with `color` and `name`; other
            values, and objects without a color, are ignored.
        legend: the colors that the pictures were drawn with, where that is known.
    """
    names = read_names(named)
    pixels = pixel_grid(pictures).reshape(-1, 3)
    known = list(legend or names)
    colors = np.array(known, np.uint8) if known else _common_colors(flat_pixels(pictures))
    if len(colors) > MAX_COLORS:
        return None
    shares = [float(_is_near(pixels, color).mean()) for color in colors]
    if sum(shares) < MIN_COVERED and not legend:
        return None
    found = [
        {"color": "#" + bytes(color).hex(), "name": names.get(color), "share": round(share, 4)}
        for color, share in zip(map(tuple, colors.tolist()), shares, strict=True)
    ]
    return sorted(found, key=lambda entry: -entry["share"])


def read_names(named: Any) -> dict[tuple[int, ...], str | None]:
    """Returns color -> name of a palette in a dataset's card, which anybody may have written."""
    names: dict[tuple[int, ...], str | None] = {}
    for entry in named if isinstance(named, list) else []:
        color = entry.get("color") if isinstance(entry, dict) else None
        if isinstance(color, str) and re.fullmatch("#[0-9a-fA-F]{6}", color):
            name = entry.get("name")
            name = UNSAFE.sub(" ", name).strip()[:64] if isinstance(name, str) else ""
            names[tuple(bytes.fromhex(color[1:]))] = name or None
    return names


def _common_colors(flat: np.ndarray) -> np.ndarray:
    """Returns the common colors of flat areas that differ clearly, most common first, (C, 3).

    Stops after `MAX_COLORS` + 1 colors.
    """
    codes, counts = np.unique(color_codes(flat), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes = codes[order[counts[order] >= MIN_SHARE * len(flat)]]
    kept: list[np.ndarray] = []
    for color in np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1):
        if all(np.square(color - other).sum() >= MIN_DISTANCE**2 for other in kept):
            kept.append(color)
        if len(kept) > MAX_COLORS:
            break
    return np.array(kept, np.uint8).reshape(-1, 3)


def _is_near(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Returns which pixels, (P, 3), equal the color up to the noise of JPEG."""
    return np.abs(pixels.astype(np.int16) - color).max(axis=-1) <= NOISE
