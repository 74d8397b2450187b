"""The engine of the browser Space compares WebGPU with the CPU before it uses it.

Chromium's software adapter, SwiftShader, takes the place of a graphics card.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import CHROMIUM, needs_chromium
from tests.builders import encode_image, make_picture
from tests.web_models import build_graph, build_model
from tests.web_pages import FileServer, engine_page, load, site_files, translate

pytestmark = [needs_chromium, pytest.mark.slow]
FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
]  # fmt: skip
PHOTO = encode_image(make_picture(90, 70))
MODELS = {
    "negative": build_model(),
    # So many operations take the CPU longer than 200 ms.
    "slow": build_model(build_graph(*["Sin"] * 300), side=256),
    # Graphics cards compute the sine of large numbers badly.
    "different": build_model(build_graph("Sin", scale=1e6)),
    "slow and different": build_model(build_graph("Sin", *["Sin"] * 300, scale=1e6), side=256),
}


@pytest.fixture(scope="module")
def site(ort_files: Path) -> Iterator[FileServer]:
    files = site_files(ort_files)
    for name, model in MODELS.items():
        files |= {f"{name}/{path}": content for path, content in model.items()}
    with FileServer(files) as server:
        yield server


@pytest.fixture(scope="module")
def gpu_page(browser: Browser, site: FileServer) -> Iterator[Page]:
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=FLAGS)
    with engine_page(chromium, site.url) as page:
        yield page
    chromium.close()


def use(page: Page, device: str) -> dict:
    return page.evaluate("(device) => model.useDevice(device)", device)


def test_device_can_be_chosen_and_changed(gpu_page: Page, site: FileServer) -> None:
    site.requests.clear()
    runs_on = load(gpu_page, {"folder": "negative"})["runsOn"]
    assert (runs_on["device"], runs_on["note"]) == ("wasm", "")
    # For a fast model, the runtime of WebGPU is not even downloaded.
    assert not [path for path in site.requests if "webgpu" in path or "asyncify" in path]
    on_cpu = translate(gpu_page, PHOTO, mode="full")
    forced = use(gpu_page, "webgpu")
    assert forced["device"] == "webgpu"
    assert re.fullmatch(r"WebGPU: \d+\.\d times (faster|slower), same pixels\.", forced["note"])
    assert translate(gpu_page, PHOTO, mode="full").tobytes() == on_cpu.tobytes()
    assert use(gpu_page, "wasm")["device"] == "wasm"
    assert use(gpu_page, "auto") == runs_on


def test_faster_device_with_the_same_pixels_is_used(gpu_page: Page) -> None:
    runs_on = load(gpu_page, {"folder": "slow"})["runsOn"]
    times = re.search(r"(\d+\.\d) times (faster|slower)", runs_on["note"])
    assert times, runs_on
    assert runs_on["device"] == ("webgpu" if times[2] == "faster" else "wasm")
    assert translate(gpu_page, PHOTO).size == (90, 70)


def test_device_with_other_pixels_is_not_used(gpu_page: Page) -> None:
    runs_on = load(gpu_page, {"folder": "slow and different"})["runsOn"]
    assert runs_on["device"] == "wasm"
    assert re.fullmatch(
        r"WebGPU was tried: it differs by up to \d+ gray levels, so the CPU is used\.",
        runs_on["note"],
    )
    # A visitor who chooses WebGPU gets it, and reads how large the difference is.
    runs_on = load(gpu_page, {"folder": "different"}, device="webgpu")["runsOn"]
    assert runs_on["device"] == "webgpu"
    assert re.search(r"it differs by up to \d+ gray levels\.$", runs_on["note"])


def test_browser_without_webgpu(browser: Browser, site: FileServer) -> None:
    with engine_page(browser, site.url) as page:
        assert load(page, {"folder": "negative"}, device="webgpu")["runsOn"]["note"] == (
            "This browser has no WebGPU, so the CPU is used."
        )
        assert translate(page, PHOTO).size == (90, 70)
