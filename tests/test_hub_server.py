"""The test Hub, seen through the clients that the project uses against the real one.

The other tests trust this server, so the refusals matter as much as the successes: see
test_hub_server_refusals.py.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
)

from tests.hub_clients import WEIGHTS, add, status
from tests.hub_server import ORGANISATION, WRITE_TOKEN, HubServer


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
