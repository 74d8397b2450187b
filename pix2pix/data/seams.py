"""Tells from pixels whether two pictures meet in the middle of a picture."""

from collections import Counter
from typing import Literal

import numpy as np

from pix2pix.data.decoding import Row
from pix2pix.errors import UserError
from pix2pix.pixels.gate import open_image
from pix2pix.pixels.rule import PixelRule

Middle = Literal["edge", "continuous", "unknown"]
SAMPLE = 16
# Fewer pictures may agree by chance.
MIN_PICTURES, MIN_SIDE = 4, 16
MIDDLE = 0.5
# Where three or four pictures are side by side, there are edges at these places.
OTHER_PLACES = (1 / 3, 2 / 3, 1 / 4, 3 / 4)
# Lines of pixels that are compared, at most.
MAX_LINES = 512


def look_at_middles(rows: list[Row], rule: PixelRule, layout: str) -> Middle:
    """Returns whether two pictures meet in the middle of most pictures, judged by a sample.

    "edge": neighboring columns (rows, for `top_bottom`) differ more in the middle than elsewhere,
    and not so at a third or quarter. "continuous": they differ as they do elsewhere, as within one
    photo. "unknown": neither, as between two white borders.
    """
    steps: list[tuple[float, float]] = []
    edges: Counter[float] = Counter()
    for (file,) in rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]:
        try:
            gray = open_image(file, rule=rule).convert("L")
        except UserError:
            continue
        values = np.asarray(gray, np.float32)
        values = values if layout == "left_right" else values.T
        if min(values.shape) < MIN_SIDE:
            continue
        values = values[:: -(-len(values) // MAX_LINES)]
        edges.update(place for place in (MIDDLE, *OTHER_PLACES) if _has_edge(values, place))
        steps.append(_middle_step(values))
    total = len(steps)
    if total < MIN_PICTURES:
        return "unknown"
    if edges[MIDDLE] >= 0.75 * total and all(edges[p] <= 0.5 * total for p in OTHER_PLACES):
        return "edge"
    to_typical, to_spread = np.median(steps, axis=0)
    # The step is near 0 between white borders. In noise, neighboring columns differ as much as
    # distant ones do.
    is_continuous = 0.4 < to_typical < 2 and to_spread < 0.8
    return "continuous" if is_continuous else "unknown"


def _has_edge(values: np.ndarray, place: float) -> bool:
    """Returns whether columns of (H, W) float32 in [0, 255] differ at `place` x W."""
    steps = np.abs(np.diff(values, axis=1)).mean(0)
    at = round(place * values.shape[1])
    largest = steps[at - 2 : at + 1].max()
    return bool(largest > 2.5 * np.median(steps) + 4 and np.mean(steps >= largest) < 0.1)


def _middle_step(values: np.ndarray) -> tuple[float, float]:
    """Returns how much the columns in the middle differ, over what is usual and over their spread.

    Within one photo the first is about 1; where two pictures meet it is 2.5 or more.
    """
    steps = np.abs(np.diff(values, axis=1)).mean(0)
    middle = values.shape[1] // 2
    step, spread = float(steps[middle - 1]), float(values[:, middle].std())
    return step / max(float(np.median(steps)), 1e-6), step / max(spread, 1e-6)
