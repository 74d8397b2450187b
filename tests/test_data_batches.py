"""From a source to training batches: the cache on disk, the order and the jitter."""

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
    cached_pairs,
    prefetched,
)
from pix2pix.images import resize
from tests.builders import (
    SIDE,
    ListedPairs,
    open_folder,
    pair_array,
    pairs,
    tiny_config,
    write_pairs,
    write_side_by_side,
)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory) -> Source:
    """Twelve pairs in one train split, the layout of huggan/maps."""
    folder = tmp_path_factory.mktemp("twelve")
    write_pairs(folder, "train", pairs(12, SIDE))
    return open_folder(folder)


# The cache.


def test_the_cache_holds_each_half_resized(twelve, tmp_path):
    cached = cached_pairs(twelve, Rows("train", 2, 5), 24, tmp_path).pairs
    assert cached.shape == (3, 2, 24, 24, 3) and cached.dtype == np.uint8
    for found, pair in zip(cached, pairs(12, SIDE)[2:5], strict=True):
        for mine, image in zip(found, pair, strict=True):
            np.testing.assert_array_equal(mine, np.asarray(resize(image, 24, 24)))


def test_side_by_side_pairs_are_split_before_they_are_resized(tmp_path):
    """The other way round, the seam would bleed from one half into the other."""
    pair = Image.new("RGB", (50, 50), "red"), Image.new("RGB", (50, 50), "blue")
    write_side_by_side(tmp_path / "set", "train", [pair], "png")
    source = open_folder(tmp_path / "set")
    (cached,) = cached_pairs(source, Rows("train", 0, 1), 32, tmp_path).pairs
    assert (cached[0] == (255, 0, 0)).all() and (cached[1] == (0, 0, 255)).all()


def test_a_cache_that_is_there_is_not_built_again(twelve, tmp_path):
    rows = Rows("train", 0, 2)
    first = cached_pairs(twelve, rows, 24, tmp_path)
    (path,) = tmp_path.glob("*.uint8")
    before = path.stat()
    second = cached_pairs(twelve, rows, 24, tmp_path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    np.testing.assert_array_equal(first.pairs, second.pairs)
    assert list(tmp_path.glob("*.partial")) == []


def test_the_cache_can_not_be_written_to(twelve, tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        cached_pairs(twelve, Rows("train", 0, 1), 24, tmp_path).pairs[:] = 0


@pytest.mark.parametrize("rows_done", [0, 0.4, 1, 2.5, 4])
def test_an_interrupted_build_goes_on_where_it_stopped(twelve, tmp_path, rows_done):
    rows = Rows("train", 3, 7)
    cached_pairs(twelve, rows, 24, tmp_path)
    (path,) = tmp_path.glob("*.uint8")
    whole = path.read_bytes()
    done = int(rows_done * 2 * 24 * 24 * 3)
    # Rows that were written are not read again: mark them, to see that they are kept.
    marked = bytes(255 - byte for byte in whole[:done])
    path.with_suffix(".partial").write_bytes(marked)
    path.unlink()
    cached_pairs(twelve, rows, 24, tmp_path)
    kept = int(rows_done) * 2 * 24 * 24 * 3
    assert path.read_bytes() == marked[:kept] + whole[kept:]
    assert not path.with_suffix(".partial").exists()


def test_another_size_or_other_rows_are_another_cache(twelve, tmp_path):
    for rows, size in (
        (Rows("train", 0, 1), 24),
        (Rows("train", 0, 1), 32),
        (Rows("train", 1, 2), 24),
    ):
        cached_pairs(twelve, rows, size, tmp_path)
    assert len(list(tmp_path.glob("*.uint8"))) == 3


def test_the_fingerprint_follows_the_files_and_the_columns(tmp_path):
    path = write_pairs(tmp_path, "train", pairs(2, SIDE))
    first = open_folder(tmp_path).fingerprint()
    assert open_folder(tmp_path).fingerprint() == first
    swapped = open_folder(tmp_path, input_column="imageB", target_column="imageA")
    assert swapped.fingerprint() != first
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
    assert open_folder(tmp_path).fingerprint() != first


def test_a_cache_folder_that_cannot_be_written_names_the_flag(twelve, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--cache_dir"):
        cached_pairs(twelve, Rows("train", 0, 1), 24, tmp_path / "file" / "cache")


def test_pairs_kept_in_memory_are_those_on_disk(twelve, tmp_path):
    rows = Rows("train", 1, 4)
    in_memory = cached_pairs(twelve, rows, 24, None).pairs
    np.testing.assert_array_equal(in_memory, cached_pairs(twelve, rows, 24, tmp_path).pairs)


@pytest.mark.parametrize("kept", ["disk", "memory"])
def test_a_row_in_a_hundred_that_cannot_be_read_is_left_out_and_listed(tmp_path, kept):
    folder = tmp_path if kept == "disk" else None
    chosen = pairs(2, 16) * 60
    source = ListedPairs(chosen, bad=[7])
    for _ in range(2):  # built, then read again
        cached = cached_pairs(source, Rows("train", 0, 120), 16, folder)
        assert cached.skipped == (7,) and len(cached.pairs) == 119
        np.testing.assert_array_equal(cached.pairs[7, 0], np.asarray(chosen[8][0]))


@pytest.mark.parametrize("kept", ["disk", "memory"])
def test_more_bad_rows_than_one_in_a_hundred_end_the_run_by_name(tmp_path, kept):
    folder = tmp_path if kept == "disk" else None
    source = ListedPairs(pairs(2, 16) * 60, bad=[3, 8])
    with pytest.raises(UserError, match=r"^Row 8 of assets/tiny \(train\) can't be read"):
        cached_pairs(source, Rows("train", 0, 120), 16, folder)


# Batches.


def twins(count: int) -> np.ndarray:
    """Pairs whose B is their A, each of its own pictures: (count, 2, 72, 72, 3)."""
    array = pair_array(count, 72).copy()
    array[:, 1] = array[:, 0]
    return array


def drawn(pairs_: TrainingPairs, count: int, start: int = 0) -> list:
    return list(islice(pairs_.batches(start), count))


def test_batches_are_uint8_at_the_training_size():
    config = tiny_config(train_batch_size=3)
    for inputs, targets in drawn(TrainingPairs(pair_array(4, 72), config), 2):
        assert inputs.shape == targets.shape == (3, 64, 64, 3)
        assert inputs.dtype == targets.dtype == np.uint8


def test_both_halves_get_the_same_crop_and_flip():
    for inputs, targets in drawn(TrainingPairs(twins(3), tiny_config()), 30):
        np.testing.assert_array_equal(inputs, targets)


def test_every_crop_place_and_the_flip_occur():
    y, x = np.mgrid[0:66, 0:66].astype(np.uint8)
    ramp = np.stack([y, x, y], -1)
    config = tiny_config(load_size=66)
    source = TrainingPairs(np.stack([ramp, ramp])[None], config)
    tops, lefts, flips = set(), set(), 0
    for inputs, _ in drawn(source, 60):
        flipped = inputs[0, 0, 0, 1] > inputs[0, 0, -1, 1]
        flips += flipped
        tops.add(int(inputs[0, 0, 0, 0]))
        lefts.add(int(inputs[0, 0, -1 if flipped else 0, 1]))
    assert tops == lefts == {0, 1, 2} and 15 < flips < 45


def test_without_room_for_jitter_only_the_flip_is_left():
    array = pair_array(1, 64)
    config = tiny_config(load_size=64)
    seen = {inputs.tobytes() for inputs, _ in drawn(TrainingPairs(array, config), 20)}
    assert seen == {array[0, 0].tobytes(), array[0, 0, :, ::-1].tobytes()}


def test_dihedral_shows_all_eight_symmetries_of_both_pictures_alike():
    array, config = pair_array(1, 64), tiny_config(load_size=64, augmentation="dihedral")
    a, b = array[0]
    turned = [[np.rot90(x, k) for k in range(4)] for x in (a, b, a[:, ::-1], b[:, ::-1])]
    expected = {
        (x.tobytes(), y.tobytes())
        for inputs, targets in (turned[:2], turned[2:])
        for x, y in zip(inputs, targets, strict=True)
    }
    batches = drawn(TrainingPairs(array, config), 80)
    assert {(inputs.tobytes(), targets.tobytes()) for inputs, targets in batches} == expected
    assert len(expected) == 8


def test_an_epoch_is_a_permutation_and_no_two_are_alike():
    array = np.zeros((7, 2, 72, 72, 3), np.uint8)
    array[:] = np.arange(7).reshape(7, 1, 1, 1, 1)
    shown = [int(i[0, 0, 0, 0]) for i, _ in drawn(TrainingPairs(array, tiny_config()), 21)]
    epochs = [shown[:7], shown[7:14], shown[14:]]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_each_epoch_jitters_anew():
    """Jitter that is cached after the first epoch is the commonest bug of this pipeline."""
    source = TrainingPairs(pair_array(1, 80), tiny_config(load_size=80))
    seen = {inputs.tobytes() for inputs, _ in drawn(source, 8)}
    assert len(seen) >= 6


def test_batches_depend_on_the_seed_and_the_step_alone():
    array, config = pair_array(5, 72), tiny_config(train_batch_size=2)
    straight = drawn(TrainingPairs(array, config), 9)
    resumed = drawn(TrainingPairs(array, config), 5, start=4)
    np.testing.assert_array_equal(resumed, straight[4:])
    other = drawn(TrainingPairs(array, replace(config, seed=1)), 9)
    assert not np.array_equal(other, straight)


def test_a_grey_side_is_grey_and_has_a_cache_of_its_own(tmp_path):
    write_pairs(tmp_path / "pairs", "train", pairs(4, SIDE))
    folder = tmp_path / "cache"
    rows, found = Rows("train", 0, 3), {}
    for channels in (3, 1):
        source = open_folder(tmp_path / "pairs", input_channels=channels, direction="b_to_a")
        found[channels] = cached_pairs(source, rows, SIDE, folder).pairs
    a, b = found[1][:, 0], found[1][:, 1]
    np.testing.assert_array_equal(a, found[3][:, 0])
    for pixels, (_, picture) in zip(b, pairs(4, SIDE), strict=False):
        np.testing.assert_array_equal(pixels, np.asarray(picture.convert("L").convert("RGB")))


def test_b_to_a_swaps_input_and_target():
    array = pair_array(3, 72)
    there = drawn(TrainingPairs(array, tiny_config()), 4)
    back = drawn(TrainingPairs(array, tiny_config(direction="b_to_a")), 4)
    for (a, b), (input_, target) in zip(there, back, strict=True):
        np.testing.assert_array_equal(input_, b)
        np.testing.assert_array_equal(target, a)


def test_prefetched_batches_are_the_same():
    config = tiny_config(train_batch_size=2)
    source = TrainingPairs(pair_array(3, 72), config)
    with closing(prefetched(source.batches(3))) as found_batches:
        for found, expected in zip(found_batches, drawn(source, 11, start=3), strict=False):
            np.testing.assert_array_equal(found, expected)


def test_an_error_in_the_prefetching_thread_reaches_the_loop():
    def breaking():
        yield np.zeros((2, 1, 8, 8, 3), np.uint8)
        raise UserError("Row 7 can't be read.")

    with closing(prefetched(breaking())) as batches:
        next(batches)
        with pytest.raises(UserError, match="Row 7"):
            next(batches)
