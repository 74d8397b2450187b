"""The outermost layer of the test Hub: the request log, faults, and undecoded paths."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Fault:
    """Answer the next `times` matching requests badly.

    `method` "*" matches all; `path` is a regular expression searched for in the raw
    (percent-encoded) path without its query. A status answers at once with `headers`; "reset"
    closes the connection without an answer; "cut" does so after the first `after` bytes of the
    body; "abort" closes it while the request's body still comes in; "lost" serves the request and
    closes it instead of answering; "delay" takes the request in, waits `seconds` and then serves it
    normally, whether or not the client still waits.
    """

    method: str
    path: str
    effect: int | Literal["reset", "cut", "abort", "lost", "delay"]
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    after: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; uses up one of `times`."""
        if self.times <= 0 or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        self.times -= 1
        return True


class Wire:
    """ASGI middleware that sees requests as they came in.

    `requests` gets (method, raw path, status) just before the answer goes out, so a client that
    has its answer finds its request in the log; status 0 is a reset connection. `sent` counts the
    bytes of the bodies that went out, by raw path.
    """

    def __init__(
        self,
        app: Any,
        requests: list[tuple[str, str, int]],
        faults: list[Fault],
        sent: Counter[str],
    ) -> None:
        self.app, self.requests, self.faults, self.sent = app, requests, faults, sent

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        method, path = scope["method"], scope["raw_path"].decode()

        async def logged(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.requests.append((method, path, message["status"]))
            self.sent[path] += len(message.get("body", b""))
            await send(message)

        answer = logged
        fault = next((f for f in list(self.faults) if f.strikes(method, path)), None)
        if fault is not None and fault.effect == "delay":
            receive = replay(await taken_in(receive), receive)
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.effect == "cut":
            answer = cut(fault.after, logged, send.__self__.transport)
        elif fault is not None and fault.effect == "lost":
            await self.app({**scope, "path": path}, receive, unheard)
            await self.break_off(method, path, receive, send)
            return
        elif fault is not None and fault.effect == "abort":
            await receive()
            await self.break_off(method, path, receive, send)
            return
        elif fault is not None:
            # An answer before the body is read would close the connection under the client.
            await drain(receive)
            if fault.effect == "reset":
                await self.break_off(method, path, receive, send)
            else:
                await refuse(fault, scope, logged)
            return
        # A revision such as refs/pr/1 is one segment, refs%2Fpr%2F1: route on the path as sent
        # and let the convertors decode each parameter.
        await self.app({**scope, "path": path}, receive, answer)

    async def break_off(self, method: str, path: str, receive: Any, send: Any) -> None:
        self.requests.append((method, path, 0))
        send.__self__.transport.abort()  # uvicorn's request cycle: ASGI knows no reset
        while (await receive())["type"] != "http.disconnect":
            pass


async def unheard(message: dict[str, Any]) -> None:
    """Sends nothing."""


def cut(left: int, send: Any, transport: asyncio.Transport) -> Any:
    """`send`, until `left` bytes of the body are through: then the connection breaks."""

    async def cut_send(message: dict[str, Any]) -> None:
        nonlocal left
        body = message.get("body", b"")
        if transport.is_closing():
            return
        if len(body) <= left:
            left -= len(body)
            await send(message)
            return
        await send({**message, "body": body[:left], "more_body": True})
        while transport.get_write_buffer_size() and not transport.is_closing():
            await asyncio.sleep(0.001)
        transport.abort()

    return cut_send


async def drain(receive: Any) -> None:
    await taken_in(receive)


async def taken_in(receive: Any) -> list[dict[str, Any]]:
    """The messages of the whole request."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def replay(messages: list[dict[str, Any]], receive: Any) -> Any:
    """A `receive` that hands `messages` out again before it goes on."""
    left = iter(messages)

    async def received() -> dict[str, Any]:
        return next(left, None) or await receive()

    return received


async def refuse(fault: Fault, scope: dict[str, Any], send: Any) -> None:
    """The fault's status, worded at its worst: the answer repeats the caller's token, and a server
    error is a proxy's page where the client expects JSON."""
    heard = b" ".join(value for name, value in scope["headers"] if name == b"authorization")
    message = (b"fault injected by the test Hub, after " + heard).strip()
    page, body = b"<html>" + message + b"</html>", b'{"error": "' + message + b'"}'
    content = (b"text/html", page) if fault.effect >= 500 else (b"application/json", body)
    raw = [(b"x-error-message", message), (b"content-type", content[0])]
    raw += [(b"content-length", str(len(content[1])).encode())]
    raw += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    await send({"type": "http.response.start", "status": fault.effect, "headers": raw})
    await send({"type": "http.response.body", "body": content[1]})
