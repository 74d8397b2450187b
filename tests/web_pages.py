"""The browser Space on loopback, and pages in Chromium that use it or its engine."""

import base64
import gzip
import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from pix2pix.artifacts import SERVED, STARTER_FOLDERS
from pix2pix.browser.ort_files import RUNTIME_FILES
from pix2pix.browser.site import CONTENT_TYPES, HEADERS, HUB, name_starters, write_settings
from tests.browser import LITTLE_MOTION, TIMEOUT
from tests.commands import ROOT

WEB = ROOT / "web"
CORS = {"access-control-allow-origin": "*"}
Files = dict[str, Path | bytes]
# A page without content, whose functions the tests call.
ENGINE_PAGE = b"""<!doctype html><title>engine</title><script type="module">
import * as engine from "./engine.js";
const run = async (action) => {
  try { return await action(); } catch ({ name, message }) { return { error: message, name }; }
};
const toBase64 = async (blob) => {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
};
Object.assign(window, { engine, run, toBase64 });
window.load = (source, options) => run(async () => {
  const progress = [];
  const model = await engine.loadModel(source, { ...options, onProgress: (p) => progress.push(p) });
  window.model?.close();
  window.model = model;
  const { id, revision, sha256, description, runsOn } = model;
  return { id, revision, sha256, description, runsOn, progress };
});
window.translate = (base64, options) => run(async () => {
  const photo = await (await fetch(`data:;base64,${base64}`)).blob();
  return await toBase64(await model.translate(photo, options));
});
window.ready = true;
</script>"""


class FileServer:
    """Serves files by their path on a free port of loopback, between `with` and its end.

    `files` may be changed while it runs; `requests` is the log of the requested paths.
    """

    def __init__(self, files: Files, headers: Mapping[str, str] = HEADERS) -> None:
        self.files, self.headers, self.requests = files, headers, list[str]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler) -> None:  # noqa: N805
                self._respond(handler)

            def log_message(handler, *arguments: Any) -> None:  # noqa: N805
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _respond(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path).lstrip("/") or "index.html"
        self.requests.append(path)
        content = self.files.get(path)
        body = content.read_bytes() if isinstance(content, Path) else content or b"not found"
        handler.send_response(404 if content is None else 200)
        kind = CONTENT_TYPES.get(Path(path).suffix, "application/octet-stream")
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def __enter__(self) -> "FileServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@cache
def _runtime_files(folder: Path) -> Files:
    files: Files = {}
    for name in RUNTIME_FILES:
        content = folder / name
        if name.endswith(".wasm"):
            # Level 1 takes 1 s, and the level of a deployment 5 s.
            files[f"ort/{name}.gz"] = gzip.compress(content.read_bytes(), 1, mtime=0)
        else:
            files[f"ort/{name}"] = content
    return files


def site_files(ort_files: Path, endpoint: str = "") -> Files:
    """Returns the browser Space on the starter models, by path.

    Args:
        ort_files: the fixture of this name.
        endpoint: the address of a Hub that the page's content security policy allows.
    """
    files = {**_runtime_files(ort_files), "engine.html": ENGINE_PAGE}
    for path in WEB.rglob("*"):
        if path.is_file():
            files[path.relative_to(WEB).as_posix()] = path
    settings = {"folder": "starter_model", "choices": name_starters()}
    files["model.json"] = write_settings(settings, endpoint or HUB)
    for starter in STARTER_FOLDERS:
        for pattern in SERVED:
            for path in (ROOT / starter).glob(pattern):
                files[path.relative_to(ROOT / "assets").as_posix()] = path
    if endpoint and "index.html" in files:
        page = (WEB / "index.html").read_text(encoding="utf-8")
        allowed = "https://huggingface.co https://*.hf.co"
        files["index.html"] = page.replace(allowed, endpoint).encode()
    return files


@pytest.fixture(scope="session")
def web_site(ort_files: Path) -> Iterator[FileServer]:
    """Serves the browser Space on the starter models, cross-origin isolated."""
    with FileServer(site_files(ort_files)) as server:
        yield server


@contextmanager
def new_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Opens a page in a context of its own, whose caches are empty, and closes both."""
    with browser.new_context(**(LITTLE_MOTION | options)) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.goto(url)
        yield page


@contextmanager
def engine_page(browser: Browser, site: str, **options: Any) -> Iterator[Page]:
    """Opens a page that has imported engine.js; see ENGINE_PAGE for its functions."""
    with new_page(browser, f"{site}/engine.html", **options) as page:
        page.wait_for_function("window.ready")
        yield page


def load(page: Page, source: str | dict, **options: Any) -> dict[str, Any]:
    """Loads a model; returns its attributes and "progress", or "error" and "name"."""
    return page.evaluate("([source, options]) => load(source, options)", [source, options])


def translate(page: Page, picture: bytes, **options: Any) -> Image.Image | str:
    """Translates a picture file with the loaded model; returns the result, or the error."""
    encoded = base64.b64encode(picture).decode()
    result = page.evaluate("([photo, options]) => translate(photo, options)", [encoded, options])
    if isinstance(result, dict):
        return result["error"]
    return Image.open(io.BytesIO(base64.b64decode(result)))
