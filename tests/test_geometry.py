"""The proportions in which a network sees a picture: in training, served and evaluated."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import artifact_writer, evaluation
from pix2pix.commands.train import FIXED_SAMPLES
from pix2pix.config import Config
from pix2pix.data import Decoder, HeldOutPairs, load_pairs
from pix2pix.geometry import Geometry, make_square, scale_to_fit
from pix2pix.images import pad_mirrored, resize
from pix2pix.translate import Translator
from tests.builders import (
    IMAGE_SIZE,
    InMemorySource,
    encode_image,
    make_finished_run,
    make_picture,
    tiny_config,
)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def wide_pairs(count: int, width: int, height: int) -> list[tuple[Image.Image, Image.Image]]:
    pictures = [make_picture(width, height, number) for number in range(count)]
    return [(a, Image.fromarray(255 - np.asarray(a))) for a in pictures]


# Squares for training.


@pytest.mark.parametrize("size", [(120, 90), (90, 120), (64, 64), (300, 20)])
def test_squash_resizes_and_crop_takes_the_middle_and_pad_reflects(size):
    image = make_picture(*size)
    width, height = size
    np.testing.assert_array_equal(
        pixels(make_square(image, 64, "squash")), pixels(resize(image, 64, 64))
    )
    shorter = min(size)
    left, top = (width - shorter) // 2, (height - shorter) // 2
    middle = image.crop((left, top, left + shorter, top + shorter))
    np.testing.assert_array_equal(
        pixels(make_square(image, 64, "crop")), pixels(resize(middle, 64, 64))
    )
    inner = pixels(resize(image, *scale_to_fit(size, 64)))
    np.testing.assert_array_equal(
        pixels(make_square(image, 64, "pad")), pad_mirrored(inner, 64, 64)
    )


def test_a_very_long_picture_keeps_enough_pixels_for_the_metrics():
    assert scale_to_fit((1000, 10), 64) == (64, 16)
    assert scale_to_fit((10, 1000), 256) == (16, 256)


# The mode fit.


@pytest.mark.parametrize(
    ("size", "expected_size"),
    [
        ((1, 1), (64, 64)),
        ((64, 64), (64, 64)),
        ((128, 32), (64, 16)),
        ((30, 60), (32, 64)),
        ((1000, 1), (64, 1)),
        ((1, 1000), (1, 64)),
    ],
)
@pytest.mark.parametrize(
    "geometry", [Geometry(), Geometry("pad", (0.5, 2)), Geometry.of_model("squash", {})],
    ids=["square pairs", "pad", "an older model"],
)  # fmt: skip
def test_the_proportions_are_kept_where_training_kept_them(geometry, size, expected_size):
    assert geometry.scaled_size(size, 64) == expected_size


@pytest.mark.parametrize(
    ("pair_aspects", "size", "expected_size"),
    [
        ((4 / 3, 4 / 3), (800, 600), (64, 64)),
        ((4 / 3, 4 / 3), (600, 600), (48, 64)),  # squeezed as far as the pairs were
        ((4 / 3, 4 / 3), (1600, 600), (64, 32)),
        ((0.5, 2), (800, 600), (64, 64)),
        ((0.5, 2), (100, 300), (43, 64)),
    ],
)
def test_squash_squeezes_a_picture_as_pairs_were_squeezed(pair_aspects, size, expected_size):
    assert Geometry("squash", pair_aspects).scaled_size(size, 64) == expected_size


@pytest.mark.parametrize(
    ("size", "expected_size"),
    [((800, 600), (85, 64)), ((60, 120), (64, 128)), ((64_000, 10), (1024, 1))],
)
def test_crop_shows_a_row_of_squares_at_the_scale_of_training(size, expected_size):
    assert Geometry("crop", (1, 2)).scaled_size(size, 64) == expected_size


@pytest.fixture(scope="module")
def folder() -> Path:
    return make_finished_run()[1]


def reshaped_model(
    folder: Path, target: Path, aspect: str, pair_aspects: list[float]
) -> Translator:
    """Returns the model with another description of its training pairs."""
    shutil.copytree(folder, target)
    about = json.loads((target / "pix2pix.json").read_text())
    about["config"]["aspect"], about["pair_aspects"] = aspect, pair_aspects
    (target / "pix2pix.json").write_text(json.dumps(about))
    return Translator(target)


def test_a_model_of_wide_pairs_is_served_squashed(folder, tmp_path):
    translator = reshaped_model(folder, tmp_path / "model", "squash", [1.5, 1.5])
    image = make_picture(150, 100)
    squashed = pixels(resize(image, 64, 64))
    expected = resize(Image.fromarray(translator.generate(squashed[None])[0]), 150, 100)
    np.testing.assert_array_equal(pixels(translator(image)), pixels(expected))


def test_a_model_of_cropped_pairs_is_served_in_squares_side_by_side(folder, tmp_path):
    translator = reshaped_model(folder, tmp_path / "model", "crop", [1.75, 1.75])
    image = make_picture(112, 64)
    np.testing.assert_array_equal(pixels(translator(image)), pixels(translator(image, mode="full")))
    small = make_picture(224, 128)
    progress = [(done, total) for done, total, _ in translator.iter_progress(small)]
    assert progress == [(1, 2), (2, 2)]


# The dataset and the evaluation.


@pytest.mark.parametrize("cache", ["disk", "memory", "none"])
def test_held_out_pairs_keep_their_own_proportions(cache, tmp_path):
    pairs = wide_pairs(8, 96, 48) + wide_pairs(1, 40, 80) + wide_pairs(1, 64, 64)
    config = tiny_config(validation_samples=2)
    for _ in range(2):  # built, then read
        loaded = load_pairs(InMemorySource(pairs), config, cache, tmp_path)
        assert loaded.pair_aspects == (2, 2)
        assert [pair.shape for pair in loaded.held_out] == [(2, 64, 32, 3), (2, 64, 64, 3)]
        expected = [pixels(resize(image, 32, 64)) for image in pairs[8]]
        np.testing.assert_array_equal(loaded.held_out[0], expected)
        squares = [pixels(resize(Image.fromarray(half), 64, 64)) for half in loaded.held_out[0]]
        np.testing.assert_array_equal(loaded.held_out.squares(1)[0], squares)
        assert loaded.reference.shape[1:] == (2, config.load_size, config.load_size, 3)


@pytest.mark.parametrize(
    ("held_out", "shown"), [(10, [0, 3, 6, 9]), (4, [0, 1, 2, 3]), (2, [0, 1]), (1, [0])]
)
def test_the_pairs_of_progress_pictures_are_spread_over_the_held_out_pairs(held_out, shown):
    config = tiny_config(validation_samples=held_out)
    loaded = load_pairs(InMemorySource(wide_pairs(12, 64, 64)), config, "memory", Path())
    squares = loaded.examples.squares(FIXED_SAMPLES)
    np.testing.assert_array_equal(squares, [loaded.held_out[index] for index in shown])


def test_b_gets_the_proportions_of_a():
    row = encode_image(make_picture(90, 60)), encode_image(make_picture(50, 80))
    boxes, size = Decoder().decode_as_served(row, 60)
    assert size == (90, 60)
    np.testing.assert_array_equal(boxes[1, :40], pixels(resize(make_picture(50, 80), 60, 40)))


@pytest.mark.parametrize("aspect", ["squash", "pad", pytest.param("crop", marks=pytest.mark.slow)])
def test_the_published_figures_are_those_of_served_translations(aspect, tmp_path):
    """Measured on pairs of 2:1, of which each is translated as a visitor's picture would be."""
    config = tiny_config(aspect=aspect, validation_samples=3)
    source = InMemorySource(wide_pairs(9, 128, 64))
    source.decoder = Decoder.of_config(config)
    loaded = load_pairs(source, config, "memory", Path())
    _, _, generator, _ = make_finished_run()
    run = artifact_writer.FinishedRun(config, 12, 90.0, [], "a test machine")
    artifact_writer.write_network(tmp_path, generator, run, loaded)
    translator = Translator(tmp_path)
    assert translator.about["pair_aspects"] == [2, 2]
    report = evaluation.evaluate(translator.predict, loaded.reference, loaded.held_out, config)
    differences = []
    for a, b in wide_pairs(9, 128, 64)[6:]:
        size = (64, 64) if aspect == "crop" else (64, 32)
        box = (32, 0, 96, 64) if aspect == "crop" else (0, 0, 128, 64)
        served = translator(resize(a.crop(box), *size))
        target = resize(b.crop(box), *size)
        differences.append(np.abs(pixels(served).astype(int) - pixels(target)).mean())
    assert report["metrics"]["l1"] == pytest.approx(np.mean(differences), abs=1e-5)
    assert ("own proportions" in report["protocol"]) == (aspect != "crop")


def test_pairs_that_fill_their_square_are_square():
    pairs = np.zeros((2, 2, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    assert HeldOutPairs(pairs, [(64, 64), (64, 64)], Decoder()).are_square
    assert not HeldOutPairs(pairs, [(64, 64), (64, 63)], Decoder()).are_square


def test_the_aspect_of_older_configs_is_the_one_they_were_trained_with():
    assert Config.from_dict({"dataset_name": "x"}).aspect == "squash"
