"""What the Space answers before gradio does: requests that are too large, routes nobody needs."""

import traceback

from gradio.route_utils import API_PREFIX as API
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD = f"{API}/upload"
# They fetch any web page for a caller, hand videos to ffmpeg, and keep a visitor's inputs on disk.
CLOSED = (
    f"{API}/file=http:", f"{API}/file=https:", f"{API}/file/http:", f"{API}/file/https:",
    f"{API}/proxy=", f"{API}/process_recording", f"{API}/deep_link", f"{API}/component_server",
    "/monitoring",  # open until the launch is through, whatever `enable_monitoring` says
)  # fmt: skip
UNCLEAR = PlainTextResponse(
    "This Space can't do anything with this request; its API page describes what it takes.", 400
)
NOT_FOUND = PlainTextResponse("This Space has no such page.", 404)


class Guard:
    """ASGI middleware: refuses the routes in CLOSED, bodies over a limit, and what makes no sense.

    Gradio limits each uploaded file, but neither their number nor the JSON of a call, which may
    hold pictures as data: URLs.
    """

    def __init__(self, app: ASGIApp, max_file_mb: int, max_files: int):
        self._app = app
        self._max_upload = max_files * max_file_mb
        self._max_call = -(-max_file_mb * 4 // 3)  # base64 writes three bytes as four

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].lower()
        megabytes = self._max_upload if path.startswith(UPLOAD) else self._max_call
        left = (megabytes + 1) * 1_000_000  # the one is for what surrounds the files

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(
                    413, f"The request is larger than {megabytes} MB; send less at a time."
                )
            return message

        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        app = NOT_FOUND if path.startswith(CLOSED) else self._app
        try:
            await app(scope, limited, noted)
        except Exception:
            if started:
                raise
            # Gradio has no answer of its own to an endpoint, an event or a type it doesn't know.
            traceback.print_exc()
            await UNCLEAR(scope, receive, send)
