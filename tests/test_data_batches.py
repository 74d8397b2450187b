"""The cache, and the order and jitter of training batches."""

import os
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.data import (
    Rows,
    Source,
    TrainingPairs,
    cache_pairs,
    prefetch,
)
from pix2pix.images import resize
from tests.builders import (
    SOURCE_SIZE,
    InMemorySource,
    make_pair_array,
    make_pairs,
    open_dataset_folder,
    tiny_config,
    write_joined_pairs,
    write_pairs,
)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory) -> Source:
    """Twelve pairs in one train split, the layout of huggan/maps."""
    folder = tmp_path_factory.mktemp("twelve")
    write_pairs(folder, "train", make_pairs(12, SOURCE_SIZE))
    return open_dataset_folder(folder)


# The cache.


def test_the_cache_holds_both_pictures_resized(twelve, tmp_path):
    cached = cache_pairs(twelve, Rows("train", 2, 5), 24, tmp_path).pairs
    assert cached.shape == (3, 2, 24, 24, 3) and cached.dtype == np.uint8
    for cached_pair, pair in zip(cached, make_pairs(12, SOURCE_SIZE)[2:5], strict=True):
        for pixels, image in zip(cached_pair, pair, strict=True):
            np.testing.assert_array_equal(pixels, np.asarray(resize(image, 24, 24)))


def test_side_by_side_pairs_are_split_before_they_are_resized(tmp_path):
    """Otherwise each half would be blurred into the other at the seam."""
    pair = Image.new("RGB", (50, 50), "red"), Image.new("RGB", (50, 50), "blue")
    write_joined_pairs(tmp_path / "set", "train", [pair], "png")
    source = open_dataset_folder(tmp_path / "set")
    (cached,) = cache_pairs(source, Rows("train", 0, 1), 32, tmp_path).pairs
    assert (cached[0] == (255, 0, 0)).all() and (cached[1] == (0, 0, 255)).all()


def test_an_existing_cache_is_not_rebuilt(twelve, tmp_path):
    rows = Rows("train", 0, 2)
    first = cache_pairs(twelve, rows, 24, tmp_path)
    (path,) = tmp_path.glob("*.uint8")
    before = path.stat()
    second = cache_pairs(twelve, rows, 24, tmp_path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    np.testing.assert_array_equal(first.pairs, second.pairs)
    assert list(tmp_path.glob("*.partial")) == []


def test_the_cache_is_read_only(twelve, tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        cache_pairs(twelve, Rows("train", 0, 1), 24, tmp_path).pairs[:] = 0


@pytest.mark.parametrize("rows_done", [0, 0.4, 1, 2.5, 4])
def test_an_interrupted_build_goes_on_where_it_stopped(twelve, tmp_path, rows_done):
    rows = Rows("train", 3, 7)
    cache_pairs(twelve, rows, 24, tmp_path)
    (path,) = tmp_path.glob("*.uint8")
    whole = path.read_bytes()
    done = int(rows_done * 2 * 24 * 24 * 3)
    # Rows that were written are not read again: mark them, to see that they are kept.
    marked = bytes(255 - byte for byte in whole[:done])
    path.with_suffix(".partial").write_bytes(marked)
    path.unlink()
    cache_pairs(twelve, rows, 24, tmp_path)
    kept = int(rows_done) * 2 * 24 * 24 * 3
    assert path.read_bytes() == marked[:kept] + whole[kept:]
    assert not path.with_suffix(".partial").exists()


def test_another_size_or_other_rows_are_another_cache(twelve, tmp_path):
    for rows, size in (
        (Rows("train", 0, 1), 24),
        (Rows("train", 0, 1), 32),
        (Rows("train", 1, 2), 24),
    ):
        cache_pairs(twelve, rows, size, tmp_path)
    assert len(list(tmp_path.glob("*.uint8"))) == 3


def test_the_fingerprint_follows_the_files_and_the_columns(tmp_path):
    path = write_pairs(tmp_path, "train", make_pairs(2, SOURCE_SIZE))
    first = open_dataset_folder(tmp_path).fingerprint()
    assert open_dataset_folder(tmp_path).fingerprint() == first
    swapped = open_dataset_folder(tmp_path, input_column="imageB", target_column="imageA")
    assert swapped.fingerprint() != first
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
    assert open_dataset_folder(tmp_path).fingerprint() != first


def test_the_error_for_an_unwritable_cache_folder_names_the_flag(twelve, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--cache_dir"):
        cache_pairs(twelve, Rows("train", 0, 1), 24, tmp_path / "file" / "cache")


def test_the_cache_in_memory_equals_the_one_on_disk(twelve, tmp_path):
    rows = Rows("train", 1, 4)
    in_memory = cache_pairs(twelve, rows, 24, None).pairs
    np.testing.assert_array_equal(in_memory, cache_pairs(twelve, rows, 24, tmp_path).pairs)


@pytest.mark.parametrize("cache", ["disk", "memory"])
def test_one_unreadable_row_in_a_hundred_is_skipped_and_listed(tmp_path, cache):
    folder = tmp_path if cache == "disk" else None
    chosen = make_pairs(2, 16) * 60
    source = InMemorySource(chosen, broken_rows=[7])
    for _ in range(2):  # built, then read again
        cached = cache_pairs(source, Rows("train", 0, 120), 16, folder)
        assert cached.skipped == (7,) and len(cached.pairs) == 119
        np.testing.assert_array_equal(cached.pairs[7, 0], np.asarray(chosen[8][0]))


@pytest.mark.parametrize("cache", ["disk", "memory"])
def test_more_unreadable_rows_than_one_in_a_hundred_are_an_error(tmp_path, cache):
    folder = tmp_path if cache == "disk" else None
    source = InMemorySource(make_pairs(2, 16) * 60, broken_rows=[3, 8])
    with pytest.raises(
        UserError, match=r"over 1 %; the last of them is row 8 of assets/tiny \(train\): "
    ):
        cache_pairs(source, Rows("train", 0, 120), 16, folder)


# Batches.


def identical_pairs(count: int) -> np.ndarray:
    """Returns pairs whose B equals A, (count, 2, 72, 72, 3) uint8."""
    array = make_pair_array(count, 72).copy()
    array[:, 1] = array[:, 0]
    return array


def draw(pairs: TrainingPairs, count: int, start: int = 0) -> list:
    return list(islice(pairs.batches(start), count))


def test_batches_are_uint8_at_the_training_size():
    config = tiny_config(train_batch_size=3)
    for inputs, targets in draw(TrainingPairs(make_pair_array(4, 72), config), 2):
        assert inputs.shape == targets.shape == (3, 64, 64, 3)
        assert inputs.dtype == targets.dtype == np.uint8


def test_both_pictures_get_the_same_crop_and_flip():
    for inputs, targets in draw(TrainingPairs(identical_pairs(3), tiny_config()), 30):
        np.testing.assert_array_equal(inputs, targets)


def test_every_crop_offset_and_the_flip_occur():
    y, x = np.mgrid[0:66, 0:66].astype(np.uint8)
    ramp = np.stack([y, x, y], -1)
    config = tiny_config(load_size=66)
    source = TrainingPairs(np.stack([ramp, ramp])[None], config)
    tops, lefts, flips = set(), set(), 0
    for inputs, _ in draw(source, 60):
        flipped = inputs[0, 0, 0, 1] > inputs[0, 0, -1, 1]
        flips += flipped
        tops.add(int(inputs[0, 0, 0, 0]))
        lefts.add(int(inputs[0, 0, -1 if flipped else 0, 1]))
    assert tops == lefts == {0, 1, 2} and 15 < flips < 45


def test_without_a_margin_for_the_crop_only_the_flip_remains():
    array = make_pair_array(1, 64)
    config = tiny_config(load_size=64)
    seen = {inputs.tobytes() for inputs, _ in draw(TrainingPairs(array, config), 20)}
    assert seen == {array[0, 0].tobytes(), array[0, 0, :, ::-1].tobytes()}


@pytest.mark.parametrize("augmentation", ["none", "transpose"])
def test_augmentations_that_do_not_mirror_left_to_right(augmentation):
    array, config = make_pair_array(1, 64), tiny_config(load_size=64, augmentation=augmentation)
    a, b = array[0]
    expected = {(a.tobytes(), b.tobytes())}
    if augmentation == "transpose":
        expected.add((a.swapaxes(0, 1).tobytes(), b.swapaxes(0, 1).tobytes()))
    batches = draw(TrainingPairs(array, config), 20)
    assert {(inputs.tobytes(), targets.tobytes()) for inputs, targets in batches} == expected


def test_dihedral_applies_all_eight_symmetries_to_both_pictures():
    array, config = make_pair_array(1, 64), tiny_config(load_size=64, augmentation="dihedral")
    a, b = array[0]
    turned = [[np.rot90(x, k) for k in range(4)] for x in (a, b, a[:, ::-1], b[:, ::-1])]
    expected = {
        (x.tobytes(), y.tobytes())
        for inputs, targets in (turned[:2], turned[2:])
        for x, y in zip(inputs, targets, strict=True)
    }
    batches = draw(TrainingPairs(array, config), 80)
    assert {(inputs.tobytes(), targets.tobytes()) for inputs, targets in batches} == expected
    assert len(expected) == 8


def test_each_epoch_is_a_different_permutation():
    array = np.zeros((7, 2, 72, 72, 3), np.uint8)
    array[:] = np.arange(7).reshape(7, 1, 1, 1, 1)
    numbers = [int(i[0, 0, 0, 0]) for i, _ in draw(TrainingPairs(array, tiny_config()), 21)]
    epochs = [numbers[:7], numbers[7:14], numbers[14:]]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_each_epoch_has_its_own_jitter():
    """Caching jittered pictures is a common bug of such pipelines."""
    source = TrainingPairs(make_pair_array(1, 80), tiny_config(load_size=80))
    seen = {inputs.tobytes() for inputs, _ in draw(source, 8)}
    assert len(seen) >= 6


def test_batches_depend_only_on_the_seed_and_the_step():
    array, config = make_pair_array(5, 72), tiny_config(train_batch_size=2)
    uninterrupted = draw(TrainingPairs(array, config), 9)
    resumed = draw(TrainingPairs(array, config), 5, start=4)
    np.testing.assert_array_equal(resumed, uninterrupted[4:])
    other = draw(TrainingPairs(array, replace(config, seed=1)), 9)
    assert not np.array_equal(other, uninterrupted)


def test_a_gray_side_is_converted_and_has_its_own_cache(tmp_path):
    write_pairs(tmp_path / "pairs", "train", make_pairs(4, SOURCE_SIZE))
    folder = tmp_path / "cache"
    rows, cached = Rows("train", 0, 3), {}
    for channels in (3, 1):
        source = open_dataset_folder(
            tmp_path / "pairs", input_channels=channels, direction="b_to_a"
        )
        cached[channels] = cache_pairs(source, rows, SOURCE_SIZE, folder).pairs
    a, b = cached[1][:, 0], cached[1][:, 1]
    np.testing.assert_array_equal(a, cached[3][:, 0])
    for pixels, (_, picture) in zip(b, make_pairs(4, SOURCE_SIZE), strict=False):
        np.testing.assert_array_equal(pixels, np.asarray(picture.convert("L").convert("RGB")))


def test_b_to_a_swaps_input_and_target():
    array = make_pair_array(3, 72)
    forward = draw(TrainingPairs(array, tiny_config()), 4)
    backward = draw(TrainingPairs(array, tiny_config(direction="b_to_a")), 4)
    for (a, b), (input_, target) in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(input_, b)
        np.testing.assert_array_equal(target, a)


def test_prefetching_does_not_change_the_batches():
    config = tiny_config(train_batch_size=2)
    source = TrainingPairs(make_pair_array(3, 72), config)
    with closing(prefetch(source.batches(3))) as prefetched:
        for batch, expected in zip(prefetched, draw(source, 11, start=3), strict=False):
            np.testing.assert_array_equal(batch, expected)


def test_an_error_in_the_prefetching_thread_is_raised_in_the_loop():
    def failing():
        yield np.zeros((2, 1, 8, 8, 3), np.uint8)
        raise UserError("Row 7 can't be read.")

    with closing(prefetch(failing())) as batches:
        next(batches)
        with pytest.raises(UserError, match="Row 7"):
            next(batches)
