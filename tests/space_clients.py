"""A running Space with two models, and functions that call it over raw HTTP and MCP."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult

from tests.commands import ROOT, running_space
from tests.published_run import PublishedRun

STARTER_MODEL = ROOT / "assets" / "starter_model"


@dataclass(frozen=True)
class TwoModelSpace:
    """A running Space that serves the starter model and, as `other_model`, the published one."""

    url: str
    other_model: str
    result_folder: Path


@pytest.fixture(scope="session")
def two_model_space(
    published_run: PublishedRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwoModelSpace]:
    """Starts the Space that all tests of endpoints and batches share."""
    folder, other_model = tmp_path_factory.mktemp("two-models"), str(published_run.folder)
    settings = {"PIX2PIX_MODEL": str(STARTER_MODEL), "PIX2PIX_MODELS": other_model}
    settings["GRADIO_TEMP_DIR"] = str(folder / "cache")
    with running_space(folder / "app.log", **settings) as url:
        yield TwoModelSpace(url, other_model, folder / "cache" / "pix2pix-space")


def upload_file(url: str, path: Path) -> dict:
    """Uploads a file to the Space and returns the argument that names it in a call."""
    files = {"files": (path.name, path.read_bytes())}
    response = httpx.post(f"{url}/gradio_api/upload", files=files, timeout=60)
    return {
        "path": response.json()[0],
        "orig_name": path.name,
        "meta": {"_type": "gradio.FileData"},
    }


def call_endpoint(url: str, name: str, arguments: list) -> tuple[str, object]:
    """Calls an endpoint over raw HTTP and returns the last event's name and data."""
    endpoint = f"{url}/gradio_api/call/{name}"
    event = httpx.post(endpoint, json={"data": arguments}, timeout=60).json()["event_id"]
    return last_event(httpx.get(f"{endpoint}/{event}", timeout=120).text)


def last_event(stream: str) -> tuple[str, object]:
    """Returns the name and the data of the last server-sent event of a response."""
    event, data = stream.strip().splitlines()[-2:]
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def run_mcp_session(url: str, use: Callable[[ClientSession], Awaitable[object]]) -> object:
    """Opens a session with the MCP server at `url` and returns what `use` makes of it."""

    async def session() -> object:
        async with (
            streamablehttp_client(url) as (read, write, _),
            ClientSession(read, write) as client,
        ):
            await client.initialize()
            return await use(client)

    # In a thread of its own: a browser test may have left an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, session()).result()


def call_mcp_tool(url: str, tool: str, **arguments: object) -> CallToolResult:
    """Calls one MCP tool of the Space at `url`."""
    mcp_url = f"{url}/gradio_api/mcp/"
    return run_mcp_session(mcp_url, lambda client: client.call_tool(tool, arguments))
