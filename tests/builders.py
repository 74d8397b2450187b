"""Small real things that the tests share: pictures, pairs, datasets on disk, networks, a model.

Everything is drawn from a seed, so that a test means the same alone and among others.
"""

import functools
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image, ImageDraw

from pix2pix.config import Config
from pix2pix.data import Rows, Source, load_pairs, open_source

Pair = tuple[Image.Image, Image.Image]
SIZE = 64
# Of pictures that are read, not trained on.
SIDE = 40


def tiny_config(**changes: Any) -> Config:
    """The smallest networks there are: 64x64 pictures, 4 filters, 12 steps."""
    tiny = {
        "dataset_name": "assets/tiny",
        "image_size": SIZE,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "max_train_steps": 12,
    }
    return Config(**(tiny | changes))


def open_folder(folder: Path, **changes: Any) -> Source:
    """The dataset in `folder`, opened as a tiny run would."""
    return open_source(tiny_config(dataset_name=str(folder), **changes))


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A photo's statistics in small: smooth colour, a few hard shapes, a little noise."""
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


def pairs(count: int, size: int = SIZE, seed: int = 0) -> list[Pair]:
    """Pictures A with the B that a network could learn: the channels of A in another order."""
    pictures = [picture(size, size, seed * 1000 + number) for number in range(count)]
    return [(a, Image.fromarray(np.asarray(a)[..., [2, 0, 1]])) for a in pictures]


def pair_array(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """`pairs` as the cache holds them: (N, 2, size, size, 3) uint8."""
    return np.stack([np.stack([np.asarray(p) for p in pair]) for pair in pairs(count, size, seed)])


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def write_parquet(
    folder: Path, split: str, cells: dict[str, list[bytes]], features: bool = True
) -> Path:
    """Writes `<folder>/data/<split>-00000-of-00001.parquet`, one picture column a key.

    `features`: say in the file that the columns are pictures, as `datasets` does when it writes;
    else they are bare {bytes, path} structs, which is what some datasets of the Hub hold.
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


def write_pairs(folder: Path, split: str, chosen: Iterable[Pair], features: bool = True) -> Path:
    """Writes pairs as columns imageA and imageB, the layout of huggan/maps."""
    a, b = zip(*chosen, strict=True)
    cells = {"imageA": [encode(i) for i in a], "imageB": [encode(i) for i in b]}
    return write_parquet(folder, split, cells, features)


class ListedPairs(Source):
    """A source of pairs that are at hand; `bad` rows hold bytes that are no picture."""

    def __init__(self, chosen: list[Pair], bad: Iterable[int] = (), name: str = "assets/tiny"):
        self.name, self.columns, self.splits = name, ("imageA", "imageB"), {"train": len(chosen)}
        self._rows = [tuple(encode(image) for image in pair) for pair in chosen]
        for number in bad:
            self._rows[number] = (b"not a picture", self._rows[number][1])

    def read(self, rows: Rows) -> Iterator[tuple[bytes, ...]]:
        yield from self._rows[rows.start : rows.stop]

    def fingerprint(self) -> str:
        return hashlib.sha256(b"".join(sum(self._rows, ()))).hexdigest()[:16]


def side_by_side(pair: Pair) -> Image.Image:
    """A on the left, B on the right."""
    left, right = (np.asarray(image) for image in pair)
    return Image.fromarray(np.concatenate([left, right], axis=1))


def write_side_by_side(folder: Path, split: str, chosen: Iterable[Pair], suffix: str) -> None:
    """Writes pairs as pictures `<folder>/<split>/NNN.<suffix>`: the Berkeley archives' layout."""
    (folder / split).mkdir(parents=True)
    for number, pair in enumerate(chosen):
        side_by_side(pair).save(folder / split / f"{number:03d}.{suffix}", quality=95)


def randomise(model, seed: int = 0) -> None:
    """Sets every weight at random, gains and offsets too, as after a training.

    A fresh network has offsets of zero, which would hide that they are left out or swapped.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.trainable_variables:
            centre, spread = (1.0, 0.3) if variable.name == "gamma" else (0.0, 0.15)
            variable.assign(random.normal(centre, spread, variable.shape).astype(np.float32))


@functools.cache
def run_and_folder():
    """What `train_hub.py` leaves behind, made once a session from a generator of random weights.

    Returns the `artifacts.Run`, the folder, the generator, and the `LoadedPairs`.
    Tests read it; one that changes a file copies the folder first.
    """
    from pix2pix import artifacts
    from pix2pix.networks import build_generator
    from pix2pix.training.trainer import SCALARS

    config = tiny_config(lr_schedule="linear", validation_samples=5, load_size=70)
    generator = build_generator(config)
    randomise(generator)
    loaded = load_pairs(ListedPairs(pairs(11, 70)), config, "memory", Path())
    history = [{"step": n, "seconds": 0.5 * n} | dict.fromkeys(SCALARS, 1 / n) for n in (1, 2, 3)]
    run = artifacts.Run(config, 12, 90.0, history, "a test machine")
    folder = Path(_FOLDER.name) / "model"
    artifacts.write_network(folder, generator, run, loaded)
    artifacts.write_results(folder, run, loaded)
    return run, folder, generator, loaded


_FOLDER = tempfile.TemporaryDirectory(prefix="pix2pix-model-", ignore_cleanup_errors=True)
