"""Checks the arguments of calls, and downloads the pictures that come as URLs.

`SecureBlocks` checks the arguments of every call and converts its errors; `fetch` replaces Gradio's
download of URLs.
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
from gradio_client.utils import is_file_obj, traverse
from pydantic import ValidationError
from safehttpx import AsyncSecureTransport

from pix2pix.errors import UserError
from pix2pix.space.components import FilesInput, PhotoInput
from pix2pix.space.security.messages import WRONG_ARGUMENTS, limit_quotes, shorten

logger = logging.getLogger(__name__)

NOT_UPLOADED = "Only files that were uploaded to this Space are read; upload the picture first."
INTERNAL_ERROR = "The Space failed with an internal error; try again, or use another picture."

FETCH_SECONDS = 30
MAX_REDIRECTS = 5
# IPv4 addresses written as IPv6 (NAT64 and 6to4), which a gateway may route anywhere.
EMBEDDED_IPV4 = (ip_network("64:ff9b::/96"), ip_network("2002::/16"))


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
            if not kwargs.get("iterator"):  # a later step of the same call has read them already
                # In a thread, because text that holds a picture is decoded and written to disk.
                inputs = await asyncio.to_thread(self._receive, block_fn, inputs)
            return await super().process_api(block_fn, declare_files(inputs), *args, **kwargs)
        except Exception as error:
            # Not printed: mistakes of visitors do not belong in the log.
            raise gr.Error(_message(error), print_exception=False) from None

    def _receive(self, block_fn: Any, inputs: Any) -> Any:
        """Returns `inputs` with the values that components accept besides Gradio's own forms."""
        components = (self.fns[block_fn] if isinstance(block_fn, int) else block_fn).inputs
        received = list(inputs)
        for index, (component, value) in enumerate(zip(components, inputs, strict=False)):
            if isinstance(component, PhotoInput | FilesInput):
                received[index] = component.receive(value)
        return received


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
        return limit_quotes(str(error))
    if isinstance(error, gr.Error):  # Gradio's own, which may repeat the whole argument
        return shorten(str(error.message))
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
