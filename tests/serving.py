"""A Space with two models, and the ways in which programs talk to one."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult

from tests.commands import ROOT, running_space
from tests.loop import Published

STARTER = ROOT / "assets" / "starter_model"


@dataclass(frozen=True)
class Twin:
    """A running Space that serves the starter model and, by its name `other`, the published one."""

    address: str
    other: str
    cache: Path


@pytest.fixture(scope="session")
def twin(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """One for all tests of endpoints and batches."""
    folder, other = tmp_path_factory.mktemp("twin"), str(published.folder)
    settings = {"PIX2PIX_MODEL": str(STARTER), "PIX2PIX_MODELS": other}
    settings["GRADIO_TEMP_DIR"] = str(folder / "cache")
    with running_space(folder / "app.log", **settings) as address:
        yield Twin(address, other, folder / "cache" / "pix2pix-space")


def upload(address: str, path: Path) -> dict:
    """The file as it is named in calls over raw HTTP."""
    files = {"files": (path.name, path.read_bytes())}
    answer = httpx.post(f"{address}/gradio_api/upload", files=files, timeout=60)
    return {"path": answer.json()[0], "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def call(address: str, name: str, arguments: list) -> tuple[str, object]:
    """A call over raw HTTP: the last event's name and data."""
    url = f"{address}/gradio_api/call/{name}"
    event = httpx.post(url, json={"data": arguments}, timeout=60).json()["event_id"]
    return last_event(httpx.get(f"{url}/{event}", timeout=120).text)


def last_event(stream: str) -> tuple[str, object]:
    event, data = stream.strip().splitlines()[-2:]
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def mcp(url: str, use) -> object:
    """What the coroutine function `use` makes of a session with the MCP server at `url`."""

    async def session() -> object:
        async with (
            streamablehttp_client(url) as (read, write, _),
            ClientSession(read, write) as client,
        ):
            await client.initialize()
            return await use(client)

    # In a thread of its own: a browser's test may have left an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, session()).result()


def mcp_call(address: str, tool: str, **arguments) -> CallToolResult:
    """One call of a tool."""
    return mcp(f"{address}/gradio_api/mcp/", lambda client: client.call_tool(tool, arguments))
