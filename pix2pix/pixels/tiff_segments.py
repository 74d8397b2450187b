"""Decodes the strips and tiles of TIFF files."""

import io
import lzma
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, WEBP = 1, 5, 8, 32946, 32773, 34925, 50001
JPEG_2000 = (33005, 34712)
HORIZONTAL, FLOATING_POINT = 2, 3
Shape = tuple[int, int, int]


class CannotDecode(Exception):
    """A TIFF file of a kind that this package does not decode; the message describes it."""


def decode_segment(page: Any, data: bytes, shape: Shape) -> np.ndarray:
    """Decodes one strip or tile.

    Args:
        page: tifffile's description of the picture.
        data: the encoded strip or tile.
        shape: its rows, columns and samples per pixel.

    Raises:
        CannotDecode: for compressions that need GDAL.
    """
    compression, predictor = int(page.compression), int(page.predictor)
    if compression == WEBP or compression in JPEG_2000:
        return _decode_picture(data, shape, page.dtype)
    size = shape[0] * shape[1] * shape[2] * page.dtype.itemsize
    data = _decompress(compression, data, size, shape[0])
    if len(data) < size:
        raise ValueError("a strip or tile is cut short")
    data = data[:size]
    if predictor == FLOATING_POINT:
        return _add_bytes(data, shape, page.dtype.itemsize)
    values = np.frombuffer(data, page.dtype.newbyteorder(page.parent.byteorder)).reshape(shape)
    values = values.astype(page.dtype, copy=False)
    if predictor == HORIZONTAL and values.dtype.kind in "iu":
        return np.add.accumulate(values, axis=1, dtype=values.dtype)
    if predictor not in (0, NONE):
        raise CannotDecode
    return values


def _decompress(compression: int, data: bytes, size: int, rows: int) -> bytes:
    """Returns the bytes of a segment, at most `size`: a small file may unpack to gigabytes."""
    if compression == NONE:
        return data
    if compression in (DEFLATE, OLD_DEFLATE):
        return zlib.decompressobj().decompress(data, size)
    if compression == LZMA:
        return lzma.LZMADecompressor().decompress(data, size)
    if compression in (LZW, PACKBITS):
        return _decompress_with_pillow(compression, data, size // rows, rows)
    raise CannotDecode


def _decompress_with_pillow(compression: int, data: bytes, width: int, rows: int) -> bytes:
    """Decompresses a segment as if it were a gray picture of `width` bytes in each row.

    NumPy and the standard library have no LZW; Pillow's libtiff has, for such pictures.
    """
    tags = [(256, width), (257, rows), (258, 8), (259, compression), (262, 1), (273, 8),
            (277, 1), (278, rows), (279, len(data))]  # fmt: skip
    directory = struct.pack("<H", len(tags))
    for code, value in tags:
        directory += struct.pack("<HHII", code, 4, 1, value)
    position = 8 + len(data) + len(data) % 2
    content = struct.pack("<4sI", b"II*\0", position) + data + b"\0" * (len(data) % 2)
    with Image.open(io.BytesIO(content + directory + bytes(4)), formats=["TIFF"]) as image:
        return image.tobytes()


def _decode_picture(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Decodes a segment that is a picture file itself, of 8 bits."""
    if dtype != np.uint8:
        raise CannotDecode
    with Image.open(io.BytesIO(data), formats=["WEBP", "JPEG2000"]) as image:
        rows, columns, samples = shape
        if image.height * image.width > rows * columns or samples not in (1, 3, 4):
            raise CannotDecode
        decoded = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[samples]))
    result = np.zeros(shape, np.uint8)
    result[: decoded.shape[0], : decoded.shape[1]] = decoded.reshape(*decoded.shape[:2], samples)
    return result


def _add_bytes(data: bytes, shape: Shape, size: int) -> np.ndarray:
    """Undoes the predictor of floating point numbers (Adobe Photoshop TIFF Technical Note 3).

    Each row has the first bytes of all numbers, then the second ones, as differences.
    """
    rows, columns, samples = shape
    numbers = np.frombuffer(data, np.uint8).reshape(rows, -1, samples)
    numbers = np.add.accumulate(numbers, axis=1, dtype=np.uint8)
    numbers = numbers.reshape(rows, size, columns * samples).swapaxes(1, 2)
    return np.ascontiguousarray(numbers).view(f">f{size}").astype(f"f{size}").reshape(shape)
