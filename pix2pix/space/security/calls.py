"""Checks the requests, arguments and URLs that browsers and programs send to the Space.

There are three layers: `RequestGuard` checks every HTTP request before Gradio gets it,
`SecureBlocks` checks the arguments of every call and converts its errors, and `fetch` downloads the
pictures that come as URLs.
"""

import asyncio
import logging
import socket
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urljoin

import gradio as gr
import httpx
from gradio import processing_utils
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.route_utils import API_PREFIX
from gradio_client.utils import is_file_obj, traverse
from pydantic import ValidationError
from safehttpx import AsyncSecureTransport
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix2pix.errors import UserError

logger = logging.getLogger(__name__)

# An allowlist, so that new routes of later Gradio versions are closed. Closed today: routes that
# fetch any web page for a caller (/proxy=), pass videos to ffmpeg, keep a visitor's inputs on disk
# or show statistics. Gradio itself serves /monitoring until the launch has finished, even with
# `enable_monitoring=False`.
PAGES = ("/", "/config", "/favicon.ico", "/theme.css", "/robots.txt", "/manifest.json",
         "/openapi.json", "/pwa_icon", "/login_check")  # fmt: skip
ROUTES = (
    "/assets/", "/static/", "/svelte/", "/pwa_icon/",
    *(f"{API_PREFIX}/{route}" for route in (
        "api/", "app_id", "call/", "cancel", "file/", "file=", "heartbeat/", "info", "mcp",
        "openapi.json", "queue/", "reset", "run/", "startup-events", "theme.css", "upload",
    )),
)  # fmt: skip
UPLOAD = f"{API_PREFIX}/upload"
# Gradio would redirect to these, or fetch them.
REMOTE_FILES = tuple(
    f"{API_PREFIX}/file{separator}{scheme}:" for separator in "=/" for scheme in ("http", "https")
)
NOT_FOUND = PlainTextResponse("Not found: this Space does not serve this URL.", 404)
INVALID_REQUEST = PlainTextResponse(
    "The request is invalid; the API page of this Space describes the valid ones.", 400
)

NOT_UPLOADED = "Only files that were uploaded to this Space are read; upload the picture first."
WRONG_ARGUMENTS = "The arguments don't have the form that the API page of this Space describes."
INTERNAL_ERROR = "The Space failed with an internal error; try again, or use another picture."

FETCH_SECONDS = 30
MAX_REDIRECTS = 5
# IPv4 addresses written as IPv6 (NAT64 and 6to4), which a gateway may route anywhere.
EMBEDDED_IPV4 = (ip_network("64:ff9b::/96"), ip_network("2002::/16"))


class RequestGuard:
    """ASGI middleware that refuses routes outside the allowlist and bodies over a limit.

    Gradio limits the size of each uploaded file, but neither their number nor the JSON of a call,
    which may hold pictures as data: URLs.
    """

    def __init__(self, app: ASGIApp, max_file_mb: int, max_files: int):
        self._app = app
        self._max_upload_mb = max_files * max_file_mb
        self._max_call_mb = -(-max_file_mb * 4 // 3)  # base64 writes three bytes as four

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not _is_allowed(scope["path"]):
            await NOT_FOUND(scope, receive, send)
            return
        response_started = False

        async def note_start(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            await self._app(scope, self._limited(scope["path"], receive), note_start)
        except Exception:
            if response_started:
                raise
            # Gradio raises an exception for an unknown endpoint, event or type.
            logger.exception("The request to %s failed.", scope["path"])
            await INVALID_REQUEST(scope, receive, send)

    def _limited(self, path: str, receive: Receive) -> Receive:
        """Returns `receive` with a limit on the bytes of the body."""
        limit_mb = self._max_upload_mb if path.startswith(UPLOAD) else self._max_call_mb
        bytes_left = (limit_mb + 1) * 1_000_000  # 1 MB for the request around the files

        async def receive_limited() -> Message:
            nonlocal bytes_left
            message = await receive()
            bytes_left -= len(message.get("body", b""))
            if bytes_left < 0:
                raise HTTPException(
                    413, f"The request is larger than {limit_mb} MB; send less at a time."
                )
            return message

        return receive_limited


def _is_allowed(path: str) -> bool:
    if path.lower().startswith(REMOTE_FILES):
        return False
    return path in PAGES or path.rstrip("/") in PAGES or path.startswith(ROUTES)


class SecureBlocks(gr.Blocks):
    """A `gr.Blocks` that checks the files in every call, and whose errors are all `gr.Error`.

    No other code converts exceptions for visitors and programs: everything else raises `UserError`.

    Attributes:
        description: text of the OpenAPI document; Gradio reads this attribute.
    """

    description: str = ""

    async def process_api(self, block_fn: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Runs one event or one call of an endpoint."""
        try:
            return await super().process_api(block_fn, declare_files(inputs), *args, **kwargs)
        except Exception as error:
            # Not printed: mistakes of visitors do not belong in the log.
            raise gr.Error(_message(error), print_exception=False) from None


def declare_files(inputs: Any) -> Any:
    """Returns `inputs` with every path declared as a file.

    Gradio checks that a path was uploaded, and fetches a URL, only if it is declared as a file.
    Undeclared, any path of this machine would be opened by the components.
    """
    return traverse(inputs, lambda d: d | {"meta": {"_type": "gradio.FileData"}}, is_file_obj)


def _message(error: Exception) -> str:
    """Returns the message for visitors and programs, and logs an unexpected error."""
    if isinstance(error, ComponentProcessingError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, gr.Error):  # Gradio's own
        return error.message
    if isinstance(error, InvalidPathError):
        return NOT_UPLOADED
    # Gradio's error for a wrong number of arguments has no class of its own.
    if isinstance(error, ValidationError) or "input values" in str(error):
        return WRONG_ARGUMENTS
    logger.error("A call failed.", exc_info=error)
    return INTERNAL_ERROR


def limit_fetching(max_bytes: int) -> None:
    """Makes every component of this process fetch URLs with `fetch`.

    Gradio's own fetching protects against SSRF too, but takes files of any size, lets some private
    networks pass (100.64.0.0/10), and asks a public DNS server about names that are not public.
    """

    async def get(url: str) -> httpx.Response:
        return await fetch(url, max_bytes)

    # All of Gradio's downloads for inputs go through this one function, as `hooks` checks.
    processing_utils.async_ssrf_protected_get = get


async def fetch(url: str, max_bytes: int) -> httpx.Response:
    """Returns the response to a GET of `url`, following redirects to public addresses only.

    Raises `UserError` for other addresses, a status other than 200, more than `max_bytes`, or a
    response that takes longer than FETCH_SECONDS.
    """
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            for _ in range(MAX_REDIRECTS + 1):
                response = await _get(url, max_bytes)
                if not response.has_redirect_location:
                    break
                url = urljoin(url, response.headers["Location"])
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        raise _fetch_error("the server does not send a file in time") from None
    if response.status_code != 200:
        raise _fetch_error(f"the server responds with status {response.status_code}")
    return response


async def _get(url: str, max_bytes: int) -> httpx.Response:
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _fetch_error("only http and https URLs are fetched")
    # Connects to the IP address that was checked: DNS could return another one the next time.
    transport = AsyncSecureTransport(await resolve_public(parsed.host))
    async with (
        httpx.AsyncClient(transport=transport, timeout=FETCH_SECONDS) as client,
        client.stream("GET", url, follow_redirects=False) as response,
    ):
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > max_bytes:
                raise _fetch_error(f"the file is larger than {max_bytes / 1e6:.0f} MB")
    headers = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(content), request=response.request
    )


async def resolve_public(host: str) -> str:
    """Returns an IP address of `host`. Raises `UserError` unless all of them are public."""
    results = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [ip_address(sockaddr[0]) for *_, sockaddr in results]
    for address in addresses:
        is_embedded = any(address in network for network in EMBEDDED_IPV4)
        if not address.is_global or address.is_multicast or is_embedded:
            raise _fetch_error("it is not on a public server")
    return str(addresses[0])


def _fetch_error(reason: str) -> UserError:
    return UserError(f"The picture can't be fetched: {reason}. Upload the file instead.")
