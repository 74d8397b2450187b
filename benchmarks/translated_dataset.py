"""Is translating a dataset as fast as its network? Run `python -m benchmarks.translated_dataset`.

Translates the rows of a local dataset of 256x256 photos with the full-size generator (random
weights) into a Parquet file, as `pix2pix translate --dataset_name` does, in one process and in two.
In turns with that, the bare network runs on as many prepared tensors, in two ways: one by one on
all cores, as `Translator` does, and one on each core. Prints the pictures a second and their ratio
to the faster of the two. The target is at least 0.9 in one process. The translations of random
weights are noise, whose PNGs take the most time.
"""

import argparse
import io
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

from benchmarks.measure import in_turns, real_pictures, save_generator_apart
from pix2pix.bulk.shard_files import write_shards
from pix2pix.bulk.source_table import SourceTable
from pix2pix.bulk.translation_plan import TranslationPlan, TranslationRecord
from pix2pix.bulk.workers import Workers
from pix2pix.translate import Translator

TARGET = 0.9


def write_dataset(folder: Path, rows: int) -> SourceTable:
    """Writes a dataset of photos as JPEGs, each a second time as its "map", and opens it."""

    def encode(picture: np.ndarray) -> dict:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=92)
        return {"bytes": stream.getvalue(), "path": None}

    photos = [encode(photo) for photo in real_pictures(rows)]
    features = datasets.Features({"photo": datasets.Image(), "map": datasets.Image()})
    table = datasets.Dataset.from_dict({"photo": photos, "map": photos}, features)
    table.to_parquet(folder / "photos.parquet")
    return SourceTable(str(folder / "photos.parquet"), "train")


def make_plan(table: SourceTable) -> TranslationPlan:
    """Returns the plan of one file with all rows."""
    return TranslationPlan(
        dataset="photos", dataset_config=None, dataset_revision=None, fingerprint=None,
        split="train", rows=table.rows, columns=("photo", "map"), input_column="photo",
        output_column="translation", model="random", model_revision=None, graph_sha256="",
        mode="fit", bands=None, value_range=None, max_megapixels=64.0, shard_rows=table.rows,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        save_generator_apart(folder)
        table, translator = write_dataset(folder, arguments.rows), Translator(folder)
        tensor = real_pictures(1) / np.float32(127.5) - np.float32(1)

        def bare() -> None:
            for _ in range(arguments.rows):
                translator._session.run(["translation"], {"image": tensor})

        def bare_on_each_core() -> None:
            run = partial(one_thread._session.run, ["translation"], {"image": tensor})
            list(pool.map(lambda _: run(), range(arguments.rows)))

        def translate(workers: Workers) -> None:
            record = TranslationRecord(make_plan(table))
            for path in write_shards(table, record, [0], folder, workers, lambda *_: None):
                path.unlink()

        one_thread = Translator(folder, threads=1)
        pool = stack.enter_context(ThreadPoolExecutor(len(os.sched_getaffinity(0))))
        one = Workers(lambda **_: one_thread, "fit", 1)
        several = Workers(partial(Translator, folder), "fit", arguments.processes)
        contenders = {
            "the bare network, one picture on all cores": bare,
            "the bare network, one picture on each core": bare_on_each_core,
            "the dataset in one process": partial(translate, stack.enter_context(one)),
            f"the dataset in {arguments.processes} processes": partial(
                translate, stack.enter_context(several)
            ),
        }
        seconds = in_turns(contenders, arguments.rounds)
    rates = {name: arguments.rows / value for name, value in seconds.items()}
    network = max(rate for name, rate in rates.items() if "network" in name)
    ratios = {name: rate / network for name, rate in rates.items()}
    print("| | pictures a second | relative to the faster bare network |")
    print("|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.2f} | {ratios[name]:.2f} |")
    return 0 if ratios["the dataset in one process"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
