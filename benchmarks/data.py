"""How many pairs per second does the input pipeline deliver? Run `python -m benchmarks.data`.

Compares the project's pipeline, which reads a cache, with (a) `datasets` and PIL, which decode in
every epoch, and (b) tf.data as in the TensorFlow tutorial, which decodes JPEGs in every epoch. Each
row of the table has the rates of all three on one dataset, measured one after the other, and the
seconds to the first batch from an existing cache. `--enlarge 600` enlarges the pictures first.
"""

import argparse
import io
import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pix2pix.runtime import prepare_tensorflow

prepare_tensorflow()

import datasets  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from pix2pix import data  # noqa: E402
from pix2pix.config import Config  # noqa: E402
from pix2pix.data.pipeline import jitter  # noqa: E402
from pix2pix.images import resize  # noqa: E402

SECONDS = 6.0
WARM_UP = 20


def pairs_per_second(batches: Iterable) -> float:
    """Returns the median rate of three periods of `SECONDS` / 3 each, after a warm-up."""
    iterator = iter(batches)
    for _ in range(WARM_UP):
        next(iterator)
    rates = []
    for _ in range(3):
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < SECONDS / 3:
            next(iterator)
            count += 1
        rates.append(count / (time.perf_counter() - started))
    return float(np.median(rates))


def prepare(config: Config, limit: int, side: int | None, folder: Path) -> Config:
    """Writes `limit` pairs, enlarged to `side`, as joined JPEGs and as parquet with two columns."""
    source = data.open_source(config)
    rows = data.Rows("train", 0, min(limit, source.splits["train"]))
    (folder / "joined").mkdir(parents=True)
    columns: dict[str, list] = {"imageA": [], "imageB": []}
    for number, row in enumerate(source.read(rows)):
        pair = source.decoder.decode(row)
        size = side or pair[0].width
        joined = Image.new("RGB", (2 * size, size))
        for index, (name, picture) in enumerate(zip(columns, pair, strict=True)):
            picture = resize(picture, size, size)
            joined.paste(picture, (index * size, 0))
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=90)
            columns[name].append({"bytes": file.getvalue(), "path": None})
        joined.save(folder / "joined" / f"{number:05d}.jpg", quality=90)
    features = datasets.Features({name: datasets.Image() for name in columns})
    table = datasets.Dataset.from_dict(columns, features=features)
    table.to_parquet(folder / "pairs" / "data" / "train-00000-of-00001.parquet")
    return Config(dataset_name=str(folder / "pairs"))


def decode_each_epoch(config: Config) -> Iterator:
    """Yields batches as `datasets` and PIL make them: decode, resize and crop in every epoch."""
    stream = datasets.load_dataset(config.dataset_name, split="train", streaming=True)
    side = config.load_size
    for epoch in itertools.count():
        for index, row in enumerate(stream):
            pair = [row[name].convert("RGB").resize((side, side), 3) for name in row]
            batch = jitter(np.stack([np.asarray(p) for p in pair]), epoch, index, config)
            yield [tf.constant(picture[None]) for picture in batch]


def tutorial_pipeline(folder: Path, config: Config) -> tf.data.Dataset:
    """Returns the input pipeline of TensorFlow's pix2pix tutorial, which decodes in every epoch."""

    def load(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        joined = tf.io.decode_jpeg(tf.io.read_file(path))
        half = tf.shape(joined)[1] // 2
        pair = [joined[:, :half], joined[:, half:]]
        side, size = config.load_size, config.image_size
        pair = [tf.image.resize(tf.cast(p, tf.float32), [side, side], "nearest") for p in pair]
        crop = tf.image.random_crop(tf.stack(pair), [2, size, size, 3])
        if tf.random.uniform(()) > 0.5:
            crop = tf.image.flip_left_right(crop)
        crop = crop / 127.5 - 1
        return crop[0], crop[1]

    paths = tf.data.Dataset.list_files(str(folder / "joined" / "*.jpg"))
    loaded = paths.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return loaded.shuffle(400).batch(1).repeat()


def first_batch_seconds(config: Config, cache: Path) -> float:
    """Returns the seconds to open a dataset, map its existing cache and read one batch."""
    started = time.perf_counter()
    source = data.open_source(config, cache)
    loaded = data.load_pairs(source, config, "disk", cache)
    next(data.prefetch(loaded.batches.batches()))
    return time.perf_counter() - started


def measure(name: str, limit: int, side: int | None) -> str:
    """Measures one dataset; returns its row of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = prepare(Config(dataset_name=name), limit, side, folder)
        loaded = data.load_pairs(data.open_source(config), config, "disk", folder / "cache")
        ours = pairs_per_second(data.prefetch(loaded.batches.batches()))
        plain = pairs_per_second(decode_each_epoch(config))
        tutorial = pairs_per_second(tutorial_pipeline(folder, config))
        first_batch = first_batch_seconds(config, folder / "cache")
    size = side or "own size"
    return (
        f"| {Path(name).name}, {size} | {ours:,.0f} | {plain:,.0f} ({ours / plain:.1f}x) "
        f"| {tutorial:,.0f} ({ours / tutorial:.1f}x) | {first_batch:.2f} s |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset_name", default="assets/sample_maps")
    parser.add_argument(
        "--enlarge", type=int, nargs="*", default=[0, 600], help="sizes in pixels; 0 keeps the size"
    )
    parser.add_argument("--limit", type=int, default=200, help="pairs to use")
    arguments = parser.parse_args()
    print("| pairs | this project, pairs/s | datasets + PIL | tf.data, JPEG | first batch |")
    print("|---|---|---|---|---|")
    for side in arguments.enlarge:
        print(measure(arguments.dataset_name, arguments.limit, side or None), flush=True)


if __name__ == "__main__":
    main()
