"""Training on crops at native scale, --load_size none: the cache, the crops and what is served."""

import logging
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator, UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.commands import evaluate, train
from pix2pix.config import Config
from pix2pix.data import (
    Rows,
    StreamedPairs,
    TrainingPairs,
    cache_pairs,
    inspect_pairs,
    load_pairs,
)
from pix2pix.data.decoding import Decoder
from pix2pix.flags import flag_arguments, parse
from tests.builders import InMemorySource, Pair, make_picture, tiny_config
from tests.inspected_folders import write_sides
from tests.published_run import TINY_FLAGS

NATIVE = tiny_config(load_size=0, validation_samples=2)
SIZES = [(64, 64), (90, 70), (64, 200), (130, 65), (75, 75), (100, 64), (64, 81)]


def pairs_of_many_sizes() -> list[Pair]:
    """Returns pairs of different sizes; B is A with its channels in another order."""
    pictures = [make_picture(*size, seed) for seed, size in enumerate(SIZES)]
    return [(a, Image.fromarray(np.asarray(a)[..., [2, 0, 1]])) for a in pictures]


def native_source(pairs: list[Pair] | None = None, **options) -> InMemorySource:
    source = InMemorySource(pairs or pairs_of_many_sizes(), **options)
    source.decoder = Decoder.of_config(NATIVE)
    return source


def pixels(pair: Pair) -> np.ndarray:
    return np.stack([np.asarray(picture) for picture in pair])


def is_part(crop: np.ndarray, picture: np.ndarray) -> bool:
    """Returns whether a picture, or its mirror image, has the pixels of the crop anywhere."""
    height, width = crop.shape[:2]
    starts = picture[: len(picture) - height + 1, : picture.shape[1] - width + 1]
    for part in (crop, crop[:, ::-1]):
        for top, left in np.argwhere((starts == part[0, 0]).all(axis=-1)):
            if (picture[top : top + height, left : left + width] == part).all():
                return True
    return False


def test_the_flag_is_a_word_and_is_written_as_one():
    config, _ = parse("about", ["--load_size", "none"])
    assert config.load_size == 0 and config.is_native
    assert flag_arguments(config) == ["--load_size", "none"]
    assert Config.from_dict(config.to_dict()) == config
    assert parse("about", ["--load_size", "300"])[0].load_size == 300
    assert not Config().is_native


@pytest.mark.parametrize("value", ["some", "-1", "200", "1.5"])
def test_other_words_and_small_sizes_are_usage_errors(value, capsys):
    with pytest.raises(SystemExit):
        parse("about", [f"--load_size={value}"])
    assert "load_size" in capsys.readouterr().err


def test_an_aspect_has_no_effect_and_is_refused():
    with pytest.raises(UserError, match="--aspect crop has no effect with --load_size none"):
        tiny_config(load_size=0, aspect="crop")


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_the_cache_keeps_pairs_in_their_own_sizes(where, tmp_path):
    folder = tmp_path if where == "disk" else None
    for _ in range(2):  # built, then read
        cached = cache_pairs(native_source(), Rows("train", 0, 7), 0, folder)
        assert len(cached.pairs) == 7 and cached.sizes.tolist() == [list(size) for size in SIZES]
        for pair, expected in zip(cached.pairs, pairs_of_many_sizes(), strict=True):
            np.testing.assert_array_equal(pair, pixels(expected))
    if where == "disk":
        (file,) = tmp_path.glob("*.uint8")
        assert file.stat().st_size == 6 * sum(width * height for width, height in SIZES)
        np.testing.assert_array_equal(cached.pairs[-1], pixels(pairs_of_many_sizes()[-1]))
        assert [pair.shape for pair in cached.pairs[2:4]] == [(2, 200, 64, 3), (2, 65, 130, 3)]


@pytest.mark.parametrize("kept", [0, 1, 6 * 64 * 64, 6 * 64 * 64 + 17, 6 * (64 * 64 + 90 * 70)])
def test_an_interrupted_cache_is_continued_at_the_first_missing_pair(kept, tmp_path):
    rows = Rows("train", 0, 7)
    cache_pairs(native_source(), rows, 0, tmp_path)
    (file,) = tmp_path.glob("*.uint8")
    whole = file.read_bytes()
    file.unlink()
    file.with_suffix(".partial").write_bytes(whole[:kept])
    cached = cache_pairs(native_source(), rows, 0, tmp_path)
    assert file.read_bytes() == whole and len(cached.pairs) == 7


def test_a_b_of_another_size_gets_that_of_its_a(tmp_path):
    a, b = make_picture(80, 70), make_picture(160, 140, 1)
    (pair,) = cache_pairs(native_source([(a, b)]), Rows("train", 0, 1), 0, None).pairs
    np.testing.assert_array_equal(pair[0], np.asarray(a))
    np.testing.assert_array_equal(pair[1], np.asarray(b.resize((80, 70), Image.Resampling.BICUBIC)))


def test_crops_have_the_pixels_of_the_pictures_and_reach_every_part(tmp_path):
    pairs = pairs_of_many_sizes()
    cached = cache_pairs(native_source(), Rows("train", 0, 7), 0, tmp_path)
    batches = TrainingPairs(cached.pairs, NATIVE).batches()
    tops = set()
    for inputs, targets in islice(batches, 70):
        assert inputs.shape == targets.shape == (1, 64, 64, 3)
        np.testing.assert_array_equal(targets[0], inputs[0][..., [2, 0, 1]])
        found = [is_part(inputs[0], np.asarray(a)) for a, _ in pairs]
        assert any(found)
        tops.add(found.index(True))
    assert tops == set(range(7))


def test_streamed_pairs_give_crops_of_the_same_pictures():
    source = native_source()
    streamed = StreamedPairs(source, Rows("train", 0, 7), NATIVE)
    for inputs, _ in islice(streamed.batches(), 7):
        assert any(is_part(inputs[0], np.asarray(a)) for a, _ in pairs_of_many_sizes())


@pytest.mark.parametrize("cache", ["disk", "memory", "none"])
def test_what_is_evaluated_is_the_middle_at_native_scale(cache, tmp_path):
    loaded = load_pairs(native_source(), NATIVE, cache, tmp_path)
    pairs = pairs_of_many_sizes()
    assert len(loaded.batches) == 5 and len(loaded.held_out) == 2
    np.testing.assert_array_equal(loaded.held_out[0], pixels(pairs[5])[:, :, 18:82])
    np.testing.assert_array_equal(loaded.held_out[1], pixels(pairs[6])[:, 8:72])
    assert loaded.held_out.are_square and loaded.pair_aspects == (1, 1)
    assert loaded.pair_sizes == ((64, 64), (64, 200))
    assert loaded.reference.shape == (5, 2, 64, 64, 3)
    np.testing.assert_array_equal(loaded.reference[1], pixels(pairs[1])[:, 3:67, 13:77])
    np.testing.assert_array_equal(loaded.examples.squares(4)[1], loaded.held_out[1])


def test_pairs_smaller_than_a_crop_are_refused_with_a_hint():
    source = native_source([(make_picture(90, 60), make_picture(90, 60))] * 12)
    with pytest.raises(UserError) as caught:
        inspect_pairs(source, source.plan(NATIVE), NATIVE)
    message = str(caught.value)
    assert message.startswith("row 0 of assets/tiny (train) has 90x60 pixels, and --load_size none")
    assert "crops of 64x64" in message and "smaller --image_size" in message


def test_a_small_pair_beyond_the_sample_is_skipped_as_one_that_cannot_be_read(caplog):
    caplog.set_level(logging.INFO)
    small = (make_picture(90, 60), make_picture(90, 60))
    pairs = [(make_picture(64, 64), make_picture(64, 64))] * 119
    cached = cache_pairs(native_source([*pairs, small]), Rows("train", 0, 120), 0, None)
    assert cached.skipped == (119,) and len(cached.pairs) == 119
    assert "90x60 pixels, fewer than the crops of 64x64" in caplog.text


@pytest.mark.slow
def test_a_run_at_native_scale_is_published_with_its_scale(tmp_path: Path, capsys):
    pictures = [make_picture(120 + seed, 100, seed) for seed in range(12)]
    folder = write_sides(tmp_path / "set", pictures, [image.rotate(180) for image in pictures])
    arguments = [
        "--dataset_name", str(folder), "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"), "--max_train_steps", "2", *TINY_FLAGS,
        "--load_size", "none", "--validation_samples", "3",
    ]  # fmt: skip
    assert train.main([*arguments, "--dry_run"]) == 0
    assert "at least 0.00 GB for the cache" in capsys.readouterr().out
    assert train.main(arguments) == 0
    artifacts = ArtifactFolder(tmp_path / "run")
    about, metrics = artifacts.read_description(), artifacts.read_metrics()
    assert about["config"]["load_size"] == 0 and about["pair_sizes"] == [[120, 100], [128, 100]]
    assert metrics and "the middle 64x64 pixels at its own scale" in metrics["protocol"]
    card = (tmp_path / "run" / "README.md").read_text()
    assert "images of 120x100 to 128x100 pixels, crops of 64x64 at this scale" in card
    assert 'mode="full").save(' in card and "--load_size none" in card
    assert "both pictures of a pair are cropped" in card and "the middle square is used" in card
    translator = Translator(tmp_path / "run")
    middle = pictures[10].crop((33, 18, 97, 82))
    modes = [np.asarray(translator(middle, mode=mode)) for mode in ("fit", "full")]
    np.testing.assert_array_equal(*modes)
    assert translator(pictures[10], mode="full").size == (130, 100)
    flags = ["--model", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    assert evaluate.main(flags) == 0
    assert "Reproduced" in capsys.readouterr().out
