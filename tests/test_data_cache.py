"""The disk cache after kills, with a second process, unreadable rows or a full disk."""

import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from pix2pix import UserError
from pix2pix.data import Rows, cache_pairs, open_source
from tests import cache_process
from tests.builders import InMemorySource, encode_image, make_pairs, tiny_config, write_parquet
from tests.hub_datasets import make_noise_pairs, make_shard

SIZE, COUNT = 64, 60
ROW = 2 * SIZE * SIZE * 3
TRAIN = Rows("train", 0, COUNT)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pairs in row groups of 8, large enough (320x320) to kill a build while it runs."""
    folder = tmp_path_factory.mktemp("set")
    few = make_noise_pairs(6, 320)
    path = folder / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir()
    path.write_bytes(make_shard(few, row_group_size=8, repeats=COUNT // 6))
    return folder


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a cache that was built without a disturbance."""
    return build_cache(dataset, tmp_path_factory.mktemp("undisturbed"))


def build_cache(dataset: Path, folder: Path) -> bytes:
    cache_pairs(open_source(tiny_config(dataset_name=str(dataset))), TRAIN, SIZE, folder)
    assert not list(folder.glob("*.partial"))
    return next(folder.glob("*.uint8")).read_bytes()


def kill_at(dataset: Path, folder: Path, rows: int) -> int:
    """Kills a build once `rows` rows are written; returns the size of its partial file."""
    build = cache_process.start(dataset, SIZE, COUNT, folder)
    while not any(p.stat().st_size >= rows * ROW for p in folder.glob("*.partial")):
        assert build.process.is_alive(), build.wait()
        time.sleep(0.0005)
    build.process.kill()
    build.wait()
    assert build.process.exitcode == -signal.SIGKILL
    return next(folder.glob("*.partial")).stat().st_size


@pytest.mark.slow
def test_a_build_continues_after_each_kill(dataset, undisturbed, tmp_path, capfd):
    """Its progress bar starts where the killed build ended."""
    size = 0
    for rows in (1, 25):
        size, size_before = kill_at(dataset, tmp_path, max(rows, size // ROW + 1)), size
        assert size_before < size < COUNT * ROW
    capfd.readouterr()
    assert build_cache(dataset, tmp_path) == undisturbed
    first = capfd.readouterr().err.split(" pairs")[0].split("\r")[-1]
    assert f" {size // ROW}/{COUNT}" in first, first


@pytest.mark.slow
def test_of_two_processes_one_builds_and_the_other_waits(dataset, undisturbed, tmp_path):
    builds = [cache_process.start(dataset, SIZE, COUNT, tmp_path) for _ in range(2)]
    outputs = [build.wait() for build in builds]
    assert [build.process.exitcode for build in builds] == [0, 0], outputs
    assert sorted("Caching" in text for text in outputs) == [False, True]
    assert build_cache(dataset, tmp_path) == undisturbed


def test_a_finished_cache_that_was_cut_short_is_rebuilt(dataset, undisturbed, tmp_path):
    build_cache(dataset, tmp_path)
    path = next(tmp_path.glob("*.uint8"))
    for damaged in (undisturbed[: -ROW // 2], b""):
        path.write_bytes(damaged)
        assert build_cache(dataset, tmp_path) == undisturbed


def test_a_full_disk_is_an_error_and_the_written_rows_are_kept(dataset, undisturbed, tmp_path):
    build = cache_process.start(dataset, SIZE, COUNT, tmp_path, 20 * ROW + ROW // 3)
    last_line = build.wait().splitlines()[-1]
    assert build.process.exitcode == 1
    assert (
        last_line.startswith("UserError: The pairs can't be cached in")
        and "--cache_dir" in last_line
    )
    assert "File too large" in last_line
    partial = next(tmp_path.glob("*.partial"))
    assert partial.stat().st_size // ROW == 20
    assert build_cache(dataset, tmp_path) == undisturbed


def test_the_cache_in_memory_equals_the_one_on_disk(dataset, undisturbed):
    source = open_source(tiny_config(dataset_name=str(dataset)))
    assert cache_pairs(source, TRAIN, SIZE, None).pairs.tobytes() == undisturbed


# Unreadable rows.

MANY = 200


def write_with_bad_rows(folder: Path, *bad: int) -> Path:
    """Writes 200 small pairs in row groups of 16; the B of each `bad` row is cut short."""
    a, b = (
        [encode_image(pair[side]) for pair in make_pairs(8, 16)] * (MANY // 8) for side in (0, 1)
    )
    for number in bad:
        b[number] = b[number][:60]
    path = write_parquet(folder, "train", {"imageA": a, "imageB": b})
    parquet.write_table(parquet.read_table(path), path, row_group_size=16)
    return folder


def good_rows(*bad: int) -> np.ndarray:
    eight = [np.stack([np.asarray(image) for image in pair]) for pair in make_pairs(8, 16)]
    return np.stack([eight[n % 8] for n in range(MANY) if n not in bad])


@pytest.mark.parametrize("cache", ["disk", "memory"])
def test_a_bad_row_among_many_is_skipped_and_listed(tmp_path, cache):
    source = open_source(
        tiny_config(dataset_name=str(write_with_bad_rows(tmp_path / "set", 7, 150)))
    )
    folder = tmp_path / "cache" if cache == "disk" else None
    for _ in range(2):  # built, then read
        cached = cache_pairs(source, Rows("train", 0, MANY), 16, folder)
        assert cached.skipped == (7, 150)
        np.testing.assert_array_equal(cached.pairs, good_rows(7, 150))


@pytest.mark.parametrize("done", [7, 8, 100, 198])
def test_a_bad_row_stays_listed_after_a_kill(tmp_path, done):
    """The files are those of a build that was killed after `done` rows, row 7 listed or not."""
    source = open_source(
        tiny_config(dataset_name=str(write_with_bad_rows(tmp_path / "set", 7, 150)))
    )
    rows, folder = Rows("train", 0, MANY), tmp_path / "cache"
    cache_pairs(source, rows, 16, folder)
    path = next(folder.glob("*.uint8"))
    whole, row = path.read_bytes(), 2 * 16 * 16 * 3
    path.with_suffix(".partial").write_bytes(whole[: done * row + row // 2])
    skipped = {7: "", 8: "7\n", 100: "7\n1", 198: "7\n150\n"}[done]
    path.with_suffix(".skipped").write_text(skipped)
    path.unlink()
    cached = cache_pairs(source, rows, 16, folder)
    assert cached.skipped == (7, 150) and path.read_bytes() == whole


def test_over_one_percent_of_bad_rows_is_an_error_that_names_the_row(tmp_path):
    source = open_source(
        tiny_config(dataset_name=str(write_with_bad_rows(tmp_path / "set", 3, 90, 120)))
    )
    for _ in range(2):  # also when the command is run again
        with pytest.raises(UserError, match=r"^3 of 200 rows can.t be read, .*\(row 120 of train"):
            cache_pairs(source, Rows("train", 0, MANY), 16, tmp_path / "cache")


def test_bad_rows_at_the_beginning_are_listed_once(tmp_path):
    """A build that was killed before its first written row starts from the beginning."""
    source = InMemorySource(make_pairs(2, 16) * 100, broken_rows=[0, 1])
    rows = Rows("train", 0, MANY)
    whole = cache_pairs(source, rows, 16, tmp_path)
    path = next(tmp_path.glob("*.uint8"))
    shutil.move(path, path.with_suffix(".partial"))
    path.with_suffix(".partial").write_bytes(b"")
    again = cache_pairs(source, rows, 16, tmp_path)
    assert again.skipped == whole.skipped == (0, 1)
    np.testing.assert_array_equal(again.pairs, whole.pairs)


@pytest.mark.slow
def test_a_file_is_never_held_in_memory_as_a_whole(tmp_path):
    """The file has 80 MB in row groups of 1.3 MB; the client holds several copies of a group."""
    path = tmp_path / "set" / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(make_shard(make_noise_pairs(20, 210), row_group_size=5, repeats=15))
    assert path.stat().st_size > 75e6
    build = cache_process.start(tmp_path / "set", 64, 300, tmp_path / "cache")
    peak = build.wait().splitlines()[-1]
    assert build.process.exitcode == 0
    assert float(peak) < 60
