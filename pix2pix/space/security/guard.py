"""Checks every HTTP request before Gradio gets it, with or without a root path.

The operator sets the root path where a proxy serves the Space below a prefix, as in
`https://example.com/maps/`.
"""

import logging
from urllib.parse import urlsplit

from gradio.route_utils import API_PREFIX
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix2pix.space.security.messages import limit_error_body, shorten

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


class RequestGuard:
    """ASGI middleware that refuses routes outside the allowlist and bodies over a limit.

    Gradio limits the size of each uploaded file, but neither their number nor the JSON of a call,
    which may hold pictures as text. Error responses are shortened on their way out.
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
        scope, route = find_route(scope)
        if not route:  # links on the page are relative to a path that ends with a slash
            await RedirectResponse(f"{scope['root_path']}/")(scope, receive, send)
            return
        if not _is_allowed(route):
            await NOT_FOUND(scope, receive, send)
            return
        response = _Response(send)
        try:
            await self._app(scope, self._limited(route, receive), response.send)
        except Exception:
            if response.started:
                raise
            # Gradio raises an exception for an unknown endpoint, event or type.
            logger.exception("The request to %s failed.", shorten(route))
            await INVALID_REQUEST(scope, receive, send)

    def _limited(self, route: str, receive: Receive) -> Receive:
        """Returns `receive` with a limit on the bytes of the body."""
        limit_mb = self._max_upload_mb if route.startswith(UPLOAD) else self._max_call_mb
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


def find_route(scope: Scope) -> tuple[Scope, str]:
    """Returns the scope with the root path in its path, and the path without it.

    Some proxies keep the prefix and others strip it; Gradio gets the same scope from both. The
    root path may be a full URL, of which Gradio's router would not find the path.
    """
    root, path = urlsplit(scope.get("root_path", "")).path.rstrip("/"), scope["path"]
    has_prefix = path == root or path.startswith(f"{root}/")
    route = path[len(root) :] if has_prefix else path
    return {**scope, "root_path": root, "path": root + route}, route


def _is_allowed(route: str) -> bool:
    if route.lower().startswith(REMOTE_FILES):
        return False
    return route in PAGES or route.rstrip("/") in PAGES or route.startswith(ROUTES)


class _Response:
    """Passes on the response to one request; that of an error is held until it is shortened."""

    def __init__(self, send: Send):
        self._send = send
        self._held: Message | None = None
        self._body = bytearray()
        self.started = False

    async def send(self, message: Message) -> None:
        """Sends one message of the response, or holds it."""
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._held = message
            return
        if self._held:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            message = {**message, "body": self._shorten_body(self._held)}
            self.started = True
            await self._send(self._held)
        self.started = True
        await self._send(message)

    def _shorten_body(self, start: Message) -> bytes:
        """Returns the whole body, shortened, and corrects its length in the headers."""
        headers = MutableHeaders(raw=list(start["headers"]))
        body = limit_error_body(bytes(self._body), "json" in headers.get("content-type", ""))
        if len(body) != len(self._body):
            headers["content-length"] = str(len(body))
            start["headers"] = headers.raw
        return body
