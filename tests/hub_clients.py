"""Clients of the test Hub with each kind of token, and a model repository to try them on."""

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer

WEIGHTS = bytes(range(256)) * 64


@pytest.fixture
def api(hub: HubServer) -> HfApi:
    """A client with a write token."""
    return HfApi(token=WRITE_TOKEN)


@pytest.fixture
def read_only_api(hub: HubServer) -> HfApi:
    """A client with a read token."""
    return HfApi(token=READ_TOKEN)


@pytest.fixture
def anonymous_api(hub: HubServer) -> HfApi:
    """A client without a token."""
    return HfApi(token=False)


@pytest.fixture
def model_repo(api: HfApi, repo_id: str) -> str:
    """Creates a model repository with one regular and one LFS file; returns its id."""
    api.create_repo(repo_id)
    files = [add_file("config.json", b"{}"), add_file("model.onnx", WEIGHTS)]
    api.create_commit(repo_id, files, commit_message="first")
    return repo_id


def add_file(path: str, content: bytes) -> CommitOperationAdd:
    """Returns the commit operation that adds a file."""
    return CommitOperationAdd(path, content)


def authorization_header(token: str) -> dict[str, str]:
    """Returns the request header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def status_code(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    """Returns the HTTP status of a caught client error."""
    return error.value.response.status_code
