"""What `Translator` takes: arrays, bands, ranges and sizes, by the model's rule or the caller's."""

import io
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.served_pictures import sample_photos
from pix2pix import Translator, UserError
from pix2pix.translate import STARTER_MODEL
from tests.builders import encode_image
from tests.icc_profiles import DISPLAY_P3, encode_in, make_profile
from tests.picture_writers import write_with_gdal

PHOTOS = sample_photos()


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(STARTER_MODEL)


def as_rgb_with_infrared(pixels: np.ndarray) -> bytes:
    infrared = np.random.default_rng(2).integers(30, 190, pixels.shape[:2], np.uint8)
    return write_with_gdal(np.dstack([pixels, infrared]), "GTiff")


def as_11_bits(pixels: np.ndarray) -> bytes:
    return write_with_gdal(pixels.astype(np.uint16) * 8, "GTiff", photometric="RGB")


def as_display_p3(pixels: np.ndarray) -> bytes:
    values = np.rint(encode_in(pixels / 255, DISPLAY_P3) * 255).astype(np.uint8)
    return encode_image(Image.fromarray(values), icc_profile=make_profile(DISPLAY_P3))


@pytest.mark.parametrize("encode", [as_rgb_with_infrared, as_11_bits, as_display_p3])
def test_a_photo_gives_the_same_map_however_it_is_stored(translator: Translator, encode):
    """The L1 to the real maps, on average of eight photos, moves by less than 0.3 gray levels."""
    assert len(PHOTOS) == 8
    losses = []
    for path in PHOTOS:
        real = np.asarray(Image.open(str(path).replace("-input", "-target")).convert("RGB"), int)
        pixels = np.asarray(Image.open(path).convert("RGB"))
        maps = [np.asarray(translator(source), int) for source in (pixels, encode(pixels))]
        losses.append([np.abs(each - real).mean() for each in maps])
    plain, other = np.mean(losses, axis=0)
    assert abs(plain - other) < 0.3


def test_arrays_are_pictures(translator: Translator):
    pixels = np.asarray(Image.open(PHOTOS[0]).convert("RGB"))
    expected = np.asarray(translator(PHOTOS[0]))
    np.testing.assert_array_equal(np.asarray(translator(pixels)), expected)
    gray = pixels[..., 0]
    np.testing.assert_array_equal(
        np.asarray(translator(gray)), np.asarray(translator(np.dstack([gray] * 3)))
    )
    flipped = np.asarray(translator(np.ascontiguousarray(pixels[::-1])))
    np.testing.assert_array_equal(np.asarray(translator(pixels[::-1])), flipped)


@pytest.mark.parametrize(
    ("array", "advice"),
    [
        (np.zeros((8, 8), bool), "astype(np.uint8) * 255"),
        (np.zeros((8, 8, 3)), "(array * 255).round()"),
        (np.zeros((3, 8, 8), np.uint8), "np.moveaxis(array, 0, -1)"),
        (np.zeros((8, 8, 4), np.uint8), "array[..., :3]"),
        (np.zeros((8, 8, 1), np.uint8), "array[..., 0]"),
        (np.zeros((1, 8, 8, 3), np.uint8), "one by one"),
        (np.zeros((0, 8, 3), np.uint8), "empty"),
        (np.zeros((8, 8, 3), np.uint16), "scale it to 0 to 255"),
        (np.zeros((8, 8, 3), np.int64), "scale it to 0 to 255"),
        (np.zeros((8, 8, 2), np.uint8), "choose three channels"),
        (np.zeros(8, np.uint8), "choose three channels"),
        (np.zeros((1,) * 60, np.uint8), "choose three channels"),
        (np.zeros((8, 8), [("a very long field name " * 20, "u1")]), "scale it"),
    ],
)
def test_other_arrays_are_refused_in_one_sentence(translator: Translator, array, advice: str):
    with pytest.raises(UserError) as caught:
        translator(array)
    message = str(caught.value)
    assert advice in message and str(array.shape)[:60] in message and len(message) <= 300
    assert "(H, W, 3) or (H, W) of uint8" in message


def test_the_models_rule_is_followed_and_may_be_replaced(tmp_path: Path, caplog):
    folder = tmp_path / "model"
    shutil.copytree(STARTER_MODEL, folder)
    about = json.loads((folder / "pix2pix.json").read_text())
    about["reading"] = {"input": {"bands": [3, 2, 1], "value_range": [0, 1023]}}
    (folder / "pix2pix.json").write_text(json.dumps(about))
    pixels = np.asarray(Image.open(PHOTOS[0]).convert("RGB"))
    content = write_with_gdal(pixels.astype(np.uint16) * 4, "GTiff", photometric="RGB")
    with caplog.at_level(logging.INFO, "pix2pix"):
        trained = Translator(folder)
        for _ in range(2):
            read = np.asarray(trained.read(content))
    assert [record.message for record in caplog.records] == [
        "The picture has 3 bands of uint16: values 0 to 1023 (10 bits) become black to white."
    ]
    np.testing.assert_allclose(read, pixels[..., ::-1], atol=1)
    other = Translator.from_pretrained(folder, bands=(1, 2, 3), value_range=(0, 2040))
    np.testing.assert_allclose(np.asarray(other.read(content), int) * 2, pixels, atol=2)
    again = Translator.from_name(str(folder), bands="1,2,3", value_range="auto")
    np.testing.assert_allclose(np.asarray(again.read(content)), pixels, atol=1)


@pytest.mark.parametrize(
    "options",
    [{"bands": (1, 2)}, {"bands": (0, 1, 2)}, {"bands": (1.5,)}, {"bands": "red"}, {"bands": 3},
     {"value_range": (9, 3)}, {"value_range": "full"}, {"value_range": (0, float("nan"))},
     {"value_range": 255}, {"value_range": "x" * 5000}],
)  # fmt: skip
def test_wrong_bands_and_ranges_are_refused(options: dict):
    with pytest.raises(UserError, match=f"--{next(iter(options))} is ") as caught:
        Translator(STARTER_MODEL, **options)
    assert len(str(caught.value)) <= 300


def test_the_largest_picture_is_the_callers(translator: Translator):
    small = Translator(STARTER_MODEL, max_megapixels=0.01)
    for source in (Image.new("RGB", (200, 60)), np.zeros((200, 60, 3), np.uint8)):
        with pytest.raises(UserError, match="more than the 0.01 megapixels"):
            small(source)
    stream = io.BytesIO()
    Image.new("1", (9000, 8000)).save(stream, "PNG")
    with pytest.raises(UserError, match="64 megapixels"):
        translator(stream.getvalue())
    assert Translator(STARTER_MODEL, max_megapixels=100).read(stream.getvalue()).width == 9000
