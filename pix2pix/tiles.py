"""A large picture through a network of fixed size: overlapping tiles that fade into each other."""

from collections.abc import Callable, Iterator

import numpy as np

from pix2pix.images import pad_mirrored


def translate_in_tiles(
    pixels: np.ndarray, tile: int, generate: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Translates (H, W, 3) uint8 pixels tile by tile, row by row.

    Besides `pixels` and the result, no more than one row of tiles is in memory.

    Args:
        pixels: the picture; one smaller than a tile is mirrored to its size.
        tile: side of the tiles in pixels.
        generate: (1, tile, tile, 3) uint8 -> same.

    Yields:
        After each tile: tiles done, tiles in all, and the (H, W, 3) uint8 result, which is
        complete with the last one.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < tile:
        pixels = pad_mirrored(pixels, max(height, tile), max(width, tile))
    tops, lefts = (starts(length, tile) for length in pixels.shape[:2])
    weight = _fading(tile)
    result = np.empty_like(pixels)
    total = np.zeros((tile, pixels.shape[1], 3), np.float32)
    weights = np.zeros((tile, pixels.shape[1], 1), np.float32)
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            place = np.s_[:, left : left + tile]
            total[place] += weight * generate(pixels[None, top : top + tile, left : left + tile])[0]
            weights[place] += weight
            if column + 1 < len(lefts):
                yield row * len(lefts) + column + 1, len(tops) * len(lefts), result
        # Rows above the next tiles are final; the others are carried over to them.
        final = (tops[row + 1] if row + 1 < len(tops) else pixels.shape[0]) - top
        result[top : top + final] = np.rint(total[:final] / weights[:final])
        for band in (total, weights):
            band[: tile - final] = band[final:]
            band[tile - final :] = 0
        yield (row + 1) * len(lefts), len(tops) * len(lefts), result[:height, :width]


def starts(length: int, tile: int) -> list[int]:
    """Evenly spread tile origins that cover `length` and overlap by about a quarter tile.

    All but the last are even: transposed convolutions of stride 2 leave a pattern of period 2,
    which then is in step in neighbouring tiles.
    """
    count = 1 + -(-(length - tile) // (tile - tile // 4))
    starts = [2 * round(place / 2) for place in np.linspace(0, length - tile, count)]
    return [*starts[:-1], length - tile]


def _fading(tile: int) -> np.ndarray:
    """(tile, tile, 1) weights that fall to nearly nothing over the outer quarter of a tile.

    Squared sines: two that overlap by a quarter sum to 1, and neither starts with a step, which a
    straight ramp would leave along the border of each tile.
    """
    distance = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1))
    width = tile // 4 + 1
    ramp = np.sin(np.pi / 2 * np.minimum(distance, width) / width) ** 2
    return np.outer(ramp, ramp)[..., None].astype(np.float32)
