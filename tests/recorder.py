"""Servers on loopback that note who asks: what the Space must not fetch, nor report to."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pix2pix.space.models import STARTER_MODEL

SAMPLE = STARTER_MODEL / "samples" / "003-input.png"


class Recorder(http.server.BaseHTTPRequestHandler):
    """A server on loopback that notes who asks: what visitors would like the Space to fetch."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SAMPLE.read_bytes())

    do_POST = do_HEAD = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(handler: type[Recorder]) -> Iterator[str]:
    """The address of a server on loopback whose requests `handler` answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def recorder() -> Iterator[str]:
    with listening(Recorder) as address:
        yield address


class Proxy(Recorder):
    """What the Space would reach the internet through; its notes are never cleared."""

    asked: list[str] = []


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    with listening(Proxy) as address:
        yield address
