"""Reads and compares the pairs of a dataset."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.data import Rows, Source
from tests.builders import Pair
from tests.hub_server import READ_TOKEN, WRITE_TOKEN


def read_pairs(source: Source, rows: Rows) -> list[Pair]:
    """Returns the decoded rows."""
    return [source.decoder.decode(row) for row in source.read(rows)]


def rgb_array(image: Image.Image) -> np.ndarray:
    """Returns the pixels of a picture that must be RGB."""
    assert image.mode == "RGB"
    return np.asarray(image)


def assert_same_pairs(pairs: Sequence[Pair], expected: Sequence[Pair]) -> None:
    """Asserts that all pictures are equal pixel by pixel."""
    for pair, expected_pair in zip(pairs, expected, strict=True):
        for image, expected_image in zip(pair, expected_pair, strict=True):
            np.testing.assert_array_equal(rgb_array(image), rgb_array(expected_image))


def error_message(action: Callable) -> str:
    """Returns the message of the `UserError` that `action` raises: one line, without tokens."""
    with pytest.raises(UserError) as error:
        action()
    message = str(error.value)
    assert "\n" not in message and WRITE_TOKEN not in message and READ_TOKEN not in message
    return message
