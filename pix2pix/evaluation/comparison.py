"""A generated picture beside its target, with the arrays that several metrics need."""

import functools

import numpy as np

from pix2pix.legend import Legend


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

    @functools.cached_property
    def class_areas(self) -> np.ndarray:
        """Returns (3, C) int64: the pixels of each class in both pictures, target and generated."""
        target, generated = self.target_classes, self.generated_classes
        areas = (target[target == generated], target, generated)
        count = len(self.legend.colors)
        return np.stack([np.bincount(classes.ravel(), minlength=count) for classes in areas])
