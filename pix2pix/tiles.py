"""Translates large pictures with a network of fixed size, in overlapping tiles that are blended."""

from collections.abc import Callable, Iterator

import numpy as np

from pix2pix.images import pad_mirrored

# (1, tile, tile, 3) uint8 -> same
Generate = Callable[[np.ndarray], np.ndarray]


def translate_in_tiles(
    pixels: np.ndarray, tile: int, generate: Generate
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
    result, bottom = np.empty_like(pixels), 0
    for done, total, rows in translate_rows(
        pixels.shape[:2], tile, generate, lambda top, bottom: pixels[top:bottom]
    ):
        result[bottom : bottom + len(rows)] = rows
        bottom += len(rows)
        yield done, total, result


def translate_rows(
    size: tuple[int, int],
    tile: int,
    generate: Generate,
    read: Callable[[int, int], np.ndarray],
    is_needed: Callable[[int], bool] = lambda left: True,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Translates a picture that need not be in memory, tile by tile, row by row.

    At most one row of tiles is in memory. Each row of pixels is read once, from top to bottom.

    Args:
        size: (height, width) of the picture; one that is smaller than a tile is extended by
            reflection.
        tile: side of the tiles in pixels.
        generate: the network, (1, tile, tile, 3) uint8 -> same.
        read: returns the pixels from row `top` to row `bottom` as (bottom - top, W, 3) uint8.
        is_needed: returns whether any pixel of the next tile, whose left side is at `left`, will be
            seen. The others are not translated; pixels that only they cover become black.

    Yields:
        After each tile: the number of tiles done, the number of all tiles, and the (N, W, 3) uint8
        rows that this tile completed, which follow those before. N is 0 for most tiles.
    """
    height, width = size
    padded_width = max(width, tile)
    tops, lefts = tile_origins(max(height, tile), tile), tile_origins(padded_width, tile)
    weight = _blend_weights(tile)
    weighted_sum = np.zeros((tile, padded_width, 3), np.float32)
    weight_sum = np.zeros((tile, padded_width, 1), np.float32)
    pixels = pad_mirrored(read(0, min(tile, height)), tile, padded_width)
    nothing = np.empty((0, width, 3), np.uint8)
    for row, top in enumerate(tops):
        # Pixel rows above the next row of tiles are final; the others are carried over to it.
        final = tops[row + 1] - top if row + 1 < len(tops) else tile
        for column, left in enumerate(lefts):
            columns = np.s_[:, left : left + tile]
            if is_needed(left):
                weighted_sum[columns] += weight * generate(pixels[None, :, left : left + tile])[0]
            weight_sum[columns] += weight
            if column + 1 < len(lefts):
                yield row * len(lefts) + column + 1, len(tops) * len(lefts), nothing
        finished = np.rint(weighted_sum[:final] / weight_sum[:final]).astype(np.uint8)
        yield (row + 1) * len(lefts), len(tops) * len(lefts), finished[: height - top, :width]
        if final < tile:
            for band in (weighted_sum, weight_sum):
                band[: tile - final] = band[final:]
                band[tile - final :] = 0
            new = read(top + tile, top + tile + final)
            pixels = np.concatenate([pixels[final:], pad_mirrored(new, final, padded_width)])


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
