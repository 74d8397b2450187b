"""How fast is the browser Space? Run `python -m benchmarks.browser`.

Serves the page on loopback and opens it in Chromium. Needs Chromium and npm's packages (`make
.node`). For the starter model it measures the bytes of a first visit, and the time from navigation
to the first translated picture, for a first visit and for a second one in the same profile. For the
starter model and for an untrained generator of full size it measures, on 1 and 2 threads, in turns:

- run: the network alone, in ONNX Runtime's native build and in its build for browsers,
- picture: a 256x256 PNG file to a PNG file, with the Translator and with the page's engine.

For the starter painter it measures on the canvas how fast the result follows the pen, and the
memory after 1,000 strokes; `--only drawing` measures nothing else.

Loopback has no network delay: on a connection of 50 Mbit/s, the 8.5 MB of a first visit take 1.4 s
more. What limits the network alone is WebAssembly's vector instructions: they handle 4 numbers at
once and have no fused multiply-add, where AVX2 handles 8 and has it. Run this on an idle machine:
a load of 10 on two cores makes both times several times longer, and their ratio arbitrary.
"""

import argparse
import base64
import contextlib
import io
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page, sync_playwright

from benchmarks.drawing import measure_drawing, print_drawing
from benchmarks.measure import REST, STARTER_MODEL, real_pictures, save_generator_apart
from pix2pix import Translator
from pix2pix.browser import list_model_files, list_site_files
from pix2pix.browser.server import SiteServer
from pix2pix.translate import load_session
from tests.browser import CHROMIUM, FLAGS, PHOTO
from tests.node_client import ORT_FILES

# Largest values. Units: MB, times native.
TARGETS = {"first visit": 9.0, "run": 3.0}
FULL_SIZE = "full_size"
# Runs the network alone, in a worker as the engine does. The first message names graph and threads.
BENCH_WORKER = b"""
import * as ort from "./ort/ort.wasm.bundle.min.mjs";
let session, image;
onmessage = async ({ data: { graph, threads, channels } }) => {
  if (graph) {
    const packed = await fetch("ort/ort-wasm-simd-threaded.wasm.gz");
    const stream = packed.body.pipeThrough(new DecompressionStream("gzip"));
    ort.env.wasm.wasmBinary = await new Response(stream).arrayBuffer();
    ort.env.wasm.numThreads = threads;
    const content = new Uint8Array(await (await fetch(graph)).arrayBuffer());
    session = await ort.InferenceSession.create(content, { executionProviders: ["wasm"] });
    const values = Float32Array.from({ length: 256 * 256 * channels }, (_, i) => Math.sin(i));
    image = new ort.Tensor("float32", values, [1, 256, 256, channels]);
  }
  const start = performance.now();
  await session.run({ image });
  postMessage(performance.now() - start);
};
"""
START_WORKER = """async (settings) => {
  window.bench = new Worker("bench.js", { type: "module" });
  window.call = (data) => new Promise((resolve, reject) => {
    bench.onmessage = ({ data }) => resolve(data);
    bench.onerror = ({ message }) => reject(new Error(message));
    bench.postMessage(data);
  });
  await call(settings);
}"""
LOAD_MODEL = """async ([folder, threads, photo]) => {
  const { loadModel } = await import(new URL("engine.js", location.href).href);
  const model = await loadModel({ folder }, { threads, device: "wasm" });
  const bytes = Uint8Array.from(atob(photo), (character) => character.charCodeAt(0));
  window.translate = async () => {
    const start = performance.now();
    await model.translate(new Blob([bytes]));
    return performance.now() - start;
  };
}"""
# Returns the milliseconds since the navigation.
FIRST_PICTURE = """async (photo) => {
  const bytes = Uint8Array.from(atob(photo), (character) => character.charCodeAt(0));
  while (!window.pix2pix) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await (await window.pix2pix).translate(new Blob([bytes]));
  return performance.now();
}"""


@dataclass(frozen=True)
class Visits:
    """What the visits of the page with the starter model cost."""

    megabytes: float
    cold_seconds: float
    warm_seconds: float


@contextlib.contextmanager
def serving_page(folders: dict[str, Path]) -> Iterator[str]:
    """Serves the page with the models in `folders` on loopback; yields its URL."""
    os.environ.setdefault("PIX2PIX_ORT_URL", str(ORT_FILES))
    files = list_site_files({"folder": "starter_model"}) | {"bench.js": BENCH_WORKER}
    for name, folder in folders.items():
        files |= list_model_files(folder, name)
    with SiteServer(files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


def measure_visits(url: str, rounds: int) -> Visits:
    """Returns the medians of a first and a second visit, each round in a new profile."""
    first, second = [], []
    with sync_playwright() as playwright:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                context = playwright.chromium.launch_persistent_context(
                    profile, executable_path=CHROMIUM, args=FLAGS
                )
                first.append(_visit(context, url))
                time.sleep(1)  # Chromium writes its profile
                second.append(_visit(context, url))
                context.close()
    cold, megabytes = (statistics.median(values) for values in zip(*first, strict=True))
    return Visits(megabytes, cold, statistics.median(seconds for seconds, _ in second))


def _visit(context: BrowserContext, url: str) -> tuple[float, float]:
    """Translates a picture in a new page; returns the seconds, and the MB that it received."""
    page, requests = context.new_page(), []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(url, wait_until="commit")
    photo = base64.b64encode(PHOTO.read_bytes()).decode()
    seconds = page.evaluate(FIRST_PICTURE, photo) / 1e3
    parts = [request.sizes() for request in requests]
    received = sum(part["responseBodySize"] + part["responseHeadersSize"] for part in parts)
    page.close()
    return seconds, received / 1e6


def measure_speed(page: Page, folder: Path, name: str, threads: int, rounds: int) -> dict:
    """Returns the median milliseconds by (kind, where): "run" or "picture", "native" or "page"."""
    translator = Translator(folder, threads=threads)
    session = load_session(folder / "generator.onnx", threads)
    channels = session.get_inputs()[0].shape[3]
    pixels = real_pictures(1)[..., :channels] / np.float32(127.5) - np.float32(1)
    photo = PHOTO.read_bytes()
    settings = {"graph": f"{name}/generator.onnx", "threads": threads, "channels": channels}
    page.evaluate(START_WORKER, settings)
    page.evaluate(LOAD_MODEL, [name, threads, base64.b64encode(photo).decode()])
    contenders = {
        ("run", "native"): _timed(lambda: session.run(["translation"], {"image": pixels})),
        ("run", "page"): lambda: page.evaluate("call({})"),
        ("picture", "native"): _timed(
            lambda: translator(photo).save(io.BytesIO(), "PNG", compress_level=1)
        ),
        ("picture", "page"): lambda: page.evaluate("translate()"),
    }
    return _median_in_turns(contenders, rounds)


def _timed(call: Callable[[], object]) -> Callable[[], float]:
    def timed() -> float:
        start = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - start)

    return timed


def _median_in_turns(contenders: dict, rounds: int) -> dict:
    """Calls functions that return their own milliseconds in turns; returns the median of each."""
    for call in [*contenders.values()] * 2:
        call()
    times: dict = {key: [] for key in contenders}
    for _ in range(rounds):
        for key, call in contenders.items():
            time.sleep(REST)
            times[key].append(call())
    return {key: statistics.median(values) for key, values in times.items()}


def measure_models(url: str, folders: dict[str, Path], rounds: dict[str, int]) -> float:
    """Prints a row for each model and number of threads; returns the starter's ratio on one."""
    goal = 0.0
    for name, folder in folders.items():
        for threads in (1, 2):
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = browser.new_page()
                page.set_default_timeout(120_000)
                page.goto(f"{url}/model.json")
                figures = measure_speed(page, folder, name, threads, rounds[name])
                browser.close()
            cells = [f"{name.replace('_', ' ')}, {threads} thread{'s'[: threads - 1]}"]
            for kind in ("run", "picture"):
                native, browser_ms = figures[kind, "native"], figures[kind, "page"]
                ratio = browser_ms / native
                cells += [f"{native:.0f}", f"{browser_ms:.0f}", f"{ratio:.1f}"]
                if (name, threads, kind) == ("starter_model", 1, "run"):
                    goal = ratio
            print(f"| {' | '.join(cells)} |", flush=True)
    return goal


def print_visits(url: str, rounds: int) -> float:
    """Measures and prints the visits; returns the MB of a first one."""
    visits = measure_visits(url, rounds)
    print(
        f"First visit of the starter model: {visits.megabytes:.1f} MB; "
        f"{visits.cold_seconds:.1f} s to the first picture, {visits.warm_seconds:.1f} s in "
        "the second visit. Milliseconds a picture:\n"
    )
    print("| | run, native | run, browser | ratio | picture, native | picture, browser | ", end="")
    print("ratio |\n|---|---|---|---|---|---|---|")
    return visits.megabytes


def draw(url: str, strokes: int, more_strokes: int) -> bool:
    """Measures the canvas and prints a table; returns whether every target is met."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        figures = measure_drawing(browser, url, strokes, more_strokes)
        browser.close()
    print("\nThe canvas of the starter painter:\n")
    return print_drawing(figures)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--strokes", type=int, default=40, help="drawn with the mouse")
    parser.add_argument("--more_strokes", type=int, default=1000, help="for the memory")
    parser.add_argument("--only", choices=["drawing"])
    arguments = parser.parse_args()
    if not CHROMIUM or not ORT_FILES.is_dir():
        raise SystemExit("Needs Chromium (apt-get install chromium) and `make .node`.")
    is_met = True
    with tempfile.TemporaryDirectory() as scratch:
        folders = {"starter_model": STARTER_MODEL}
        if not arguments.only:
            folders[FULL_SIZE] = save_generator_apart(Path(scratch))
        rounds = {"starter_model": arguments.rounds, FULL_SIZE: max(3, arguments.rounds // 4)}
        with serving_page(folders) as url:
            if not arguments.only:
                megabytes = print_visits(url, arguments.visits)
                ratio = measure_models(url, folders, rounds)
                is_met = megabytes <= TARGETS["first visit"] and ratio <= TARGETS["run"]
            is_met = draw(url, arguments.strokes, arguments.more_strokes) and is_met
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
