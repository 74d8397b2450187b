"""Serves the browser Space on this machine, with the headers that a static Space sends."""

import errno
import hashlib
import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pix2pix.browser.site import CONTENT_TYPES, HEADERS
from pix2pix.errors import UserError

HOST = "127.0.0.1"
IDLE_SECONDS = 60

LOGGER = logging.getLogger(__name__)


class SiteServer(ThreadingHTTPServer):
    """Serves files by path on loopback.

    It serves nothing but `files`, so a request can't reach another file of the machine. A file that
    changes on disk is served as it is now.

    Attributes:
        files: the content of each path, or the file that holds it.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, Path | bytes], port: int = 0):
        """Starts to listen; port 0 is any free one. Raises `UserError` if the port is taken."""
        self.files = files
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            reason = "is already in use" if in_use else f"can't be used ({error.strerror})"
            raise UserError(f"Port {port} {reason}: choose another one with --port.") from None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request, client_address) -> None:
        """Does nothing loud: a browser that closes a connection early is no error."""
        LOGGER.debug("A request failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: SiteServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:  # noqa: N802
        name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        try:
            content = self.server.files[name]
            body = content.read_bytes() if isinstance(content, Path) else content
        except (KeyError, OSError):
            self._respond(HTTPStatus.NOT_FOUND, b"Not found\n", ".txt")
            return
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if self.headers.get("If-None-Match") == tag:
            self._respond(HTTPStatus.NOT_MODIFIED, None, "", tag)
        else:
            self._respond(HTTPStatus.OK, body, PurePosixPath(name).suffix, tag)

    do_HEAD = do_GET  # noqa: N815

    def _respond(
        self, status: HTTPStatus, body: bytes | None, suffix: str, tag: str | None = None
    ) -> None:
        self.send_response(status)
        for header, value in HEADERS.items():
            self.send_header(header, value)
        # The browser asks each time whether a file has changed, and gets 304 if it has not.
        self.send_header("Cache-Control", "no-cache")
        if tag:
            self.send_header("ETag", tag)
        if body is not None:
            self.send_header("Content-Type", CONTENT_TYPES.get(suffix, "application/octet-stream"))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is not None and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        LOGGER.debug(format, *values)
