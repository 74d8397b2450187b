"""Writes known pixels as picture files of many kinds, through several libraries."""

import io
import warnings
from dataclasses import dataclass

import imageio.v3 as imageio
import numpy as np
import rasterio
import tifffile
from hypothesis import strategies as st
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

WHITES = {
    "uint8": (255,),
    "uint16": (255, 1023, 2047, 4095, 10_000, 16_383, 65_535),
    "uint32": (4095, 65_535, 2**20 - 1, 2**32 - 1),
    "int16": (2047, 10_000),
    "float32": (1, 255, 10_000),
    "float64": (1, 65_535),
}


@dataclass(frozen=True)
class PictureFile:
    """A file and the (H, W, 3) uint8 pixels that it shows."""

    content: bytes
    pixels: np.ndarray
    made_by: str
    white: float


def draw_pixels(seed: int, height: int, width: int, gray: bool) -> np.ndarray:
    """Returns random (H, W, 3) uint8 pixels with black and white among them."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pixels[0, 0], pixels[-1, -1] = 0, 255
    return np.repeat(pixels[..., :1], 3, axis=2) if gray else pixels


def stretch(pixels: np.ndarray, dtype: str, white: float) -> np.ndarray:
    """Returns 0 to 255 as 0 to `white`."""
    values = pixels.astype(np.float64) * (white / 255)
    return (values if dtype.startswith("float") else np.rint(values)).astype(dtype)


def add_bands(values: np.ndarray, count: int, white: float, seed: int) -> np.ndarray:
    """Returns `values` with infrared bands after its three colors, or its first band for one."""
    if count <= 2:
        values = values[..., :1]
    shape = (*values.shape[:2], count - values.shape[2])
    infrared = np.random.default_rng(seed + 1).uniform(0.1, 0.6, shape) * white
    return np.concatenate([values, infrared.astype(values.dtype)], axis=2)


def write_with_gdal(values: np.ndarray, driver: str, **options) -> bytes:
    """Returns a file of GDAL with (H, W, C) values."""
    height, width, count = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile() as memory:
            size = {"width": width, "height": height, "count": count, "dtype": values.dtype}
            with memory.open(driver=driver, **size, **options) as file:
                file.write(values.transpose(2, 0, 1))
            return memory.read()


def write_with_tifffile(values: np.ndarray, **options) -> bytes:
    """Returns a TIFF of tifffile with (H, W, C) values."""
    stream = io.BytesIO()
    planar = options.get("planarconfig") == "separate"
    values = values[..., 0] if values.shape[2] == 1 else values
    if planar and values.ndim == 3:
        values = values.transpose(2, 0, 1)
    elif values.ndim == 2:
        options.pop("planarconfig", None)
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


@st.composite
def deep_tiffs(draw) -> PictureFile:
    """Draws a TIFF of GDAL or tifffile with any type, bands, order, tiles and compression."""
    dtype = draw(st.sampled_from(sorted(WHITES)))
    white = draw(st.sampled_from(WHITES[dtype]))
    count = draw(st.sampled_from([1, 2, 3, 3, 4, 5, 8]))
    if dtype.startswith("float") and white > 255:
        count = max(count, 3)  # one band would be heights
    seed, height, width = (
        draw(st.integers(0, 999)),
        draw(st.integers(2, 40)),
        draw(st.integers(2, 40)),
    )
    pixels = draw_pixels(seed, height, width, gray=count <= 2)
    values = add_bands(stretch(pixels, dtype, white), count, white, seed)
    tiled, predictor = draw(st.booleans()), draw(st.booleans())
    is_float = dtype.startswith("float")
    if draw(st.booleans()):
        compression = draw(st.sampled_from(["NONE", "LZW", "DEFLATE", "PACKBITS", "ZSTD", "LZMA"]))
        options = {
            "compress": compression,
            "interleave": draw(st.sampled_from(["pixel", "band"])),
            "endianness": draw(st.sampled_from(["LITTLE", "BIG"])),
            "bigtiff": draw(st.sampled_from(["YES", "NO"])),
        }
        if count >= 3 and dtype in ("uint8", "uint16"):
            options["photometric"] = draw(st.sampled_from(["RGB", "MINISBLACK"]))
        if predictor and compression in ("LZW", "DEFLATE", "ZSTD"):
            options["predictor"] = 3 if is_float else 2
        if tiled:
            options |= {"tiled": True, "blockxsize": 16, "blockysize": 16}
        if draw(st.booleans()):
            options |= {
                "crs": "EPSG:32633",
                "transform": rasterio.transform.from_origin(500_000, 5_000_000, 0.5, 0.5),
            }
        content = write_with_gdal(values, "GTiff", **options)
        return PictureFile(content, pixels, f"GDAL {dtype} {white} {count} {options}", white)
    options = {
        "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()),
        "compression": draw(st.sampled_from([None, "zlib"])),
        "photometric": draw(st.sampled_from(["rgb", "minisblack"])) if count >= 3 else "minisblack",
        "planarconfig": draw(st.sampled_from(["contig", "separate"])) if count > 1 else None,
    }
    if tiled:
        options["tile"] = (16, 16)
    elif draw(st.booleans()):
        options["rowsperstrip"] = draw(st.integers(1, 9))
    if predictor and options["compression"] and not is_float:
        options["predictor"] = 2
    content = write_with_tifffile(values, **options)
    return PictureFile(content, pixels, f"tifffile {dtype} {white} {count} {options}", white)


@st.composite
def pictures(draw) -> PictureFile:
    """Draws a PNG, JPEG 2000 or TIFF of Pillow, GDAL or imageio with 8 or 16 bits."""
    white = draw(st.sampled_from(WHITES["uint16"]))
    dtype = draw(st.sampled_from(["uint8", "uint16"]))
    white = 255 if dtype == "uint8" else white
    count = draw(st.sampled_from([1, 3]))
    seed = draw(st.integers(0, 999))
    pixels = draw_pixels(seed, draw(st.integers(2, 40)), draw(st.integers(2, 40)), count == 1)
    values = stretch(pixels, dtype, white)[..., :count]
    flat = values[..., 0] if count == 1 else values
    maker = draw(st.sampled_from(["Pillow", "GDAL", "imageio"]))
    format = draw(st.sampled_from(["PNG", "TIFF", "JPEG2000"]))
    if maker == "Pillow" and (dtype == "uint8" or count == 1):
        stream = io.BytesIO()
        options = {"irreversible": False} if format == "JPEG2000" else {}
        Image.fromarray(flat).save(stream, format, **options)
        return PictureFile(stream.getvalue(), pixels, f"Pillow {format} {dtype} {white}", white)
    if maker == "imageio" and format != "JPEG2000" and (format == "TIFF" or count == 1):
        extension = {"PNG": ".png", "TIFF": ".tiff"}[format]
        content = imageio.imwrite("<bytes>", flat, extension=extension)
        return PictureFile(content, pixels, f"imageio {format} {dtype} {white}", white)
    driver = {"PNG": "PNG", "TIFF": "GTiff", "JPEG2000": "JP2OpenJPEG"}[format]
    options = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    content = write_with_gdal(values, driver, **options)
    return PictureFile(content, pixels, f"GDAL {format} {dtype} {white} {count}", white)
