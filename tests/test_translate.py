"""The Translator on a local folder: sizes, modes, kinds of input, threads, incomplete models."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator, UserError
from pix2pix.images import pad_mirrored
from pix2pix.pixels.gate import MAX_PIXELS
from pix2pix.threads import read_threads
from tests.builders import encode_image, make_finished_run, make_picture

MODES = ("fit", "full")


@pytest.fixture(scope="module")
def folder() -> Path:
    return make_finished_run()[1]


@pytest.fixture(scope="module")
def translator(folder) -> Translator:
    return Translator.from_pretrained(folder)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A copy of the two files that serving needs, which a test may damage."""
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
    translated = translator(make_picture(*size), mode=mode)
    assert translated.size == size and translated.mode == "RGB"


@pytest.mark.parametrize("mode", MODES)
def test_the_same_picture_gives_the_same_pixels(translator, mode):
    first, second = (pixels(translator(make_picture(150, 90), mode=mode)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.std() > 5  # a picture, not one color


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_the_training_size_is_what_the_network_gives(translator, mode):
    image = make_picture(64, 64, seed=4)
    expected = translator.generate(pixels(image)[None])[0]
    np.testing.assert_array_equal(pixels(translator(image, mode=mode)), expected)


def test_the_network_served_is_the_network_trained(translator):
    """They differ by up to half a gray level by rounding, and by less than half by float16."""
    generator, inputs = make_finished_run()[2], pixels(make_picture(64, 64))[None]
    expected = generator(inputs / np.float32(127.5) - 1, training=False).numpy()
    served = translator.generate(inputs)
    assert served.dtype == np.uint8
    assert np.abs(served - (expected + 1) * 127.5).max() < 1.0


def test_generate_takes_batches_and_any_multiple_of_the_size(translator):
    batch = np.stack([pixels(make_picture(128, 64, seed)) for seed in range(3)])
    translated = translator.generate(batch)
    assert translated.shape == batch.shape
    np.testing.assert_array_equal(translated[1:2], translator.generate(batch[1:2]))


def test_fit_shows_the_network_the_whole_picture_once(translator):
    """The longer side becomes the training size; the mirrored rest is cut off after translation."""
    image = make_picture(256, 128)
    square = pad_mirrored(pixels(image.resize((64, 32), Image.Resampling.BICUBIC)), 64, 64)
    small = Image.fromarray(translator.generate(square[None])[0, :32, :64])
    expected = small.resize((256, 128), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pixels(translator(image, mode="fit")), pixels(expected))


def test_full_translates_a_small_picture_in_one_mirrored_tile(translator):
    image = make_picture(40, 50)
    tile = pad_mirrored(pixels(image), 64, 64)
    expected = translator.generate(tile[None])[0, :50, :40]
    np.testing.assert_array_equal(pixels(translator(image, mode="full")), expected)


def test_full_fades_from_one_tile_to_the_next_over_their_overlap(translator):
    """112 pixels are two tiles of 64, one at each end, which overlap in 16 columns."""
    image = make_picture(112, 64)
    translated = pixels(translator(image, mode="full"))
    left, right = (translator.generate(pixels(image)[None, :, x : x + 64])[0] for x in (0, 48))
    np.testing.assert_array_equal(translated[:, :48], left[:, :48])
    np.testing.assert_array_equal(translated[:, 64:], right[:, 16:])
    share = np.sin(np.pi / 2 * (np.arange(16) + 1)[:, None] / 17) ** 2
    faded = (1 - share) * left[:, 48:] + share * right[:, :16]
    np.testing.assert_allclose(translated[:, 48:64], faded, atol=0.51)


@pytest.mark.parametrize("turn", [False, True], ids=["side by side", "on top of each other"])
def test_full_adds_a_tile_where_two_tiles_would_meet_without_overlap(translator, turn):
    """128 pixels are three tiles, not two: the middle one has 99 % of the weight at the border."""
    image = make_picture(64, 128) if turn else make_picture(128, 64)
    inputs, translated = pixels(image), pixels(translator(image, mode="full"))
    if turn:
        tiles = [translator.generate(inputs[None, y : y + 64])[0] for y in (0, 32, 64)]
        first, middle, last, translated = (x.swapaxes(0, 1) for x in (*tiles, translated))
    else:
        first, middle, last = (
            translator.generate(inputs[None, :, x : x + 64])[0] for x in (0, 32, 64)
        )
    ends = np.stack([first[:, 63], last[:, 0]], axis=1).astype(float)
    share = np.sin(np.pi / 2 / 17) ** 2
    expected = (middle[:, 31:33] + share * ends) / (1 + share)
    np.testing.assert_allclose(translated[:, 63:65], expected, atol=0.51)


def test_a_path_its_bytes_and_its_picture_give_the_same_result(translator, tmp_path):
    image = make_picture(70, 50)
    path = tmp_path / "aerial.png"
    image.save(path)
    expected = pixels(translator(image))
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(pixels(translator(source)), expected)


def test_a_picture_of_any_kind_is_translated_as_rgb(translator):
    gray = make_picture(70, 50).convert("L")
    transparent = Image.new("RGBA", (70, 50), "#00000000")
    np.testing.assert_array_equal(pixels(translator(gray)), pixels(translator(gray.convert("RGB"))))
    white = Image.new("RGB", (70, 50), "white")
    np.testing.assert_array_equal(pixels(translator(transparent)), pixels(translator(white)))


def test_a_rotated_photo_comes_back_upright(translator):
    upright = make_picture(70, 50)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encode_image(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    translated = translator(stored)
    assert translated.size == (70, 50)
    np.testing.assert_array_equal(pixels(translated), pixels(translator(upright)))


def test_the_input_picture_is_not_changed(translator):
    image = make_picture(64, 64)
    translator(image, mode="full")
    np.testing.assert_array_equal(pixels(image), pixels(make_picture(64, 64)))


def test_several_threads_get_the_results_of_one(translator):
    images = [make_picture(90, 70, seed) for seed in range(6)]
    expected = [pixels(translator(image, mode="full")) for image in images]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda image: pixels(translator(image, mode="full")), images * 3))
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result, expected[number % 6])


@pytest.mark.parametrize("mode", ["FIT", "", "tiles"])
def test_an_unknown_mode_names_the_known_ones(translator, mode):
    with pytest.raises(UserError, match="unknown; choose one of fit, full"):
        translator(make_picture(8, 8), mode=mode)


def test_a_picture_that_is_too_large_is_refused(translator):
    huge = Image.new("1", (8000, MAX_PIXELS // 8000 + 1))
    with pytest.raises(UserError, match="64 megapixels"):
        translator(huge)


def test_bytes_that_are_not_a_picture_are_refused(translator):
    with pytest.raises(UserError, match="not a picture"):
        translator(b"hello")


def test_it_has_the_config_the_folder_and_the_revision(translator, folder):
    run = make_finished_run()[0]
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
def test_an_invalid_pix2pix_json_is_refused(copy, content):
    (copy / "pix2pix.json").write_text(content)
    with pytest.raises(UserError):
        Translator(copy)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_graph_that_is_cut_short_is_refused(copy, keep):
    path = copy / "generator.onnx"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="not a complete pix2pix model"):
        Translator(copy)


def test_a_model_of_a_newer_version_asks_for_an_update(copy):
    about = json.loads((copy / "pix2pix.json").read_text())
    about["config"]["colors"] = 7
    (copy / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="colors.*update the package"):
        Translator(copy)


def threads_of(translator: Translator) -> int:
    return translator._session.get_session_options().intra_op_num_threads


def test_pix2pix_threads_sets_the_threads_and_not_the_result(copy, translator, monkeypatch):
    monkeypatch.setenv("PIX2PIX_THREADS", "1")
    image = make_picture(64, 64)
    single = Translator(copy)
    assert (threads_of(single), threads_of(translator)) == (1, 0)
    difference = pixels(single(image)).astype(int) - pixels(translator(image))
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("threads", [0, 1, 10_000, -1])
def test_threads_of_the_caller_take_the_place_of_the_variable(folder, monkeypatch, threads):
    monkeypatch.setenv("PIX2PIX_THREADS", "1")
    expected = max(0, min(threads, os.cpu_count()))
    assert threads_of(Translator(folder, threads=threads)) == expected
    assert threads_of(Translator.from_pretrained(folder, threads=threads)) == expected
    assert threads_of(Translator.from_name(str(folder), threads=threads)) == expected


@pytest.mark.parametrize(("value", "threads"), [("3", 3), (" 2 ", 2), ("0", 0), ("1024", 1024)])
def test_threads_are_read_from_the_environment(value: str, threads: int):
    assert read_threads({"PIX2PIX_THREADS": value}) == threads
    assert read_threads({}) == 0


@pytest.mark.parametrize("value", ["-1", "", "abc", "1.5", "²", "1025"])
def test_a_wrong_number_of_threads_leaves_the_choice_to_the_runtime(
    folder, monkeypatch, caplog, value: str
):
    with pytest.raises(UserError, match="PIX2PIX_THREADS is .* not a whole number from 0 to 1024"):
        read_threads({"PIX2PIX_THREADS": value})
    monkeypatch.setenv("PIX2PIX_THREADS", value)
    assert threads_of(Translator(folder)) == 0
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "PIX2PIX_THREADS" in record.getMessage()
