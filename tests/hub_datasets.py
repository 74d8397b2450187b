"""Datasets on the test Hub, and a fixture that shortens the clients' waits between retries."""

import inspect
import io
from collections.abc import Sequence

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from huggingface_hub.utils import http_backoff, http_stream_backoff
from PIL import Image

from tests.builders import Pair, encode_image
from tests.hub_server import HubServer
from tests.hub_server.commits import AddFile

RETRY_WAIT_SETTINGS = (
    "STREAMING_READ_RETRY_INTERVAL",
    "STREAMING_READ_SERVER_UNAVAILABLE_RETRY_INTERVAL",
    "STREAMING_READ_RATE_LIMIT_RETRY_INTERVAL",
    "STREAMING_OPEN_RETRY_INTERVAL",
)


def make_noise_pairs(count: int, side: int = 64, seed: int = 0) -> list[Pair]:
    """Returns pairs of noise, which does not compress: 24 kB a pair at 64x64."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (count, 2, side, side, 3), np.uint8)
    return [(Image.fromarray(a), Image.fromarray(b)) for a, b in values]


def make_shard(
    pairs: Sequence[Pair], features: bool = True, row_group_size: int = 4, repeats: int = 1
) -> bytes:
    """Returns a parquet file of pairs, as Image columns or as bare {bytes, path} structs."""
    columns = {
        name: [
            {"bytes": encode_image(pair[side]), "path": f"{n}.png"} for n, pair in enumerate(pairs)
        ]
        * repeats
        for side, name in enumerate(("imageA", "imageB"))
    }
    table = pa.table(columns)
    if features:
        kinds = datasets.Features({name: datasets.Image() for name in columns})
        table = table.cast(kinds.arrow_schema)
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=row_group_size)
    return file.getvalue()


def upload_dataset(
    hub: HubServer, repo_id: str, shards: Sequence[bytes], split: str = "train", **create: bool
) -> str:
    """Uploads `shards` as one split, into a new repository if needed; returns the commit id."""
    if ("dataset", repo_id) not in hub.store.repos:
        hub.store.create("dataset", repo_id, **create)
    edits = [
        AddFile(f"data/{split}-{n:05d}-of-{len(shards):05d}.parquet", hub.store.write_blob(content))
        for n, content in enumerate(shards)
    ]
    commit, _ = hub.store.repo("dataset", repo_id).commit("main", edits, title="Upload the shards")
    return commit.oid


def count_sent_bytes(hub: HubServer, shard_name: str) -> int:
    """Returns how many bytes of the shard the Hub has sent so far."""
    return sum(count for path, count in hub.sent_bytes.items() if shard_name in path)


@pytest.fixture
def short_retry_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the clients retry fewer times, without their waits of up to a minute."""
    for name in RETRY_WAIT_SETTINGS:
        monkeypatch.setattr(datasets.config, name, 0.01)
    monkeypatch.setattr(datasets.config, "STREAMING_READ_MAX_RETRIES", 3)
    monkeypatch.setattr(datasets.config, "STREAMING_OPEN_MAX_RETRIES", 3)
    # huggingface_hub has no setting for its waits (1 to 8 s), only argument defaults.
    for function in (http_backoff, http_stream_backoff):
        monkeypatch.setitem(inspect.unwrap(function).__kwdefaults__, "base_wait_time", 0.01)
