"""Batches for training: order and jitter are a function of (seed, epoch, index) alone.

So a resumed run, or any number of workers, sees the same pairs at the same step.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from pix2pix.config import Config


class TrainingPairs:
    """Jittered batches from cached pairs (arXiv 1611.07004, section 6.1).

    Args:
        pairs: (N, 2, L, L, 3) uint8, A before B, L being `config.load_size`.
    """

    def __init__(self, pairs: np.ndarray, config: Config):
        self.pairs, self.config = pairs, config
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def sample(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """Input and target, each (S, S, 3) uint8, of the `position`-th draw since the start."""
        epoch, place = divmod(position, len(self.pairs))
        index = int(self._order(epoch)[place])
        random = np.random.default_rng((self.config.seed, epoch, index))
        size = self.config.image_size
        top, left = random.integers(0, self.config.load_size - size + 1, 2)
        pair = self.pairs[index, :, top : top + size, left : left + size]
        if random.random() < 0.5:
            pair = pair[:, :, ::-1]
        return oriented(pair, self.config.direction)

    def batches(self, start_step: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Endless (B, S, S, 3) uint8 inputs and targets, from step `start_step` on."""
        size = self.config.train_batch_size
        position = start_step * size
        while True:
            drawn = [self.sample(position + offset) for offset in range(size)]
            yield tuple(np.stack(pictures) for pictures in zip(*drawn, strict=True))
            position += size

    def dataset(self, start_step: int = 0) -> tf.data.Dataset:
        """`batches` as a prefetching `tf.data.Dataset`."""
        size, batch = self.config.image_size, self.config.train_batch_size
        spec = tf.TensorSpec((batch, size, size, 3), tf.uint8)
        generated = tf.data.Dataset.from_generator(
            lambda: self.batches(start_step), output_signature=(spec, spec)
        )
        return generated.prefetch(tf.data.AUTOTUNE)

    def _order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            random = np.random.default_rng((self.config.seed, epoch))
            self._epoch, self._permutation = epoch, random.permutation(len(self.pairs))
        return self._permutation


def oriented(pair: np.ndarray, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """(input, target) of a (2, H, W, 3) pair (A, B)."""
    a, b = pair
    return (a, b) if direction == "a_to_b" else (b, a)
