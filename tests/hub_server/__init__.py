"""A Hub-compatible HTTP server on loopback, for unmodified huggingface_hub and datasets clients.

HF_ENDPOINT names it:

    with HubServer(tmp_path) as hub:
        HfApi(hub.endpoint, token=WRITE_TOKEN).create_repo("tester/model")

It implements what a client relies on (atomic commits, verified LFS uploads, 401, 402 and 403 where
the Hub sends them). Its users are `tester`, who is PRO, `free-user`, and `young-user`, whose
account is three days old. The first two are members of `test-org`, which has a plan, and of
`free-org`, which has none. Clients need HF_HUB_DISABLE_XET=1, since only buckets have Xet storage.
"""

import socket
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

import uvicorn

from .accounts import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    ORGANIZATION,
    READ_TOKEN,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
)
from .app import build_app
from .middleware import Fault, RequestMiddleware
from .store import Store

__all__ = [
    "FREE_ORGANIZATION", "FREE_TOKEN", "FREE_USER", "ORGANIZATION", "READ_TOKEN", "USER",
    "WRITE_TOKEN", "YOUNG_TOKEN", "YOUNG_USER", "Fault", "HubServer", "Store",
]  # fmt: skip


class HubServer:
    """Runs the server in a daemon thread between `start` and `stop`, or in a `with` block.

    `stop` keeps the store, and `start` serves it again on the same port: a Hub after an outage.
    `requests` is the log of (method, raw path, status), `faults` the faults still to be injected,
    `sent_bytes` the bytes of the sent bodies by raw path.
    """

    def __init__(self, root: Path, port: int = 0) -> None:
        self.store = Store(Path(root))
        self.port = port
        self.requests: list[tuple[str, str, int]] = []
        self.faults: list[Fault] = []
        self.sent_bytes: Counter[str] = Counter()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        # asyncio disables Nagle's algorithm only if the socket names its protocol; with it, each
        # request takes 40 ms more.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        app = RequestMiddleware(
            build_app(self.store, self.endpoint), self.requests, self.faults, self.sent_bytes
        )
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="hub-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the test Hub did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(10)
        if self._thread.is_alive():
            raise RuntimeError("the test Hub did not stop")
        self._server = self._thread = None

    def __enter__(self) -> "HubServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
