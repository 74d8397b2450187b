"""Translating large pictures in tiles: no visible seams, little memory, progress, cancellation."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.full_resolution import GROWTH, SEAM, enlarged_photo, seam_ratio
from benchmarks.measure import ROOT, STARTER_MODEL, save_generator_apart
from pix2pix import Translator
from pix2pix.tiles import tile_origins, translate_in_tiles
from tests.builders import make_picture


@pytest.mark.parametrize("length", [64, 65, 100, 112, 128, 1000, 1001])
def test_tiles_cover_the_picture_and_overlap(length):
    origins = tile_origins(length, 64)
    assert origins[0] == 0 and origins[-1] == length - 64
    steps = np.diff(origins)
    assert (steps > 0).all() and (steps <= 50).all()
    assert all(origin % 2 == 0 for origin in origins[:-1])


def test_the_starter_models_map_shows_no_seams():
    translator = Translator.from_pretrained(STARTER_MODEL)
    # The ratio of one picture depends on what lies at its borders: 0.84 to 1.15, measured.
    sizes = [(900, 600), (860, 640), (940, 560), (1000, 600)]
    translations = [translator(enlarged_photo(*size), mode="full") for size in sizes]
    tile = translator.config.image_size
    assert np.mean([seam_ratio(translation, tile) for translation in translations]) <= SEAM


def test_tiles_without_blending_would_show_seams():
    """The seam measure notices tiles of different brightness that are cut at their borders."""
    cut = np.asarray(enlarged_photo(900, 600)) // 2
    for number, left in enumerate(tile_origins(900, 256)):
        cut[:, left : left + 256] //= 1 + number % 2
    assert seam_ratio(Image.fromarray(cut), 256) > SEAM


def test_each_tile_is_counted_and_the_last_one_brings_the_result():
    pixels = np.asarray(make_picture(150, 70))
    progress = list(translate_in_tiles(pixels, 64, lambda tiles: 255 - tiles))
    count = len(tile_origins(150, 64)) * len(tile_origins(70, 64))
    assert [(done, total) for done, total, _ in progress] == [
        (done, count) for done in range(1, count + 1)
    ]
    np.testing.assert_array_equal(progress[-1][2], 255 - pixels)


def test_closing_the_iterator_cancels_the_remaining_tiles():
    calls = []

    def generate(tiles: np.ndarray) -> np.ndarray:
        calls.append(1)
        return tiles

    tiles = translate_in_tiles(np.asarray(make_picture(300, 300)), 64, generate)
    next(tiles), next(tiles)
    tiles.close()
    assert len(calls) == 2


@pytest.mark.slow
def test_a_large_photo_takes_little_memory_with_the_full_size_generator(tmp_path: Path):
    """4800 x 1890 pixels, in a process of its own."""
    save_generator_apart(tmp_path)
    command = [sys.executable, "-m", "benchmarks.full_resolution", "--measure", str(tmp_path)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(output.stdout)["growth"] < GROWTH
