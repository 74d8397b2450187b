"""HTTP servers on loopback that record every request: URLs that the Space must never fetch."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pix2pix.translate import STARTER_MODEL

SAMPLE_PHOTO = STARTER_MODEL / "samples" / "003-input.png"


class RecordingHandler(http.server.BaseHTTPRequestHandler):
    """Records each request in `requests` and responds with a photo, as a visitor's URL would."""

    requests: list[str] = []

    def do_GET(self) -> None:
        self.requests.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SAMPLE_PHOTO.read_bytes())

    do_POST = do_HEAD = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class RecordingProxyHandler(RecordingHandler):
    """Records what the Space sends to its HTTP proxy; the record is never cleared."""

    requests: list[str] = []


@contextmanager
def serve_on_loopback(handler: type[RecordingHandler]) -> Iterator[str]:
    """Runs a server on loopback with `handler`; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def recording_server() -> Iterator[str]:
    """Yields the URL of a server that records its requests in `RecordingHandler.requests`."""
    with serve_on_loopback(RecordingHandler) as url:
        yield url


@pytest.fixture(scope="module")
def recording_proxy() -> Iterator[str]:
    """Yields the URL of a proxy that records its requests in `RecordingProxyHandler.requests`."""
    with serve_on_loopback(RecordingProxyHandler) as url:
        yield url
