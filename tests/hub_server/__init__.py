"""A Hub on loopback that the unmodified Hugging Face clients talk to through HF_ENDPOINT.

    with HubServer(tmp_path) as hub:
        HfApi(hub.endpoint, token=WRITE_TOKEN).create_repo("tester/model")

It keeps the Hub's promises that matter to a client (atomic commits, checked LFS bytes, 401 and
403 where the Hub says so) and serves one user, `tester`, a member of `test-org`. Clients need
HF_HUB_DISABLE_XET=1, as there is no Xet storage here.
"""

import socket
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

import uvicorn

from .app import build_app
from .auth import ORGANISATION, READ_TOKEN, USER, WRITE_TOKEN
from .store import Store
from .wire import Fault, Wire

__all__ = ["ORGANISATION", "READ_TOKEN", "USER", "WRITE_TOKEN", "Fault", "HubServer", "Store"]


class HubServer:
    """The server, in a daemon thread between `start` and `stop` (or in a `with` block).

    After `stop` the store is still there, and `start` serves it again on the same port: a Hub
    that was down for a while.
    """

    def __init__(self, root: Path, port: int = 0) -> None:
        self.store = Store(Path(root))
        self.port = port
        self.requests: list[tuple[str, str, int]] = []
        self.faults: list[Fault] = []
        self.sent: Counter[str] = Counter()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        # asyncio switches Nagle's delay off only where the protocol is named: 40 ms a request.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        app = Wire(build_app(self.store, self.endpoint), self.requests, self.faults, self.sent)
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
