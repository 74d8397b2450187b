"""What the test Hub stores, and forgets: squashed history and deleted LFS files."""

import uuid

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from tests.hub_clients import add, status
from tests.hub_server import HubServer


@pytest.fixture
def content() -> bytes:
    """Bytes that no other repository has."""
    return uuid.uuid4().bytes


def commit(api: HfApi, repo_id: str, path: str, content: bytes) -> str:
    return api.create_commit(repo_id, [add(path, content)], commit_message=path).oid


def files(api: HfApi, repo_id: str) -> list[str]:
    return [file.filename for file in api.list_lfs_files(repo_id)]


def test_lfs_files_are_listed_until_they_are_deleted(
    hub: HubServer, api: HfApi, model: str, content: bytes
) -> None:
    commit(api, model, "step.npz", content)
    api.delete_file("step.npz", model)
    assert files(api, model) == ["model.onnx", "step.npz"], "deleting a pointer frees nothing"
    (file,) = [f for f in api.list_lfs_files(model) if f.filename == "step.npz"]
    assert (file.size, file.ref) == (16, "main")
    assert (hub.store.blobs / file.file_oid).read_bytes() == content
    api.permanently_delete_lfs_files(model, [file], rewrite_history=False)
    assert files(api, model) == ["model.onnx"]
    assert not (hub.store.blobs / file.file_oid).exists()
    with pytest.raises(HfHubHTTPError) as error:
        api.permanently_delete_lfs_files(model, [file], rewrite_history=False)
    assert status(error) == 404


def test_another_repository_keeps_the_same_bytes(
    hub: HubServer, api: HfApi, model: str, content: bytes
) -> None:
    other = f"{model}-other"
    api.create_repo(other)
    for repo_id in (model, other):
        commit(api, repo_id, "step.npz", content)
    mine = [f for f in api.list_lfs_files(model) if f.filename == "step.npz"]
    api.permanently_delete_lfs_files(model, mine, rewrite_history=False)
    assert files(api, other) == ["step.npz"]
    assert (hub.store.blobs / mine[0].file_oid).read_bytes() == content
    commit(api, model, "again.npz", content)
    assert "again.npz" in files(api, model)


def test_history_is_not_rewritten_and_a_reader_deletes_nothing(
    api: HfApi, reader: HfApi, model: str
) -> None:
    found = list(api.list_lfs_files(model))
    for who, rewrite, code in ((api, True, 400), (reader, False, 403)):
        with pytest.raises(HfHubHTTPError) as error:
            who.permanently_delete_lfs_files(model, found, rewrite_history=rewrite)
        assert status(error) == code
    assert list(api.list_lfs_files(model)) == found


def test_a_squashed_branch_forgets_its_commits_but_for_those_with_a_name(
    api: HfApi, model: str, content: bytes
) -> None:
    named = commit(api, model, "a.npz", content)
    api.create_tag(model, tag="v1", revision=named)
    api.create_branch(model, branch="work")
    nameless = api.create_commit(
        model, [add("b.txt", b"b")], commit_message="b", revision="work"
    ).oid
    api.super_squash_history(model, branch="work", commit_message="one")
    assert [c.title for c in api.list_repo_commits(model, revision="work")] == ["one"]
    assert api.file_exists(model, "b.txt", revision="work")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(model, revision=nameless)
    assert api.model_info(model, revision=named).sha == named == api.model_info(model).sha
