"""The test Hub, seen through the clients that the project uses against the real one.

The other tests trust this server, so the refusals matter here as much as the successes.
"""

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    ModelCard,
    ModelCardData,
    SpaceCard,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub_server import ORGANISATION, READ_TOKEN, WRITE_TOKEN, Fault, HubServer

WEIGHTS = bytes(range(256)) * 64


@pytest.fixture
def api(hub: HubServer) -> HfApi:
    return HfApi(token=WRITE_TOKEN)


@pytest.fixture
def reader(hub: HubServer) -> HfApi:
    return HfApi(token=READ_TOKEN)


@pytest.fixture
def anonymous(hub: HubServer) -> HfApi:
    return HfApi(token=False)


@pytest.fixture
def model(api: HfApi, repo_id: str) -> str:
    """A model repository with one regular and one LFS file."""
    api.create_repo(repo_id)
    api.create_commit(
        repo_id, [add("config.json", b"{}"), add("model.onnx", WEIGHTS)], commit_message="first"
    )
    return repo_id


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


# --- repositories, commits, downloads


def test_whoami_tells_the_token_s_role(api: HfApi, reader: HfApi) -> None:
    assert api.whoami()["name"] == "tester"
    assert [org["name"] for org in api.whoami()["orgs"]] == [ORGANISATION]
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"


def test_small_and_lfs_files_come_back_as_they_went(
    api: HfApi, model: str, empty_cache: Path
) -> None:
    folder = Path(snapshot_download(model, cache_dir=empty_cache))
    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    files = {s.rfilename: s for s in api.model_info(model, files_metadata=True).siblings}
    assert files["config.json"].lfs is None
    assert files["model.onnx"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_an_lfs_object_is_uploaded_once(hub: HubServer, api: HfApi, model: str) -> None:
    def uploads() -> int:
        return sum(path.startswith("/lfs-upload/") for _, path, _ in hub.requests)

    before = uploads()
    api.upload_file(path_or_fileobj=WEIGHTS, path_in_repo="copy.onnx", repo_id=model)
    assert uploads() == before
    api.upload_file(path_or_fileobj=WEIGHTS[1:], path_in_repo="other.onnx", repo_id=model)
    assert uploads() == before + 1


def test_a_commit_moves_the_branch_and_leaves_old_commits_alone(
    api: HfApi, model: str, empty_cache: Path
) -> None:
    first = api.model_info(model).sha
    operations = [add("config.json", b"[]"), CommitOperationDelete("model.onnx")]
    second = api.create_commit(model, operations, commit_message="second", parent_commit=first)
    commits = api.list_repo_commits(model)
    assert [commit.title for commit in commits] == ["second", "first", "initial commit"]
    assert commits[0].commit_id == second.oid == api.model_info(model).sha
    assert set(api.list_repo_files(model)) == {".gitattributes", "config.json"}
    old = hf_hub_download(model, "config.json", revision=first, cache_dir=empty_cache)
    assert Path(old).read_bytes() == b"{}"


def test_tags_and_branches_name_commits(api: HfApi, model: str) -> None:
    first = api.model_info(model).sha
    api.create_tag(model, tag="v1.0")
    api.create_branch(model, branch="feature/x")
    api.upload_file(
        path_or_fileobj=b"new", path_in_repo="note.txt", repo_id=model, revision="feature/x"
    )
    assert api.model_info(model, revision="v1.0").sha == first
    assert api.file_exists(model, "note.txt", revision="feature/x")
    assert not api.file_exists(model, "note.txt")
    refs = api.list_repo_refs(model)
    assert {ref.name for ref in refs.branches} == {"main", "feature/x"}
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1.0", first)]
    api.delete_branch(model, branch="feature/x")
    api.delete_tag(model, tag="v1.0")
    refs = api.list_repo_refs(model)
    assert [ref.name for ref in refs.branches + refs.tags] == ["main"]


def test_names_that_are_taken_conflict(api: HfApi, model: str) -> None:
    api.create_tag(model, tag="v1")
    attempts: list[Callable[[], object]] = [
        lambda: api.create_repo(model),
        lambda: api.create_tag(model, tag="v1"),
        lambda: api.create_branch(model, branch="main"),
    ]
    for attempt in attempts:
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status(error) == 409
    assert api.create_repo(model, exist_ok=True).repo_id == model


def test_a_pull_request_is_a_revision_of_its_own(api: HfApi, model: str) -> None:
    made = api.create_commit(
        model, [add("note.txt", b"?")], commit_message="propose", create_pr=True
    )
    assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
    assert api.file_exists(model, "note.txt", revision="refs/pr/1")
    assert not api.file_exists(model, "note.txt")
    refs = api.list_repo_refs(model, include_pull_requests=True)
    assert [pull.ref for pull in refs.pull_requests] == ["refs/pr/1"]


def test_listings_tell_files_from_folders(api: HfApi, model: str) -> None:
    made = api.upload_file(path_or_fileobj=b"1", path_in_repo="a/b/c.txt", repo_id=model)
    top = {item.path: type(item).__name__ for item in api.list_repo_tree(model)}
    assert top["a"] == "RepoFolder" and top["config.json"] == "RepoFile"
    assert "a/b" not in top
    inside = list(api.list_repo_tree(model, "a", recursive=True))
    assert [item.path for item in inside] == ["a/b", "a/b/c.txt"]
    found = api.get_paths_info(model, ["a/b/c.txt", "absent", "model.onnx"], expand=True)
    assert [item.path for item in found] == ["a/b/c.txt", "model.onnx"]
    assert found[0].last_commit.oid == made.oid
    assert found[1].last_commit.title == "first"


def test_deleting_and_squashing(api: HfApi, model: str) -> None:
    api.super_squash_history(model, commit_message="one")
    assert [commit.title for commit in api.list_repo_commits(model)] == ["one"]
    assert api.file_exists(model, "model.onnx")
    api.delete_repo(model)
    assert not api.repo_exists(model)


def test_a_cached_file_needs_no_hub(tmp_path: Path, empty_cache: Path) -> None:
    """A server of its own is stopped, so that the session's stays up for the other tests."""
    server = HubServer(tmp_path / "hub")
    with server:
        own = HfApi(server.endpoint, token=WRITE_TOKEN)
        own.create_repo("tester/cached")
        own.upload_file(path_or_fileobj=b"{}", path_in_repo="c.json", repo_id="tester/cached")
        where = {"endpoint": server.endpoint, "cache_dir": empty_cache}
        online = hf_hub_download("tester/cached", "c.json", **where)
    assert hf_hub_download("tester/cached", "c.json", **where) == online
    assert hf_hub_download("tester/cached", "c.json", local_files_only=True, **where) == online
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("tester/cached", "other.json", local_files_only=True, **where)
    with server:
        assert own.file_exists("tester/cached", "c.json"), "a restart must keep the repositories"


def test_head_and_range(hub: HubServer, api: HfApi, model: str) -> None:
    url = f"{hub.endpoint}/{model}/resolve/main/model.onnx"
    head = httpx2.head(url)
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(WEIGHTS))
    assert head.headers["x-repo-commit"] == api.model_info(model).sha
    assert head.headers["x-linked-etag"] == f'"{sha256}"'
    assert head.headers["x-linked-size"] == str(len(WEIGHTS))
    part = httpx2.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, WEIGHTS[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(WEIGHTS)}"
    assert httpx2.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    small = httpx2.head(f"{hub.endpoint}/{model}/resolve/main/config.json")
    assert small.headers["etag"] == f'"{hashlib.sha1(b"blob 2" + bytes(1) + b"{}").hexdigest()}"'
    assert "x-linked-etag" not in small.headers


def test_the_file_system_reads_and_writes(api: HfApi, model: str) -> None:
    fs = HfFileSystem(token=WRITE_TOKEN)
    with fs.open(f"{model}/folder/log.txt", "wb") as file:
        file.write(b"hello")
    assert fs.cat(f"{model}/folder/log.txt") == b"hello"
    with fs.open(f"{model}/model.onnx", block_size=1024) as file:
        file.seek(5000)
        assert file.read(16) == WEIGHTS[5000:5016]
    assert fs.ls(f"{model}/folder", detail=False) == [f"{model}/folder/log.txt"]


# --- cards, Spaces, Jobs


def test_a_pushed_card_becomes_the_repository_s_metadata(api: HfApi, model: str) -> None:
    data = ModelCardData(library_name="keras", pipeline_tag="image-to-image", license="mit")
    ModelCard(f"---\n{data.to_yaml()}\n---\n# A model").push_to_hub(model, token=WRITE_TOKEN)
    info = api.model_info(model)
    assert (info.library_name, info.pipeline_tag) == ("keras", "image-to-image")
    assert info.card_data.license == "mit"
    assert {"keras", "license:mit"} <= set(info.tags)
    assert ModelCard.load(model).data.to_dict() == data.to_dict()


@pytest.mark.parametrize(
    ("header", "complaint"),
    [("title: [", "YAML"), ("colorFrom: mauve", "colorFrom"), ("sdk: tkinter", "sdk")],
)
def test_a_bad_card_is_refused(api: HfApi, repo_id: str, header: str, complaint: str) -> None:
    api.create_repo(repo_id, repo_type="space", space_sdk="gradio")
    content = f"---\n{header}\n---\n"
    with pytest.raises(ValueError, match=complaint):
        api.upload_file(
            path_or_fileobj=content.encode(),
            path_in_repo="README.md",
            repo_id=repo_id,
            repo_type="space",
        )
    assert not api.file_exists(repo_id, "README.md", repo_type="space")
    if complaint != "YAML":
        with pytest.raises(ValueError, match=complaint):
            SpaceCard(content, ignore_metadata_errors=True).validate()


def test_a_space_with_variables_secrets_and_hardware(
    hub: HubServer, api: HfApi, repo_id: str
) -> None:
    api.create_repo(
        repo_id,
        repo_type="space",
        space_sdk="gradio",
        space_variables=[{"key": "MODEL", "value": "tester/model"}],
    )
    api.add_space_variable(repo_id, "MODE", "fast", description="how")
    api.add_space_secret(repo_id, "HF_TOKEN", "s3cret")
    variables = api.get_space_variables(repo_id)
    assert {key: item.value for key, item in variables.items()} == {
        "MODEL": "tester/model",
        "MODE": "fast",
    }
    assert list(api.get_space_secrets(repo_id)) == ["HF_TOKEN"]
    secrets = httpx2.get(
        f"{hub.endpoint}/api/spaces/{repo_id}/secrets", headers=bearer(WRITE_TOKEN)
    )
    assert "s3cret" not in secrets.text
    assert hub.store.repo("space", repo_id).secrets["HF_TOKEN"]["value"] == "s3cret"
    assert api.get_space_runtime(repo_id).stage == "NO_APP_FILE"
    api.upload_file(
        path_or_fileobj=b"print()", path_in_repo="app.py", repo_id=repo_id, repo_type="space"
    )
    runtime = api.request_space_hardware(repo_id, "t4-small", sleep_time=600)
    assert (runtime.stage, runtime.hardware, runtime.sleep_time) == ("RUNNING", "t4-small", 600)
    assert api.pause_space(repo_id).stage == "PAUSED"
    assert api.restart_space(repo_id).stage == "RUNNING"
    api.delete_space_variable(repo_id, "MODE")
    api.delete_space_secret(repo_id, "HF_TOKEN")
    assert list(api.get_space_variables(repo_id)) == ["MODEL"]
    assert api.get_space_secrets(repo_id) == {}
    assert api.space_info(repo_id).sdk == "gradio"


def test_a_job_is_recorded_and_its_secrets_are_not_shown(hub: HubServer, api: HfApi) -> None:
    job = api.run_job(
        image="python:3.12", command=["true"], flavor="t4-small", secrets={"KEY": "s3cret"}
    )
    assert job.status.stage == "SCHEDULING" and job.owner.name == "tester"
    shown = api.inspect_job(job_id=job.id)
    assert shown.command == ["true"] and shown.secrets == {"KEY": "***"}
    assert hub.store.jobs[-1]["secrets"] == {"KEY": "s3cret"}
    assert "t4-small" in {hardware.name for hardware in api.list_jobs_hardware()}
    with pytest.raises(BadRequestError):
        api.run_job(image="python:3.12", command=["true"], flavor="abacus")


# --- datasets and Keras


def test_parquet_pushed_by_datasets_streams_back(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "STREAMING_READ_MAX_RETRIES", 1)
    rows = [{"name": f"row {i}", "value": i} for i in range(20)]
    datasets.Dataset.from_list(rows).push_to_hub(repo_id, token=WRITE_TOKEN, num_shards=2)
    streamed = datasets.load_dataset(repo_id, split="train", streaming=True)
    assert list(streamed) == rows
    parts = [path for method, path, code in hub.requests if (method, code) == ("GET", 206)]
    assert any(repo_id in path and path.endswith(".parquet") for path in parts), (
        "streaming reads ranges, not whole files"
    )


def test_parquet_committed_by_hand_streams_at_its_revision(api: HfApi, repo_id: str) -> None:
    import datasets

    api.create_repo(repo_id, repo_type="dataset")
    for values in ([1, 2], [3]):
        buffer = io.BytesIO()
        datasets.Dataset.from_dict({"x": values}).to_parquet(buffer)
        operation = add("data/train-00000-of-00001.parquet", buffer.getvalue())
        api.create_commit(repo_id, [operation], commit_message=str(values), repo_type="dataset")
    newest, older, *_ = api.list_repo_commits(repo_id, repo_type="dataset")
    for commit, values in ((newest, [3]), (older, [1, 2])):
        streamed = datasets.load_dataset(
            repo_id, split="train", streaming=True, revision=commit.commit_id
        )
        assert [row["x"] for row in streamed] == values


def test_keras_saves_to_and_loads_from_the_hub(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Keras calls the client without a token: the environment has to carry it.
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    keras = pytest.importorskip("keras")
    import numpy as np

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(f"hf://{repo_id}")
    loaded = keras.saving.load_model(f"hf://{repo_id}", compile=False)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert "model.weights.h5" in HfApi().list_repo_files(repo_id)


# --- what the Hub refuses


def test_writing_without_a_token_is_401(hub: HubServer, anonymous: HfApi, model: str) -> None:
    with pytest.raises(HfHubHTTPError) as error:
        anonymous.create_repo("tester/anonymous")
    assert status(error) == 401
    with pytest.raises(RepositoryNotFoundError) as error:
        anonymous.create_commit(model, [add("a.txt", b"")], commit_message="no")
    assert status(error) == 401
    for path in ("preupload/main", "commit/main", "tag/main", "branch/b", "super-squash/main"):
        answer = httpx2.post(f"{hub.endpoint}/api/models/{model}/{path}", content=b"{}")
        assert answer.status_code == 401, path
    batch = f"{hub.endpoint}/{model}.git/info/lfs/objects/batch"
    assert httpx2.post(batch, content=b"{}").status_code == 401


def test_an_unknown_token_is_401_even_to_read(hub: HubServer, model: str) -> None:
    stranger = HfApi(token="hf_unknown")
    for attempt in (
        stranger.whoami,
        lambda: stranger.model_info(model),
        lambda: stranger.create_repo("tester/stranger"),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status(error) == 401


def test_a_read_token_reads_and_does_not_write(
    hub: HubServer, reader: HfApi, model: str, empty_cache: Path
) -> None:
    hf_hub_download(model, "config.json", token=READ_TOKEN, cache_dir=empty_cache)
    reader.auth_check(model)
    for attempt in (
        lambda: reader.create_repo("tester/reader"),
        lambda: reader.create_commit(model, [add("a.txt", b"")], commit_message="no"),
        lambda: reader.create_commit(
            model, [add("a.txt", b"")], commit_message="no", create_pr=True
        ),
        lambda: reader.create_tag(model, tag="v1"),
        lambda: reader.delete_repo(model),
        lambda: reader.auth_check(model, write=True),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status(error) == 403
    batch = httpx2.post(
        f"{hub.endpoint}/{model}.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": []},
        headers=bearer(READ_TOKEN),
    )
    assert batch.status_code == 403


def test_a_foreign_namespace_takes_pull_requests_only(hub: HubServer, api: HfApi) -> None:
    api.create_repo(f"{ORGANISATION}/shared", exist_ok=True)
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo("somebody/model")
    assert status(error) == 403
    if ("model", "somebody/public") not in hub.store.repos:
        hub.store.create("model", "somebody/public")
    with pytest.raises(HfHubHTTPError) as error:
        api.create_commit("somebody/public", [add("a.onnx", b"1")], commit_message="no")
    assert status(error) == 403
    made = api.create_commit(
        "somebody/public", [add("a.onnx", b"1")], commit_message="please", create_pr=True
    )
    assert not api.file_exists("somebody/public", "a.onnx")
    assert api.file_exists("somebody/public", "a.onnx", revision=made.pr_revision)


def test_a_private_repository_is_hidden(
    hub: HubServer, api: HfApi, reader: HfApi, anonymous: HfApi, repo_id: str
) -> None:
    api.create_repo(repo_id, private=True)
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo_id)
    assert reader.model_info(repo_id).private
    for attempt in (
        lambda: anonymous.model_info(repo_id),
        lambda: anonymous.hf_hub_download(repo_id, "a.txt"),
        lambda: anonymous.model_info("tester/never-created"),
    ):
        with pytest.raises(RepositoryNotFoundError) as error:
            attempt()
        assert status(error) == 401
    with pytest.raises(RepositoryNotFoundError) as error:
        api.model_info("tester/never-created")
    assert status(error) == 404
    api.update_repo_settings(repo_id, private=False)
    assert not anonymous.model_info(repo_id).private


def test_lfs_bytes_must_be_the_declared_ones(hub: HubServer, model: str) -> None:
    content = b"the real content of a new file"
    oid, size = hashlib.sha256(content).hexdigest(), len(content)

    def ticket() -> str:
        answer = httpx2.post(
            f"{hub.endpoint}/{model}.git/info/lfs/objects/batch",
            json={"operation": "upload", "objects": [{"oid": oid, "size": size}]},
            headers=bearer(WRITE_TOKEN),
        )
        return answer.json()["objects"][0]["actions"]["upload"]["href"]

    for wrong in (content[::-1], content[:-1], content + b"!", b""):
        assert httpx2.put(ticket(), content=wrong).status_code == 400
        assert hub.store.lfs(oid, size) is None
    assert httpx2.put(f"{hub.endpoint}/lfs-upload/forged", content=content).status_code == 403
    assert httpx2.put(ticket(), content=content).status_code == 200
    assert hub.store.lfs(oid, size) is not None


def commit_lines(hub: HubServer, model: str, *lines: object, token: str = WRITE_TOKEN) -> int:
    """Post a commit payload that the client would never send."""
    body = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    url = f"{hub.endpoint}/api/models/{model}/commit/main"
    return httpx2.post(url, content=body, headers=bearer(token)).status_code


def test_a_bad_commit_is_400_and_changes_nothing(hub: HubServer, api: HfApi, model: str) -> None:
    header = {"key": "header", "value": {"summary": "bad"}}
    good = {"key": "file", "value": {"path": "good.txt", "content": "", "encoding": "base64"}}
    absent = {"path": "x.onnx", "algo": "sha256", "oid": "0" * 64, "size": 1}
    before = api.model_info(model).sha
    bad = [
        {"key": "lfsFile", "value": absent},
        {"key": "lfsFile", "value": {**absent, "oid": hashlib.sha256(WEIGHTS).hexdigest()}},
        {"key": "lfsFile", "value": {**absent, "oid": "../blobs"}},
        {"key": "file", "value": {"path": "../up.txt", "content": ""}},
        {"key": "file", "value": {"path": "config.json/inside.txt", "content": ""}},
        {"key": "file", "value": {"path": "x.txt", "content": "not base64!"}},
        {"key": "nonsense", "value": {"path": "x.txt"}},
        {"key": "file", "value": {"content": ""}},
        b"{not json",
    ]
    for line in bad:
        assert commit_lines(hub, model, header, good, line) == 400, line
    assert commit_lines(hub, model, good) == 400, "a commit without a header"
    assert commit_lines(hub, model, header, {"key": "deletedFile", "value": {"path": "no"}}) == 404
    assert api.model_info(model).sha == before
    assert not api.file_exists(model, "good.txt")
    assert commit_lines(hub, model, header, good) == 200


def test_a_stale_parent_is_412(api: HfApi, model: str) -> None:
    stale = api.model_info(model).sha
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=model)
    with pytest.raises(HfHubHTTPError) as error:
        api.create_commit(model, [add("b.txt", b"2")], commit_message="late", parent_commit=stale)
    assert status(error) == 412
    assert not api.file_exists(model, "b.txt")


def test_of_many_writers_with_one_parent_one_wins(api: HfApi, model: str) -> None:
    parent = api.model_info(model).sha

    def write(number: int) -> str:
        try:
            operation = add(f"{number}.txt", b"mine")
            api.create_commit(model, [operation], commit_message=str(number), parent_commit=parent)
        except HfHubHTTPError as error:
            assert error.response.status_code == 412
            return "stale"
        return f"{number}.txt"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(write, range(8)))
    assert outcomes.count("stale") == 7
    (winner,) = set(outcomes) - {"stale"}
    assert [f for f in api.list_repo_files(model) if f.endswith(".txt")] == [winner]


def test_unknown_revisions_and_files_are_404(api: HfApi, model: str, empty_cache: Path) -> None:
    for attempt in (
        lambda: api.model_info(model, revision="v9"),
        lambda: api.list_repo_commits(model, revision="refs/pr/1"),
        lambda: api.create_tag(model, tag="t", revision="0" * 40),
        lambda: api.create_commit(model, [add("a", b"")], commit_message="no", revision="absent"),
        lambda: hf_hub_download(model, "config.json", revision="v9", cache_dir=empty_cache),
    ):
        with pytest.raises(RevisionNotFoundError) as error:
            attempt()
        assert status(error) == 404
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(model, "absent.json", cache_dir=empty_cache)
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(model, "absent"))


# --- the server itself


def test_a_fault_strikes_as_often_as_it_says(hub: HubServer, api: HfApi, model: str) -> None:
    path = f"/api/models/{model}$"
    hub.faults.append(Fault("GET", path, 418, headers={"X-Why": "teapot"}))
    with pytest.raises(HfHubHTTPError) as error:
        api.model_info(model)
    assert (status(error), error.value.response.headers["x-why"]) == (418, "teapot")
    assert hub.requests[-1] == ("GET", f"/api/models/{model}", 418)
    assert api.model_info(model).id == model
    hub.faults.append(Fault("*", path, "reset"))
    with pytest.raises(httpx2.RemoteProtocolError):
        api.model_info(model)
    assert hub.requests[-1] == ("GET", f"/api/models/{model}", 0)
    hub.faults.append(Fault("*", path, "delay", seconds=0.3))
    with pytest.raises(httpx2.ReadTimeout):
        api.model_info(model, timeout=0.1)
    assert api.model_info(model).id == model


def test_the_client_retries_an_upload_after_a_503(hub: HubServer, api: HfApi, model: str) -> None:
    hub.faults.append(Fault("PUT", "^/lfs-upload/", 503, headers={"Retry-After": "0"}))
    api.upload_file(path_or_fileobj=WEIGHTS * 2, path_in_repo="big.onnx", repo_id=model)
    puts = [code for method, _, code in hub.requests if method == "PUT"]
    assert puts[-2:] == [503, 200]


def test_a_missing_route_is_no_missing_repository(hub: HubServer, model: str) -> None:
    answer = httpx2.get(f"{hub.endpoint}/api/models/{model}/likers")
    assert answer.status_code == 404 and "x-error-code" not in answer.headers
    assert "likers" in answer.json()["error"]


def test_it_runs_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hub_server", "--root", str(tmp_path), "--port", "0"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            first = process.stdout.readline()
            endpoint = first.split("HF_ENDPOINT=")[1].split()[0]
            assert HfApi(endpoint, token=WRITE_TOKEN).whoami()["name"] == "tester"
            assert WRITE_TOKEN in process.stdout.readline()
        finally:
            process.terminate()
