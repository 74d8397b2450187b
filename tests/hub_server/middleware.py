"""The request log and the injected faults of the test Hub, as ASGI middleware."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Fault:
    """Makes the next `times` matching requests fail or wait.

    `method` "*" matches every method; `path` is a regular expression searched for in the raw
    (percent-encoded) path without its query. Effects:

    - a status: responds with it at once, and with `headers`;
    - "reset": reads the request and closes the connection without a response;
    - "cut": closes the connection `seconds` after the first `after` bytes of the response body: a
      client that is slow to read loses what it has not read when the connection closes;
    - "abort": closes the connection while the request body is still being sent;
    - "lost": executes the request and closes the connection instead of responding;
    - "delay": reads the request, waits `seconds` and executes it, even if the client has timed out.

    `seconds` None is one second for "delay", and no pause for "cut".
    """

    method: str
    path: str
    effect: int | Literal["reset", "cut", "abort", "lost", "delay"]
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    after: int = 0

    def take(self, method: str, path: str) -> bool:
        """Returns whether the fault applies to a request, and counts it if so."""
        if self.times <= 0 or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        self.times -= 1
        return True


class RequestMiddleware:
    """ASGI middleware that logs every request and applies the faults.

    `requests` gets (method, raw path, status) just before the response is sent, so that a client
    with a response always finds its request in the log; status 0 is a closed connection.
    `sent_bytes` counts the bytes of the sent bodies by raw path.
    """

    def __init__(
        self,
        app: Any,
        requests: list[tuple[str, str, int]],
        faults: list[Fault],
        sent_bytes: Counter[str],
    ) -> None:
        self.app, self.requests, self.faults, self.sent_bytes = app, requests, faults, sent_bytes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        method, path = scope["method"], scope["raw_path"].decode()

        async def send_and_log(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.requests.append((method, path, message["status"]))
            self.sent_bytes[path] += len(message.get("body", b""))
            await send(message)

        fault = next((fault for fault in list(self.faults) if fault.take(method, path)), None)
        effect = fault.effect if fault is not None else None
        # A revision such as refs/pr/1 is one segment, refs%2Fpr%2F1: the routes match the path as
        # it was sent, and their converters decode each parameter.
        scope = {**scope, "path": path}
        if fault is None:
            await self.app(scope, receive, send_and_log)
        elif effect == "delay":
            receive = replay(await read_request(receive), receive)
            await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
            await self.app(scope, receive, send_and_log)
        elif effect == "cut":
            transport = send.__self__.transport
            cut = cut_after(fault.after, fault.seconds or 0.0, send_and_log, transport)
            await self.app(scope, receive, cut)
        elif effect == "lost":
            await self.app(scope, receive, discard)
            await self.close_connection(method, path, receive, send)
        elif effect == "abort":
            await receive()
            await self.close_connection(method, path, receive, send)
        else:
            # A response before the body is read would close the connection while the client sends.
            await read_request(receive)
            if effect == "reset":
                await self.close_connection(method, path, receive, send)
            else:
                await send_error(fault, scope, send_and_log)

    async def close_connection(self, method: str, path: str, receive: Any, send: Any) -> None:
        self.requests.append((method, path, 0))
        # ASGI has no message for a closed connection: this is the transport of uvicorn's cycle.
        send.__self__.transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def discard(message: dict[str, Any]) -> None:
    """Replaces `send` and sends nothing."""


def cut_after(limit: int, pause: float, send: Any, transport: asyncio.Transport) -> Any:
    """Returns a `send` that closes the connection `pause` seconds after `limit` bytes."""
    remaining = limit

    async def send_until_limit(message: dict[str, Any]) -> None:
        nonlocal remaining
        body = message.get("body", b"")
        if transport.is_closing():
            return
        if len(body) <= remaining:
            remaining -= len(body)
            await send(message)
            return
        await send({**message, "body": body[:remaining], "more_body": True})
        while transport.get_write_buffer_size() and not transport.is_closing():
            await asyncio.sleep(0.001)
        await asyncio.sleep(pause)
        transport.abort()

    return send_until_limit


async def read_request(receive: Any) -> list[dict[str, Any]]:
    """Reads a request to its end; returns its ASGI messages."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def replay(messages: list[dict[str, Any]], receive: Any) -> Any:
    """Returns a `receive` that returns `messages` once more before it goes on."""
    waiting = iter(messages)

    async def receive_again() -> dict[str, Any]:
        return next(waiting, None) or await receive()

    return receive_again


async def send_error(fault: Fault, scope: dict[str, Any], send: Any) -> None:
    """Responds with the fault's status in the form that is hardest for a client.

    The body repeats the caller's token, which a client must not print, and a server error is an
    HTML page of a proxy where the client expects JSON.
    """
    token = b" ".join(value for name, value in scope["headers"] if name == b"authorization")
    message = (b"fault injected by the test Hub, after " + token).strip()
    page, body = b"<html>" + message + b"</html>", b'{"error": "' + message + b'"}'
    content = (b"text/html", page) if fault.effect >= 500 else (b"application/json", body)
    raw = [(b"x-error-message", message), (b"content-type", content[0])]
    raw += [(b"content-length", str(len(content[1])).encode())]
    raw += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    await send({"type": "http.response.start", "status": fault.effect, "headers": raw})
    await send({"type": "http.response.body", "body": content[1]})
