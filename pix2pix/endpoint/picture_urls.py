"""Fetches pictures at URLs of public hosts, in a limited time, for `handler.py`."""

import http.client
import io
import ipaddress
import os
import socket
import ssl
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pix2pix.errors import UserError

MAX_URL_BYTES, MAX_URL_SECONDS, MAX_REDIRECTS = 32_000_000, 20, 3
REDIRECTS = (301, 302, 303, 307, 308)
# Host names, separated by commas, that may be fetched though their addresses are not public.
HOSTS_VARIABLE = "PIX2PIX_ENDPOINT_HOSTS"


def fetch(url: str) -> bytes:
    """Returns the file at an http(s) URL of a public host, after at most three redirects.

    A client must not reach the network of the endpoint, such as its metadata server, so that each
    address is checked before a connection to it. Raises `UserError` for other hosts, for more than
    32 MB, after 20 seconds in all, and when there is no file.
    """
    deadline = time.monotonic() + MAX_URL_SECONDS
    try:
        for _ in range(MAX_REDIRECTS + 1):
            response = _request(url, deadline)
            with response:
                if response.status in REDIRECTS:
                    url = urllib.parse.urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status != 200:
                    raise UserError(f"The URL's host answers with the status {response.status}.")
                return _read_body(response)
    except TimeoutError:
        raise UserError(
            f"The file at the URL took more than {MAX_URL_SECONDS} seconds; send the picture "
            "itself."
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"{type(error).__name__}: {str(error)[:100]}"
        raise UserError(f"The URL can't be fetched ({reason}); check it.") from None
    raise UserError(f"The URL leads to more than {MAX_REDIRECTS} redirects; send its last one.")


def _request(url: str, deadline: float) -> http.client.HTTPResponse:
    """Sends a request to the address that was checked: a second lookup could give another one."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError("The URL has to begin with http:// or https://, and name a host.")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    address = _find_address(parts.hostname, port, deadline)
    stream = socket.create_connection((address, port), _seconds_until(deadline))
    try:
        if parts.scheme == "https":
            stream.settimeout(_seconds_until(deadline))
            context = ssl.create_default_context()
            stream = context.wrap_socket(stream, server_hostname=parts.hostname)
        connection = http.client.HTTPConnection(parts.hostname, port)
        connection.sock = stream
        host = parts.netloc.rpartition("@")[2]
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        headers = {"Host": host, "User-Agent": "pix2pix", "Connection": "close"}
        stream.settimeout(_seconds_until(deadline))
        connection.request("GET", path, headers=headers)
        received: Any = _Received(stream, deadline)
        response = http.client.HTTPResponse(received, method="GET")
        response.begin()
        return response
    except BaseException:
        stream.close()
        raise


def _seconds_until(deadline: float) -> float:
    """Returns the seconds until then; raises `TimeoutError` when there are none."""
    if (seconds := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return seconds


class _Received(io.RawIOBase):
    """Reads from a socket until a deadline; `HTTPResponse` calls only `makefile` of a socket.

    The timeout of a socket begins anew with each byte, so that a slow host could take forever.
    """

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._stream.settimeout(_seconds_until(self._deadline))
        return self._stream.recv_into(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _find_address(host: str, port: int, deadline: float) -> str:
    """Returns an IPv4 address of a host. Raises `UserError` if one of them is not public."""
    # In a thread, because a lookup has no timeout of its own.
    thread = ThreadPoolExecutor(1)
    lookup = thread.submit(socket.getaddrinfo, host, port, socket.AF_INET, socket.SOCK_STREAM)
    thread.shutdown(wait=False)
    found = lookup.result(_seconds_until(deadline))
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    trusted = [name.strip() for name in os.environ.get(HOSTS_VARIABLE, "").lower().split(",")]
    is_public = all(a.is_global and not a.is_multicast for a in addresses)
    if not is_public and host not in trusted:
        raise UserError("The URL's host has no public address; send the picture itself.")
    return str(addresses[0])


def _read_body(response: http.client.HTTPResponse) -> bytes:
    content = bytearray()
    while chunk := response.read1(65_536):
        content += chunk
        if len(content) > MAX_URL_BYTES:
            raise UserError(f"The file at the URL is larger than {MAX_URL_BYTES // 10**6} MB.")
    return bytes(content)
