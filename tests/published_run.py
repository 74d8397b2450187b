"""One run of the whole loop, published once and served once a session, for many tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.commands import ROOT, run_train_hub, running_space
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.hub_server.commits import AddFile

SAMPLE_MAPS = ROOT / "assets" / "sample_maps" / "data"
DATASET, MODEL = "huggan/maps", f"{USER}/pix2pix-maps"
TINY_FLAGS = [
    "--image_size",
    "64",
    "--generator_filters",
    "4",
    "--discriminator_filters",
    "4",
]


@dataclass(frozen=True)
class PublishedRun:
    """The output folder and the printed output of one run, and a photo to translate."""

    folder: Path
    output: str
    photo: Path


@pytest.fixture(scope="session")
def published_run(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> PublishedRun:
    """Trains for a few steps on a dataset streamed from the Hub and pushes the result there."""
    folder = tmp_path_factory.mktemp("loop")
    upload_sample_maps(hub)
    output = run_train_hub(
        "--dataset_name", DATASET, *TINY_FLAGS, "--max_train_steps", "6", "--sample-steps", "3",
        "--output_dir", str(folder / "run"), "--cache_dir", str(folder / "cache"),
        "--push_to_hub", "--hub_model_id", MODEL, "--hub_tag", "v1.0", token=WRITE_TOKEN,
    )  # fmt: skip
    photo = folder / "aerial.jpg"
    row = parquet.read_table(SAMPLE_MAPS / "validation-00000-of-00001.parquet")["imageA"][5]
    photo.write_bytes(row.as_py()["bytes"])
    return PublishedRun(folder / "run", output, photo)


def upload_sample_maps(hub: HubServer) -> None:
    """Uploads 24 training pairs in two shards and 6 validation pairs of the sample maps."""
    repo = hub.store.create("dataset", DATASET)
    edits = []
    for name, rows in (
        ("train-00000-of-00002", 12),
        ("train-00001-of-00002", 12),
        ("validation-00000-of-00001", 6),
    ):
        table = parquet.read_table(SAMPLE_MAPS / f"{name}.parquet").slice(0, rows)
        shard = pa.BufferOutputStream()
        parquet.write_table(table, shard)
        edits.append(
            AddFile(f"data/{name}.parquet", hub.store.write_blob(shard.getvalue().to_pybytes()))
        )
    repo.commit("main", edits, title="Upload the shards")


@pytest.fixture(scope="session")
def published_space(
    published_run: PublishedRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Runs the Space on the published model at its tag; yields its URL."""
    log = tmp_path_factory.mktemp("space") / "app.log"
    with running_space(log, PIX2PIX_MODEL=f"{MODEL}@v1.0") as url:
        yield url
