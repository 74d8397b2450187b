"""The test Hub stores LFS files, deletes them permanently, and squashes history as the real one."""

import hashlib
import uuid
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from tests.hub_clients import WEIGHTS, add_file, status_code
from tests.hub_server import HubServer


@pytest.fixture
def content() -> bytes:
    """Returns bytes that no other repository has."""
    return uuid.uuid4().bytes


def commit(api: HfApi, repo_id: str, path: str, content: bytes) -> str:
    return api.create_commit(repo_id, [add_file(path, content)], commit_message=path).oid


def list_lfs_paths(api: HfApi, repo_id: str) -> list[str]:
    return [file.filename for file in api.list_lfs_files(repo_id)]


def test_lfs_files_are_listed_until_they_are_deleted(
    hub: HubServer, api: HfApi, model_repo: str, content: bytes
) -> None:
    commit(api, model_repo, "step.npz", content)
    api.delete_file("step.npz", model_repo)
    assert list_lfs_paths(api, model_repo) == ["model.onnx", "step.npz"], (
        "deleting a pointer frees nothing"
    )
    (file,) = [f for f in api.list_lfs_files(model_repo) if f.filename == "step.npz"]
    assert (file.size, file.ref) == (16, "main")
    assert (hub.store.blobs / file.file_oid).read_bytes() == content
    api.permanently_delete_lfs_files(model_repo, [file], rewrite_history=False)
    assert list_lfs_paths(api, model_repo) == ["model.onnx"]
    assert not (hub.store.blobs / file.file_oid).exists()
    with pytest.raises(HfHubHTTPError) as error:
        api.permanently_delete_lfs_files(model_repo, [file], rewrite_history=False)
    assert status_code(error) == 404


def test_deleting_an_lfs_file_keeps_the_copy_of_another_repository(
    hub: HubServer, api: HfApi, model_repo: str, content: bytes
) -> None:
    other = f"{model_repo}-other"
    api.create_repo(other)
    for repo_id in (model_repo, other):
        commit(api, repo_id, "step.npz", content)
    mine = [f for f in api.list_lfs_files(model_repo) if f.filename == "step.npz"]
    api.permanently_delete_lfs_files(model_repo, mine, rewrite_history=False)
    assert list_lfs_paths(api, other) == ["step.npz"]
    assert (hub.store.blobs / mine[0].file_oid).read_bytes() == content
    commit(api, model_repo, "again.npz", content)
    assert "again.npz" in list_lfs_paths(api, model_repo)


def test_lfs_files_can_be_redirected_to_a_cdn_that_pages_of_any_site_may_read(
    hub: HubServer, model_repo: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.store, "redirects_lfs", True)
    downloaded = Path(hf_hub_download(model_repo, "model.onnx", cache_dir=empty_cache))
    assert downloaded.read_bytes() == WEIGHTS
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert hub.requests[-1] == ("GET", f"/cdn/{digest}", 200)
    url, headers = f"{hub.endpoint}/{model_repo}/resolve/main/", {"Origin": "https://example.org"}
    response = httpx2.get(url + "model.onnx", headers=headers, follow_redirects=True)
    (redirect,) = response.history
    assert (redirect.status_code, redirect.headers["x-linked-etag"]) == (302, f'"{digest}"')
    for answer in (redirect, response):
        assert answer.headers["access-control-allow-origin"] == "*"
    assert httpx2.get(url + "config.json").status_code == 200, "not an LFS file"
    assert httpx2.get(f"{hub.endpoint}/cdn/{'0' * 64}").status_code == 404


def test_rewriting_history_is_400_and_a_read_token_deletes_nothing(
    api: HfApi, read_only_api: HfApi, model_repo: str
) -> None:
    before = list(api.list_lfs_files(model_repo))
    for client, rewrite, status in ((api, True, 400), (read_only_api, False, 403)):
        with pytest.raises(HfHubHTTPError) as error:
            client.permanently_delete_lfs_files(model_repo, before, rewrite_history=rewrite)
        assert status_code(error) == status
    assert list(api.list_lfs_files(model_repo)) == before


def test_squashing_a_branch_drops_its_commits_without_a_tag(
    api: HfApi, model_repo: str, content: bytes
) -> None:
    tagged = commit(api, model_repo, "a.npz", content)
    api.create_tag(model_repo, tag="v1", revision=tagged)
    api.create_branch(model_repo, branch="work")
    untagged = api.create_commit(
        model_repo, [add_file("b.txt", b"b")], commit_message="b", revision="work"
    ).oid
    api.super_squash_history(model_repo, branch="work", commit_message="one")
    assert [c.title for c in api.list_repo_commits(model_repo, revision="work")] == ["one"]
    assert api.file_exists(model_repo, "b.txt", revision="work")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(model_repo, revision=untagged)
    assert (
        api.model_info(model_repo, revision=tagged).sha == tagged == api.model_info(model_repo).sha
    )
