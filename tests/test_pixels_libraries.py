"""Files that other libraries wrote show the pixels that were given to them."""

import contextlib
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st

from pix2pix import UserError
from pix2pix.geotiff.reading import RasterReader
from pix2pix.pixels.gate import open_image
from pix2pix.pixels.ranges import measure_range
from pix2pix.pixels.rule import PixelRule
from tests.picture_writers import PictureFile, deep_tiffs, pictures


def largest_difference(file: PictureFile, rule: PixelRule) -> int:
    read = np.asarray(open_image(file.content, rule=rule), int)
    assert read.shape == file.pixels.shape
    return np.abs(read - file.pixels).max()


@settings(derandomize=True, deadline=None, max_examples=150)
@given(file=st.one_of(deep_tiffs(), pictures()), with_gdal=st.booleans())
def test_the_pixels_are_those_that_were_written(file: PictureFile, with_gdal: bool):
    """Without rasterio, as on the Space, a file is read or refused with what it holds."""
    note(file.made_by)
    hidden = {} if with_gdal else {"rasterio": None}
    with mock.patch.dict(sys.modules, hidden):
        try:
            assert largest_difference(file, PixelRule()) <= 1
        except UserError as error:
            assert not with_gdal, error
            message = str(error)
            assert "bands of" in message or "band of" in message
            assert "gdal_translate" in message and "pix2pix-hub[geo]" in message
            assert len(message) <= 300


@settings(derandomize=True, deadline=None, max_examples=40)
@given(file=st.one_of(deep_tiffs(), pictures()))
def test_a_named_range_gives_the_same_pixels(file: PictureFile):
    note(file.made_by)
    if b"uint8" not in file.made_by.encode():
        assert largest_difference(file, PixelRule(value_range=(0, file.white))) <= 1
        measured = measure_range([file.content], PixelRule())
        assert measured == (0, file.white)
    else:
        assert measure_range([file.content], PixelRule()) is None


@settings(derandomize=True, deadline=None, max_examples=40)
@given(file=deep_tiffs())
def test_the_reader_of_geotiffs_gives_the_same_pixels(file: PictureFile):
    note(file.made_by)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "aerial.tif"
        path.write_bytes(file.content)
        reader = RasterReader(path, PixelRule())
        with contextlib.closing(reader):
            reader.prepare(lambda done, total: None)
            rows = reader.read(0, reader.size[1])[0]
    np.testing.assert_array_equal(rows, np.asarray(open_image(file.content)))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(file=st.one_of(deep_tiffs(), pictures()), data=st.data())
def test_damaged_files_never_raise_anything_but_a_user_error(file: PictureFile, data):
    content = bytearray(file.content)
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(1, len(content)))
    for damaged in (content, content[:end]):
        try:
            assert open_image(bytes(damaged), 100_000).mode == "RGB"
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) <= 300


def test_all_libraries_are_drawn():
    """The strategies draw from each library; a condition that excluded one would go unnoticed."""
    made_by = set()

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(file=st.one_of(deep_tiffs(), pictures()))
    def collect(file: PictureFile):
        made_by.add(file.made_by.split()[0])

    collect()
    assert made_by == {"GDAL", "tifffile", "Pillow", "imageio"}
