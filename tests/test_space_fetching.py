"""Addresses in calls: only those of public servers, at every hop, within the limits."""

import asyncio
import http.server
import threading
from collections.abc import Iterator

import pytest

from pix2pix.errors import UserError
from pix2pix.space.security import calls
from tests.recording_server import SAMPLE_PHOTO, RecordingHandler


class Public(http.server.BaseHTTPRequestHandler):
    """What a server on the internet may answer."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        if self.path == "/endless":
            try:
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                return
        self.wfile.write(SAMPLE_PHOTO.read_bytes())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server whose name, picture.test, resolves to what counts as public here."""
    real = calls.resolve_public

    async def resolve(host: str) -> str:
        return "127.0.0.1" if host == "picture.test" else await real(host)

    monkeypatch.setattr(calls, "resolve_public", resolve)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Public) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://picture.test:{server.server_port}"
        server.shutdown()


def test_what_is_fetched_is_bounded_and_every_hop_is_checked(public: str, recording_server: str):
    limit = 1_000_000
    good = asyncio.run(calls.fetch(f"{public}/to/{public}/x.png", limit))
    assert good.content == SAMPLE_PHOTO.read_bytes()
    RecordingHandler.requests.clear()
    for path, message in (
        ("/endless", "larger than 1 MB"), ("/missing", "status 404"),
        (f"/to/{recording_server}/x.png", "public server"),
        ("/to/http://localhost/", "public server"),
        ("/to/file:///etc/passwd", "only http"), (f"/to/{public}" * 7, "status 302"),
        ("/to/http://[", "does not send a file"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=message):
            asyncio.run(calls.fetch(public + path, limit))
    assert RecordingHandler.requests == []
