"""The held-out pairs of a run, in their own proportions."""

from collections.abc import Sequence
from typing import overload

import numpy as np
from PIL import Image

from pix2pix.data.cache import CachedPairs
from pix2pix.data.decoding import Decoder
from pix2pix.geometry import make_square


class HeldOutPairs(Sequence[np.ndarray]):
    """Holds pairs as they are served and evaluated: (2, H, W, 3) uint8, the longer side S pixels.

    Attributes:
        boxes: (K, 2, S, S, 3) uint8, which the pairs fill from the top left.
        sizes: the (width, height) of each pair.
    """

    def __init__(self, boxes: np.ndarray, sizes: list[tuple[int, int]], decoder: Decoder):
        self.boxes, self.sizes, self._decoder = boxes, sizes, decoder

    @classmethod
    def of_cache(cls, cached: CachedPairs, decoder: Decoder) -> "HeldOutPairs":
        """Returns the pairs of a cache that was built with `as_served`."""
        boxes = np.asarray(cached.pairs)
        side = boxes.shape[2]
        sizes = [
            decoder.served_size((width, height), side) for width, height in cached.sizes.tolist()
        ]
        return cls(boxes, sizes, decoder)

    def __len__(self) -> int:
        return len(self.boxes)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> "HeldOutPairs": ...
    def __getitem__(self, index: int | slice) -> "np.ndarray | HeldOutPairs":
        if isinstance(index, slice):
            return HeldOutPairs(self.boxes[index], self.sizes[index], self._decoder)
        width, height = self.sizes[index]
        return self.boxes[index, :, :height, :width]

    @property
    def are_square(self) -> bool:
        """Whether every pair fills its square."""
        side = self.boxes.shape[2]
        return all(size == (side, side) for size in self.sizes)

    def squares(self, count: int) -> np.ndarray:
        """Returns pairs as training shows them to the network, (count, 2, S, S, 3) uint8.

        They are spread evenly, because neighboring pairs often show neighboring places. Where there
        are fewer than `count`, all are returned.
        """
        side, aspect = self.boxes.shape[2], self._decoder.aspect
        squares = [
            [np.asarray(make_square(Image.fromarray(half), side, aspect)) for half in self[index]]
            for index in spread_evenly(len(self), count)
        ]
        return np.array(squares, np.uint8).reshape(-1, 2, side, side, 3)


def spread_evenly(total: int, count: int) -> list[int]:
    """Returns up to `count` indices below `total`, from the first one to the last, in order."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()
