"""The draws of several workers and of resumed runs, and held-out rows that never train."""

import json
import tarfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.data import (
    Rows,
    Source,
    StreamedPairs,
    TrainingPairs,
    Worker,
    cache_pairs,
    open_source,
)
from pix2pix.data.pipeline import SHUFFLE_BUFFER, shuffle_order
from tests.builders import InMemorySource, Pair, tiny_config, write_joined_pairs, write_pairs

COUNT = 12
HELD_OUT = 100  # the color of the first held-out pair that has a split of its own


def colored(numbers: range) -> list[Pair]:
    """Returns pairs that a test can identify: A is (n, n, n), B is (n, 255 - n, n)."""
    return [
        (Image.new("RGB", (16, 16), (n, n, n)), Image.new("RGB", (16, 16), (n, 255 - n, n)))
        for n in numbers
    ]


def draw_numbers(batches: Iterator, count: int) -> list[tuple[int, ...]]:
    """Returns the numbers of the pairs in the next `count` batches; checks that A and B match."""
    numbers = []
    for inputs, targets in islice(batches, count):
        assert np.ptp(inputs, axis=(1, 2, 3)).max() == 0
        np.testing.assert_array_equal(targets[..., 1], 255 - inputs[..., 1])
        numbers.append(tuple(int(n) for n in inputs[:, 0, 0, 0]))
    return numbers


def training(kind: str, source: Source, rows: Rows, worker: Worker = Worker(), size: int = 1):  # noqa: B008
    """Returns a worker's batches of `size` pairs each; `kind` is "cached" or "streamed"."""
    config = tiny_config(load_size=72, train_batch_size=size * worker.count)
    if kind == "streamed":
        return StreamedPairs(source, rows, config, worker)
    return TrainingPairs(cache_pairs(source, rows, 72, None).pairs, config, worker)


@pytest.fixture(scope="module")
def twelve() -> Source:
    return InMemorySource(colored(range(COUNT)))


KINDS = pytest.mark.parametrize("kind", ["cached", "streamed"])
TRAIN = Rows("train", 0, COUNT)


# Workers.


@KINDS
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2])
def test_workers_share_each_epoch(twelve, kind, count, size):
    """Interleaved, their batches are those of one worker: each pair once per epoch."""
    epochs = 3
    single = draw_numbers(training(kind, twelve, TRAIN, size=size).batches(), 36 // size)
    each = [
        draw_numbers(
            training(kind, twelve, TRAIN, Worker(index, count), size=size).batches(),
            36 // size // count,
        )
        for index in range(count)
    ]
    interleaved = [batch for step in zip(*each, strict=True) for batch in step]
    assert (
        interleaved == single[: len(interleaved)]
        and len(interleaved) == 36 // size // count * count
    )
    numbers = np.array(single).reshape(epochs, COUNT)
    assert (np.sort(numbers) == np.arange(COUNT)).all(), "every pair exactly once per epoch"
    assert len({tuple(epoch) for epoch in numbers}) == epochs, "all epochs have different orders"


@KINDS
@pytest.mark.parametrize("worker", [Worker(), Worker(1, 3)], ids=["alone", "second of three"])
@pytest.mark.parametrize("size", [1, 5])
def test_a_resumed_run_continues_with_the_same_batches(twelve, kind, worker, size):
    """Also at the first and last step of an epoch, and in a batch of two epochs (5 and 12)."""
    uninterrupted = list(islice(training(kind, twelve, TRAIN, worker, size=size).batches(), 26))
    for step in (1, 6, 11, 12, 13, 23, 24):
        resumed = training(kind, twelve, TRAIN, worker, size=size).batches(step)
        expected_batches = uninterrupted[step:]
        batches = islice(resumed, len(expected_batches))
        for batch, expected in zip(batches, expected_batches, strict=True):
            np.testing.assert_array_equal(batch, expected)


# Streamed without a cache.


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 1000])
def test_the_shuffle_buffer_releases_each_row_once(count):
    order = shuffle_order(count, (0, 0))
    assert sorted(order.tolist()) == list(range(count))
    # No row is released before it is in the buffer.
    assert (order - np.arange(count) < SHUFFLE_BUFFER).all()
    assert order.tolist() == shuffle_order(count, (0, 0)).tolist()


@pytest.mark.parametrize("count", [255, 256, 257, 1000])
def test_the_order_depends_on_the_seed(count):
    assert shuffle_order(count, (0, 0)).tolist() != shuffle_order(count, (0, 1)).tolist()


class RecordingSource(InMemorySource):
    """A source that records the numbers of the rows that are read."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.read_rows: list[int] = []

    def read(self, rows: Rows) -> Iterator[tuple[bytes, ...]]:
        for number, row in enumerate(super().read(rows), rows.start):
            self.read_rows.append(number)
            yield row


def test_an_epoch_reads_each_row_once_and_holds_no_more_than_the_buffer(monkeypatch):
    monkeypatch.setattr("pix2pix.data.pipeline.SHUFFLE_BUFFER", 4)
    source = RecordingSource(colored(range(40)))
    batches = training("streamed", source, Rows("train", 0, 40)).batches()
    for drawn in range(1, 41):
        draw_numbers(batches, 1)
        assert len(source.read_rows) <= drawn + 4
    assert source.read_rows == list(range(40))
    source.read_rows.clear()
    late = training("streamed", source, Rows("train", 0, 40)).batches(35)
    draw_numbers(late, 5)
    first_needed = shuffle_order(40, (0, 0))[35:].min()
    assert first_needed > 20 and source.read_rows == list(range(first_needed, 40))


@pytest.mark.parametrize("bad", [0, 57, 119])
def test_an_unreadable_row_is_replaced_by_the_next_one(bad):
    good, broken = colored(range(120)), InMemorySource(colored(range(120)), broken_rows=[bad])
    rows = Rows("train", 0, 120)
    expected = draw_numbers(training("streamed", InMemorySource(good), rows).batches(), 242)
    numbers = draw_numbers(training("streamed", broken, rows).batches(), 240)
    replaced = [expected[n + (number == (bad,))] for n, number in enumerate(expected[:240])]
    assert numbers == replaced and (bad,) not in numbers


@pytest.mark.parametrize("size", [1, 2])
def test_a_resumed_worker_uses_the_same_replacement_for_an_unreadable_row(size):
    source, rows = InMemorySource(colored(range(120)), broken_rows=[57]), Rows("train", 0, 120)
    for worker in (Worker(0, 2), Worker(1, 2)):
        pairs = training("streamed", source, rows, worker, size=size)
        uninterrupted = draw_numbers(pairs.batches(), 130 // size)
        for step in range(120 // size):
            assert draw_numbers(pairs.batches(step), 2) == uninterrupted[step : step + 2]


def test_over_one_percent_of_unreadable_rows_is_an_error():
    source = InMemorySource(colored(range(120)), broken_rows=[3, 80])
    with pytest.raises(UserError, match=r"^2 of 120 rows can't be read, .* row (3|80) of assets"):
        draw_numbers(training("streamed", source, Rows("train", 0, 120)).batches(), 130)


# Held-out rows never train.


def write_parquet_with_validation(folder: Path) -> Path:
    write_pairs(folder, "train", colored(range(COUNT)))
    write_pairs(folder, "validation", colored(range(HELD_OUT, HELD_OUT + 3)))
    return folder


def write_parquet_without_validation(folder: Path) -> Path:
    write_pairs(folder, "train", colored(range(COUNT)))
    return folder


def write_side_by_side(folder: Path) -> Path:
    write_joined_pairs(folder, "train", colored(range(COUNT)), "png")
    write_joined_pairs(folder, "val", colored(range(HELD_OUT, HELD_OUT + 3)), "png")
    return folder


def write_a_and_b(folder: Path) -> Path:
    for side in (0, 1):
        (folder / f"train{'AB'[side]}").mkdir(parents=True)
        for number, pair in enumerate(colored(range(COUNT))):
            pair[side].save(folder / f"train{'AB'[side]}" / f"{number}.png")
    return folder


def write_archive(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as packed:
        packed.add(write_side_by_side(folder), "maps")
    return path


SOURCES: dict[str, tuple[Callable[[Path], Path], range]] = {
    "parquet with validation": (write_parquet_with_validation, range(HELD_OUT, HELD_OUT + 3)),
    "parquet": (write_parquet_without_validation, range(9, COUNT)),
    "side by side": (write_side_by_side, range(HELD_OUT, HELD_OUT + 3)),
    "A and B": (write_a_and_b, range(9, COUNT)),
    "archive": (write_archive, range(HELD_OUT, HELD_OUT + 3)),
}


@pytest.mark.parametrize("layout", SOURCES)
def test_no_held_out_row_ever_trains(tmp_path, layout):
    write, expected = SOURCES[layout]
    config = tiny_config(dataset_name=str(write(tmp_path / "set")), validation_samples=3)
    source = open_source(config, tmp_path / "cache")
    plan = source.plan(config)
    held_out = cache_pairs(source, plan.held_out, 16, None).pairs
    assert held_out[:, 0, 0, 0, 0].tolist() == list(expected)
    total = len(plan.train)
    assert total == (COUNT if expected.start == HELD_OUT else 9)
    for kind in ("cached", "streamed"):
        for count in (1, 2, 3, 4):
            steps = -(-2 * total // count)  # two epochs
            drawn = [
                number
                for index in range(count)
                for batch in draw_numbers(
                    training(kind, source, plan.train, Worker(index, count)).batches(), steps
                )
                for number in batch
            ]
            assert set(drawn) == set(range(total)) and not set(drawn) & set(expected)


def test_a_plan_is_written_as_json(twelve):
    plan = twelve.plan(tiny_config(max_train_samples=5))
    assert json.loads(json.dumps(plan.to_dict())) == {
        "train": {"split": "train", "start": 0, "stop": 5},
        "held_out": {"split": "train", "start": 11, "stop": 12},
    }
