"""Writes PNG files of every color type, depth and interlacing; Pillow writes only some."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
# The values of a pixel and the depths of each color type.
COLOR_TYPES = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)),
               4: (2, (8, 16)), 6: (4, (8, 16))}  # fmt: skip


def make_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def write_png(
    values: np.ndarray,
    depth: int,
    color_type: int,
    *,
    interlaced: bool = False,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
    part_bytes: int = 1 << 30,
) -> bytes:
    """Returns a PNG file of (H, W, C) values, whose rows use all five filters in turn.

    Args:
        values: numbers below 2**depth.
        depth: bits of a value.
        color_type: 0 gray, 2 RGB, 3 palette, 4 gray with opacity, 6 RGB with opacity.
        interlaced: whether the pixels come in seven passes.
        chunks: other chunks, before the data.
        part_bytes: the largest chunk of data.
    """
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    raw = b""
    for left, top, step_x, step_y in PASSES if interlaced else ((0, 0, 1, 1),):
        part = values[top::step_y, left::step_x]
        if part.size:
            raw += _filter_rows(part, depth)
    data = zlib.compress(raw)
    content = make_chunk(b"IHDR", header)
    content += b"".join(make_chunk(name, text) for name, text in chunks)
    for start in range(0, len(data), part_bytes):
        content += make_chunk(b"IDAT", data[start : start + part_bytes])
    return SIGNATURE + content + make_chunk(b"IEND", b"")


def _filter_rows(values: np.ndarray, depth: int) -> bytes:
    distance = max(1, values.shape[2] * depth // 8)
    above, raw = None, b""
    for number, pixels in enumerate(values):
        if depth == 16:
            row = pixels.astype(">u2").view(np.uint8).reshape(-1)
        else:
            bits = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
            row = np.packbits(bits.reshape(-1))
        row = row.astype(int)
        above = np.zeros_like(row) if above is None else above
        left = np.concatenate([np.zeros(distance, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(distance, int), above])[: len(row)]
        predicted = (
            np.zeros_like(row), left, above, (left + above) // 2, _paeth(left, above, corner)
        )[number % 5]  # fmt: skip
        raw += bytes([number % 5]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = row
    return raw


def _paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    estimate = left + above - corner
    distances = [np.abs(estimate - near) for near in (left, above, corner)]
    return np.choose(np.argmin(distances, axis=0), [left, above, corner])
