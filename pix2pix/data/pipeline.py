"""Training batches. Their order and jitter depend only on the seed, the epoch and the pair's index.

Therefore a resumed run sees the same pairs at each step, and so does a run on any number of
workers. The workers together draw one sequence of positions, which visits each pair once per epoch.
Pictures stay uint8; the compiled step normalizes them.
"""

import logging
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pix2pix.config import Config
from pix2pix.data.cache import MAX_SKIPPED_FRACTION, Pairs, too_many_unreadable
from pix2pix.data.decoding import Row
from pix2pix.data.source import Rows, Source
from pix2pix.data.target_colors import TargetColors
from pix2pix.errors import UserError
from pix2pix.images import orient_pair

if TYPE_CHECKING:
    import tensorflow as tf

LOGGER = logging.getLogger(__name__)
Batch = tuple[np.ndarray, np.ndarray]
SHUFFLE_BUFFER = 256
PREFETCHED_BATCHES = 8


@dataclass(frozen=True)
class Worker:
    """One of the `count` machines that share each batch of a run equally, numbered from 0."""

    index: int = 0
    count: int = 1

    def batch_size(self, config: Config) -> int:
        """Returns this worker's number of pairs per batch."""
        return config.train_batch_size // self.count

    def positions(self, step: int, config: Config) -> range:
        """Returns this worker's positions of `step` in the sequence that all workers draw."""
        size = self.batch_size(config)
        first = (step * self.count + self.index) * size
        return range(first, first + size)


class TrainingPairs:
    """Jittered batches of cached pairs, N x (2, H, W, 3) uint8.

    Both sides have `config.load_size` pixels, or different ones at native scale. `target_colors`
    are those that the L1 loss weights, if it does.
    """

    target_colors: TargetColors | None = None

    def __init__(self, pairs: Pairs, config: Config, worker: Worker = Worker()):  # noqa: B008
        self.pairs, self.config, self.worker = pairs, config, worker
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.pairs)

    def sample(self, position: int) -> Batch:
        """Returns input and target, each (S, S, 3) uint8, of a position in the sequence."""
        epoch, rank = divmod(position, len(self.pairs))
        index = int(self._order(epoch)[rank])
        return jitter(self.pairs[index], epoch, index, self.config)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Yields inputs and targets, (B, S, S, 3) uint8, from `start_step` on without an end."""
        step = start_step
        while True:
            positions = self.worker.positions(step, self.config)
            yield _stack([self.sample(position) for position in positions])
            step += 1

    def _order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            random = np.random.default_rng((self.config.seed, epoch))
            self._epoch, self._permutation = epoch, random.permutation(len(self.pairs))
        return self._permutation


class StreamedPairs:
    """Jittered batches without a cache, for datasets larger than the disk.

    Each epoch streams the rows again and shuffles them through a buffer of `SHUFFLE_BUFFER` rows. A
    resumed run starts to stream its epoch at the first row that is still needed, and continues with
    the same pairs. An unreadable row is replaced by the row drawn after it, and its number is added
    to `skipped`.
    """

    target_colors: TargetColors | None = None

    def __init__(
        self,
        source: Source,
        rows: Rows,
        config: Config,
        worker: Worker = Worker(),  # noqa: B008
        skipped: list[int] | None = None,
    ):
        self.source, self.rows, self.config, self.worker = source, rows, config, worker
        self.skipped = [] if skipped is None else skipped

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Yields batches as `TrainingPairs.batches` does.

        Raises `UserError` when over 1 % of the rows can't be read.
        """
        size = self.worker.batch_size(self.config)
        first = start_step * self.worker.count * size
        # `missing` counts this worker's draws that still need a pair.
        drawn, missing = [], 0
        for position, (epoch, index, row) in enumerate(self._draw(first), first):
            missing += position // size % self.worker.count == self.worker.index
            if not missing:
                continue
            try:
                pair = self.source.decoder.decode_and_resize(row, self.config.load_size)
            except UserError as error:
                self._skip(self.rows.start + index, error)
                continue
            drawn += [jitter(pair, epoch, index, self.config)] * missing
            missing = 0
            while len(drawn) >= size:
                yield _stack(drawn[:size])
                drawn = drawn[size:]

    def _skip(self, number: int, error: UserError) -> None:
        """Adds an unreadable row to `skipped`; raises `UserError` when they are over 1 %."""
        if number in self.skipped:
            return
        self.skipped.append(number)
        name = self.source.row_name(self.rows.split, number)
        if len(self.skipped) > MAX_SKIPPED_FRACTION * len(self.rows):
            count, total = len(self.skipped), len(self.rows)
            raise too_many_unreadable(count, total, name, error) from None
        LOGGER.info("Skipped %s: %s", name, error)

    def _draw(self, position: int) -> Iterator[tuple[int, int, Row]]:
        """Yields epoch, index and row of each draw from `position` on."""
        epoch, rank = divmod(position, len(self.rows))
        while True:
            order = shuffle_order(len(self.rows), (self.config.seed, epoch))[rank:]
            needed, buffer = set(order.tolist()), {}
            start = int(order.min())
            rows = Rows(self.rows.split, self.rows.start + start, self.rows.stop)
            stream = enumerate(self.source.read(rows), start)
            for index in order.tolist():
                while index not in buffer:
                    streamed, row = next(stream)
                    if streamed in needed:
                        buffer[streamed] = row
                yield epoch, index, buffer.pop(index)
            epoch, rank = epoch + 1, 0


def shuffle_order(count: int, seed: tuple[int, ...]) -> np.ndarray:
    """Returns the order in which a shuffle buffer releases the rows 0 to `count` - 1."""
    random = np.random.default_rng(seed)
    buffer = list(range(min(SHUFFLE_BUFFER, count)))
    order = np.empty(count, np.int64)
    for rank in range(count):
        slot = int(random.integers(len(buffer)))
        order[rank] = buffer[slot]
        next_row = rank + SHUFFLE_BUFFER
        if next_row < count:
            buffer[slot] = next_row
        else:
            buffer[slot] = buffer[-1]
            buffer.pop()
    return order


def jitter(pair: np.ndarray, epoch: int, index: int, config: Config) -> Batch:
    """Crops and flips both pictures of a pair alike (arXiv 1611.07004, section 6.1).

    The other values of `augmentation` replace the flip: by nothing, by a reflection at the diagonal
    from the upper left, or by one of the eight symmetries of the square.
    (2, H, W, 3) uint8 -> input and target, each (S, S, 3) uint8, views of `pair`.
    """
    random = np.random.default_rng((config.seed, epoch, index))
    size = config.image_size
    top, left = (int(random.integers(0, side - size + 1)) for side in pair.shape[1:3])
    pair = pair[:, top : top + size, left : left + size]
    changes = random.random() < 0.5
    if changes and config.augmentation in ("flip", "dihedral"):
        pair = pair[:, :, ::-1]
    elif changes and config.augmentation == "transpose":
        pair = pair.swapaxes(1, 2)
    if config.augmentation == "dihedral":
        if random.random() < 0.5:
            pair = pair[:, ::-1]
        if random.random() < 0.5:
            pair = pair.swapaxes(1, 2)
    return orient_pair(pair, config.direction)


def prefetch(batches: Iterator[Batch]) -> Generator[tuple["tf.Tensor", "tf.Tensor"], None, None]:
    """Yields the batches as tensors; a thread prepares them while the device computes.

    This does not use `tf.data.Dataset.from_generator`, which takes as long per batch as making it.
    """
    # Here, because commands that only read pairs need no TensorFlow.
    import tensorflow as tf

    def make_next() -> tuple[tf.Tensor, ...]:
        return tuple(tf.constant(pictures) for pictures in next(batches))

    executor = ThreadPoolExecutor(1, "prefetch")
    try:
        pending = deque(executor.submit(make_next) for _ in range(PREFETCHED_BATCHES))
        while True:
            batch = pending.popleft().result()
            pending.append(executor.submit(make_next))
            yield batch
    finally:
        executor.shutdown(cancel_futures=True)


def _stack(draws: list[Batch]) -> Batch:
    """Copies pairs into two arrays, the inputs and the targets, each (B, S, S, 3) uint8."""
    batch = np.empty((2, len(draws), *draws[0][0].shape), np.uint8)
    for index, pictures in enumerate(draws):
        for copy, picture in zip(batch[:, index], pictures, strict=True):
            _copy_picture(copy, picture)
    return batch[0], batch[1]


def _copy_picture(copy: np.ndarray, picture: np.ndarray) -> None:
    if picture.strides[1] == picture.shape[-1]:
        copy[:] = picture
        return
    # In a flipped or turned picture, neighboring pixels are not neighbors in memory. NumPy would
    # copy it pixel by pixel; copying it channel by channel is faster.
    for channel in range(picture.shape[-1]):
        copy[..., channel] = picture[..., channel]
