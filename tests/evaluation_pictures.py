"""Pictures whose metrics can be computed by hand, and one that looks like a photo."""

import numpy as np

from tests.builders import make_picture

SIZE = 64


def plain(*color: int) -> np.ndarray:
    """Returns a picture of one color, (64, 64, 3) uint8."""
    return np.broadcast_to(np.array(color, np.uint8), (SIZE, SIZE, 3)).copy()


def photo(seed: int = 0) -> np.ndarray:
    """Returns a picture with the statistics of a photo, (64, 64, 3) uint8."""
    return np.asarray(make_picture(SIZE, SIZE, seed))


def stripes(*colors: tuple[int, ...]) -> np.ndarray:
    """Returns a picture of four vertical stripes, (64, 64, 3) uint8."""
    return np.concatenate([plain(*color)[:, : SIZE // 4] for color in colors], axis=1)


def invert(pictures: np.ndarray) -> np.ndarray:
    """Stands for a generator: returns the negatives of the pictures."""
    return 255 - pictures
