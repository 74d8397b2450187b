"""The engine of the browser Space: pixels, queue, cancel, crashes, threads, and other sites."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from pix2pix import Translator
from pix2pix.browser.site import HEADERS
from tests.browser import STARTER_MODEL, needs_chromium
from tests.builders import encode_image, make_picture
from tests.web_models import build_model
from tests.web_pages import CORS, FileServer, engine_page, load, site_files, translate

pytestmark = needs_chromium
STARTER = {"folder": "starter_model"}
PHOTO = encode_image(make_picture(90, 70))


@pytest.fixture(scope="module")
def starter_page(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    with engine_page(browser, web_site.url) as page:
        assert load(page, STARTER)["id"] is None
        yield page


@pytest.fixture
def small_site(ort_files: Path) -> Iterator[FileServer]:
    """Serves the page with a second model in `negative`, whose result is the negative."""
    files = site_files(ort_files)
    files |= {f"negative/{path}": content for path, content in build_model().items()}
    with FileServer(files) as server:
        yield server


@pytest.mark.parametrize(
    ("size", "mode"), [((256, 256), "fit"), ((301, 180), "fit"), ((400, 300), "full")]
)
def test_pixels_are_those_of_the_python_translator(
    starter_page: Page, size: tuple[int, int], mode: str
) -> None:
    photo = encode_image(make_picture(*size))
    translated = translate(starter_page, photo, mode=mode)
    expected = Translator(STARTER_MODEL)(photo, mode=mode)
    difference = np.abs(np.asarray(translated, np.int16) - np.asarray(expected, np.int16))
    # Both round the network's output to gray levels, a few in opposite directions. Where the result
    # is resized, neighbors may add up to two gray levels: 6 to 12 values in a million, measured.
    is_resized = mode == "fit" and size != (256, 256)
    assert difference.max() <= (2 if is_resized else 1)
    assert (difference > 1).mean() < 1e-4


def test_translation_with_all_details(starter_page: Page) -> None:
    details = starter_page.evaluate(
        """async () => {
          const [photo, real] = await Promise.all(["input", "target"].map(
            (kind) => model.readFile(`samples/003-${kind}.png`)));
          const { png, ...rest } = await model.translateWithDetails(photo, { real });
          return { ...rest, type: png.type, photo: rest.photo.size, real: rest.real.size };
        }"""
    )
    assert (details["width"], details["height"], details["notes"]) == (256, 256, [])
    assert details["type"] == "image/png" and details["photo"] and details["real"]
    sample = [
        np.asarray(Image.open(STARTER_MODEL / f"samples/003-{kind}.png"), np.int16)
        for kind in ("generated", "target")
    ]
    assert details["closeness"]["l1"] == pytest.approx(
        np.abs(sample[0] - sample[1]).mean(), abs=0.1
    )
    assert 0 < details["milliseconds"] < 60_000


def test_pair_is_recognized_and_halved(starter_page: Page) -> None:
    pair = encode_image(make_picture(200, 100))
    half = translate(starter_page, pair, half="right")
    assert half.size == (100, 100)
    info = starter_page.evaluate(
        """async () => {
          const photo = await (await fetch("starter_model/samples/003-input.png")).blob();
          return await model.inspect(photo);
        }"""
    )
    assert info == {"width": 256, "height": 256, "isPair": False, "notes": []}


@pytest.mark.parametrize(
    ("picture", "options", "part"),
    [
        (b"", {}, "."),
        (b"no picture at all", {}, "."),
        (PHOTO[: len(PHOTO) // 2], {}, "."),
        (PHOTO, {"mode": "best"}, 'The mode "best" is unknown; choose fit or full.'),
    ],
)
def test_refused_picture_leaves_the_engine_alive(
    starter_page: Page, picture: bytes, options: dict, part: str
) -> None:
    error = translate(starter_page, picture, **options)
    assert isinstance(error, str) and part in error and len(error.split(". ")) <= 2
    assert translate(starter_page, PHOTO).size == (90, 70)


def test_calls_at_once_are_served_in_their_order(starter_page: Page) -> None:
    order = starter_page.evaluate(
        """async () => {
          const photo = await model.readFile("samples/003-input.png");
          const ends = [];
          await Promise.all([0, 1, 2].map(async (number) => {
            await model.translate(photo);
            ends.push(number);
          }));
          return ends;
        }"""
    )
    assert order == [0, 1, 2]


def test_canceled_translation_ends_early(starter_page: Page) -> None:
    answer = starter_page.evaluate(
        """async (base64) => {
          const photo = await (await fetch(`data:;base64,${base64}`)).blob();
          const controller = new AbortController();
          const tiles = [];
          const onProgress = (done, total) => { tiles.push([done, total]); controller.abort(); };
          const options = { mode: "full", onProgress, signal: controller.signal };
          const answer = await run(() => model.translate(photo, options));
          return { answer, tiles };
        }""",
        base64.b64encode(encode_image(make_picture(1200, 900))).decode(),
    )
    assert answer["answer"] == {"error": "Canceled.", "name": "AbortError"}
    assert 1 <= len(answer["tiles"]) < 6 and answer["tiles"][0][1] == 30
    assert translate(starter_page, PHOTO).size == (90, 70)


def test_page_is_free_while_a_large_photo_is_translated(starter_page: Page) -> None:
    shares = starter_page.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(1000, 800);
          const context = canvas.getContext("2d");
          for (let y = 0; y < 800; y += 20) {
            context.fillStyle = `hsl(${y} 80% 50%)`;
            context.fillRect(y / 2, y, 1000 - y / 2, 12);
          }
          const photo = await canvas.convertToBlob();
          let busy = 0;
          const observer = new PerformanceObserver((list) => {
            for (const { duration } of list.getEntries()) { busy += duration; }
          });
          observer.observe({ type: "longtask" });
          const measure = async (action) => {
            const start = performance.now();
            busy = 0;
            await action();
            await new Promise((resolve) => setTimeout(resolve, 100));
            return busy / (performance.now() - start);
          };
          return [
            await measure(() => model.translate(photo, { mode: "full" })),
            await measure(() => {
              const end = performance.now() + 300;
              while (performance.now() < end) {}
            }),
          ];
        }"""
    )
    # The share of the time in which the page could not react for 50 ms or longer.
    free, blocked = shares
    # A busy machine makes tasks of a few milliseconds long ones.
    assert free < 0.3 and blocked > 0.5


@pytest.mark.parametrize(
    "crash",
    [
        pytest.param(
            "() => { setTimeout(() => { throw new Error('<b>crash</b>'); }); }", id="exception"
        ),
        pytest.param("() => self.close()", id="ended by the browser", marks=pytest.mark.slow),
    ],
)
def test_crashed_worker_is_replaced(browser: Browser, small_site: FileServer, crash: str) -> None:
    with engine_page(browser, small_site.url) as page:
        load(page, {"folder": "negative"})
        (before,) = (worker for worker in page.workers if "worker.js" in worker.url)
        before.evaluate(crash)
        while before in page.workers:  # until the test's time is over
            page.wait_for_timeout(50)
        picture = translate(page, PHOTO, mode="full")
        assert not isinstance(picture, str) and picture.size == (90, 70)


def test_threads_where_the_page_is_isolated(browser: Browser, small_site: FileServer) -> None:
    with engine_page(browser, small_site.url) as page:
        cores = page.evaluate("navigator.hardwareConcurrency")
        assert load(page, {"folder": "negative"})["runsOn"] == {
            "device": "wasm", "threads": min(4, cores), "note": "",
        }  # fmt: skip
        assert load(page, {"folder": "negative"}, threads=1)["runsOn"]["threads"] == 1
        page.evaluate(
            """() => {
              Object.defineProperty(navigator, "platform", { value: "MacIntel" });
              Object.defineProperty(navigator, "maxTouchPoints", { value: 5 });
            }"""
        )
        assert load(page, {"folder": "negative"})["runsOn"]["threads"] == 1, "an iPad"


@pytest.mark.slow
def test_one_thread_where_the_page_is_not_isolated(browser: Browser, ort_files: Path) -> None:
    files = site_files(ort_files)
    with FileServer(files, headers={}) as site, engine_page(browser, site.url) as page:
        assert not page.evaluate("crossOriginIsolated")
        assert load(page, STARTER)["runsOn"]["threads"] == 1
        assert translate(page, PHOTO).size == (90, 70)


@pytest.mark.slow
@pytest.mark.parametrize("headers", [{}, HEADERS], ids=["plain", "isolated"])
def test_page_of_another_site_uses_the_engine(
    browser: Browser, ort_files: Path, headers: dict[str, str]
) -> None:
    with (
        FileServer(site_files(ort_files), HEADERS | CORS) as site,
        FileServer({}, headers) as other,
    ):
        page = site.files["engine.html"].replace(
            b'"./engine.js"', f'"{site.url}/engine.js"'.encode()
        )
        other.files["engine.html"] = page
        with engine_page(browser, other.url) as page:
            loaded = load(page, {"folder": f"{site.url}/starter_model"})
            assert loaded["runsOn"]["device"] == "wasm"
            assert (loaded["runsOn"]["threads"] > 1) == bool(
                headers and page.evaluate("navigator.hardwareConcurrency > 1")
            )
            assert translate(page, PHOTO).size == (90, 70)
            assert set(other.requests) <= {"engine.html", "favicon.ico"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"<html>", id="a page instead", marks=pytest.mark.slow),
    ],
)
def test_missing_runtime_is_explained(
    browser: Browser, ort_files: Path, content: bytes | None
) -> None:
    files = site_files(ort_files)
    del files["ort/ort-wasm-simd-threaded.wasm.gz"]
    if content is not None:
        files["ort/ort-wasm-simd-threaded.wasm.gz"] = content
    with FileServer(files) as site, engine_page(browser, site.url) as page:
        assert load(page, STARTER)["error"] == (
            "ONNX Runtime can't be loaded: ort/ort-wasm-simd-threaded.wasm.gz is missing or "
            "unreadable. Reload the page, or deploy it again."
        )


@pytest.mark.slow
def test_closed_model_says_so(browser: Browser, small_site: FileServer) -> None:
    with engine_page(browser, small_site.url) as page:
        load(page, {"folder": "negative"})
        page.evaluate("model.close()")
        assert translate(page, PHOTO) == "The model was closed: load it again."
        deadline = time.monotonic() + 30
        while page.workers and time.monotonic() < deadline:
            page.wait_for_timeout(50)
        assert not page.workers
