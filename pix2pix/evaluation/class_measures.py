"""Measures of the classes that a legend's colors stand for: areas and boundaries."""

import functools

import numpy as np

from pix2pix.evaluation.comparison import Comparison

# Boundaries match within this number of pixels, horizontally and vertically.
TOLERANCE = 2
# A class counts as present with this share of the target, and as found with this share of its area.
PRESENT, FOUND = 0.01, 0.1


def class_accuracy(comparison: Comparison) -> float:
    """Returns the share of pixels whose class is that of the target."""
    return float(np.mean(comparison.target_classes == comparison.generated_classes))


def mean_iou(areas: np.ndarray) -> np.ndarray:
    """Returns the mean IoU over the classes that occur in the targets, (R, 3, C) -> (R,).

    `areas` are sums of `Comparison.class_areas`.
    """
    both, target, generated = areas.swapaxes(0, 1)
    # For a class without any pixel, 0 is divided by 1; the mean leaves it out.
    iou = both / np.maximum(target + generated - both, 1)
    return iou.sum(axis=-1, where=target > 0) / np.sum(target > 0, axis=-1)


def count_found_classes(comparison: Comparison) -> np.ndarray:
    """Returns (2,) int64: how many of the target's classes were found, and how many it has."""
    _, target, generated = comparison.class_areas
    present = target >= PRESENT * comparison.target_classes.size
    return np.array([np.sum(present & (generated >= FOUND * target)), np.sum(present)])


def share_found(counts: np.ndarray) -> np.ndarray:
    """Returns the share of classes that were found, (R, 2) -> (R,); 1 if there are none."""
    found, present = counts.T
    return np.where(present > 0, found / np.maximum(present, 1), 1.0)


def count_boundaries(comparison: Comparison) -> np.ndarray:
    """Returns (4, C) int64, pixels on the boundary of each class.

    The rows: generated pixels near the target's boundary, all generated pixels, target pixels near
    the generated boundary, all target pixels.
    """
    return np.stack(
        [
            _match_boundaries(comparison.generated_classes == index,
                              comparison.target_classes == index)
            for index in range(len(comparison.legend.colors))
        ],
        axis=1,
    )  # fmt: skip


def boundary_f1(counts: np.ndarray) -> np.ndarray:
    """Returns the F1 score averaged over the classes with a boundary in the targets.

    (R, 4, C) -> (R,). Where no target has a boundary, it is 1 if the generated pictures have none.
    """
    matched, generated, found, target = counts.swapaxes(0, 1)
    precision, recall = matched / np.maximum(generated, 1), found / np.maximum(target, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    classes = np.sum(target > 0, axis=-1)
    mean = f1.sum(axis=-1, where=target > 0) / np.maximum(classes, 1)
    return np.where(classes > 0, mean, np.sum(generated, axis=-1) == 0)


def _match_boundaries(generated: np.ndarray, target: np.ndarray) -> list[int]:
    generated, target = _boundary(generated), _boundary(target)
    matched, found = generated & _dilate(target), target & _dilate(generated)
    return [int(mask.sum()) for mask in (matched, generated, found, target)]


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Returns the pixels of `mask`, (H, W) bool, that have a neighbor outside of it."""
    padded = np.pad(mask, 1, mode="edge")
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _dilate(mask: np.ndarray) -> np.ndarray:
    """Returns the pixels within `TOLERANCE` pixels of `mask`, (H, W) bool."""
    for axis in (0, 1):
        width = [(TOLERANCE, TOLERANCE) if a == axis else (0, 0) for a in (0, 1)]
        padded, size = np.pad(mask, width), mask.shape[axis]
        shifted = [padded.take(range(s, s + size), axis) for s in range(2 * TOLERANCE + 1)]
        mask = functools.reduce(np.logical_or, shifted)
    return mask
