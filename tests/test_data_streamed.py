"""Datasets streamed from a Hub: downloads, errors, and retries after faults."""

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pix2pix.data import Rows, Source, cache_pairs, open_source
from pix2pix.hub import dataset_commit
from tests.builders import Pair, tiny_config
from tests.hub_datasets import (  # noqa: F401
    count_sent_bytes,
    make_noise_pairs,
    make_shard,
    short_retry_waits,
    upload_dataset,
)
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, Fault, HubServer
from tests.source_pairs import assert_same_pairs, error_message, read_pairs

TRAIN = Rows("train", 0, 24)
FIRST_SHARD = "train-00000-of-00003"
SECOND_SHARD = "train-00001-of-00003"
FOOTER = 70_000  # the client asks for the last 64 kB of a file at once


def open_streamed(repo_id: str, revision: str | None = None) -> Source:
    """Opens a dataset as the command does, at the commit of its branch."""
    commit = dataset_commit(repo_id, revision)
    return open_source(tiny_config(dataset_name=repo_id, dataset_revision=commit))


def build_cache(source: Source, folder: Path) -> bytes:
    """Builds a cache, which must leave no partial file; returns the bytes of its file."""
    cache_pairs(source, TRAIN, 32, folder)
    assert not list(folder.glob("*.partial"))
    return next(folder.glob("*.uint8")).read_bytes()


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return make_noise_pairs(24)


@pytest.fixture
def dataset(hub: HubServer, repo_id: str, pairs: list[Pair]) -> str:
    """24 pairs in three shards of about 200 kB, each of two row groups."""
    upload_dataset(hub, repo_id, [make_shard(pairs[start : start + 8]) for start in (0, 8, 16)])
    return repo_id


@pytest.fixture
def undisturbed(dataset: str, tmp_path: Path) -> bytes:
    """The bytes of a cache that was built without faults."""
    return build_cache(open_streamed(dataset), tmp_path / "undisturbed")


# Reading and downloading.


@pytest.mark.parametrize("features", [True, False], ids=["Image columns", "bare structs"])
def test_pairs_in_several_shards_and_row_groups(hub: HubServer, repo_id, pairs, features):
    shards = [make_shard(pairs[:5], features, 2), make_shard(pairs[5:12], features, 3)]
    upload_dataset(hub, repo_id, shards)
    upload_dataset(hub, repo_id, [make_shard(pairs[12:14], features)], split="validation")
    source = open_streamed(repo_id)
    assert source.columns == ("imageA", "imageB")
    assert source.splits == {"train": 12, "validation": 2}
    assert_same_pairs(read_pairs(source, Rows("train", 0, 12)), pairs[:12])
    assert_same_pairs(read_pairs(source, Rows("train", 4, 9)), pairs[4:9])
    assert_same_pairs(read_pairs(source, Rows("validation", 1, 2)), pairs[13:14])


def test_an_older_revision_reads_its_own_content(hub: HubServer, repo_id, pairs):
    old = upload_dataset(hub, repo_id, [make_shard(pairs[:3])])
    new = upload_dataset(hub, repo_id, [make_shard(pairs[3:7])])
    latest, pinned = open_streamed(repo_id), open_streamed(repo_id, revision=old)
    assert_same_pairs(read_pairs(latest, Rows("train", 0, 4)), pairs[3:7])
    assert pinned.splits == {"train": 3}
    assert_same_pairs(read_pairs(pinned, Rows("train", 0, 3)), pairs[:3])
    assert latest.fingerprint() == open_streamed(repo_id, new).fingerprint() != pinned.fingerprint()


def test_reading_late_rows_does_not_download_earlier_row_groups(hub: HubServer, dataset, pairs):
    """Only the footers of earlier shards are downloaded, so resuming a run is cheap."""
    source = open_streamed(dataset)
    assert count_sent_bytes(hub, FIRST_SHARD) <= 4 * FOOTER
    hub.sent_bytes.clear()
    assert_same_pairs(read_pairs(source, Rows("train", 21, 24)), pairs[21:])
    whole = len(make_shard(pairs[:8]))
    assert whole > 2.5 * FOOTER
    assert count_sent_bytes(hub, FIRST_SHARD) <= FOOTER
    assert count_sent_bytes(hub, SECOND_SHARD) <= FOOTER
    hub.sent_bytes.clear()
    assert_same_pairs(read_pairs(source, Rows("train", 21, 24)), pairs[21:])
    assert count_sent_bytes(hub, SECOND_SHARD) == 0, "a later epoch downloads no footers again"


# Errors: one line each, without tokens.


def test_a_private_dataset_needs_a_token(hub: HubServer, repo_id, pairs, monkeypatch):
    upload_dataset(hub, repo_id, [make_shard(pairs[:2])], private=True)
    message = error_message(lambda: open_streamed(repo_id))
    assert repo_id in message and "HF_TOKEN" in message
    message = error_message(lambda: open_source(tiny_config(dataset_name=repo_id)))
    assert repo_id in message
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert_same_pairs(read_pairs(open_streamed(repo_id), Rows("train", 0, 2)), pairs[:2])


def test_a_missing_dataset_is_an_error(hub: HubServer):
    message = error_message(lambda: open_streamed("tester/no-such-set"))
    assert "tester/no-such-set" in message and "not found" in message
    message = error_message(lambda: open_source(tiny_config(dataset_name="tester/no-such-set")))
    assert "No pairs were found at tester/no-such-set" in message


@pytest.mark.parametrize("revision", ["no-such-branch", "0123456789" * 4])
def test_a_missing_revision_is_an_error(hub: HubServer, dataset, revision):
    assert "no such revision" in error_message(lambda: open_streamed(dataset, revision))
    config = tiny_config(dataset_name=dataset, dataset_revision=revision)
    assert dataset in error_message(lambda: open_source(config))


@pytest.mark.usefixtures("short_retry_waits")
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_an_error(hub: HubServer, dataset, status, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    hub.faults.append(Fault("*", dataset, status, times=99))
    message = error_message(lambda: open_streamed(dataset))
    assert dataset in message and str(status) in message
    hub.faults[:] = [Fault("*", rf"{dataset}/resolve", status, times=99)]
    message = error_message(lambda: open_streamed(dataset))
    assert dataset in message and str(status) in message


# Faults.


@pytest.mark.usefixtures("short_retry_waits")
def test_a_connection_that_breaks_within_a_file_is_resumed(hub, dataset, undisturbed, tmp_path):
    source = open_streamed(dataset)
    for after in (0, 1, 70_000):
        hub.faults.append(Fault("GET", SECOND_SHARD, "cut", after=after))
    assert build_cache(source, tmp_path / "cut") == undisturbed
    assert all(fault.times == 0 for fault in hub.faults), "each fault must have occurred"


@pytest.mark.usefixtures("short_retry_waits")
@pytest.mark.parametrize(
    "effect",
    [503, *(pytest.param(status, marks=pytest.mark.slow) for status in (429, 504)), "reset"],
)
def test_a_few_faults_are_retried(hub, dataset, undisturbed, tmp_path, effect):
    source = open_streamed(dataset)
    hub.faults.append(Fault("GET", SECOND_SHARD, effect, times=4))
    assert build_cache(source, tmp_path / "faults") == undisturbed
    assert hub.faults[0].times == 0


@pytest.mark.usefixtures("short_retry_waits")
@pytest.mark.parametrize("effect", [503, pytest.param(429, marks=pytest.mark.slow), "reset"])
def test_a_permanent_fault_ends_the_build_and_the_next_build_continues(
    hub: HubServer,
    dataset,
    undisturbed,
    tmp_path,
    effect,
):
    source, folder = open_streamed(dataset), tmp_path / "resumed"
    read_pairs(source, Rows("train", 0, 1))  # downloads the footers, as a run has done
    hub.faults.append(Fault("GET", SECOND_SHARD, effect, times=10**6))
    message = error_message(lambda: build_cache(source, folder))
    assert re.search(r"broke off at row 8 of train .* run the command again", message)
    row = 2 * 32 * 32 * 3
    assert next(folder.glob("*.partial")).stat().st_size == 8 * row
    hub.faults.clear()
    source = open_streamed(dataset)
    hub.sent_bytes.clear()
    assert build_cache(source, folder) == undisturbed
    assert count_sent_bytes(hub, FIRST_SHARD) <= FOOTER, "cached rows are not downloaded again"


def test_other_columns_are_not_downloaded(hub: HubServer, repo_id, pairs):
    plain = parquet.read_table(io.BytesIO(make_shard(pairs)))
    noise = np.random.default_rng(0).bytes(16_000_000)
    wide = plain.append_column("scan", pa.array([noise] * len(plain), pa.binary()))
    file = io.BytesIO()
    parquet.write_table(wide, file, row_group_size=8)
    upload_dataset(hub, repo_id, [file.getvalue()])
    hub.sent_bytes.clear()
    source = open_streamed(repo_id)
    rows = list(source.read(Rows("train", 0, len(pairs))))
    assert [len(row) for row in rows] == [2] * len(pairs)
    # Some of it is downloaded, because the client reads ahead in blocks of 5 MB.
    assert count_sent_bytes(hub, "train-") < len(file.getvalue()) / 2
