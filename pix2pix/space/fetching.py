"""Pictures that come as web addresses: fetched from public servers only, and bounded.

Gradio's own fetching keeps to public addresses too, but takes files of any size, lets some
addresses of private networks pass (100.64.0.0/10), and asks a public name server about names that
are not public.
"""

import asyncio
import socket
from ipaddress import ip_address, ip_network
from urllib.parse import urljoin

import gradio as gr
import httpx
from gradio import processing_utils
from safehttpx import AsyncSecureTransport

SECONDS = 30
REDIRECTS = 5
# IPv4 addresses written as IPv6, which a network's translator may lead anywhere.
TRANSLATED = ip_network("64:ff9b::/96")


def limit_fetching(max_bytes: int) -> None:
    """Makes every component of this process fetch addresses with `fetch`."""

    async def get(url: str) -> httpx.Response:
        return await fetch(url, max_bytes)

    # All of gradio's downloads for inputs go through this one function.
    processing_utils.async_ssrf_protected_get = get


async def fetch(url: str, max_bytes: int) -> httpx.Response:
    """The answer to a GET of `url`, redirects followed; each hop must be a public address.

    Raises `gr.Error` when it isn't, and for answers other than 200, of more than `max_bytes`, or
    that take more than SECONDS.
    """
    try:
        async with asyncio.timeout(SECONDS):
            for _ in range(REDIRECTS + 1):
                response = await _get(url, max_bytes)
                if not response.has_redirect_location:
                    break
                url = urljoin(url, response.headers["Location"])
    except gr.Error:  # a ValueError too
        raise
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        raise _refused("the address does not answer in time with a file") from None
    if response.status_code != 200:
        raise _refused(f"the address answers with status {response.status_code}")
    return response


async def _get(url: str, max_bytes: int) -> httpx.Response:
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _refused("only http and https addresses are fetched")
    # The checked address is the one connected to, whatever the name server says next.
    transport = AsyncSecureTransport(await _public_address(parsed.host))
    async with (
        httpx.AsyncClient(transport=transport, timeout=SECONDS) as client,
        client.stream("GET", url, follow_redirects=False) as response,
    ):
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > max_bytes:
                raise _refused(f"the file is larger than {max_bytes / 1e6:.0f} MB")
    headers = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(content), request=response.request
    )


async def _public_address(host: str) -> str:
    """An address of `host`, all of which must be public."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [ip_address(sockaddr[0]) for *_, sockaddr in found]
    for address in addresses:
        if not address.is_global or address.is_multicast or address in TRANSLATED:
            raise _refused("it does not lead to a public server")
    return str(addresses[0])


def _refused(reason: str) -> gr.Error:
    return gr.Error(f"The picture can't be fetched: {reason}. Upload the file instead.")
