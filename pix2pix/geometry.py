"""How pictures that are not square become the squares that a network sees, in training and served.

Training makes each pair a square, as `Config.aspect` says. The mode `fit` shows the network a
picture in the same proportions, so that it sees what it was trained on.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from pix2pix.images import pad_mirrored, resize

Aspect = Literal["squash", "crop", "pad"]
Size = tuple[int, int]
SQUARE = (1.0, 1.0)
# The shortest side of a scaled picture: SSIM needs 11 pixels.
MIN_SIDE = 16
# A picture that is longer than this many squares is not translated square by square any more.
MAX_SQUARES = 16


def make_square(image: Image.Image, side: int, aspect: Aspect) -> Image.Image:
    """Returns a picture of a training pair as a square of `side` pixels."""
    if aspect == "squash" or image.width == image.height:
        return resize(image, side, side)
    if aspect == "pad":
        width, height = scale_to_fit(image.size, side)
        return Image.fromarray(pad_mirrored(np.asarray(resize(image, width, height)), side, side))
    shorter = min(image.size)
    left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
    return resize(image.crop((left, top, left + shorter, top + shorter)), side, side)


def middle_square(pictures: np.ndarray, side: int) -> np.ndarray:
    """Returns the middle of pictures at their own scale: (..., H, W, 3) -> (..., side, side, 3)."""
    top, left = (pictures.shape[-3] - side) // 2, (pictures.shape[-2] - side) // 2
    return pictures[..., top : top + side, left : left + side, :]


def scale_to_fit(size: Size, side: int) -> Size:
    """Returns (width, height) of a picture whose longer side is scaled to `side`."""
    scale = side / max(size)
    width, height = (max(min(MIN_SIDE, side), round(length * scale)) for length in size)
    return width, height


@dataclass(frozen=True)
class Geometry:
    """Describes in which proportions a network was shown its training pairs.

    Attributes:
        aspect: how the pairs became squares.
        pair_aspects: the smallest and largest width / height of the training pairs. (1, 1) for
            square pairs, and for models of versions that did not record it.
    """

    aspect: Aspect = "squash"
    pair_aspects: tuple[float, float] = SQUARE

    @classmethod
    def of_model(cls, aspect: Aspect, description: dict) -> "Geometry":
        """Returns the geometry of a model; `description` is the content of its pix2pix.json."""
        low, high = description.get("pair_aspects") or SQUARE
        return cls(aspect, (float(low), float(high)))

    def scaled_size(self, size: Size, side: int) -> Size:
        """Returns the (width, height) at which a picture is translated in the mode `fit`.

        With `squash`, a picture is squeezed as pairs of its proportions were: one of 4:3 becomes a
        square if there were pairs of 4:3, and keeps its proportions if all pairs were square; its
        longer side then has `side` pixels. With `crop`, the shorter side has, as in training,
        unless the picture is longer than MAX_SQUARES squares.
        """
        width, height = size
        if self.aspect == "crop":
            scale = min(side / min(size), MAX_SQUARES * side / max(size))
            return max(1, round(width * scale)), max(1, round(height * scale))
        low, high = self.pair_aspects if self.aspect == "squash" else SQUARE
        squeezed_width = width / min(max(width / height, low), high)
        scale = side / max(squeezed_width, height)
        return max(1, round(squeezed_width * scale)), max(1, round(height * scale))
