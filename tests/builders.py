"""Small test data: pictures, pairs, datasets on disk, networks, a finished run.

All of it is made from a seed, so that a test has the same data alone and among others.
"""

import functools
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image, ImageDraw

from pix2pix.config import Config
from pix2pix.data import Rows, Source, load_pairs, open_source

Pair = tuple[Image.Image, Image.Image]
IMAGE_SIZE = 64
# The size in pixels of pictures that are only read; IMAGE_SIZE is the size of training.
SOURCE_SIZE = 40


def tiny_config(**changes: Any) -> Config:
    """Returns the config of the smallest run: 64x64 pictures, 4 filters, 12 steps."""
    tiny = {
        "dataset_name": "assets/tiny",
        "image_size": IMAGE_SIZE,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "max_train_steps": 12,
    }
    return Config(**(tiny | changes))


def open_dataset_folder(folder: Path, **changes: Any) -> Source:
    """Opens the dataset in `folder` with the config of a tiny run."""
    return open_source(tiny_config(dataset_name=str(folder), **changes))


def make_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draws a picture with a photo's statistics: smooth color, hard edges, a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(6 * (x * a + y * b) + c) for a, b, c in random.uniform(-1, 2, (3, 3))]
    image = Image.fromarray((127 + 90 * np.stack(waves, -1)).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(4):
        left, top = random.integers(0, width), random.integers(0, height)
        corner = (int(left + width // 3), int(top + height // 4))
        pen.rectangle([(int(left), int(top)), corner], tuple(map(int, random.integers(0, 256, 3))))
    noise = random.integers(-8, 9, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def make_pairs(count: int, size: int = IMAGE_SIZE, seed: int = 0) -> list[Pair]:
    """Returns pairs that a network can learn: B is A with its channels in another order."""
    pictures = [make_picture(size, size, seed * 1000 + number) for number in range(count)]
    return [(a, Image.fromarray(np.asarray(a)[..., [2, 0, 1]])) for a in pictures]


def make_pair_array(count: int, size: int = IMAGE_SIZE, seed: int = 0) -> np.ndarray:
    """Returns the pairs of `make_pairs` in the cache's form: (N, 2, size, size, 3) uint8."""
    return np.stack(
        [np.stack([np.asarray(p) for p in pair]) for pair in make_pairs(count, size, seed)]
    )


def encode_image(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Encodes a picture as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def write_parquet(
    folder: Path, split: str, cells: dict[str, list[bytes]], features: bool = True
) -> Path:
    """Writes `<folder>/data/<split>-00000-of-00001.parquet` with one picture column per key.

    With `features` the file declares its columns as Image, as `datasets` does when it writes.
    Without, they are bare {bytes, path} structs, as in some datasets of the Hub.
    """
    columns = {
        name: [{"bytes": data, "path": f"{n}.png"} for n, data in enumerate(column)]
        for name, column in cells.items()
    }
    path = folder / "data" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    if features:
        import datasets

        kinds = datasets.Features({name: datasets.Image() for name in columns})
        datasets.Dataset.from_dict(columns, kinds).to_parquet(path)
    else:
        parquet.write_table(pa.table(columns), path)
    return path


def write_pairs(folder: Path, split: str, pairs: Iterable[Pair], features: bool = True) -> Path:
    """Writes pairs as columns imageA and imageB, the layout of huggan/maps."""
    a, b = zip(*pairs, strict=True)
    cells = {"imageA": [encode_image(i) for i in a], "imageB": [encode_image(i) for i in b]}
    return write_parquet(folder, split, cells, features)


class InMemorySource(Source):
    """A source of pairs in memory; the A of each of `broken_rows` is not a picture."""

    def __init__(
        self, pairs: list[Pair], broken_rows: Iterable[int] = (), name: str = "assets/tiny"
    ):
        self.name, self.columns, self.splits = name, ("imageA", "imageB"), {"train": len(pairs)}
        self._rows = [tuple(encode_image(image) for image in pair) for pair in pairs]
        for row in broken_rows:
            self._rows[row] = (b"not a picture", self._rows[row][1])

    def read(self, rows: Rows) -> Iterator[tuple[bytes, ...]]:
        yield from self._rows[rows.start : rows.stop]

    def fingerprint(self) -> str:
        return hashlib.sha256(b"".join(sum(self._rows, ()))).hexdigest()[:16]


def join_pair(pair: Pair) -> Image.Image:
    """Returns one picture with A on the left and B on the right."""
    left, right = (np.asarray(image) for image in pair)
    return Image.fromarray(np.concatenate([left, right], axis=1))


def write_joined_pairs(folder: Path, split: str, pairs: Iterable[Pair], suffix: str) -> None:
    """Writes joined pairs as `<folder>/<split>/NNN.<suffix>`, the layout of Berkeley's archives."""
    (folder / split).mkdir(parents=True)
    for number, pair in enumerate(pairs):
        join_pair(pair).save(folder / split / f"{number:03d}.{suffix}", quality=95)


def randomize_weights(model, seed: int = 0) -> None:
    """Sets every weight to a random value, gains and offsets too, as training would.

    A fresh network has offsets of zero, which would hide that they are left out or swapped.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.trainable_variables:
            center, spread = (1.0, 0.3) if variable.name == "gamma" else (0.0, 0.15)
            variable.assign(random.normal(center, spread, variable.shape).astype(np.float32))


@contextmanager
def running_eagerly() -> Iterator[None]:
    """Runs training steps eagerly, which for a few steps is faster than compiling them."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@functools.cache
def make_finished_run():
    """Writes the artifacts of a run with random weights, once a session.

    Returns (`artifact_writer.FinishedRun`, the artifact folder, the generator, `LoadedPairs`). A
    test that changes a file copies the folder first.
    """
    from pix2pix import artifact_writer
    from pix2pix.commands import train
    from pix2pix.networks import build_discriminator, build_generator
    from pix2pix.training.trainer import SCALARS

    config = tiny_config(lr_schedule="linear", validation_samples=5, load_size=70)
    generator = build_generator(config)
    randomize_weights(generator)
    loaded = load_pairs(InMemorySource(make_pairs(11, 70)), config, "memory", Path())
    history = [{"step": n, "seconds": 0.5 * n} | dict.fromkeys(SCALARS, 1 / n) for n in (1, 2, 3)]
    run = artifact_writer.FinishedRun(config, 12, 90.0, history, "a test machine")
    folder = Path(_FOLDER.name) / "model"
    discriminator = build_discriminator(config)
    randomize_weights(discriminator)
    train.write_discriminator(folder, discriminator)
    artifact_writer.write_network(folder, generator, run, loaded)
    artifact_writer.write_results(folder, run, loaded)
    return run, folder, generator, loaded


_FOLDER = tempfile.TemporaryDirectory(prefix="pix2pix-model-", ignore_cleanup_errors=True)
