"""The disk cache when things go wrong around it: kills, a second process, bad rows, no space."""

import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from pix2pix import UserError
from pix2pix.data import Rows, cached_pairs, open_source
from tests import cache_process
from tests.builders import ListedPairs, encode, pairs, tiny_config, write_parquet
from tests.streaming import noise_pairs, shard

SIZE, COUNT = 64, 60
ROW = 2 * SIZE * SIZE * 3
TRAIN = Rows("train", 0, COUNT)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pairs in row groups of 8. Their size, 320x320, makes a build last a moment."""
    folder = tmp_path_factory.mktemp("set")
    few = noise_pairs(6, 320)
    path = folder / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir()
    path.write_bytes(shard(few, row_group_size=8, repeats=COUNT // 6))
    return folder


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a build that nothing disturbed."""
    return built(dataset, tmp_path_factory.mktemp("undisturbed"))


def built(dataset: Path, folder: Path) -> bytes:
    cached_pairs(open_source(tiny_config(dataset_name=str(dataset))), TRAIN, SIZE, folder)
    assert not list(folder.glob("*.partial"))
    return next(folder.glob("*.uint8")).read_bytes()


def kill_at(dataset: Path, folder: Path, rows: int) -> int:
    """SIGKILLs a build once `rows` rows are written; returns the bytes it leaves behind."""
    build = cache_process.start(dataset, SIZE, COUNT, folder)
    while not any(p.stat().st_size >= rows * ROW for p in folder.glob("*.partial")):
        assert build.process.is_alive(), build.end()
        time.sleep(0.0005)
    build.process.kill()
    build.end()
    assert build.process.exitcode == -signal.SIGKILL
    return next(folder.glob("*.partial")).stat().st_size


def test_a_build_that_is_killed_again_and_again_goes_on(dataset, undisturbed, tmp_path, capfd):
    """The bar of the build after starts where the killed one ended, not at 0."""
    left = 0
    for rows in (1, 25):
        left, before = kill_at(dataset, tmp_path, max(rows, left // ROW + 1)), left
        assert before < left < COUNT * ROW
    capfd.readouterr()
    assert built(dataset, tmp_path) == undisturbed
    first = capfd.readouterr().err.split(" pairs")[0].split("\r")[-1]
    assert f" {left // ROW}/{COUNT}" in first, first


def test_two_processes_that_start_at_once_share_one_build(dataset, undisturbed, tmp_path):
    both = [cache_process.start(dataset, SIZE, COUNT, tmp_path) for _ in range(2)]
    progress = [build.end() for build in both]
    assert [build.process.exitcode for build in both] == [0, 0], progress
    assert sorted("Caching" in text for text in progress) == [False, True]
    assert built(dataset, tmp_path) == undisturbed


def test_a_finished_cache_that_was_cut_short_is_built_again(dataset, undisturbed, tmp_path):
    built(dataset, tmp_path)
    path = next(tmp_path.glob("*.uint8"))
    for damaged in (undisturbed[: -ROW // 2], b""):
        path.write_bytes(damaged)
        assert built(dataset, tmp_path) == undisturbed


def test_a_full_disk_names_the_flag_and_what_was_written_is_kept(dataset, undisturbed, tmp_path):
    build = cache_process.start(dataset, SIZE, COUNT, tmp_path, 20 * ROW + ROW // 3)
    last = build.end().splitlines()[-1]
    assert build.process.exitcode == 1
    assert last.startswith("UserError: The pairs can't be cached in") and "--cache_dir" in last
    assert "File too large" in last
    partial = next(tmp_path.glob("*.partial"))
    assert partial.stat().st_size // ROW == 20
    assert built(dataset, tmp_path) == undisturbed


def test_in_memory_is_what_is_on_disk(dataset, undisturbed):
    source = open_source(tiny_config(dataset_name=str(dataset)))
    assert cached_pairs(source, TRAIN, SIZE, None).pairs.tobytes() == undisturbed


# Rows that can't be read.

MANY = 200


def with_bad_rows(folder: Path, *bad: int) -> Path:
    """200 small pairs in row groups of 16, those at `bad` with a B that is no picture."""
    a, b = ([encode(pair[side]) for pair in pairs(8, 16)] * (MANY // 8) for side in (0, 1))
    for number in bad:
        b[number] = b[number][:60]
    path = write_parquet(folder, "train", {"imageA": a, "imageB": b})
    parquet.write_table(parquet.read_table(path), path, row_group_size=16)
    return folder


def good_rows(*bad: int) -> np.ndarray:
    eight = [np.stack([np.asarray(image) for image in pair]) for pair in pairs(8, 16)]
    return np.stack([eight[n % 8] for n in range(MANY) if n not in bad])


@pytest.mark.parametrize("kept", ["disk", "memory"])
def test_a_bad_row_among_many_is_left_out_and_listed(tmp_path, kept):
    source = open_source(tiny_config(dataset_name=str(with_bad_rows(tmp_path / "set", 7, 150))))
    folder = tmp_path / "cache" if kept == "disk" else None
    for _ in range(2):  # built, then found
        cached = cached_pairs(source, Rows("train", 0, MANY), 16, folder)
        assert cached.skipped == (7, 150)
        np.testing.assert_array_equal(cached.pairs, good_rows(7, 150))


@pytest.mark.parametrize("done", [7, 8, 100, 198])
def test_a_bad_row_stays_listed_when_the_build_was_cut(tmp_path, done):
    """A cut after `done` written rows leaves the files as a kill does: row 7 listed or not yet."""
    source = open_source(tiny_config(dataset_name=str(with_bad_rows(tmp_path / "set", 7, 150))))
    rows, folder = Rows("train", 0, MANY), tmp_path / "cache"
    cached_pairs(source, rows, 16, folder)
    path = next(folder.glob("*.uint8"))
    whole, row = path.read_bytes(), 2 * 16 * 16 * 3
    path.with_suffix(".partial").write_bytes(whole[: done * row + row // 2])
    listed = {7: "", 8: "7\n", 100: "7\n1", 198: "7\n150\n"}[done]
    path.with_suffix(".skipped").write_text(listed)
    path.unlink()
    cached = cached_pairs(source, rows, 16, folder)
    assert cached.skipped == (7, 150) and path.read_bytes() == whole


def test_over_one_percent_is_an_error_that_names_the_row(tmp_path):
    source = open_source(tiny_config(dataset_name=str(with_bad_rows(tmp_path / "set", 3, 90, 120))))
    for _ in range(2):  # and again when the command is run again
        with pytest.raises(UserError, match=r"^Row 120 of .* \(train\) can't be read, like 2 befo"):
            cached_pairs(source, Rows("train", 0, MANY), 16, tmp_path / "cache")


def test_bad_rows_at_the_very_beginning_are_listed_once(tmp_path):
    """Nothing is written yet when the first row is listed: the next build starts over."""
    source = ListedPairs(pairs(2, 16) * 100, bad=[0, 1])
    rows = Rows("train", 0, MANY)
    whole = cached_pairs(source, rows, 16, tmp_path)
    path = next(tmp_path.glob("*.uint8"))
    shutil.move(path, path.with_suffix(".partial"))
    path.with_suffix(".partial").write_bytes(b"")
    again = cached_pairs(source, rows, 16, tmp_path)
    assert again.skipped == whole.skipped == (0, 1)
    np.testing.assert_array_equal(again.pairs, whole.pairs)


def test_a_file_is_never_held_in_memory_as_a_whole(tmp_path):
    """An 80 MB file in row groups of 1.3 MB; the client holds one of them several times over."""
    path = tmp_path / "set" / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(shard(noise_pairs(20, 210), row_group_size=5, repeats=15))
    assert path.stat().st_size > 75e6
    build = cache_process.start(tmp_path / "set", 64, 300, tmp_path / "cache")
    peak = build.end().splitlines()[-1]
    assert build.process.exitcode == 0
    assert float(peak) < 60
