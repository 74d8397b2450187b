"""Batches for training: order and jitter are a function of (seed, epoch, index) alone.

So a resumed run, or any number of workers, sees the same pairs at the same step: the workers'
parts of the batches, taken in turn, are one sequence of draws that visits each pair once an epoch.
Pictures stay uint8; the compiled step normalises them.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pix2pix.config import Config
from pix2pix.data.cache import MAX_SKIPPED_SHARE
from pix2pix.data.source import Row, Rows, Source, decode_resized
from pix2pix.errors import UserError
from pix2pix.images import oriented

Batch = tuple[np.ndarray, np.ndarray]
SHUFFLE_BUFFER = 256
PREFETCHED = 8


@dataclass(frozen=True)
class Worker:
    """The `index`-th of `count` workers that share each batch of a run in equal parts."""

    index: int = 0
    count: int = 1

    def share(self, config: Config) -> int:
        """Pairs of each batch that are this worker's."""
        return config.train_batch_size // self.count

    def draws(self, step: int, config: Config) -> range:
        """Positions of this worker's draws for `step`."""
        share = self.share(config)
        first = (step * self.count + self.index) * share
        return range(first, first + share)


class TrainingPairs:
    """Jittered batches of cached pairs, (N, 2, L, L, 3) uint8, L being `config.load_size`."""

    def __init__(self, pairs: np.ndarray, config: Config, worker: Worker = Worker()):  # noqa: B008
        self.pairs, self.config, self.worker = pairs, config, worker
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.pairs)

    def sample(self, position: int) -> Batch:
        """Input and target, each (S, S, 3) uint8, of the `position`-th draw since the start."""
        epoch, place = divmod(position, len(self.pairs))
        index = int(self._order(epoch)[place])
        return jittered(self.pairs[index], epoch, index, self.config)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Endless (B, S, S, 3) uint8 inputs and targets, from step `start_step` on."""
        step = start_step
        while True:
            positions = self.worker.draws(step, self.config)
            yield _stacked([self.sample(position) for position in positions])
            step += 1

    def _order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            random = np.random.default_rng((self.config.seed, epoch))
            self._epoch, self._permutation = epoch, random.permutation(len(self.pairs))
        return self._permutation


class StreamedPairs:
    """The same without a cache, for sets larger than the disk: each epoch streams the rows again.

    Rows are shuffled through a buffer of `SHUFFLE_BUFFER`. A run that resumes streams its epoch
    again from the first row still due, undecoded up to its step, and goes on with the same pairs.
    The place of a row that can't be read is taken by the row after it.
    """

    def __init__(self, source: Source, rows: Rows, config: Config, worker: Worker = Worker()):  # noqa: B008
        self.source, self.rows, self.config, self.worker = source, rows, config, worker

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """As `TrainingPairs.batches`. Raises `UserError` when over 1 % of the rows are bad."""
        size = self.worker.share(self.config)
        first = start_step * self.worker.count * size
        drawn, due, unreadable = [], 0, set()
        for position, (epoch, index, row) in enumerate(self._draws(first), first):
            due += position // size % self.worker.count == self.worker.index
            if not due:
                continue
            try:
                pair = decode_resized(row, self.config.load_size, self.source.grey)
            except UserError as error:
                unreadable.add(index)
                if len(unreadable) > MAX_SKIPPED_SHARE * len(self.rows):
                    raise UserError(
                        f"Row {self.rows.start + index} of {self.source.name} can't be read, and "
                        f"over 1 % of such rows are too many: {error}"
                    ) from None
                continue
            drawn += [jittered(pair, epoch, index, self.config)] * due
            due = 0
            while len(drawn) >= size:
                yield _stacked(drawn[:size])
                drawn = drawn[size:]

    def _draws(self, position: int) -> Iterator[tuple[int, int, Row]]:
        epoch, place = divmod(position, len(self.rows))
        while True:
            order = buffered_order(len(self.rows), (self.config.seed, epoch))[place:]
            due, held = set(order.tolist()), {}
            start = int(order.min())
            rows = Rows(self.rows.split, self.rows.start + start, self.rows.stop)
            stream = enumerate(self.source.read(rows), start)
            for index in order.tolist():
                while index not in held:
                    arrived, row = next(stream)
                    if arrived in due:
                        held[arrived] = row
                yield epoch, index, held.pop(index)
            epoch, place = epoch + 1, 0


def buffered_order(count: int, seed: tuple[int, ...]) -> np.ndarray:
    """The order in which a shuffle buffer lets 0 to `count` - 1 go: known before any is read."""
    random = np.random.default_rng(seed)
    buffer = list(range(min(SHUFFLE_BUFFER, count)))
    order = np.empty(count, np.int64)
    for place in range(count):
        chosen = int(random.integers(len(buffer)))
        order[place] = buffer[chosen]
        following = place + SHUFFLE_BUFFER
        if following < count:
            buffer[chosen] = following
        else:
            buffer[chosen] = buffer[-1]
            buffer.pop()
    return order


def jittered(pair: np.ndarray, epoch: int, index: int, config: Config) -> Batch:
    """One crop and one flip, shared by both pictures (arXiv 1611.07004, section 6.1).

    Where the config says dihedral, also one of the eight symmetries of the square.
    (2, L, L, 3) uint8 -> input and target, each (S, S, 3) uint8, views of `pair`.
    """
    random = np.random.default_rng((config.seed, epoch, index))
    size = config.image_size
    top, left = random.integers(0, config.load_size - size + 1, 2)
    pair = pair[:, top : top + size, left : left + size]
    if random.random() < 0.5:
        pair = pair[:, :, ::-1]
    if config.augmentation == "dihedral":
        if random.random() < 0.5:
            pair = pair[:, ::-1]
        if random.random() < 0.5:
            pair = pair.swapaxes(1, 2)
    return oriented(pair, config.direction)


def prefetched(batches: Iterator[Batch]) -> Generator[tuple[tf.Tensor, tf.Tensor], None, None]:
    """The same batches as tensors, made by a thread while the step before them runs.

    `tf.data.Dataset.from_generator` would cost as much for each batch as making it.
    """

    def following() -> tuple[tf.Tensor, ...]:
        return tuple(tf.constant(pictures) for pictures in next(batches))

    worker = ThreadPoolExecutor(1, "prefetch")
    try:
        waiting = deque(worker.submit(following) for _ in range(PREFETCHED))
        while True:
            ready = waiting.popleft().result()
            waiting.append(worker.submit(following))
            yield ready
    finally:
        worker.shutdown(cancel_futures=True)


def _stacked(draws: list[Batch]) -> Batch:
    """Inputs and targets of `draws`, copied once, each to (B, S, S, 3) uint8."""
    batch = np.empty((2, len(draws), *draws[0][0].shape), np.uint8)
    for place, pictures in enumerate(draws):
        for copy, picture in zip(batch[:, place], pictures, strict=True):
            _copy(copy, picture)
    return batch[0], batch[1]


def _copy(copy: np.ndarray, picture: np.ndarray) -> None:
    if picture.strides[1] == picture.shape[-1]:
        copy[:] = picture
        return
    # Pixels that are no neighbours in memory: copied one by one, unless channel by channel.
    for channel in range(picture.shape[-1]):
        copy[..., channel] = picture[..., channel]
