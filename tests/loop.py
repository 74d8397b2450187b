"""One run of the whole loop that many tests look at: published once a session, served once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.commands import ROOT, run_train_hub, running_space
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.hub_server.trees import Put

SAMPLE_MAPS = ROOT / "assets" / "sample_maps" / "data"
DATASET, MODEL = "huggan/maps", f"{USER}/pix2pix-maps"
TINY = ["--image_size", "64", "--generator_filters", "4", "--discriminator_filters", "4"]


@dataclass(frozen=True)
class Published:
    """What one run of the command left behind."""

    folder: Path
    output: str
    photo: Path


@pytest.fixture(scope="session")
def published(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Trains for a few steps on a data set streamed from the Hub and pushes the result there."""
    folder = tmp_path_factory.mktemp("loop")
    put_dataset_on_hub(hub)
    output = run_train_hub(
        "--dataset_name", DATASET, *TINY, "--max_train_steps", "6", "--sample-steps", "3",
        "--output_dir", str(folder / "run"), "--cache_dir", str(folder / "cache"),
        "--push_to_hub", "--hub_model_id", MODEL, "--hub_tag", "v1.0", token=WRITE_TOKEN,
    )  # fmt: skip
    photo = folder / "aerial.jpg"
    row = parquet.read_table(SAMPLE_MAPS / "validation-00000-of-00001.parquet")["imageA"][5]
    photo.write_bytes(row.as_py()["bytes"])
    return Published(folder / "run", output, photo)


def put_dataset_on_hub(hub: HubServer) -> None:
    """24 training pairs in two shards and 6 validation pairs of the embedded set."""
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
        edits.append(Put(f"data/{name}.parquet", hub.store.put(shard.getvalue().to_pybytes())))
    repo.add("main", edits, title="Upload the shards")


@pytest.fixture(scope="session")
def space(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Space, serving the published model at its tag."""
    log = tmp_path_factory.mktemp("space") / "app.log"
    with running_space(log, PIX2PIX_MODEL=f"{MODEL}@v1.0") as address:
        yield address
