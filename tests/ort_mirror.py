"""A mirror of ONNX Runtime's files on loopback, and a cache that has all of them."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pix2pix.browser.ort_files import SOURCE_VARIABLE
from tests.commands import ROOT

FETCH = "from pix2pix.browser import fetch_runtime; print(fetch_runtime())"


class Mirror(http.server.ThreadingHTTPServer):
    """Serves ONNX Runtime's files by name, also as an HTTP proxy, and counts the requests.

    The first `broken` responses end before the content does.
    """

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), _MirrorHandler)
        self.folder, self.broken = folder, 0
        self.requests: Counter[str] = Counter()
        self.accounts: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _MirrorHandler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.requests[self.path] += 1
        self.server.accounts.add(self.headers["Authorization"])
        path = self.server.folder / self.path.rpartition("/")[2]
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.broken:
            self.server.broken -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(server: http.server.HTTPServer) -> Iterator[None]:
    with server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture
def ort_mirror(ort_files: Path) -> Iterator[Mirror]:
    server = Mirror(ort_files)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def fetched_twice(ort_files: Path, tmp_path_factory) -> tuple[Path, Counter[str]]:
    """Fetches from a mirror in two processes at once; returns their cache and the requests."""
    cache, server = tmp_path_factory.mktemp("cache"), Mirror(ort_files)
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), SOURCE_VARIABLE: server.url}
    with running(server):
        processes = [
            subprocess.Popen([sys.executable, "-c", FETCH], cwd=ROOT, env=environment)
            for _ in range(2)
        ]
        assert [process.wait(timeout=120) for process in processes] == [0, 0]
    return cache, server.requests


@pytest.fixture
def ort_cache(fetched_twice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the folder of a test's own cache, which has all of ONNX Runtime's files."""
    shutil.copytree(fetched_twice[0], tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache" / "pix2pix").glob("onnxruntime-web-*/")
    return folder
