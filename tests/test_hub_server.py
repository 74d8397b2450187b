"""The test Hub behaves as the real one toward huggingface_hub: files, commits, references, caching.

Its error responses are in test_hub_server_errors.py.
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

from tests.hub_clients import WEIGHTS, add_file, status_code
from tests.hub_server import FREE_ORGANIZATION, ORGANIZATION, WRITE_TOKEN, HubServer


def test_whoami_returns_the_role_of_the_token(api: HfApi, read_only_api: HfApi) -> None:
    assert api.whoami()["name"] == "tester"
    assert [org["name"] for org in api.whoami()["orgs"]] == [ORGANIZATION, FREE_ORGANIZATION]
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    assert read_only_api.whoami()["auth"]["accessToken"]["role"] == "read"


def test_regular_and_lfs_files_are_downloaded_unchanged(
    api: HfApi, model_repo: str, empty_cache: Path
) -> None:
    folder = Path(snapshot_download(model_repo, cache_dir=empty_cache))
    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    files = {s.rfilename: s for s in api.model_info(model_repo, files_metadata=True).siblings}
    assert files["config.json"].lfs is None
    assert files["model.onnx"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_an_lfs_object_is_uploaded_once(hub: HubServer, api: HfApi, model_repo: str) -> None:
    def uploads() -> int:
        return sum(path.startswith("/lfs-upload/") for _, path, _ in hub.requests)

    before = uploads()
    api.upload_file(path_or_fileobj=WEIGHTS, path_in_repo="copy.onnx", repo_id=model_repo)
    assert uploads() == before
    api.upload_file(path_or_fileobj=WEIGHTS[1:], path_in_repo="other.onnx", repo_id=model_repo)
    assert uploads() == before + 1


def test_a_commit_moves_the_branch_and_keeps_old_commits(
    api: HfApi, model_repo: str, empty_cache: Path
) -> None:
    first = api.model_info(model_repo).sha
    operations = [add_file("config.json", b"[]"), CommitOperationDelete("model.onnx")]
    second = api.create_commit(model_repo, operations, commit_message="second", parent_commit=first)
    commits = api.list_repo_commits(model_repo)
    assert [commit.title for commit in commits] == ["second", "first", "initial commit"]
    assert commits[0].commit_id == second.oid == api.model_info(model_repo).sha
    assert set(api.list_repo_files(model_repo)) == {".gitattributes", "config.json"}
    old = hf_hub_download(model_repo, "config.json", revision=first, cache_dir=empty_cache)
    assert Path(old).read_bytes() == b"{}"


def test_tags_and_branches_name_commits(api: HfApi, model_repo: str) -> None:
    first = api.model_info(model_repo).sha
    api.create_tag(model_repo, tag="v1.0")
    api.create_branch(model_repo, branch="feature/x")
    api.upload_file(
        path_or_fileobj=b"new", path_in_repo="note.txt", repo_id=model_repo, revision="feature/x"
    )
    assert api.model_info(model_repo, revision="v1.0").sha == first
    assert api.file_exists(model_repo, "note.txt", revision="feature/x")
    assert not api.file_exists(model_repo, "note.txt")
    refs = api.list_repo_refs(model_repo)
    assert {ref.name for ref in refs.branches} == {"main", "feature/x"}
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1.0", first)]
    api.delete_branch(model_repo, branch="feature/x")
    api.delete_tag(model_repo, tag="v1.0")
    refs = api.list_repo_refs(model_repo)
    assert [ref.name for ref in refs.branches + refs.tags] == ["main"]


def test_existing_names_are_409(api: HfApi, model_repo: str) -> None:
    api.create_tag(model_repo, tag="v1")
    attempts: list[Callable[[], object]] = [
        lambda: api.create_repo(model_repo),
        lambda: api.create_tag(model_repo, tag="v1"),
        lambda: api.create_branch(model_repo, branch="main"),
    ]
    for attempt in attempts:
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status_code(error) == 409
    assert api.create_repo(model_repo, exist_ok=True).repo_id == model_repo


def test_a_pull_request_has_its_own_revision(api: HfApi, model_repo: str) -> None:
    commit = api.create_commit(
        model_repo, [add_file("note.txt", b"?")], commit_message="propose", create_pr=True
    )
    assert (commit.pr_num, commit.pr_revision) == (1, "refs/pr/1")
    assert api.file_exists(model_repo, "note.txt", revision="refs/pr/1")
    assert not api.file_exists(model_repo, "note.txt")
    refs = api.list_repo_refs(model_repo, include_pull_requests=True)
    assert [pull.ref for pull in refs.pull_requests] == ["refs/pr/1"]


def test_listings_distinguish_files_and_folders(api: HfApi, model_repo: str) -> None:
    commit = api.upload_file(path_or_fileobj=b"1", path_in_repo="a/b/c.txt", repo_id=model_repo)
    top = {item.path: type(item).__name__ for item in api.list_repo_tree(model_repo)}
    assert top["a"] == "RepoFolder" and top["config.json"] == "RepoFile"
    assert "a/b" not in top
    inside = list(api.list_repo_tree(model_repo, "a", recursive=True))
    assert [item.path for item in inside] == ["a/b", "a/b/c.txt"]
    paths = api.get_paths_info(model_repo, ["a/b/c.txt", "absent", "model.onnx"], expand=True)
    assert [item.path for item in paths] == ["a/b/c.txt", "model.onnx"]
    assert paths[0].last_commit.oid == commit.oid
    assert paths[1].last_commit.title == "first"


def test_deleting_and_squashing(api: HfApi, model_repo: str) -> None:
    api.super_squash_history(model_repo, commit_message="one")
    assert [commit.title for commit in api.list_repo_commits(model_repo)] == ["one"]
    assert api.file_exists(model_repo, "model.onnx")
    api.delete_repo(model_repo)
    assert not api.repo_exists(model_repo)


def test_a_cached_file_is_read_without_the_hub(tmp_path: Path, empty_cache: Path) -> None:
    """Stops a server of its own, since other tests need the session's."""
    server = HubServer(tmp_path / "hub")
    with server:
        own_api = HfApi(server.endpoint, token=WRITE_TOKEN)
        own_api.create_repo("tester/cached")
        own_api.upload_file(path_or_fileobj=b"{}", path_in_repo="c.json", repo_id="tester/cached")
        options = {"endpoint": server.endpoint, "cache_dir": empty_cache}
        online = hf_hub_download("tester/cached", "c.json", **options)
    assert hf_hub_download("tester/cached", "c.json", **options) == online
    assert hf_hub_download("tester/cached", "c.json", local_files_only=True, **options) == online
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("tester/cached", "other.json", local_files_only=True, **options)
    with server:
        assert own_api.file_exists("tester/cached", "c.json"), "a restart lost the repositories"


def test_head_and_range_requests(hub: HubServer, api: HfApi, model_repo: str) -> None:
    url = f"{hub.endpoint}/{model_repo}/resolve/main/model.onnx"
    head = httpx2.head(url)
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(WEIGHTS))
    assert head.headers["x-repo-commit"] == api.model_info(model_repo).sha
    assert head.headers["x-linked-etag"] == f'"{sha256}"'
    assert head.headers["x-linked-size"] == str(len(WEIGHTS))
    part = httpx2.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, WEIGHTS[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(WEIGHTS)}"
    assert httpx2.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    small = httpx2.head(f"{hub.endpoint}/{model_repo}/resolve/main/config.json")
    assert small.headers["etag"] == f'"{hashlib.sha1(b"blob 2" + bytes(1) + b"{}").hexdigest()}"'
    assert "x-linked-etag" not in small.headers


def test_hf_file_system_reads_and_writes(api: HfApi, model_repo: str) -> None:
    fs = HfFileSystem(token=WRITE_TOKEN)
    with fs.open(f"{model_repo}/folder/log.txt", "wb") as file:
        file.write(b"hello")
    assert fs.cat(f"{model_repo}/folder/log.txt") == b"hello"
    with fs.open(f"{model_repo}/model.onnx", block_size=1024) as file:
        file.seek(5000)
        assert file.read(16) == WEIGHTS[5000:5016]
    assert fs.ls(f"{model_repo}/folder", detail=False) == [f"{model_repo}/folder/log.txt"]
