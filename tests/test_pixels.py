"""Bands, ranges, opacity, color profiles and limits of picture files."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile

from pix2pix import UserError
from pix2pix.pixels.gate import notes_of, open_image, to_rgb
from pix2pix.pixels.ranges import measure_range
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import choose_range, describe_range, to_rgb_array
from tests.builders import encode_image, make_picture
from tests.icc_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    SRGB_CURVE,
    Space,
    decode_curve,
    encode_curve,
    encode_in,
    make_gray_profile,
    make_profile,
)
from tests.picture_writers import write_with_gdal, write_with_tifffile

PIXELS = np.asarray(make_picture(20, 12))
PLACE = {"crs": "EPSG:32633", "transform": rasterio.transform.from_origin(5e5, 5e6, 0.5, 0.5)}


def read(content: bytes, **rule) -> np.ndarray:
    return np.asarray(open_image(content, rule=PixelRule(**rule)), int)


def refusal(content: bytes, **rule) -> str:
    with pytest.raises(UserError) as caught:
        read(content, **rule)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) <= 300
    return message


def with_bands(*bands: np.ndarray) -> np.ndarray:
    return np.dstack([PIXELS, *bands])


def infrared(dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(5).integers(20, 180, PIXELS.shape[:2]).astype(dtype)


def mask() -> np.ndarray:
    """Opacity of a mosaic: its left half is empty."""
    return np.where(np.arange(20) < 10, 0, 255).astype(np.uint8) * np.ones((12, 1), np.uint8)


@pytest.mark.parametrize("place", [{}, PLACE])
@pytest.mark.parametrize("compress", ["NONE", "LZW", "JPEG"])
def test_near_infrared_is_no_opacity(place: dict, compress: str):
    """GDAL marks the fourth band of every RGB file as opacity."""
    options = {"photometric": "RGB", "alpha": "YES", "compress": compress, **place}
    content = write_with_gdal(with_bands(infrared()), "GTiff", **options)
    assert Image.open(io.BytesIO(content)).mode == "RGBA"
    with MemoryFile(content) as memory, memory.open() as file:
        expected = file.read([1, 2, 3]).transpose(1, 2, 0)
    np.testing.assert_allclose(read(content), expected, atol=2 if compress == "JPEG" else 0)
    assert notes_of(open_image(content))[0].startswith("Band 4 is marked as opacity, but")


def test_the_infrared_of_jpeg_2000_is_no_opacity():
    options = {"QUALITY": "100", "REVERSIBLE": "YES"}
    content = write_with_gdal(with_bands(infrared()), "JP2OpenJPEG", **options)
    np.testing.assert_array_equal(read(content), PIXELS)
    clear = make_picture(20, 12).convert("RGBA")
    clear.putalpha(0)
    assert (read(encode_image(clear, "JPEG2000")) == 255).all()


@pytest.mark.parametrize("place", [{}, PLACE])
def test_a_mask_of_gdal_is_opacity(place: dict):
    content = write_with_gdal(with_bands(mask()), "GTiff", **place)
    opened = read(content)
    np.testing.assert_array_equal(opened[:, 10:], PIXELS[:, 10:])
    assert (opened[:, :10] == 255).all()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_soft_opacity_of_a_picture_editor_is_trusted(format: str):
    image = make_picture(20, 12).convert("RGBA")
    image.putalpha(Image.fromarray(infrared()))
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    share = infrared()[..., None] / 255
    expected = PIXELS * share + 255 * (1 - share)
    np.testing.assert_allclose(read(encode_image(image, format, **options)), expected, atol=1.5)


def test_16_bit_opacity_is_laid_over_white():
    values = (with_bands(mask()).astype(np.uint16)) * 257
    for content in (
        write_with_gdal(values, "PNG"),
        write_with_gdal(values, "GTiff", photometric="RGB", alpha="YES"),
        write_with_tifffile(values, photometric="rgb", extrasamples=["unassalpha"]),
    ):
        opened = read(content)
        np.testing.assert_array_equal(opened[:, 10:], PIXELS[:, 10:])
        assert (opened[:, :10] == 255).all()


def test_bands_are_chosen_by_their_numbers():
    values = with_bands(infrared(), infrared() // 2)
    for options in ({}, {"photometric": "RGB"}, {"interleave": "band", "compress": "LZW"}):
        content = write_with_gdal(values, "GTiff", **options)
        for bands in ((1, 2, 3), (4, 1, 2), (5, 4, 3)):
            expected = values[..., [band - 1 for band in bands]]
            np.testing.assert_array_equal(read(content, bands=bands), expected)
        np.testing.assert_array_equal(read(content, bands=(4,))[..., 1], values[..., 3])
        assert "has 5 bands, so it has no band 6" in refusal(content, bands=(6,))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "GIF"])
def test_bands_of_pictures_with_8_bits(format: str):
    image = make_picture(20, 12) if format != "GIF" else make_picture(20, 12).quantize()
    content = encode_image(image, format)
    np.testing.assert_array_equal(read(content, bands=(3, 2, 1)), read(content)[..., ::-1])
    assert "has 3 bands, so it has no band 4" in refusal(content, bands=(4, 1, 2))


@pytest.mark.parametrize(
    ("largest", "dtype", "white"),
    [
        (0, "uint16", 255), (200, "uint16", 255), (256, "uint16", 1023), (2040, "uint16", 2047),
        (2048, "uint16", 4095), (9945, "uint16", 10_000), (10_080, "uint16", 10_000),
        (12_000, "int16", 16_383), (16_384, "uint16", 65_535), (65_536, "uint32", 2**17 - 1),
        (2**32 - 1, "uint32", 2**32 - 1),
        (0.4, "float32", 1), (1.3, "float64", 1), (254.0, "float32", 255),
        (9000.5, "float32", 10_000),
    ],
)  # fmt: skip
def test_white_is_the_smallest_usual_value_that_holds_the_largest(largest, dtype, white):
    assert choose_range(largest, dtype) == (0, white)


def test_a_range_is_described():
    assert describe_range((0, 2047)) == "values 0 to 2047 (11 bits) become black to white"
    assert describe_range((0, 10_000)).startswith("values 0 to 10000 (reflectance)")
    assert describe_range((-30, 222.5)) == "values -30 to 222.5 become black to white"


def test_values_are_scaled_clipped_and_rounded():
    values = np.array([[-9, 100, 101, 355, 356, 400]], np.int16)
    scaled = to_rgb_array(values, None, (100, 355))
    assert scaled.shape == (1, 6, 3) and scaled[0, :, 2].tolist() == [0, 0, 1, 255, 255, 255]
    floats = np.array([[[np.nan, 0.5, np.inf], [-np.inf, 0.001, 0.003]]])
    assert to_rgb_array(floats, None, (0.0, 1.0)).tolist() == [[[0, 128, 255], [0, 0, 1]]]
    assert to_rgb_array(floats, (2,), (0.0, 1.0)).tolist() == [[[128] * 3, [0] * 3]]


def test_nodata_and_nan_do_not_count_and_become_white():
    values = (PIXELS.astype(np.float32) / 255).copy()
    values[0, :3] = np.nan
    opened = read(write_with_gdal(values, "GTiff", compress="DEFLATE", predictor=3))
    assert (opened[0, :3] == 255).all()
    np.testing.assert_array_equal(opened[1:], PIXELS[1:])
    values = PIXELS.astype(np.int16) * 8
    values[0, :3] = -32768
    opened = read(write_with_gdal(values, "GTiff", nodata=-32768))
    assert (opened[0, :3] == 255).all()
    np.testing.assert_allclose(opened[1:], PIXELS[1:], atol=1)


def test_clipped_and_dark_values_are_reported():
    content = write_with_gdal((PIXELS.astype(np.uint16)) * 8, "PNG")
    notes = notes_of(open_image(content, rule=PixelRule(value_range=(0, 1023))))
    assert "3 bands of uint16: values 0 to 1023 (10 bits)" in notes[0] and "clipped" in notes[1]
    dark = np.full((40, 40, 3), 900, np.uint16)
    dark[0, 0] = 60_000  # one hot pixel
    assert "--value_range 0,9e+02" in notes_of(open_image(write_with_gdal(dark, "PNG")))[1]


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_signed_heights_are_refused_unless_a_range_is_named(dtype: str):
    heights = np.linspace(-30, 222, 240).reshape(12, 20, 1).astype(dtype)
    content = write_with_gdal(heights, "GTiff", **PLACE)
    message = refusal(content)
    for word in ("1 band of " + dtype, "signed values from -30 to 222", "gdal_translate"):
        assert word in message
    opened = read(content, value_range=(-30, 222))
    assert opened[0, 0, 0] == 0 and opened[-1, -1, 0] == 255


def test_reflectance_with_a_little_noise_below_zero_is_a_picture():
    values = (PIXELS.astype(np.int16)) * 39
    values[0, 0] = -100
    opened = read(write_with_gdal(values, "GTiff"))
    assert (opened[0, 0] == 0).all()
    np.testing.assert_allclose(opened[1:], PIXELS[1:], atol=2)
    values[0, 0] = -4000
    assert "signed values" in refusal(write_with_gdal(values, "GTiff"))


def test_complex_numbers_are_refused():
    content = write_with_gdal(PIXELS.astype(np.complex64), "GTiff")
    assert "3 bands of complex64: complex numbers" in refusal(content)


def test_the_range_of_a_type():
    values = np.array([[[0], [32_768], [65_535]]], np.uint16)
    assert read(write_with_gdal(values // 64, "GTiff"), value_range="dtype").max() == 4
    opened = read(write_with_gdal(values, "GTiff"), value_range="dtype")
    assert opened[0, :, 0].tolist() == [0, 128, 255]


def test_all_files_of_a_dataset_share_one_range():
    dark, bright = (write_with_gdal(PIXELS.astype(np.uint16) * n, "GTiff") for n in (2, 8))
    eight = encode_image(make_picture(9, 9))
    assert measure_range([eight, dark, b"", b"junk", bright], PixelRule()) == (0, 2047)
    assert measure_range([dark], PixelRule()) == (0, 1023)
    assert measure_range([eight, encode_image(make_picture(9, 9), "JPEG")], PixelRule()) is None
    assert measure_range([eight, dark], PixelRule(value_range="dtype")) == (0, 65_535)
    assert measure_range([eight, dark], PixelRule(value_range=(5, 700))) == (5, 700)
    assert measure_range([eight], PixelRule(value_range=(5, 700))) is None
    four = write_with_gdal(with_bands(infrared() // 8).astype(np.uint16) * 8, "GTiff")
    assert measure_range([four], PixelRule(bands=(4,))) == (0, 255)


@pytest.mark.parametrize("space", [DISPLAY_P3, ADOBE_RGB, PROPHOTO], ids=["p3", "adobe", "pro"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG", "PNG 16", "in memory"])
def test_colors_of_a_profile_become_srgb(space: Space, format: str):
    dice = np.random.default_rng(3).uniform(64, 200, (16, 3))
    colors = np.rint(dice).astype(np.uint8).reshape(4, 4, 3).repeat(8, 0).repeat(8, 1)
    encoded, profile = encode_in(colors / 255, space), make_profile(space)
    assert np.abs(encoded * 255 - colors).max() > 20
    image = Image.fromarray(np.rint(encoded * 255).astype(np.uint8))
    if format == "PNG 16":
        values = np.rint(encoded * 65_535).astype(np.uint16)
        content = write_with_tifffile(values, photometric="rgb", iccprofile=profile)
    elif format == "in memory":
        image.info["icc_profile"] = profile
        opened = to_rgb(image)
        np.testing.assert_array_equal(np.asarray(to_rgb(opened)), np.asarray(opened))
        np.testing.assert_allclose(np.asarray(opened, int), colors, atol=2)
        return
    else:
        options = {"lossless": True} if format == "WEBP" else {}
        options |= {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
        content = encode_image(image, format, icc_profile=profile, **options)
    np.testing.assert_allclose(read(content), colors, atol=4 if format == "JPEG" else 2)


def test_opacity_is_kept_beside_a_profile():
    clear = make_picture(20, 12).convert("RGBA")
    clear.putalpha(Image.fromarray(mask()))
    opened = read(encode_image(clear, icc_profile=make_profile(DISPLAY_P3)))
    assert (opened[:, :10] == 255).all() and (opened[:, 10:] != 255).any()


@pytest.mark.parametrize("gamma", [1.8, 2.8])
def test_a_gray_profile_becomes_srgb(gamma: float):
    gray = np.arange(32, 256, dtype=np.uint8)[None]
    content = encode_image(Image.fromarray(gray), icc_profile=make_gray_profile(gamma))
    expected = encode_curve(decode_curve(gray / 255, gamma), SRGB_CURVE) * 255
    np.testing.assert_allclose(read(content)[..., 0], expected, atol=2)


@pytest.mark.parametrize(
    "profile",
    [make_profile(SRGB), make_profile(DISPLAY_P3)[:300], b"junk", make_gray_profile(2.0)],
    ids=["sRGB", "cut", "junk", "of gray"],
)
def test_other_profiles_change_nothing(profile: bytes):
    content = encode_image(make_picture(20, 12), icc_profile=profile)
    np.testing.assert_array_equal(read(content), PIXELS)


def test_a_small_file_that_unpacks_to_gigabytes_is_cut_at_its_size():
    """The strip of a TIFF may hold more than its pixels need."""
    content = write_with_tifffile(PIXELS.astype(np.uint16), compression="zlib")
    start = len(content) + len(content) % 2
    strip = zlib.compress(bytes(300_000_000), 1)
    old = struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 279, 4, 1)
    patched = bytearray(content.ljust(start, b"\0") + strip)
    for tag, value in zip(old, (start, len(strip)), strict=True):
        position = content.index(tag) + 8
        patched[position : position + 4] = struct.pack("<I", value)
    tracemalloc.start()
    assert read(bytes(patched)).max() == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


def test_the_callers_limit_may_be_above_that_of_pillow(monkeypatch):
    content = encode_image(make_picture(60, 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UserError, match="more than the 0.0029 megapixels"):
        open_image(content, 2900)
    assert open_image(content, 3000).size == (60, 50)
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize(
    ("count", "used"), [(2, "band 1 is"), (4, "bands 1, 2 and 3 are"), (13, "bands 1, 2 and 3 are")]
)
def test_bands_that_are_not_used_are_named(count, used):
    values = np.full((8, 8, count), 90, np.uint8)
    content = write_with_gdal(values, "GTiff", photometric="MINISBLACK", alpha="NO")
    expected = f"The picture has {count} bands, of which {used} used; --bands chooses others."
    assert notes_of(open_image(content)) == (expected,)
    chosen = PixelRule(bands=(count,))
    assert notes_of(open_image(content, rule=chosen)) == ()


@pytest.mark.parametrize("source", [None, 3, ["a.png"], {"image": "a.png"}])
def test_what_is_no_picture_at_all_is_named(source):
    with pytest.raises(UserError, match=f"A picture is expected, not {type(source).__name__}"):
        open_image(source)
