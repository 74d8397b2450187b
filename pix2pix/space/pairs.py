"""Side-by-side pairs among the uploads, and how close a translation comes to the real picture."""

import numpy as np
from PIL import Image, ImageChops

from pix2pix.evaluation.metrics import psnr
from pix2pix.images import oriented, split_pair

TOLERANCE = 0.02


def looks_like_pair(image: Image.Image) -> bool:
    """Whether the picture is about twice as wide as high and can be halved."""
    width, height = image.size
    return width % 2 == 0 and abs(width - 2 * height) <= TOLERANCE * height


def input_and_target(image: Image.Image, direction: str) -> tuple[Image.Image, Image.Image]:
    """The halves of a pair: the left one, A, is the input of a model from A to B."""
    return oriented(split_pair(image), direction)


def closeness(generated: Image.Image, target: Image.Image) -> tuple[float, float]:
    """L1 in grey levels of 255 and PSNR in dB, at most 100, of two RGB pictures of one size."""
    # How often each difference occurs tells both, and a large picture needs no larger copies.
    counts = np.array(ImageChops.difference(generated, target).histogram()).reshape(3, 256)
    share = counts.sum(axis=0) / counts.sum()
    levels = np.arange(256)
    return float(share @ levels), psnr(share @ levels**2)
