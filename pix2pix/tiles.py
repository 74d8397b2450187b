"""Translates large pictures with a network of fixed size, in overlapping tiles that are blended."""

from collections.abc import Callable, Iterator

import numpy as np

from pix2pix.images import pad_mirrored


def translate_in_tiles(
    pixels: np.ndarray, tile: int, generate: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Translates (H, W, 3) uint8 pixels tile by tile, row by row.

    Besides `pixels` and the result, at most one row of tiles is in memory.

    Args:
        pixels: the picture; one that is smaller than a tile is extended by reflection.
        tile: side of the tiles in pixels.
        generate: the network, (1, tile, tile, 3) uint8 -> same.

    Yields:
        After each tile: the number of tiles done, the number of all tiles, and the (H, W, 3) uint8
        result, which is complete with the last tile.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < tile:
        pixels = pad_mirrored(pixels, max(height, tile), max(width, tile))
    tops, lefts = (tile_origins(length, tile) for length in pixels.shape[:2])
    weight = _blend_weights(tile)
    result = np.empty_like(pixels)
    weighted_sum = np.zeros((tile, pixels.shape[1], 3), np.float32)
    weight_sum = np.zeros((tile, pixels.shape[1], 1), np.float32)
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            columns = np.s_[:, left : left + tile]
            translated = generate(pixels[None, top : top + tile, left : left + tile])[0]
            weighted_sum[columns] += weight * translated
            weight_sum[columns] += weight
            if column + 1 < len(lefts):
                yield row * len(lefts) + column + 1, len(tops) * len(lefts), result
        # Pixel rows above the next row of tiles are final; the others are carried over to it.
        final = (tops[row + 1] if row + 1 < len(tops) else pixels.shape[0]) - top
        result[top : top + final] = np.rint(weighted_sum[:final] / weight_sum[:final])
        for band in (weighted_sum, weight_sum):
            band[: tile - final] = band[final:]
            band[tile - final :] = 0
        yield (row + 1) * len(lefts), len(tops) * len(lefts), result[:height, :width]


def tile_origins(length: int, tile: int) -> list[int]:
    """Returns evenly spread tile origins that cover `length` and overlap by about a quarter tile.

    All but the last are even numbers: transposed convolutions of stride 2 leave a pattern of period
    2, which is then in step in neighboring tiles.
    """
    count = 1 + -(-(length - tile) // (tile - tile // 4))
    origins = [2 * round(origin / 2) for origin in np.linspace(0, length - tile, count)]
    return [*origins[:-1], length - tile]


def _blend_weights(tile: int) -> np.ndarray:
    """Returns (tile, tile, 1) float32 weights that fall to nearly 0 over a tile's outer quarter.

    They are squared sines: two that overlap by a quarter tile sum to 1, and neither begins with a
    sudden slope. A linear ramp does, and would show as a line along the border of each tile.
    """
    distance = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1))
    width = tile // 4 + 1
    ramp = np.sin(np.pi / 2 * np.minimum(distance, width) / width) ** 2
    return np.outer(ramp, ramp)[..., None].astype(np.float32)
