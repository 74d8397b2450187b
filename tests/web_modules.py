"""Runs the modules in web/pixels on pictures, in Node and in Chromium."""

import base64
import functools
import http.server
import io
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from pix2pix.pixels.gate import notes_of, open_image
from pix2pix.pixels.rule import PixelRule
from tests.commands import ROOT

WEB = ROOT / "web"
RUNNER = ROOT / "tests" / "javascript" / "pixels.mjs"
Tasks = list[dict[str, Any]]
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
# .ci/run installs Node.js, and there a missing one is a failure.
needs_node = pytest.mark.skipif(
    not shutil.which("node") and not os.environ.get("CI"),
    reason="Node.js is missing: install it (apt-get install nodejs), version 18 or newer",
)


def to_json(pixels: np.ndarray) -> dict[str, Any]:
    """Returns (H, W, 3) uint8 as the runner takes it."""
    height, width = pixels.shape[:2]
    return {"width": width, "height": height, "data": to_text(pixels.tobytes())}


def to_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def from_json(picture: dict[str, Any]) -> np.ndarray:
    """Returns a picture of the runner as (H, W, 3) uint8."""
    assert "data" in picture, picture
    data = np.frombuffer(base64.b64decode(picture["data"]), np.uint8)
    return data.reshape(picture["height"], picture["width"], 3)


def save(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def with_alpha(image: Image.Image) -> Image.Image:
    ramp = np.linspace(0, 255, image.width).astype(np.uint8)
    image = image.copy()
    image.putalpha(Image.fromarray(np.tile(ramp, (image.height, 1))))
    return image


def read_task(file: bytes, rule: PixelRule | None = None, **options: Any) -> dict[str, Any]:
    task = {"do": "read", "file": to_text(file), **options}
    if rule:
        values = rule.to_dict()
        legend = [list(color) for color in rule.legend] if rule.legend else None
        ranges = {"valueRange": values["value_range"], "legend": legend}
        task["rule"] = {"bands": values["bands"]} | ranges
    return task


def compare(
    run: Callable[[Tasks], list[Any]],
    files: dict[str, bytes],
    levels: int,
    rule: PixelRule = PixelRule(),  # noqa: B008
) -> None:
    """Asserts that files are read as by the package, within some gray levels."""
    results = run([read_task(file, rule) for file in files.values()])
    for (name, file), result in zip(files.items(), results, strict=True):
        image = open_image(file, rule=rule)
        pixels, expected = from_json(result), np.asarray(image)
        assert pixels.shape == expected.shape, name
        assert np.abs(pixels.astype(int) - expected).max() <= levels, name
        # The page has no flags, which the package's sentences name.
        notes = [note.partition("; change --")[0].rstrip(".") + "." for note in notes_of(image)]
        assert result["notes"] == [
            "The picture is nearly black." if note.startswith("The picture is nearly") else note
            for note in notes
        ], name


def run_in_node(tasks: Tasks, timeout: float = 120) -> list[Any]:
    """Returns the result of each task, run by one Node process."""
    program = shutil.which("node")
    assert program
    with tempfile.TemporaryDirectory() as folder:
        # Node before 20.19 takes a .js file for a module only beside such a package.json.
        shutil.copytree(WEB / "pixels", Path(folder, "pixels"))
        shutil.copy(WEB / "errors.js", folder)
        Path(folder, "package.json").write_text('{"type": "module"}')
        request = {"folder": Path(folder, "pixels").as_uri() + "/", "tasks": tasks}
        process = subprocess.run(
            [program, str(RUNNER)], input=json.dumps(request), capture_output=True, text=True,
            timeout=timeout,
        )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@contextmanager
def running_in_browser(browser: Browser) -> Iterator[Callable[[Tasks], list[Any]]]:
    """Returns a function that runs tasks in a page of `browser`."""
    with serving({"/": WEB, "/tests/": RUNNER.parent}) as url:
        page = browser.new_page()
        page.goto(f"{url}/model.json")

        def run(tasks: Tasks) -> list[Any]:
            return page.evaluate(
                """async (tasks) => {
                    const { runTasks } = await import("/tests/pixels.mjs");
                    return runTasks("/pixels/", tasks);
                }""",
                tasks,
            )

        yield run
        page.close()


@contextmanager
def serving(folders: dict[str, Path]) -> Iterator[str]:
    """Serves folders on loopback by the beginnings of their paths; yields the server's address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map,
                          ".mjs": "text/javascript"}  # fmt: skip

        def translate_path(self, path: str) -> str:
            prefix = max((name for name in folders if path.startswith(name)), key=len)
            return str(folders[prefix] / path[len(prefix) :].partition("?")[0])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
