"""The Translator on a local folder: sizes, modes, kinds of input, and folders that are no model."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator, UserError
from pix2pix.images import MAX_PIXELS, fit_to_square, pad_mirrored
from tests.builders import encode, picture, run_and_folder

MODES = ("fit", "full")


@pytest.fixture(scope="module")
def folder() -> Path:
    return run_and_folder()[1]


@pytest.fixture(scope="module")
def translator(folder) -> Translator:
    return Translator.from_pretrained(folder)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """What serving needs of the model, to damage."""
    for name in ("generator.onnx", "pix2pix.json"):
        shutil.copy(folder / name, tmp_path / name)
    return tmp_path


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "size",
    [(1, 1), (2, 3), (64, 64), (65, 40), (63, 64), (300, 20), (20, 300), (200, 200), (129, 97)],
)
def test_the_result_has_the_size_of_the_input(translator, size, mode):
    translated = translator(picture(*size), mode=mode)
    assert translated.size == size and translated.mode == "RGB"


@pytest.mark.parametrize("mode", MODES)
def test_the_same_picture_gives_the_same_pixels(translator, mode):
    first, second = (pixels(translator(picture(150, 90), mode=mode)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.std() > 5  # a picture, not one colour


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_the_training_size_is_what_the_network_gives(translator, mode):
    image = picture(64, 64, seed=4)
    expected = translator.generate(pixels(image)[None])[0]
    np.testing.assert_array_equal(pixels(translator(image, mode=mode)), expected)


def test_the_network_served_is_the_network_trained(translator):
    """But for half a grey level by rounding, and less than half by its float16 kernels."""
    generator, inputs = run_and_folder()[2], pixels(picture(64, 64))[None]
    expected = generator(inputs / np.float32(127.5) - 1, training=False).numpy()
    found = translator.generate(inputs)
    assert found.dtype == np.uint8
    assert np.abs(found - (expected + 1) * 127.5).max() < 1.0


def test_generate_takes_batches_and_any_multiple_of_the_size(translator):
    batch = np.stack([pixels(picture(128, 64, seed)) for seed in range(3)])
    found = translator.generate(batch)
    assert found.shape == batch.shape
    np.testing.assert_array_equal(found[1:2], translator.generate(batch[1:2]))


def test_fit_shows_the_network_the_whole_picture_once(translator):
    """The longer side becomes the training size; the rest is mirrored, and cut off again."""
    image = picture(256, 128)
    square, (width, height) = fit_to_square(image, 64)
    assert (width, height) == (64, 32)
    small = Image.fromarray(translator.generate(square[None])[0, :32, :64])
    expected = small.resize((256, 128), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pixels(translator(image, mode="fit")), pixels(expected))


def test_full_translates_a_small_picture_in_one_mirrored_tile(translator):
    image = picture(40, 50)
    tile = pad_mirrored(pixels(image), 64, 64)
    expected = translator.generate(tile[None])[0, :50, :40]
    np.testing.assert_array_equal(pixels(translator(image, mode="full")), expected)


def test_full_fades_from_one_tile_to_the_next_over_their_overlap(translator):
    """112 pixels are two tiles of 64, flush with both ends: 16 columns have two translations."""
    image = picture(112, 64)
    found = pixels(translator(image, mode="full"))
    left, right = (translator.generate(pixels(image)[None, :, x : x + 64])[0] for x in (0, 48))
    np.testing.assert_array_equal(found[:, :48], left[:, :48])
    np.testing.assert_array_equal(found[:, 64:], right[:, 16:])
    share = np.sin(np.pi / 2 * (np.arange(16) + 1)[:, None] / 17) ** 2
    faded = (1 - share) * left[:, 48:] + share * right[:, :16]
    np.testing.assert_allclose(found[:, 48:64], faded, atol=0.51)


@pytest.mark.parametrize("turn", [False, True], ids=["side by side", "on top of each other"])
def test_full_covers_the_place_where_two_tiles_would_just_meet(translator, turn):
    """128 pixels are three tiles, not two: the middle one has 99 of 100 parts at the border."""
    image = picture(64, 128) if turn else picture(128, 64)
    inputs, found = pixels(image), pixels(translator(image, mode="full"))
    if turn:
        tiles = [translator.generate(inputs[None, y : y + 64])[0] for y in (0, 32, 64)]
        first, middle, last, found = (x.swapaxes(0, 1) for x in (*tiles, found))
    else:
        first, middle, last = (
            translator.generate(inputs[None, :, x : x + 64])[0] for x in (0, 32, 64)
        )
    ends = np.stack([first[:, 63], last[:, 0]], axis=1).astype(float)
    share = np.sin(np.pi / 2 / 17) ** 2
    expected = (middle[:, 31:33] + share * ends) / (1 + share)
    np.testing.assert_allclose(found[:, 63:65], expected, atol=0.51)


def test_paths_bytes_and_pictures_are_translated_alike(translator, tmp_path):
    image = picture(70, 50)
    path = tmp_path / "aerial.png"
    image.save(path)
    expected = pixels(translator(image))
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(pixels(translator(source)), expected)


def test_a_picture_of_any_kind_is_translated_as_rgb(translator):
    grey, clear = picture(70, 50).convert("L"), Image.new("RGBA", (70, 50), "#00000000")
    np.testing.assert_array_equal(pixels(translator(grey)), pixels(translator(grey.convert("RGB"))))
    white = Image.new("RGB", (70, 50), "white")
    np.testing.assert_array_equal(pixels(translator(clear)), pixels(translator(white)))


def test_a_rotated_photo_comes_back_upright(translator):
    upright = picture(70, 50)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encode(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    translated = translator(stored)
    assert translated.size == (70, 50)
    np.testing.assert_array_equal(pixels(translated), pixels(translator(upright)))


def test_the_input_is_left_as_it_was(translator):
    image = picture(64, 64)
    translator(image, mode="full")
    np.testing.assert_array_equal(pixels(image), pixels(picture(64, 64)))


def test_several_threads_get_the_results_of_one(translator):
    images = [picture(90, 70, seed) for seed in range(6)]
    expected = [pixels(translator(image, mode="full")) for image in images]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda image: pixels(translator(image, mode="full")), images * 3))
    for number, result in enumerate(found):
        np.testing.assert_array_equal(result, expected[number % 6])


@pytest.mark.parametrize("mode", ["FIT", "", "tiles"])
def test_an_unknown_mode_names_the_known_ones(translator, mode):
    with pytest.raises(UserError, match="unknown; choose one of fit, full"):
        translator(picture(8, 8), mode=mode)


def test_a_picture_that_is_too_large_is_refused(translator):
    huge = Image.new("1", (8000, MAX_PIXELS // 8000 + 1))
    with pytest.raises(UserError, match="64 megapixels"):
        translator(huge)


def test_bytes_that_are_no_picture_are_refused(translator):
    with pytest.raises(UserError, match="not a picture"):
        translator(b"hello")


def test_it_knows_its_config_and_where_it_came_from(translator, folder):
    run = run_and_folder()[0]
    assert translator.config == run.config
    assert translator.folder == folder and translator.revision is None
    assert translator.about["training"]["steps"] == 12
    assert Translator.from_pretrained(str(folder)).config == run.config


@pytest.mark.parametrize("name", ["generator.onnx", "pix2pix.json"])
def test_a_folder_that_misses_a_file_names_it(copy, name):
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"{copy} is not a complete pix2pix model .*{name}"):
        Translator(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"config": {"image_size": 77}}', "null"])
def test_a_pix2pix_json_that_makes_no_sense_is_refused(copy, content):
    (copy / "pix2pix.json").write_text(content)
    with pytest.raises(UserError):
        Translator(copy)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_graph_that_is_cut_short_is_refused(copy, keep):
    path = copy / "generator.onnx"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="not a complete pix2pix model"):
        Translator(copy)


def test_a_model_of_a_newer_version_says_so(copy):
    about = json.loads((copy / "pix2pix.json").read_text())
    about["config"]["colours"] = 7
    (copy / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="colours.*update the package"):
        Translator(copy)


def test_pix2pix_threads_sets_the_threads_and_not_the_result(copy, translator, monkeypatch):
    monkeypatch.setenv("PIX2PIX_THREADS", "1")
    image = picture(64, 64)
    single = pixels(Translator(copy)(image)).astype(int)
    assert np.abs(single - pixels(translator(image))).max() <= 1
