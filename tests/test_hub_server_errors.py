"""The test Hub rejects requests as the real one does, injects faults, and runs as a command."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub_clients import WEIGHTS, add_file, authorization_header, status_code
from tests.hub_server import ORGANIZATION, READ_TOKEN, WRITE_TOKEN, Fault, HubServer


def test_writing_without_a_token_is_401(
    hub: HubServer, anonymous_api: HfApi, model_repo: str
) -> None:
    with pytest.raises(HfHubHTTPError) as error:
        anonymous_api.create_repo("tester/anonymous")
    assert status_code(error) == 401
    with pytest.raises(RepositoryNotFoundError) as error:
        anonymous_api.create_commit(model_repo, [add_file("a.txt", b"")], commit_message="no")
    assert status_code(error) == 401
    for path in ("preupload/main", "commit/main", "tag/main", "branch/b", "super-squash/main"):
        response = httpx2.post(f"{hub.endpoint}/api/models/{model_repo}/{path}", content=b"{}")
        assert response.status_code == 401, path
    batch = f"{hub.endpoint}/{model_repo}.git/info/lfs/objects/batch"
    assert httpx2.post(batch, content=b"{}").status_code == 401


def test_an_unknown_token_is_401_even_to_read(hub: HubServer, model_repo: str) -> None:
    stranger = HfApi(token="hf_unknown")
    for attempt in (
        stranger.whoami,
        lambda: stranger.model_info(model_repo),
        lambda: stranger.create_repo("tester/stranger"),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status_code(error) == 401


def test_a_read_token_reads_and_does_not_write(
    hub: HubServer, read_only_api: HfApi, model_repo: str, empty_cache: Path
) -> None:
    hf_hub_download(model_repo, "config.json", token=READ_TOKEN, cache_dir=empty_cache)
    read_only_api.auth_check(model_repo)
    for attempt in (
        lambda: read_only_api.create_repo("tester/reader"),
        lambda: read_only_api.create_commit(
            model_repo, [add_file("a.txt", b"")], commit_message="no"
        ),
        lambda: read_only_api.create_commit(
            model_repo, [add_file("a.txt", b"")], commit_message="no", create_pr=True
        ),
        lambda: read_only_api.create_tag(model_repo, tag="v1"),
        lambda: read_only_api.delete_repo(model_repo),
        lambda: read_only_api.auth_check(model_repo, write=True),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status_code(error) == 403
    batch = httpx2.post(
        f"{hub.endpoint}/{model_repo}.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": []},
        headers=authorization_header(READ_TOKEN),
    )
    assert batch.status_code == 403


def test_in_a_foreign_namespace_only_pull_requests_are_allowed(hub: HubServer, api: HfApi) -> None:
    api.create_repo(f"{ORGANIZATION}/shared", exist_ok=True)
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo("somebody/model")
    assert status_code(error) == 403
    if ("model", "somebody/public") not in hub.store.repos:
        hub.store.create("model", "somebody/public")
    with pytest.raises(HfHubHTTPError) as error:
        api.create_commit("somebody/public", [add_file("a.onnx", b"1")], commit_message="no")
    assert status_code(error) == 403
    commit = api.create_commit(
        "somebody/public", [add_file("a.onnx", b"1")], commit_message="please", create_pr=True
    )
    assert not api.file_exists("somebody/public", "a.onnx")
    assert api.file_exists("somebody/public", "a.onnx", revision=commit.pr_revision)


def test_a_private_repository_is_hidden(
    hub: HubServer, api: HfApi, read_only_api: HfApi, anonymous_api: HfApi, repo_id: str
) -> None:
    api.create_repo(repo_id, private=True)
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo_id)
    assert read_only_api.model_info(repo_id).private
    for attempt in (
        lambda: anonymous_api.model_info(repo_id),
        lambda: anonymous_api.hf_hub_download(repo_id, "a.txt"),
        lambda: anonymous_api.model_info("tester/never-created"),
    ):
        with pytest.raises(RepositoryNotFoundError) as error:
            attempt()
        assert status_code(error) == 401
    with pytest.raises(RepositoryNotFoundError) as error:
        api.model_info("tester/never-created")
    assert status_code(error) == 404
    api.update_repo_settings(repo_id, private=False)
    assert not anonymous_api.model_info(repo_id).private


def test_lfs_content_must_have_the_declared_hash_and_size(hub: HubServer, model_repo: str) -> None:
    content = b"the real content of a new file"
    oid, size = hashlib.sha256(content).hexdigest(), len(content)

    def request_upload_url() -> str:
        response = httpx2.post(
            f"{hub.endpoint}/{model_repo}.git/info/lfs/objects/batch",
            json={"operation": "upload", "objects": [{"oid": oid, "size": size}]},
            headers=authorization_header(WRITE_TOKEN),
        )
        return response.json()["objects"][0]["actions"]["upload"]["href"]

    for wrong in (content[::-1], content[:-1], content + b"!", b""):
        assert httpx2.put(request_upload_url(), content=wrong).status_code == 400
        assert hub.store.find_lfs_blob(oid, size) is None
    assert httpx2.put(f"{hub.endpoint}/lfs-upload/forged", content=content).status_code == 403
    assert httpx2.put(request_upload_url(), content=content).status_code == 200
    assert hub.store.find_lfs_blob(oid, size) is not None


def post_commit(hub: HubServer, repo_id: str, *lines: object, token: str = WRITE_TOKEN) -> int:
    """Posts a commit payload that the client would never send; returns the status."""
    body = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    url = f"{hub.endpoint}/api/models/{repo_id}/commit/main"
    return httpx2.post(url, content=body, headers=authorization_header(token)).status_code


def test_an_invalid_commit_is_400_and_changes_nothing(
    hub: HubServer, api: HfApi, model_repo: str
) -> None:
    header = {"key": "header", "value": {"summary": "bad"}}
    good = {"key": "file", "value": {"path": "good.txt", "content": "", "encoding": "base64"}}
    absent = {"path": "x.onnx", "algo": "sha256", "oid": "0" * 64, "size": 1}
    before = api.model_info(model_repo).sha
    invalid_lines = [
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
    for line in invalid_lines:
        assert post_commit(hub, model_repo, header, good, line) == 400, line
    assert post_commit(hub, model_repo, good) == 400, "a commit without a header"
    assert (
        post_commit(hub, model_repo, header, {"key": "deletedFile", "value": {"path": "no"}}) == 404
    )
    assert api.model_info(model_repo).sha == before
    assert not api.file_exists(model_repo, "good.txt")
    assert post_commit(hub, model_repo, header, good) == 200


def test_a_stale_parent_is_412(api: HfApi, model_repo: str) -> None:
    stale = api.model_info(model_repo).sha
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=model_repo)
    with pytest.raises(HfHubHTTPError) as error:
        api.create_commit(
            model_repo, [add_file("b.txt", b"2")], commit_message="late", parent_commit=stale
        )
    assert status_code(error) == 412
    assert not api.file_exists(model_repo, "b.txt")


def test_of_concurrent_commits_with_one_parent_one_succeeds(api: HfApi, model_repo: str) -> None:
    parent = api.model_info(model_repo).sha

    def write(number: int) -> int:
        files = [add_file(f"{number}.txt", b"mine")]
        try:
            api.create_commit(model_repo, files, commit_message=str(number), parent_commit=parent)
        except HfHubHTTPError as error:
            return error.response.status_code
        return 200

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(write, range(8)))
    assert sorted(statuses) == [200] + [412] * 7
    winner = f"{statuses.index(200)}.txt"
    assert [f for f in api.list_repo_files(model_repo) if f.endswith(".txt")] == [winner]


def test_unknown_revisions_and_files_are_404(
    api: HfApi, model_repo: str, empty_cache: Path
) -> None:
    for attempt in (
        lambda: api.model_info(model_repo, revision="v9"),
        lambda: api.list_repo_commits(model_repo, revision="refs/pr/1"),
        lambda: api.create_tag(model_repo, tag="t", revision="0" * 40),
        lambda: api.create_commit(
            model_repo, [add_file("a", b"")], commit_message="no", revision="absent"
        ),
        lambda: hf_hub_download(model_repo, "config.json", revision="v9", cache_dir=empty_cache),
    ):
        with pytest.raises(RevisionNotFoundError) as error:
            attempt()
        assert status_code(error) == 404
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(model_repo, "absent.json", cache_dir=empty_cache)
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(model_repo, "absent"))


def test_a_fault_applies_to_the_given_number_of_requests(
    hub: HubServer, api: HfApi, model_repo: str
) -> None:
    path = f"/api/models/{model_repo}$"
    hub.faults.append(Fault("GET", path, 418, headers={"X-Why": "teapot"}))
    with pytest.raises(HfHubHTTPError) as error:
        api.model_info(model_repo)
    assert (status_code(error), error.value.response.headers["x-why"]) == (418, "teapot")
    assert hub.requests[-1] == ("GET", f"/api/models/{model_repo}", 418)
    assert api.model_info(model_repo).id == model_repo
    hub.faults.append(Fault("*", path, "reset"))
    with pytest.raises(httpx2.RemoteProtocolError):
        api.model_info(model_repo)
    assert hub.requests[-1] == ("GET", f"/api/models/{model_repo}", 0)
    hub.faults.append(Fault("*", path, "delay", seconds=0.3))
    with pytest.raises(httpx2.ReadTimeout):
        api.model_info(model_repo, timeout=0.1)
    assert api.model_info(model_repo).id == model_repo


def test_the_client_retries_an_upload_after_a_503(
    hub: HubServer, api: HfApi, model_repo: str
) -> None:
    hub.faults.append(Fault("PUT", "^/lfs-upload/", 503, headers={"Retry-After": "0"}))
    api.upload_file(path_or_fileobj=WEIGHTS * 2, path_in_repo="big.onnx", repo_id=model_repo)
    puts = [code for method, _, code in hub.requests if method == "PUT"]
    assert puts[-2:] == [503, 200]


def test_a_missing_route_is_not_a_missing_repository(hub: HubServer, model_repo: str) -> None:
    response = httpx2.get(f"{hub.endpoint}/api/models/{model_repo}/likers")
    assert response.status_code == 404 and "x-error-code" not in response.headers
    assert "likers" in response.json()["error"]


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
