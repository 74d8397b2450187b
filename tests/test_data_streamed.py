"""Datasets streamed from a Hub: what is fetched, what is refused, and what faults survive."""

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pix2pix import UserError
from pix2pix.data import Rows, Source, cached_pairs, open_source
from pix2pix.hub import dataset_commit
from tests.builders import Pair, tiny_config
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, Fault, HubServer
from tests.streaming import impatient, noise_pairs, put_dataset, sent, shard  # noqa: F401
from tests.test_data import assert_same_pairs, read

TRAIN = Rows("train", 0, 24)
FIRST_SHARD = "train-00000-of-00003"
SECOND_SHARD = "train-00001-of-00003"
FOOTER = 70_000  # the client asks for the last 64 kB of a file at once


def open_streamed(repo_id: str, revision: str | None = None) -> Source:
    """As the command does: the branch's commit is pinned, then the dataset is opened."""
    commit = dataset_commit(repo_id, revision)
    return open_source(tiny_config(dataset_name=repo_id, dataset_revision=commit))


def built(source: Source, folder: Path) -> bytes:
    """The bytes of the finished cache, which must be the only thing left in its folder."""
    cached_pairs(source, TRAIN, 32, folder)
    assert not list(folder.glob("*.partial"))
    return next(folder.glob("*.uint8")).read_bytes()


@pytest.fixture(scope="module")
def chosen() -> list[Pair]:
    return noise_pairs(24)


@pytest.fixture
def dataset(hub: HubServer, repo_id: str, chosen: list[Pair]) -> str:
    """24 pairs in three shards of about 200 kB, each of two row groups."""
    put_dataset(hub, repo_id, [shard(chosen[start : start + 8]) for start in (0, 8, 16)])
    return repo_id


@pytest.fixture
def undisturbed(dataset: str, tmp_path: Path) -> bytes:
    """The finished cache of a build that nothing disturbed."""
    return built(open_streamed(dataset), tmp_path / "undisturbed")


# What is read, and what is fetched for it.


@pytest.mark.parametrize("features", [True, False], ids=["Image columns", "bare structs"])
def test_pairs_in_several_shards_and_row_groups(hub: HubServer, repo_id, chosen, features):
    shards = [shard(chosen[:5], features, 2), shard(chosen[5:12], features, 3)]
    put_dataset(hub, repo_id, shards)
    put_dataset(hub, repo_id, [shard(chosen[12:14], features)], split="validation")
    source = open_streamed(repo_id)
    assert source.columns == ("imageA", "imageB")
    assert source.splits == {"train": 12, "validation": 2}
    assert_same_pairs(read(source, Rows("train", 0, 12)), chosen[:12])
    assert_same_pairs(read(source, Rows("train", 4, 9)), chosen[4:9])
    assert_same_pairs(read(source, Rows("validation", 1, 2)), chosen[13:14])


def test_a_pinned_revision_reads_the_old_content(hub: HubServer, repo_id, chosen):
    old = put_dataset(hub, repo_id, [shard(chosen[:3])])
    new = put_dataset(hub, repo_id, [shard(chosen[3:7])])
    latest, pinned = open_streamed(repo_id), open_streamed(repo_id, revision=old)
    assert_same_pairs(read(latest, Rows("train", 0, 4)), chosen[3:7])
    assert pinned.splits == {"train": 3}
    assert_same_pairs(read(pinned, Rows("train", 0, 3)), chosen[:3])
    assert latest.fingerprint() == open_streamed(repo_id, new).fingerprint() != pinned.fingerprint()


def test_rows_of_a_late_row_group_leave_the_others_where_they_are(hub: HubServer, dataset, chosen):
    """Of the shards before, no more than the footers are fetched: opening a cut run is cheap."""
    source = open_streamed(dataset)
    assert sent(hub, FIRST_SHARD) <= 4 * FOOTER
    hub.sent.clear()
    assert_same_pairs(read(source, Rows("train", 21, 24)), chosen[21:])
    whole = len(shard(chosen[:8]))
    assert whole > 2.5 * FOOTER
    assert sent(hub, FIRST_SHARD) <= FOOTER
    assert sent(hub, SECOND_SHARD) <= FOOTER
    hub.sent.clear()
    assert_same_pairs(read(source, Rows("train", 21, 24)), chosen[21:])
    assert sent(hub, SECOND_SHARD) == 0, "a later epoch fetches no footers again"


# What is refused: one sentence each, and never a token.


def refusal(attempt) -> str:
    with pytest.raises(UserError) as refused:
        attempt()
    said = str(refused.value)
    assert "\n" not in said and WRITE_TOKEN not in said and READ_TOKEN not in said
    return said


def test_a_private_dataset_needs_a_token(hub: HubServer, repo_id, chosen, monkeypatch):
    put_dataset(hub, repo_id, [shard(chosen[:2])], private=True)
    said = refusal(lambda: open_streamed(repo_id))
    assert repo_id in said and "HF_TOKEN" in said
    said = refusal(lambda: open_source(tiny_config(dataset_name=repo_id)))
    assert repo_id in said
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert_same_pairs(read(open_streamed(repo_id), Rows("train", 0, 2)), chosen[:2])


def test_a_dataset_that_is_not_there(hub: HubServer):
    said = refusal(lambda: open_streamed("tester/no-such-set"))
    assert "tester/no-such-set" in said and "not found" in said
    said = refusal(lambda: open_source(tiny_config(dataset_name="tester/no-such-set")))
    assert "No pairs were found at tester/no-such-set" in said


@pytest.mark.parametrize("revision", ["no-such-branch", "0123456789" * 4])
def test_a_revision_that_is_not_there(hub: HubServer, dataset, revision):
    assert "no such revision" in refusal(lambda: open_streamed(dataset, revision))
    config = tiny_config(dataset_name=dataset, dataset_revision=revision)
    assert dataset in refusal(lambda: open_source(config))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused(hub: HubServer, dataset, status, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    hub.faults.append(Fault("*", dataset, status, times=99))
    said = refusal(lambda: open_streamed(dataset))
    assert dataset in said and str(status) in said
    hub.faults[:] = [Fault("*", rf"{dataset}/resolve", status, times=99)]
    said = refusal(lambda: open_streamed(dataset))
    assert dataset in said and str(status) in said


# What is survived.


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_breaks_inside_a_file(hub, dataset, undisturbed, tmp_path):
    source = open_streamed(dataset)
    for after in (0, 1, 70_000):
        hub.faults.append(Fault("GET", SECOND_SHARD, "cut", after=after))
    assert built(source, tmp_path / "cut") == undisturbed
    assert all(fault.times == 0 for fault in hub.faults), "each fault must have struck"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("effect", [503, 429, 504, "reset"])
def test_a_few_faults_are_waited_out(hub, dataset, undisturbed, tmp_path, effect):
    source = open_streamed(dataset)
    hub.faults.append(Fault("GET", SECOND_SHARD, effect, times=4))
    assert built(source, tmp_path / "faults") == undisturbed
    assert hub.faults[0].times == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("effect", [503, 429, "reset"])
def test_a_fault_that_stays_ends_the_build_and_the_next_goes_on(
    hub: HubServer,
    dataset,
    undisturbed,
    tmp_path,
    effect,
):
    source, folder = open_streamed(dataset), tmp_path / "resumed"
    read(source, Rows("train", 0, 1))  # the footers are known, as in a run that is under way
    hub.faults.append(Fault("GET", SECOND_SHARD, effect, times=10**6))
    said = refusal(lambda: built(source, folder))
    assert re.search(r"broke off at row 8 of train .* run the command again", said)
    row = 2 * 32 * 32 * 3
    assert next(folder.glob("*.partial")).stat().st_size == 8 * row
    hub.faults.clear()
    source = open_streamed(dataset)
    hub.sent.clear()
    assert built(source, folder) == undisturbed
    assert sent(hub, FIRST_SHARD) <= FOOTER, "rows that are cached are not fetched again"


def test_columns_that_are_not_of_the_pair_are_not_fetched(hub: HubServer, repo_id, chosen):
    plain = parquet.read_table(io.BytesIO(shard(chosen)))
    noise = np.random.default_rng(0).bytes(16_000_000)
    wide = plain.append_column("scan", pa.array([noise] * len(plain), pa.binary()))
    file = io.BytesIO()
    parquet.write_table(wide, file, row_group_size=8)
    put_dataset(hub, repo_id, [file.getvalue()])
    hub.sent.clear()
    source = open_streamed(repo_id)
    rows = list(source.read(Rows("train", 0, len(chosen))))
    assert [len(row) for row in rows] == [2] * len(chosen)
    # Not none of it: the client reads ahead by blocks of 5 MB.
    assert sent(hub, "train-") < len(file.getvalue()) / 2
