"""One sentence for each model, name, browser and server with which the engine can't work."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Browser, Page

from tests.browser import CHROMIUM, FLAGS, needs_chromium
from tests.hub_server import Fault, HubServer
from tests.web_models import Files, build_hungry_graph, build_model, publish
from tests.web_pages import CORS, FileServer, engine_page, load

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    with engine_page(browser, web_site.url) as page:
        yield page


def _private(api: HfApi, repo_id: str) -> dict[str, Any]:
    publish(api, repo_id, build_model(), private=True)
    return {}


def _publishes(**changes: Any) -> Callable[[HfApi, str], dict[str, Any]]:
    def make(api: HfApi, repo_id: str) -> dict[str, Any]:
        publish(api, repo_id, build_model(**changes))
        return {}

    return make


def _publishes_files(change: Callable[[Files], Any], **source: Any) -> Any:
    def make(api: HfApi, repo_id: str) -> dict[str, Any]:
        files = build_model()
        change(files)
        publish(api, repo_id, files)
        return source

    return make


BROKEN = (
    'The model "{id}" is not a model that this page can run: its pix2pix.json can\'t be read ({}).'
)
DAMAGED = (
    'The model "{id}" is damaged: the sha256 of its generator.onnx is not the one in its '
    "pix2pix.json."
)
NO_MODEL = (
    'There is no public model "{id}": check the id. Private models can\'t be shown in a browser.'
)
REFUSALS: dict[str, tuple[Callable[[HfApi, str], dict[str, Any]], str]] = {
    "missing": (lambda api, repo_id: {}, NO_MODEL),
    "private": (_private, NO_MODEL),
    "revision": (
        _publishes_files(lambda files: None, revision="v9"),
        'The model "{id}" has no revision "v9": check the name of the commit, tag or branch.',
    ),
    "no graph": (
        _publishes_files(lambda files: files.pop("generator.onnx")),
        'The model "{id}" is not a model of this project: it has no generator.onnx.',
    ),
    "no description": (
        _publishes_files(lambda files: files.pop("pix2pix.json")),
        'The model "{id}" is not a model of this project: it has no pix2pix.json.',
    ),
    "not JSON": (
        _publishes_files(lambda files: files.update({"pix2pix.json": b"<html>"})),
        BROKEN.replace("{}", "it is not JSON"),
    ),
    "huge side": (
        _publishes(config={"image_size": 1e9}),
        BROKEN.replace("{}", "image_size is not a number of pixels up to 2048"),
    ),
    "channels": (
        _publishes(config={"image_size": 64, "input_channels": 4}),
        BROKEN.replace("{}", "input_channels is not 1 or 3"),
    ),
    "config": (_publishes(config=[]), BROKEN.replace("{}", "config is not a JSON object")),
    "multiple": (
        _publishes(size_multiple=48),
        BROKEN.replace("{}", "image_size is not a multiple of size_multiple"),
    ),
    "aspects": (
        _publishes(pair_aspects=[2, 1]),
        BROKEN.replace("{}", "pair_aspects are not two proportions, the smaller one first"),
    ),
    "bands": (
        _publishes(reading={"input": {"bands": [1, 2]}}),
        BROKEN.replace("{}", "bands are not the numbers of three bands, or of one"),
    ),
    "legend": (
        _publishes(reading={"input": {"legend": ["#ff0000", "red"]}}),
        BROKEN.replace("{}", "the legend does not have a color for each class"),
    ),
    "digest in pix2pix.json": (_publishes(sha256={"generator.onnx": "0" * 64}), DAMAGED),
    "digest of the deployment": (
        _publishes_files(lambda files: None, sha256="1" * 64),
        'The model "{id}" is not the one that this page was deployed with: its generator.onnx has '
        "another sha256.",
    ),
    "not ONNX": (
        lambda api, repo_id: publish(api, repo_id, build_model(b"no graph")) and {},
        "This browser can't run the model: its generator.onnx is not a graph that ONNX Runtime for "
        "the browser knows.",
    ),
    "hungry": (
        lambda api, repo_id: publish(api, repo_id, build_model(build_hungry_graph())) and {},
        "There is too little memory for this model: close other pages, or use a smaller one.",
    ),
}


# Variants of "huge side", which is the fast test of a description that can't be used.
SLOW_REFUSALS = ("channels", "config", "multiple", "aspects", "bands")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow if case in SLOW_REFUSALS else ())
        for case in REFUSALS
    ],
)
def test_refused_model(page: Page, hub: HubServer, api: HfApi, repo_id: str, case: str) -> None:
    make, sentence = REFUSALS[case]
    source = {"id": repo_id, "endpoint": hub.endpoint, **make(api, repo_id)}
    assert load(page, source) == {
        "error": sentence.replace("{id}", repo_id),
        "name": "UserError",
    }


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("maps", '"maps" is not the id of a model.'),
        ("a/b/c", "is not the id of a model"),
        ("../../etc", "is not the id of a model"),
        ("<img src=x onerror=alert(1)>/b", "is not the id of a model"),
        ("user/maps@..", '".." is not the name of a revision'),
        ({"folder": "javascript:alert(1)"}, "is not the address of a folder or of a Hub"),
        ({"folder": "nothing_here"}, "The folder /nothing_here/ is not a model of this project"),
        ({}, "is not the id of a model"),
    ],
)
def test_refused_name(page: Page, name: Any, part: str) -> None:
    answer = load(page, name)
    assert part in answer["error"] and answer["name"] == "UserError"


def test_gated_model(page: Page, hub: HubServer, api: HfApi, repo_id: str) -> None:
    publish(api, repo_id, build_model())
    headers = CORS | {"X-Error-Code": "GatedRepo", "access-control-expose-headers": "X-Error-Code"}
    hub.faults += [Fault("GET", r"resolve/.*/pix2pix\.json", 403, headers=headers)]
    error = load(page, {"id": repo_id, "endpoint": hub.endpoint})["error"]
    assert error.startswith(f'The model "{repo_id}" is gated')


@pytest.mark.parametrize(
    ("flag", "host", "sentence"),
    [
        pytest.param(
            "--js-flags=--jitless",
            "127.0.0.1",
            "This browser does not run WebAssembly",
            id="no WebAssembly",
        ),
        pytest.param(
            "--host-resolver-rules=MAP site.test 127.0.0.1",
            "site.test",
            "This page was opened over http://, where browsers allow no check of the model",
            id="http",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_browser_that_lacks_something(
    browser: Browser, web_site: FileServer, flag: str, host: str, sentence: str
) -> None:
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, flag])
    with engine_page(chromium, web_site.url.replace("127.0.0.1", host)) as page:
        assert load(page, {"folder": "starter_model"})["error"].startswith(sentence)
    chromium.close()
