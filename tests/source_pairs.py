"""Reads and compares the pairs of a dataset."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pix2pix.data import Rows, Source, decode
from tests.builders import Pair


def read_pairs(source: Source, rows: Rows) -> list[Pair]:
    """Returns the decoded rows."""
    return [decode(row) for row in source.read(rows)]


def rgb_array(image: Image.Image) -> np.ndarray:
    """Returns the pixels of a picture that must be RGB."""
    assert image.mode == "RGB"
    return np.asarray(image)


def assert_same_pairs(pairs: Sequence[Pair], expected: Sequence[Pair]) -> None:
    """Asserts that all pictures are equal pixel by pixel."""
    for pair, expected_pair in zip(pairs, expected, strict=True):
        for image, expected_image in zip(pair, expected_pair, strict=True):
            np.testing.assert_array_equal(rgb_array(image), rgb_array(expected_image))
