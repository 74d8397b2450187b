"""Draws the sketch of a photo from ten flat classes, and finds these classes in any photo.

Needs only NumPy and Pillow, so that a generated photo can be compared with its sketch without
the data that the photos come from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter


class SketchClass(NamedTuple):
    """A class of land cover or water.

    Attributes:
        name: Its name in the legend.
        color: Its RGB color in the sketch.
        center: The RGB center of its cluster in the smoothed photos.
    """

    name: str
    color: tuple[int, int, int]
    center: tuple[int, int, int]


# The centers are from tools/fit_sample_map_classes.py, except those of lakes, bare red earth and
# snow, which are chosen by eye: k-means moves centers with few pixels to the common browns.
CLASSES = (
    SketchClass("deep sea", (18, 38, 92), (5, 13, 33)),
    SketchClass("sea", (33, 84, 158), (11, 31, 70)),
    SketchClass("shallow water", (92, 160, 214), (26, 65, 119)),
    SketchClass("lake or river", (64, 200, 214), (16, 28, 32)),
    SketchClass("forest", (24, 88, 42), (35, 47, 17)),
    SketchClass("grassland", (122, 168, 66), (72, 68, 41)),
    SketchClass("dry land", (190, 162, 112), (124, 108, 77)),
    SketchClass("desert", (244, 216, 152), (181, 152, 114)),
    SketchClass("bare red earth", (196, 92, 48), (132, 85, 53)),
    SketchClass("snow and ice", (250, 250, 252), (170, 171, 168)),
)
SEA = (0, 1, 2)
SHALLOW, LAKE, FOREST, SNOW = 2, 3, 4, 9
LAND = (4, 5, 6, 7, 8, 9)
CHOSEN_BY_EYE = (LAKE, 8, SNOW)

COLORS = np.array([entry.color for entry in CLASSES], np.uint8)
CENTERS = np.array([entry.center for entry in CLASSES], np.uint8)

SMOOTHING = 7  # side of the median filter, in pixels
STROKE = 3.5  # standard deviation of the majority filter, in pixels: the width of brush strokes
# Weights in the majority filter. At a coast the photo mixes land and water.
INNER, COASTAL, DOUBTFUL = 1.0, 0.25, 0.01
# Gray sand and salt are as light as snow but more yellow: b* is 12 and more, that of snow up to 10.
SNOW_YELLOW = 10.0
# The factor of a* (red against green) makes red earth differ from the common browns.
LAB_WEIGHTS = (1.0, 1.8, 1.0)

SRGB_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
D65_WHITE = (0.9505, 1.0, 1.089)


def smooth(photo: Image.Image) -> np.ndarray:
    """Returns the photo without small details, but with its edges, (H, W, 3) uint8."""
    return np.asarray(photo.convert("RGB").filter(ImageFilter.MedianFilter(SMOOTHING)))


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """Converts sRGB, (..., 3) in [0, 255], to weighted CIE L*a*b*, (..., 3) float64."""
    rgb = pixels / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ np.array(SRGB_TO_XYZ).T / D65_WHITE
    x, y, z = np.moveaxis(np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1) * LAB_WEIGHTS


def distances(pixels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Returns the squared distance to each center: (..., 3) and (C, 3) -> (..., C)."""
    lab = to_lab(pixels)
    return np.stack([np.square(lab - center).sum(axis=-1) for center in to_lab(centers)], axis=-1)


def class_distances(photo: Image.Image) -> np.ndarray:
    """Returns the squared distance of each smoothed pixel to each class, (H, W, 10)."""
    pixels = smooth(photo)
    distance = distances(pixels, CENTERS)
    distance[to_lab(pixels)[..., 2] > SNOW_YELLOW, SNOW] = np.inf
    return distance


def segment(photo: Image.Image) -> np.ndarray:
    """Returns the class of each pixel of a real or generated photo, (H, W) uint8.

    It is the nearest center of the smoothed photo, cleaned like the sketch. It equals the sketch in
    97 % of the pixels of the real photos. It uses no coasts, so large lakes count as sea.
    """
    nearest = class_distances(photo).argmin(axis=-1)
    return majority(nearest, tuple(range(len(CLASSES))), np.ones(nearest.shape))


def classify(photo: Image.Image, sea_share: Image.Image, lake_share: Image.Image) -> np.ndarray:
    """Returns the class of each pixel of the sketch, (H, W) uint8.

    Args:
        photo: An RGB photo.
        sea_share: A mask, "L", with 255 for sea.
        lake_share: The same for lakes and wide rivers.
    """
    distance = class_distances(photo)
    nearest = distance.argmin(axis=-1)
    is_sea = blur(np.asarray(sea_share) / 255, 1.5) > 127
    # Dry lakes are land, as in the photo. Many others are as dark as a forest.
    lake = (blur(np.asarray(lake_share) / 255, 1) > 110) & ~is_sea & (nearest <= FOREST)
    lake = blur(lake, 1.5) > 120
    inside = blur(is_sea, 2)
    # A shore and a narrow strait are darker in the photo, which mixes them with land.
    is_open = (nearest <= LAKE) & (inside > 180)
    sea = np.where(is_open, np.take(SEA, distance[..., SEA].argmin(axis=-1)), SHALLOW)
    sea = majority(sea, SEA, weights(nearest <= SHALLOW, inside > 200))
    sea = majority(sea, SEA, np.where(is_sea, INNER, DOUBTFUL))
    land = np.take(LAND, distance[..., LAND].argmin(axis=-1))
    # Sand and sea mix to the gray of snow.
    is_dry = (nearest > LAKE) & ~lake & ((nearest < SNOW) | (inside < 5))
    land = majority(land, LAND, weights(is_dry, inside < 55))
    land = majority(land, LAND, np.where(~is_sea & ~lake, INNER, DOUBTFUL))
    return np.where(is_sea, sea, np.where(lake, LAKE, land)).astype(np.uint8)


def draw_sketch(classes: np.ndarray) -> Image.Image:
    return Image.fromarray(COLORS[classes])


def weights(certain: np.ndarray, inner: np.ndarray) -> np.ndarray:
    return np.where(certain, np.where(inner, INNER, COASTAL), DOUBTFUL)


def majority(classes: np.ndarray, choices: tuple[int, ...], weight: np.ndarray) -> np.ndarray:
    """Returns the class with the most weight around each pixel, (H, W) uint8.

    A wider filter decides where a pixel has no neighbors of any weight.
    """
    scores = []
    for choice in choices:
        share = (classes == choice) * weight
        scores.append(256 * blur(share, STROKE) + blur(share, 4 * STROKE))
    return np.array(choices, np.uint8)[np.argmax(scores, axis=0)]


def blur(share: np.ndarray, radius: float) -> np.ndarray:
    """Returns the Gaussian blur of values in [0, 1] as integers in [0, 255]."""
    picture = Image.fromarray((share * 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius))).astype(np.int32)
