"""Clients of the test Hub with each kind of token, and a model repository to try them on."""

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
)

from tests.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer

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
