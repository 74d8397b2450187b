"""The engine of the browser Space finds, downloads, checks and caches models."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image
from playwright.sync_api import Browser, Page

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER
from tests.browser import needs_chromium
from tests.builders import encode_image, make_picture
from tests.commands import ROOT
from tests.hub_clients import add_file
from tests.hub_server import Fault, HubServer
from tests.web_models import build_graph, build_model, publish
from tests.web_pages import CORS, FileServer, engine_page, load, translate

pytestmark = needs_chromium
PHOTO = encode_image(make_picture(40, 30))
GRAPH_BYTES = 3_000_000
LARGE = build_model(build_graph("Neg", padding=GRAPH_BYTES))
GRAPH = r"resolve/[0-9a-f]{40}/generator\.onnx"


@pytest.fixture
def page(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    with engine_page(browser, web_site.url) as page:
        yield page


@pytest.fixture
def source(hub: HubServer, api: HfApi, repo_id: str) -> dict[str, str]:
    """Publishes a model with a graph of 3 MB; returns where it is."""
    publish(api, repo_id, LARGE)
    return {"id": repo_id, "endpoint": hub.endpoint}


def requests_of(hub: HubServer, part: str) -> list[tuple[str, str, int]]:
    return [request for request in hub.requests if part in request[1]]


def test_progress_and_pixels_of_a_model_on_the_hub(page: Page, source: dict, api: HfApi) -> None:
    loaded = load(page, source)
    assert loaded["id"] == source["id"]
    assert loaded["revision"] == api.model_info(source["id"]).sha
    assert loaded["sha256"] == hashlib.sha256(LARGE["generator.onnx"]).hexdigest()
    assert loaded["description"] == json.loads(LARGE["pix2pix.json"])
    reports = [report for report in loaded["progress"] if report["what"] == "model"]
    size = len(LARGE["generator.onnx"])
    assert reports[-1] == {"what": "model", "bytes": size, "total": size, "secondsLeft": 0}
    assert {report["what"] for report in loaded["progress"]} == {"model", "runtime"}
    picture = translate(page, PHOTO, mode="full")
    expected = 255 - make_picture(40, 30).convert("RGB").getpixel((7, 9))[0]
    assert abs(picture.getpixel((7, 9))[0] - expected) <= 1


@pytest.mark.parametrize(
    "kind",
    [
        "commit",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("branch", "pull request", "tag")),
    ],
)
def test_revision(page: Page, hub: HubServer, api: HfApi, repo_id: str, kind: str) -> None:
    first = publish(api, repo_id, build_model(size_multiple=64, note=kind))
    name = {"commit": first, "tag": "v1.0", "branch": "feature/x", "pull request": "refs/pr/1"}[
        kind
    ]
    if kind == "tag":
        api.create_tag(repo_id, tag=name)
    elif kind == "branch":
        api.create_branch(repo_id, branch=name)
    elif kind == "pull request":
        first = api.create_commit(
            repo_id, [add_file("a.txt", b"a")], commit_message="change", create_pr=True
        ).oid
    publish(api, repo_id, build_model(note="newer"))
    loaded = load(page, {"id": repo_id, "revision": name, "endpoint": hub.endpoint})
    assert (loaded["revision"], loaded["description"]["note"]) == (first, kind)


@pytest.mark.slow
def test_hub_that_fails_is_asked_again(page: Page, hub: HubServer, source: dict) -> None:
    throttled = CORS | {"Retry-After": "1"}
    hub.faults += [Fault("GET", "/api/models/", 503, headers=CORS)]
    hub.faults += [Fault("GET", "/api/models/", 429, headers=throttled)]
    assert load(page, source)["id"] == source["id"]
    hub.faults += [Fault("GET", "/api/models/", 503, times=99, headers=CORS)]
    assert load(page, {**source, "revision": "v1"})["error"] == (
        f"Nothing can be downloaded from {hub.endpoint.removeprefix('http://')}: "
        "a server error (503). Try again in a few minutes."
    )


def test_interrupted_download_goes_on_where_it_broke_off(
    page: Page, hub: HubServer, source: dict
) -> None:
    hub.faults += [Fault("GET", GRAPH, "cut", times=2, after=GRAPH_BYTES // 3, seconds=1)]
    hub.sent_bytes.clear()
    assert load(page, source)["id"] == source["id"]
    sent = sum(count for path, count in hub.sent_bytes.items() if "generator.onnx" in path)
    # Without resuming, a third, a third and the whole are sent. How much of a third the browser has
    # read when the connection closes depends on the machine's load.
    assert GRAPH_BYTES <= sent < GRAPH_BYTES * 5 / 3
    assert [request[2] for request in requests_of(hub, "generator.onnx")][-2:] == [206, 206]


@pytest.mark.slow
def test_download_that_always_breaks_off(page: Page, hub: HubServer, source: dict) -> None:
    hub.faults += [Fault("GET", GRAPH, "cut", times=99, after=0)]
    error = load(page, source)["error"]
    assert error.endswith("the download breaks off. Check the connection, and try again.") or (
        "the server can't be reached" in error
    )
    hub.faults.clear()
    assert load(page, source)["id"] == source["id"]


@pytest.mark.slow
def test_canceled_download_can_be_repeated(page: Page, hub: HubServer, source: dict) -> None:
    hub.faults += [Fault("GET", GRAPH, "delay", seconds=2)]
    answer = page.evaluate(
        """async (source) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), 300);
          return await run(() => engine.loadModel(source, { signal: controller.signal }));
        }""",
        source,
    )
    assert answer == {"error": "Canceled.", "name": "AbortError"}
    assert load(page, source)["id"] == source["id"]


def test_second_visit_needs_no_network(page: Page, hub: HubServer, source: dict) -> None:
    first = load(page, source)
    assert page.evaluate("run(async () => await (await model.readFile('metrics.json')).text())")
    hub.requests.clear()
    # A branch may have moved: the Hub is asked for its commit, and nothing is downloaded.
    assert load(page, source)["revision"] == first["revision"]
    assert [request[1].split("/")[1] for request in requests_of(hub, source["id"])] == [
        "api",
        source["id"].split("/")[0],
    ]
    hub.requests.clear()
    pinned = load(page, {**source, "revision": first["revision"]})
    assert pinned["revision"] == first["revision"]
    assert page.evaluate("run(async () => await (await model.readFile('metrics.json')).text())")
    assert page.evaluate("run(async () => await model.readFile('samples.png'))") is None
    assert requests_of(hub, source["id"]) == []
    # Without the Hub, a branch is what it was the last time.
    hub.faults += [Fault("*", source["id"], "reset", times=99)]
    assert load(page, source)["revision"] == first["revision"]
    assert not isinstance(translate(page, PHOTO), str)


@pytest.mark.slow
def test_damaged_cache_entry_is_downloaded_again(page: Page, hub: HubServer, source: dict) -> None:
    revision = load(page, source)["revision"]
    page.evaluate(
        """async () => {
          const cache = await caches.open("pix2pix-models-1");
          for (const { url } of await cache.keys()) {
            if (url.endsWith("/graph")) { await cache.put(url, new Response("damaged")); }
          }
        }"""
    )
    for expected in (1, 0):
        hub.requests.clear()
        assert load(page, {**source, "revision": revision})["revision"] == revision
        assert len(requests_of(hub, "generator.onnx")) == expected


def test_only_the_last_models_are_kept(page: Page) -> None:
    kept = page.evaluate(
        """async () => {
          const cache = await import("./engine/cache.js");
          for (const digest of ["a", "b", "c", "d", "a", "e", "f"]) {
            await cache.store(cache.graphKey(digest), new Uint8Array(8));
            await cache.store(cache.fileKey(digest, "main", "README.md"), new Uint8Array(8));
            await cache.storeRecord([`user/${digest}`], { digest });
          }
          const keys = await (await caches.open("pix2pix-models-1")).keys();
          const records = await Promise.all(
            ["a", "b", "f"].map((digest) => cache.loadRecord(`user/${digest}`)));
          return { count: keys.length, records };
        }"""
    )
    # Four models with a graph, a file, a record and the mark when they were used.
    assert kept == {"count": 16, "records": [{"digest": "a"}, None, {"digest": "f"}]}


# A fast test of the choice of models compares the painter's pixels, and fast tests of the engine
# compare other formats and the mode "full" with the first model.
@pytest.mark.slow
def test_painter_gives_the_pixels_of_the_python_translator(
    browser: Browser, web_site: FileServer
) -> None:
    painter = Translator(ROOT / PAINTER_FOLDER)
    samples = painter.folder / "samples"
    sketch = Image.open(samples / "005-input.png").convert("RGB")
    wide = sketch.resize((300, 200), Image.Resampling.NEAREST)
    cases = [
        ((samples / "000-input.png").read_bytes(), "fit"),
        (encode_image(sketch, "WEBP", lossless=True), "fit"),
        (encode_image(wide, "WEBP", lossless=True), "full"),
        (encode_image(wide.quantize(16)), "fit"),  # as drawing programs save flat colors
    ]
    with engine_page(browser, web_site.url) as page:
        assert load(page, {"folder": "starter_painter"})["id"] is None
        for picture, mode in cases:
            translated = np.asarray(translate(page, picture, mode=mode), np.int16)
            expected = np.asarray(painter(picture, mode=mode), np.int16)
            assert np.abs(translated - expected).max() <= 1
