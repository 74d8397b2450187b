"""Detects side-by-side pairs among uploads, and compares translations with the real picture."""

import numpy as np
from PIL import Image, ImageChops

from pix2pix.config import Config
from pix2pix.evaluation.pixel_measures import psnr
from pix2pix.images import orient_pair, split_pair
from pix2pix.labels import Labels, labels_for

# The width of a pair differs from twice its height by at most 2 % of the height.
TOLERANCE = 0.02
OFFER = (
    "**A side-by-side pair?** This picture is twice as wide as high. If its {side} half is the "
    "{source}, that half can be translated alone and compared with the other one, the {real}."
)


def looks_like_pair(image: Image.Image) -> bool:
    """Returns whether the picture is about twice as wide as high and can be halved."""
    width, height = image.size
    return width % 2 == 0 and abs(width - 2 * height) <= TOLERANCE * height


def input_and_target(image: Image.Image, direction: str) -> tuple[Image.Image, Image.Image]:
    """Returns the halves of a pair; the left one, A, is the input of a model from A to B."""
    return orient_pair(split_pair(image), direction)


def closeness(generated: Image.Image, target: Image.Image) -> tuple[float, float]:
    """Returns L1 in gray levels of 255 and PSNR in dB, at most 100, of two RGB pictures.

    Both pictures must have the same size.
    """
    # Computed from the histogram of the differences, which saves float copies of a large picture.
    counts = np.array(ImageChops.difference(generated, target).histogram()).reshape(3, 256)
    frequencies = counts.sum(axis=0) / counts.sum()
    levels = np.arange(256)
    return float(frequencies @ levels), psnr(frequencies @ levels**2)


def describe_pair(config: Config) -> tuple[str, str]:
    """Returns the offer to translate one half of a pair alone, and the label of its button."""
    side = "left" if config.direction == "a_to_b" else "right"
    labels = labels_for(config)
    offer = OFFER.format(side=side, source=labels.short_source, real=labels.real)
    return offer, f"Use the {side} half"


def describe_closeness(generated: Image.Image, target: Image.Image, labels: Labels) -> str:
    """Returns a sentence with L1 and PSNR of the generated picture."""
    l1, psnr_db = closeness(generated, target)
    return f"L1 {l1:.2f} gray levels of 255, PSNR {psnr_db:.2f} dB against the {labels.real}."
