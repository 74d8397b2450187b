"""Georeferenced pictures: results that lie exactly over them, written in little memory."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from benchmarks.geotiff import PEAK, translate_raster, write_raster
from pix2pix import Translator, UserError
from pix2pix.geotiff import is_georeferenced, translate_geotiff
from pix2pix.geotiff.reading import RasterReader
from pix2pix.pixels.rule import PixelRule
from pix2pix.translate import STARTER_MODEL
from tests.builders import make_picture
from tests.commands import ROOT

NORTH_UP = Affine(0.5, 0, 412_000, 0, -0.5, 5_654_000)
ROTATED = NORTH_UP @ Affine.rotation(30)
COMMAND = [sys.executable, "-m", "pix2pix", "translate"]
# A picture of 2 x 2 tiles.
WIDTH, HEIGHT = 300, 280


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(STARTER_MODEL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory of the test and of the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def photo(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Returns a picture as (H, W, 3) uint8."""
    return np.asarray(make_picture(width, height))


def write(path: str | Path, values: np.ndarray, valid: np.ndarray | None = None, **options) -> Path:
    """Writes (H, W, C) values as a GeoTIFF in UTM zone 33; `valid` becomes a mask inside it."""
    height, width, count = values.shape
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": width, "height": height, "count": count,
        "dtype": values.dtype, "crs": "EPSG:32633", "transform": NORTH_UP,
    }  # fmt: skip
    tags = options.pop("tags", {})
    points, rpcs = options.pop("gcps", None), options.pop("rpcs", None)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **(profile | options)) as raster,
    ):
        raster.update_tags(**tags)
        if points:
            raster.gcps = points, raster.crs
        if rpcs:
            raster.rpcs = rpcs
        raster.write(np.moveaxis(values, -1, 0))
        if valid is not None:
            raster.write_mask(valid)
    return Path(path)


def read(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pixels of a result, (H, W, 3) uint8, and which of them are valid."""
    with rasterio.open(path) as raster:
        masks = raster.read_masks()
        assert (masks == masks[0]).all()
        return np.moveaxis(raster.read(), 0, -1), masks[0] > 0


def assert_lies_over(result: str | Path, source: str | Path) -> None:
    with rasterio.open(source) as a, rasterio.open(result) as b:
        assert (b.width, b.height, b.crs, b.transform) == (a.width, a.height, a.crs, a.transform)
        assert b.tags().get("AREA_OR_POINT") == a.tags().get("AREA_OR_POINT")
        assert b.driver == "GTiff" and b.dtypes == ("uint8",) * 3 and b.nodata is None
        assert b.profile["tiled"] and b.profile["compress"] == "deflate"
        assert b.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        assert [color.name for color in b.colorinterp] == ["red", "green", "blue"]


def assert_same(result: np.ndarray, expected: Image.Image, mode: str) -> None:
    """Compares with the result in memory; `fit` may differ by rounding in a few pixels."""
    difference = np.abs(result.astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= (mode == "fit")
    assert (difference > 0).mean() < 0.001


def infrared(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels, 255 - pixels[..., 1:2] // 2], axis=-1)


KINDS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]] = {
    "uint8, tiles": (lambda p: p, {"tiled": True, "blockxsize": 64, "blockysize": 64}),
    "uint8, strips, planar": (lambda p: p, {"interleave": "band", "compress": "lzw"}),
    "uint8 and near infrared": (infrared, {"photometric": "rgb"}),
    "11 bits and near infrared": (
        lambda p: np.rint(infrared(p) * (2047 / 255)).astype(np.uint16), {"photometric": "rgb"},
    ),
    "16 bits": (lambda p: p.astype(np.uint16) * 257, {}),
    "float": (lambda p: (p / 255).astype(np.float32), {"predictor": 3, "compress": "deflate"}),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["full", "fit"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_result_is_that_in_memory(tmp_path: Path, translator: Translator, kind: str, mode: str):
    encode, options = KINDS[kind]
    pixels = photo().copy()
    pixels[0, 0], pixels[-1, -1] = 0, 255
    source = write(tmp_path / "in.tif", encode(pixels), **options)
    translate_geotiff(translator, source, tmp_path / "out.tif", mode)
    assert_lies_over(tmp_path / "out.tif", source)
    result, valid = read(tmp_path / "out.tif")
    assert_same(result, translator(Image.fromarray(pixels), mode=mode), mode)
    assert valid.all()
    assert {path.name for path in tmp_path.iterdir()} == {"in.tif", "out.tif"}


@pytest.mark.parametrize("size", [(1, 1), (300, 20), (20, 300), (256, 256), (257, 1030)])
def test_any_size(tmp_path: Path, translator: Translator, size: tuple[int, int]):
    pixels = photo(*size)
    source = write(tmp_path / "in.tif", pixels)
    for mode in ("full", "fit"):
        translate_geotiff(translator, source, tmp_path / "out.tif", mode)
        assert_lies_over(tmp_path / "out.tif", source)
        result = read(tmp_path / "out.tif")[0]
        assert_same(result, translator(Image.fromarray(pixels), mode=mode), mode)


def test_gray_and_palette(tmp_path: Path, translator: Translator):
    gray = photo()[..., :1]
    colors = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    write(tmp_path / "gray.tif", gray)
    write(tmp_path / "palette.tif", gray, photometric="palette")
    with rasterio.open(tmp_path / "palette.tif", "r+") as raster:
        raster.write_colormap(1, {value: tuple(map(int, c)) for value, c in enumerate(colors)})
    pictures = {"gray": np.repeat(gray, 3, axis=-1), "palette": colors[gray[..., 0]]}
    for name, pixels in pictures.items():
        translate_geotiff(translator, tmp_path / f"{name}.tif", tmp_path / "out.tif")
        expected = translator(Image.fromarray(pixels), mode="full")
        assert_same(read(tmp_path / "out.tif")[0], expected, "full")


def test_the_place_is_kept_exactly(tmp_path: Path, translator: Translator):
    """A rotated grid, a grid of points instead of areas, control points, and coefficients."""
    pixels, out = photo(40, 30), tmp_path / "out.tif"
    for name, options in {
        "rotated": {"transform": ROTATED},
        "points": {"tags": {"AREA_OR_POINT": "Point"}},
        "degrees": {"crs": "EPSG:4326", "transform": Affine(1e-5, 0, 13.4, 0, -1e-5, 52.5)},
        "no crs": {"crs": None},
    }.items():
        source = write(tmp_path / f"{name}.tif", pixels, **options)
        assert is_georeferenced(source)
        translate_geotiff(translator, source, out, "fit")
        assert_lies_over(out, source)
    corners = [(0, 0, 412_000, 5_654_000), (0, 40, 412_020, 5_654_003), (30, 0, 412_001, 5_653_985)]
    points = [GroundControlPoint(*corner) for corner in corners]
    source = write(tmp_path / "gcps.tif", pixels, transform=Affine.identity(), gcps=points)
    translate_geotiff(translator, source, out, "fit")
    with rasterio.open(out) as raster:
        found, crs = raster.gcps
        assert [(p.row, p.col, p.x, p.y) for p in found] == corners and crs.to_epsg() == 32633
    polynomial = [0.0] * 19 + [1.0]
    rpcs = RPC(
        height_off=100, height_scale=500, lat_off=52, lat_scale=0.1, long_off=13, long_scale=0.1,
        line_off=15, line_scale=15, samp_off=20, samp_scale=20, line_num_coeff=polynomial,
        line_den_coeff=polynomial, samp_num_coeff=polynomial, samp_den_coeff=polynomial,
    )  # fmt: skip
    source = write(tmp_path / "rpcs.tif", pixels, crs=None, transform=Affine.identity(), rpcs=rpcs)
    assert is_georeferenced(source)
    translate_geotiff(translator, source, out, "fit")
    with rasterio.open(out) as raster:
        assert raster.rpcs.samp_num_coeff == polynomial and raster.rpcs.lat_off == 52
    assert not list(tmp_path.glob("*.aux.xml"))


@pytest.mark.parametrize("mode", ["full", "fit"])
@pytest.mark.parametrize("marked_by", ["nodata", "mask", "alpha", "NaN"])
def test_pixels_without_data_have_none_in_the_result(
    tmp_path: Path, translator: Translator, marked_by: str, mode: str
):
    pixels = np.maximum(photo(), 1)
    valid = np.tri(HEIGHT, WIDTH, 100, dtype=bool)
    shown = np.where(valid[..., None], pixels, 255)
    without_data = np.where(valid[..., None], pixels, 0)
    without_data[10, 5] = shown[10, 5] = 0, 90, 0
    options: dict[str, Any] = {}
    values = without_data
    if marked_by == "nodata":
        options["nodata"] = 0
    elif marked_by == "mask":
        options["valid"] = valid
    elif marked_by == "alpha":
        values = np.concatenate([without_data, valid[..., None] * np.uint8(255)], axis=-1)
        options = {"photometric": "rgb", "alpha": "yes"}
    else:
        values = np.where(valid[..., None], without_data / np.float32(255), np.float32("nan"))
        values[5, 5] = shown[5, 5] = 0
        values[6, 6], shown[6, 6] = 1, 255
    source = write(tmp_path / "in.tif", values, **options)
    translate_geotiff(translator, source, tmp_path / "out.tif", mode)
    result, result_valid = read(tmp_path / "out.tif")
    np.testing.assert_array_equal(result_valid, valid)
    assert (result[~valid] == 0).all()
    expected = np.array(translator(Image.fromarray(shown), mode=mode))
    expected[~valid] = 0
    assert_same(result, Image.fromarray(expected), mode)
    with rasterio.open(tmp_path / "out.tif") as raster:
        # In the file itself; a value that means "no data" would make some map colors transparent.
        assert raster.nodata is None
        assert [flag.name for flag in raster.mask_flag_enums[0]] == ["per_dataset"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.tif", "out.tif"}


def test_tiles_without_data_are_not_translated(
    tmp_path: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch
):
    calls = []
    generate = translator.generate
    monkeypatch.setattr(translator, "generate", lambda x: calls.append(1) or generate(x))
    values = photo(256, 1600).clip(1)
    values[500:] = 0
    source = write(tmp_path / "in.tif", values, nodata=0)
    progress = []
    translate_geotiff(
        translator, source, tmp_path / "out.tif", progress=lambda *step: progress.append(step)
    )
    assert progress == [("tiles", done, 8) for done in range(1, 9)]
    assert len(calls) == 3


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_class_numbers_get_the_colors_of_a_legend(tmp_path: Path, dtype: type):
    colors = np.array([[10, 200, 30], [250, 10, 10], [0, 0, 90]], np.uint8)
    numbers = np.kron(np.arange(12).reshape(3, 4) % 3, np.ones((16, 16))).astype(dtype)
    numbers[:5] = 99
    source = write(tmp_path / "in.tif", numbers[..., None], nodata=99)
    legend = ",".join(bytes(color).hex() for color in colors)
    reader = RasterReader(source, PixelRule.parse(legend=legend))
    reader.prepare(lambda *_: None)
    rows, valid = reader.read(0, 48)
    reader.close()
    np.testing.assert_array_equal(valid, numbers != 99)
    np.testing.assert_array_equal(rows[5:], colors[numbers[5:]])
    assert (rows[:5] == 255).all()


def test_bands_and_range_can_be_chosen(tmp_path: Path, translator: Translator):
    pixels = photo()
    values = (pixels[..., ::-1].astype(np.int16) - 100) * 10
    source = write(tmp_path / "in.tif", values)
    with pytest.raises(UserError, match="signed values"):
        translate_geotiff(translator, source, tmp_path / "out.tif")
    rule = PixelRule((3, 2, 1), (-1000, 1550))
    translate_geotiff(translator, source, tmp_path / "out.tif", rule=rule)
    expected = translator(Image.fromarray(pixels), mode="full")
    assert_same(read(tmp_path / "out.tif")[0], expected, "full")
    with pytest.raises(UserError, match="no band 4"):
        translate_geotiff(translator, source, tmp_path / "out.tif", rule=PixelRule((4, 2, 1)))
    with pytest.raises(UserError, match="mode 'tiles' is unknown"):
        translate_geotiff(translator, source, tmp_path / "out.tif", "tiles")


def test_damaged_and_unusual_files_are_refused_and_leave_nothing(
    tmp_path: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch
):
    pixels, out = photo(), tmp_path / "out" / "result.tif"
    source = write(tmp_path / "cut.tif", pixels, compress="deflate")
    source.write_bytes(source.read_bytes()[:-20_000])
    with pytest.raises(UserError, match="damaged or cut short"):
        translate_geotiff(translator, source, out)
    source = write(tmp_path / "complex.tif", pixels.astype(np.complex64))
    with pytest.raises(UserError, match="complex numbers"):
        translate_geotiff(translator, source, out)
    monkeypatch.setattr("pix2pix.geotiff.reading.MAX_BLOCK_BYTES", 100_000)
    source = write(tmp_path / "block.tif", pixels, blockysize=HEIGHT, compress="lzw")
    with pytest.raises(UserError, match="300x280 pixels.*gdal_translate -co TILED=YES"):
        translate_geotiff(translator, source, out)
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_only_tiff_and_jpeg_2000_files_are_opened_by_gdal(tmp_path: Path):
    """A VRT file names other files and addresses, whatever its own name is."""
    source = write(tmp_path / "a?b#c!d.tif", photo(64, 64))
    assert is_georeferenced(source)
    write(tmp_path / "a.jp2", photo(64, 64), driver="JP2OpenJPEG")
    assert is_georeferenced(tmp_path / "a.jp2")
    make_picture(64, 64).save(tmp_path / "plain.tif")
    vrt = tmp_path / "vrt.tif"
    vrt.write_text(
        '<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:32633</SRS>'
        "<GeoTransform>0,1,0,0,0,-1</GeoTransform></VRTDataset>"
    )
    for name in ("plain.tif", "vrt.tif", "missing.tif"):
        assert not is_georeferenced(tmp_path / name)


def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess:
    """Runs the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=300, check=False, **options
    )


def names_in(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_the_command_writes_geotiffs_beside_pngs(folder: Path, translator: Translator):
    for name in ("in/sub", "out/sub"):
        Path(name).mkdir(parents=True)
    pixels = photo(60, 50)
    write("in/aerial.TIFF", pixels), write("in/sub/tile.jp2", pixels, driver="JP2OpenJPEG")
    make_picture(60, 50).save("in/aerial.jpg")
    make_picture(60, 50).save("in/plain.tif")
    Path("out/.123.aerial.tif").write_bytes(b"half a file")
    Path("out/aerial.tif.ovr").write_bytes(b"smaller copies of an earlier result")
    finished = run("in", "--output", "out")
    assert (finished.returncode, finished.stderr) == (0, "")
    results = {"aerial.tif", "aerial.png", "plain.png", "sub/tile.tif"}
    assert names_in("out") == results
    assert_lies_over("out/aerial.tif", "in/aerial.TIFF")
    assert_same(read("out/aerial.tif")[0], translator(Image.fromarray(pixels)), "fit")
    finished = run("in", "--output", "out", "--skip_existing")
    assert "0 translated, 0 failed, 4 existed already" in finished.stdout


@pytest.mark.slow
def test_png_can_be_asked_for(folder: Path):
    write("a.tif", photo(60, 50))
    for arguments in (["--format", "png"], ["--side_by_side"]):
        finished = run("a.tif", "--output", arguments[-1].strip("-"), *arguments)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert names_in(arguments[-1].strip("-")) == {"a.png"}
    with Image.open("side_by_side/a.png") as image:
        assert image.size == (120, 50)


def test_without_the_extra_pngs_are_written_with_one_warning(folder: Path):
    for name in "abc":
        write(f"{name}.tif", photo(60, 50))
    make_picture(60, 50).save("0.tif")
    probe = [sys.executable, str(ROOT / "tests" / "serving_imports_only.py"), str(ROOT)]
    code = "from pix2pix.__main__ import main; sys.exit(main({!r}))"
    arguments = ["translate", "0.tif", "a.tif", "b.tif", "c.tif", "--output", "out"]
    finished = subprocess.run(
        [*probe, code.format(arguments)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0
    assert finished.stderr == (
        "Warning: a.tif is georeferenced; install the extra geo to keep its coordinates: "
        "pip install rasterio\n"
    )
    assert names_in("out") == {"0.png", "a.png", "b.png", "c.png"}


def test_files_that_fail_get_one_line_each(folder: Path):
    write("heights.tif", photo(60, 50)[..., :1].astype(np.int16) - 100)
    cut = write("cut.tif", photo(), compress="deflate")
    cut.write_bytes(cut.read_bytes()[:-20_000])
    write("good.tif", photo(60, 50))
    finished = run("cut.tif", "heights.tif", "good.tif", "--output", "out")
    assert finished.returncode == 1
    lines = finished.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("cut.tif: The file is damaged or cut short (")
    assert lines[1].startswith("heights.tif: The picture has 1 band of int16 with signed values")
    assert names_in("out") == {"good.tif"}


def test_a_file_that_cannot_be_written_to_its_end_leaves_nothing(folder: Path):
    noise = np.random.default_rng(0).integers(0, 256, (700, 600, 3), np.uint8)
    write("a.tif", noise, nodata=0), write("b.tif", noise)

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    finished = run("a.tif", "b.tif", "--output", "out", preexec_fn=limit_file_size)
    assert finished.returncode == 1
    # libtiff adds lines of its own, which begin with an underscore.
    (line,) = [line for line in finished.stderr.splitlines() if not line.startswith("_")]
    assert line.startswith("pix2pix translate: ")
    assert line.endswith("finished pictures are kept: add --skip_existing to continue")
    assert names_in("out") == set()


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_an_interrupted_run_leaves_no_half_file(folder: Path, number: signal.Signals):
    write("large.tif", photo(3000, 1000))
    process = subprocess.Popen(
        [*COMMAND, "large.tif", "--output", "out", "--mode", "full"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(Path().glob("out/.*large.tif")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("pix2pix translate: interrupted; finished pictures are kept")
    assert names_in("out") == set()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["full", "fit"])
def test_memory_does_not_grow_with_the_number_of_pixels(folder: Path, mode: str):
    """600 pixels wide, 4 bands of 16 bits: 4,000 rows have 19 MB and 20,000 have 96 MB.

    Most of them have no data, which is read and written, but not translated.
    """
    peaks = []
    for rows in (4000, 20_000):
        values = np.zeros((rows, 600, 4), np.uint16)
        values[:700] = infrared(photo(600, 700).clip(1)) * np.uint16(8)
        write("tall.tif", values, nodata=0, photometric="rgb", tiled=True, compress="deflate")
        source = Path("tall.tif").absolute()
        peaks.append(translate_raster(STARTER_MODEL, source, folder / "out", mode)[1])
        assert_lies_over("out/tall.tif", "tall.tif")
    assert peaks[1] - peaks[0] < 40_000_000


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["full", "fit"])
def test_400_megapixels_within_a_gigabyte(folder: Path, mode: str):
    """20,000 x 20,000 pixels in 4 bands of 16 bits, of which three quarters have no data."""
    write_raster(Path("large.tif"), 20_000, filled=0.25)
    peak = translate_raster(STARTER_MODEL, Path("large.tif").absolute(), folder / "out", mode)[1]
    assert peak < PEAK
    assert_lies_over("out/large.tif", "large.tif")
