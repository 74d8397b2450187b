"""Makes ICC profiles, and encodes sRGB pixels in their colors with NumPy alone."""

import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

D65, D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
SRGB_CURVE = "sRGB"


@dataclass(frozen=True)
class Space:
    """A color space: the (x, y) of red, green, blue and white, and the curve of its values."""

    primaries: tuple[tuple[float, float], ...]
    white: tuple[float, float]
    gamma: float | str


SRGB = Space(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, SRGB_CURVE)
DISPLAY_P3 = Space(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65, SRGB_CURVE)
ADOBE_RGB = Space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 563 / 256)
PROPHOTO = Space(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8)


def make_profile(space: Space) -> bytes:
    """Returns the profile of an RGB color space (ICC.1:2001-04, matrix and curves)."""
    colorants = matrix_to_d50(space).T
    curve = _curve(space.gamma)
    tags = {b"wtpt": _xyz(D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags |= {name: _xyz(xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants)}  # noqa: B905
    return _profile(b"RGB ", tags)


def make_gray_profile(gamma: float) -> bytes:
    """Returns a profile of gray values with a gamma."""
    return _profile(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": _curve(gamma)})


def make_table_profile() -> bytes:
    """Returns a profile with a table of colors (lut8Type): sRGB with red and blue exchanged."""
    levels = np.rint(np.linspace(0, 255, 17)).astype(np.uint8)
    red, green, blue = np.meshgrid(levels, levels, levels, indexing="ij")
    colors = Image.fromarray(np.stack([blue, green, red], -1).reshape(-1, 17, 3))
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(colors, ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    table = np.array(lab) ^ np.array([0, 128, 128], np.uint8)  # Pillow's a and b are signed
    identity = np.eye(3).reshape(-1)
    content = b"mft1\0\0\0\0" + bytes([3, 3, 17, 0])
    content += b"".join(struct.pack(">i", round(value * 65536)) for value in identity)
    content += bytes(range(256)) * 3 + table.tobytes() + bytes(range(256)) * 3
    profile = _profile(b"RGB ", {b"wtpt": _xyz(D50), b"A2B0": content})
    return profile[:20] + b"Lab " + profile[24:]


def encode_in(pixels: np.ndarray, space: Space) -> np.ndarray:
    """Returns the sRGB colors (..., 3) from 0 to 1 in the values of another space, clipped."""
    linear = decode_curve(pixels, SRGB_CURVE) @ matrix_to_d50(SRGB).T
    return encode_curve(np.clip(linear @ np.linalg.inv(matrix_to_d50(space)).T, 0, 1), space.gamma)


def matrix_to_d50(space: Space) -> np.ndarray:
    """Returns the matrix from linear values to XYZ, adapted to the white D50."""
    primaries = np.array([_to_xyz(point) for point in space.primaries]).T
    white = _to_xyz(space.white)
    matrix = primaries * np.linalg.solve(primaries, white)
    adaptation = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ adaptation @ BRADFORD @ matrix


def decode_curve(values: np.ndarray, gamma: float | str) -> np.ndarray:
    if gamma != SRGB_CURVE:
        return values**gamma
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_curve(linear: np.ndarray, gamma: float | str) -> np.ndarray:
    if gamma != SRGB_CURVE:
        return linear ** (1 / gamma)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _to_xyz(point: tuple[float, float]) -> np.ndarray:
    x, y = point
    return np.array([x / y, 1, (1 - x - y) / y])


def _xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _curve(gamma: float | str) -> bytes:
    table = decode_curve(np.linspace(0, 1, 4096), gamma)
    values = np.rint(table * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", 4096) + values


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(80), **tags}
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = start + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28)
    header += b"".join(struct.pack(">i", round(value * 65536)) for value in D50)
    return header.ljust(128, b"\0") + table + data
