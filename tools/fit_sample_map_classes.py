"""Prints the centers of the sketch's classes: k-means over the smoothed training photos.

Command: python -m tools.fit_sample_map_classes

Land and sea are clustered separately, each from the centers in tools/sample_map_sketch.py. Those
chosen by eye are not moved. The printed centers differ from the stored ones by at most 2 gray
levels.
"""

from __future__ import annotations

import numpy as np

from tools.build_sample_maps import choose_tiles
from tools.sample_map_drawing import Tile, World, find_data
from tools.sample_map_sketch import (
    CENTERS,
    CHOSEN_BY_EYE,
    CLASSES,
    LAND,
    SEA,
    distances,
    smooth,
)

ROUNDS = 20
TILE_STEP, PIXEL_STEP = 3, 23


def sample_pixels(world: World, tiles: list[Tile]) -> tuple[np.ndarray, np.ndarray]:
    """Returns smoothed pixels of the land and of the sea, each (P, 3) uint8."""
    land, sea = [], []
    for tile in tiles:
        pixels, sea_share = smooth(world.cut_photo(tile)), np.asarray(world.sea_share(tile))
        is_lake = np.asarray(world.lake_share(tile)) > 0
        land.append(pixels[(sea_share == 0) & ~is_lake][::PIXEL_STEP])
        sea.append(pixels[sea_share == 255][::PIXEL_STEP])
    return np.concatenate(land), np.concatenate(sea)


def fit(pixels: np.ndarray, classes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the centers of some classes and their shares of the pixels."""
    centers = CENTERS[list(classes)].astype(float)
    for _ in range(ROUNDS):
        nearest = distances(pixels, centers).argmin(axis=-1)
        for number, entry in enumerate(classes):
            if entry not in CHOSEN_BY_EYE:
                centers[number] = pixels[nearest == number].mean(axis=0)
    return centers, np.bincount(nearest, minlength=len(classes)) / len(nearest)


def main() -> None:
    world = World(find_data())
    land, sea = sample_pixels(world, choose_tiles(world)[0][::TILE_STEP])
    for pixels, classes in ((sea, SEA), (land, LAND)):
        for number, center, share in zip(classes, *fit(pixels, classes), strict=True):
            print(f"{CLASSES[number].name}: {center.round().astype(int).tolist()}, {share:.1%}")


if __name__ == "__main__":
    main()
