"""What the test Hub refuses, as the real one does, and the server itself."""

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

from tests.hub_clients import WEIGHTS, add, bearer, status
from tests.hub_server import ORGANISATION, READ_TOKEN, WRITE_TOKEN, Fault, HubServer


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
