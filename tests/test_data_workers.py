"""Who draws what: workers share each epoch, streamed runs resume, held-out rows stay out."""

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
    SplitPlan,
    StreamedPairs,
    TrainingPairs,
    Worker,
    cached_pairs,
    open_source,
)
from pix2pix.data.pipeline import SHUFFLE_BUFFER, buffered_order
from tests.builders import ListedPairs, Pair, tiny_config, write_pairs, write_side_by_side

COUNT = 12
HELD_OUT = 100  # the colour of the first held-out pair that has a split of its own


def coloured(numbers: range) -> list[Pair]:
    """Pairs that are recognised: A is (n, n, n), B is (n, 255 - n, n)."""
    return [
        (Image.new("RGB", (16, 16), (n, n, n)), Image.new("RGB", (16, 16), (n, 255 - n, n)))
        for n in numbers
    ]


def shown(batches: Iterator, count: int) -> list[tuple[int, ...]]:
    """The numbers of the pairs in the next `count` batches; A must come with its own B."""
    found = []
    for inputs, targets in islice(batches, count):
        assert np.ptp(inputs, axis=(1, 2, 3)).max() == 0
        np.testing.assert_array_equal(targets[..., 1], 255 - inputs[..., 1])
        found.append(tuple(int(n) for n in inputs[:, 0, 0, 0]))
    return found


def training(kind: str, source: Source, rows: Rows, worker: Worker = Worker(), size: int = 1):  # noqa: B008
    """A worker's parts, `size` pairs each, of the batches of `rows`, "cached" or "streamed"."""
    config = tiny_config(load_size=72, train_batch_size=size * worker.count)
    if kind == "streamed":
        return StreamedPairs(source, rows, config, worker)
    return TrainingPairs(cached_pairs(source, rows, 72, None).pairs, config, worker)


@pytest.fixture(scope="module")
def twelve() -> Source:
    return ListedPairs(coloured(range(COUNT)))


KINDS = pytest.mark.parametrize("kind", ["cached", "streamed"])
TRAIN = Rows("train", 0, COUNT)


# Workers.


@KINDS
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2])
def test_workers_share_each_epoch(twelve, kind, count, size):
    """Taken in turn, their batches are what one worker draws: each pair once an epoch."""
    epochs = 3
    alone = shown(training(kind, twelve, TRAIN, size=size).batches(), 36 // size)
    each = [
        shown(
            training(kind, twelve, TRAIN, Worker(index, count), size=size).batches(),
            36 // size // count,
        )
        for index in range(count)
    ]
    in_turn = [batch for step in zip(*each, strict=True) for batch in step]
    assert in_turn == alone[: len(in_turn)] and len(in_turn) == 36 // size // count * count
    numbers = np.array(alone).reshape(epochs, COUNT)
    assert (np.sort(numbers) == np.arange(COUNT)).all(), "every pair exactly once an epoch"
    assert len({tuple(epoch) for epoch in numbers}) == epochs, "no two epochs are alike"


@KINDS
@pytest.mark.parametrize("worker", [Worker(), Worker(1, 3)], ids=["alone", "second of three"])
@pytest.mark.parametrize("size", [1, 5])
def test_a_resumed_run_goes_on_with_the_same_batches(twelve, kind, worker, size):
    """At the first and last step of an epoch too, and where a batch spans two (5 and 12)."""
    straight = list(islice(training(kind, twelve, TRAIN, worker, size=size).batches(), 26))
    for step in (1, 6, 11, 12, 13, 23, 24):
        resumed = training(kind, twelve, TRAIN, worker, size=size).batches(step)
        for found, expected in zip(resumed, straight[step:], strict=False):
            np.testing.assert_array_equal(found, expected)


# Streamed without a cache.


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 1000])
def test_the_shuffle_buffer_lets_each_row_go_once(count):
    order = buffered_order(count, (0, 0))
    assert sorted(order.tolist()) == list(range(count))
    # No row goes before it is in the buffer.
    assert (order - np.arange(count) < SHUFFLE_BUFFER).all()
    assert count < 3 or order.tolist() != buffered_order(count, (0, 1)).tolist()
    assert order.tolist() == buffered_order(count, (0, 0)).tolist()


class Counted(ListedPairs):
    """Remembers which rows were read."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.read_rows: list[int] = []

    def read(self, rows: Rows) -> Iterator[tuple[bytes, ...]]:
        for number, row in enumerate(super().read(rows), rows.start):
            self.read_rows.append(number)
            yield row


def test_an_epoch_reads_each_row_once_and_holds_no_more_than_the_buffer(monkeypatch):
    monkeypatch.setattr("pix2pix.data.pipeline.SHUFFLE_BUFFER", 4)
    source = Counted(coloured(range(40)))
    batches = training("streamed", source, Rows("train", 0, 40)).batches()
    for drawn in range(1, 41):
        shown(batches, 1)
        assert len(source.read_rows) <= drawn + 4
    assert source.read_rows == list(range(40))
    source.read_rows.clear()
    late = training("streamed", source, Rows("train", 0, 40)).batches(35)
    shown(late, 5)
    first_due = buffered_order(40, (0, 0))[35:].min()
    assert first_due > 20 and source.read_rows == list(range(first_due, 40))


@pytest.mark.parametrize("bad", [0, 57, 119])
def test_the_next_row_takes_the_place_of_one_that_cannot_be_read(bad):
    good, spoilt = coloured(range(120)), ListedPairs(coloured(range(120)), bad=[bad])
    rows = Rows("train", 0, 120)
    expected = shown(training("streamed", ListedPairs(good), rows).batches(), 242)
    found = shown(training("streamed", spoilt, rows).batches(), 240)
    following = [expected[n + (number == (bad,))] for n, number in enumerate(expected[:240])]
    assert found == following and (bad,) not in found


@pytest.mark.parametrize("size", [1, 2])
def test_a_resumed_worker_replaces_an_unreadable_row_by_the_same_row(size):
    source, rows = ListedPairs(coloured(range(120)), bad=[57]), Rows("train", 0, 120)
    for worker in (Worker(0, 2), Worker(1, 2)):
        made = training("streamed", source, rows, worker, size=size)
        straight = shown(made.batches(), 130 // size)
        for step in range(120 // size):
            assert shown(made.batches(step), 2) == straight[step : step + 2]


def test_over_one_percent_of_unreadable_rows_end_a_streamed_run():
    source = ListedPairs(coloured(range(120)), bad=[3, 80])
    with pytest.raises(UserError, match=r"^Row (3|80) of assets/tiny can't be read, and over 1 %"):
        shown(training("streamed", source, Rows("train", 0, 120)).batches(), 130)


# No held-out row ever trains.


def parquet_with_validation(folder: Path) -> Path:
    write_pairs(folder, "train", coloured(range(COUNT)))
    write_pairs(folder, "validation", coloured(range(HELD_OUT, HELD_OUT + 3)))
    return folder


def parquet_alone(folder: Path) -> Path:
    write_pairs(folder, "train", coloured(range(COUNT)))
    return folder


def side_by_side(folder: Path) -> Path:
    write_side_by_side(folder, "train", coloured(range(COUNT)), "png")
    write_side_by_side(folder, "val", coloured(range(HELD_OUT, HELD_OUT + 3)), "png")
    return folder


def a_and_b(folder: Path) -> Path:
    for side in (0, 1):
        (folder / f"train{'AB'[side]}").mkdir(parents=True)
        for number, pair in enumerate(coloured(range(COUNT))):
            pair[side].save(folder / f"train{'AB'[side]}" / f"{number}.png")
    return folder


def archived(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as packed:
        packed.add(side_by_side(folder), "maps")
    return path


SOURCES: dict[str, tuple[Callable[[Path], Path], range]] = {
    "parquet with validation": (parquet_with_validation, range(HELD_OUT, HELD_OUT + 3)),
    "parquet": (parquet_alone, range(9, COUNT)),
    "side by side": (side_by_side, range(HELD_OUT, HELD_OUT + 3)),
    "A and B": (a_and_b, range(9, COUNT)),
    "archive": (archived, range(HELD_OUT, HELD_OUT + 3)),
}


@pytest.mark.parametrize("made", SOURCES)
def test_no_held_out_row_ever_trains(tmp_path, made):
    make, expected = SOURCES[made]
    config = tiny_config(dataset_name=str(make(tmp_path / "set")), validation_samples=3)
    source = open_source(config, tmp_path / "cache")
    plan = source.plan(config)
    held_out = cached_pairs(source, plan.held_out, 16, None).pairs
    assert held_out[:, 0, 0, 0, 0].tolist() == list(expected)
    total = len(plan.train)
    assert total == (COUNT if expected.start == HELD_OUT else 9)
    for kind in ("cached", "streamed"):
        for count in (1, 2, 3, 4):
            steps = -(-2 * total // count)  # two epochs
            drawn = [
                number
                for index in range(count)
                for batch in shown(
                    training(kind, source, plan.train, Worker(index, count)).batches(), steps
                )
                for number in batch
            ]
            assert set(drawn) == set(range(total)) and not set(drawn) & set(expected)


def test_a_plan_survives_json(twelve):
    plan = twelve.plan(tiny_config(max_train_samples=5))
    again = SplitPlan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again == plan == SplitPlan(Rows("train", 0, 5), Rows("train", 11, 12))
