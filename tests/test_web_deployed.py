"""The browser Space from a deployed commit: every tab, and the pixels of `Translator`."""

import base64
import io
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.measure import memory
from benchmarks.space_fuzz import bad_files
from pix2pix import Translator
from pix2pix.browser import HEADERS
from tests.browser import PHOTO, STARTER_MODEL, needs_chromium
from tests.builders import encode_image, make_picture
from tests.deployed_page import MODEL, DeployedPage, open_deployed
from tests.page_pictures import (
    call_translate,
    compare,
    decode,
    picture_files,
    translate_in_page,
)

pytestmark = needs_chromium
PICTURES = picture_files()
# Kinds that differ for the page. Of the others, tests/test_web_photos.py and
# tests/test_web_pictures.py compare how the page reads them.
QUICK_PICTURES = {
    "1x1", "300x2", "1300x700 jpeg", "jpeg 4:2:0", "jpeg cmyk", "alpha", "16-bit rgb",
    "palette with alpha", "webp with alpha", "avif", "sRGB profile", "orientation 6",
}  # fmt: skip
assert PICTURES.keys() > QUICK_PICTURES
LARGE = [
    pytest.param(1300, 700, marks=pytest.mark.slow),
    pytest.param(700, 1100, marks=pytest.mark.slow),
    (257, 600),
]
BIG_PHOTO = (4800, 1890)
MAX_RENDERER_BYTES = 1e9
MUTATED_ROUNDS = 12  # of each of 17 kinds of file
MAX_MESSAGE = 240


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(STARTER_MODEL)


def test_the_deployed_commit_names_the_model_and_its_headers(deployed_page: DeployedPage):
    settings = json.loads((deployed_page.folder / "model.json").read_text())
    assert settings["id"] == MODEL and re.fullmatch("[0-9a-f]{40}", settings["revision"])
    card = deployed_page.card.data
    assert (card["sdk"], card["app_file"]) == ("static", "index.html")
    assert card["custom_headers"] == HEADERS and card["models"] == [MODEL]


@pytest.mark.slow
def test_the_page_loads_the_deployed_model_on_several_threads(loaded_page: Page):
    model = loaded_page.evaluate(
        "async () => { const {id, revision, runsOn} = await window.pix2pix;"
        " return {id, revision, threads: runsOn.threads, isolated: crossOriginIsolated}; }"
    )
    assert model["id"] == MODEL and model["isolated"]
    assert model["threads"] == min(4, loaded_page.evaluate("navigator.hardwareConcurrency"))


@pytest.mark.slow
def test_a_first_visit_downloads_at_most_9_megabytes(browser: Browser, deployed_page: DeployedPage):
    already = len(deployed_page.server.requests)
    page, problems = open_deployed(browser, deployed_page)
    page.wait_for_load_state("networkidle")
    page.context.close()
    assert not problems
    requests = set(deployed_page.server.requests[already:])
    assert "ort/ort-wasm-simd-threaded.wasm.gz" in requests
    assert not [path for path in requests if "webgpu" in path or "asyncify" in path]
    own = sum((deployed_page.folder / path).stat().st_size for path in requests)
    # The model's files, of which samples are shown too, come from the Hub.
    model = [STARTER_MODEL / "generator.onnx", *(STARTER_MODEL / "samples").glob("*-input.png")]
    assert own + sum(path.stat().st_size for path in model) < 9e6


def test_the_translate_tab(loaded_page: Page, translator: Translator, tmp_path: Path):
    loaded_page.get_by_role("tab", name="Translate").click()
    loaded_page.locator("#choose").set_input_files(PHOTO)
    loaded_page.locator("#start").click()
    expect(loaded_page.locator("#download")).to_be_enabled()
    with loaded_page.expect_download() as event:
        loaded_page.locator("#download").click()
    event.value.save_as(tmp_path / "result.png")
    difference = compare(
        translator, PHOTO.read_bytes(), decode((tmp_path / "result.png").read_bytes()), "fit"
    )
    assert difference.largest <= 1


def test_the_gallery_tab_shows_the_held_out_pairs(loaded_page: Page):
    loaded_page.get_by_role("tab", name="Gallery").click()
    pictures = loaded_page.locator("#gallery img")
    samples = len(list((STARTER_MODEL / "samples").glob("*-input.png")))
    expect(pictures).to_have_count(3 * samples)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        width = picture.evaluate("async (image) => { await image.decode(); return image.width; }")
        assert width > 0


def test_the_model_tab_shows_figures_revision_and_links(loaded_page: Page):
    loaded_page.get_by_role("tab", name="Model").click()
    panel = loaded_page.locator("#model")
    revision = loaded_page.evaluate("async () => (await window.pix2pix).revision")
    expect(panel).to_contain_text(revision[:7])
    expect(panel).to_contain_text("L1")
    expect(panel.locator(f"a[href*='{MODEL}']").first).to_be_visible()


def test_the_code_tab_names_the_model(loaded_page: Page):
    loaded_page.get_by_role("tab", name="Use it from code").click()
    panel = loaded_page.locator("#code")
    for text in (MODEL, "hf_hub_download", "onnxruntime-web", "<iframe"):
        expect(panel).to_contain_text(text)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK_PICTURES else pytest.param(name, marks=pytest.mark.slow)
        for name in PICTURES
    ],
)
def test_fit_gives_the_pixels_of_the_translator(
    loaded_page: Page, translator: Translator, name: str
):
    content = PICTURES[name]()
    pixels = translate_in_page(loaded_page, content)
    difference = compare(translator, content, pixels, "fit")
    assert difference.largest <= 2 and difference.above_1 <= 1e-4, difference


@pytest.mark.parametrize(("width", "height"), LARGE)
def test_full_gives_the_pixels_of_the_translator(
    loaded_page: Page, translator: Translator, width: int, height: int
):
    content = encode_image(make_picture(width, height, seed=5), "JPEG", quality=92)
    pixels = translate_in_page(loaded_page, content, "full")
    difference = compare(translator, content, pixels, "full")
    assert difference.largest <= 2 and difference.above_1 <= 1e-4, difference


def renderer_processes(browser: Browser) -> list[int]:
    """Returns the ids of Chromium's processes that run pages."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    return [item["id"] for item in processes["processInfo"] if item["type"] == "renderer"]


@pytest.mark.slow
def test_a_big_photo_in_full_takes_less_than_one_gigabyte(
    browser: Browser, deployed_page: DeployedPage, translator: Translator, tmp_path: Path
):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encode_image(make_picture(*BIG_PHOTO, seed=6), "JPEG", quality=92))
    page, problems = open_deployed(browser, deployed_page)
    page.locator("#choose").set_input_files(photo)
    page.get_by_role("radio", name=re.compile("tiles")).check()
    page.locator("#start").click()
    expect(page.locator("#download")).to_be_enabled(timeout=300_000)
    peak = max(memory("VmHWM", process) for process in renderer_processes(browser))
    with page.expect_download() as event:
        page.locator("#download").click()
    event.value.save_as(tmp_path / "result.png")
    page.context.close()
    assert not problems
    assert peak < MAX_RENDERER_BYTES
    pixels = decode((tmp_path / "result.png").read_bytes())
    difference = compare(translator, photo.read_bytes(), pixels, "full")
    assert difference.largest <= 2 and difference.above_1 <= 1e-4, difference


@pytest.mark.slow
def test_200_damaged_files_give_one_sentence_each(loaded_page: Page):
    before = translate_in_page(loaded_page, PHOTO.read_bytes())
    results = []
    for name, content in bad_files(random.Random(0), MUTATED_ROUNDS):
        result = call_translate(loaded_page, content)
        results.append(result)
        if "png" in result:
            with Image.open(io.BytesIO(base64.b64decode(result["png"]))) as image:
                image.load()
            continue
        message = result["error"]
        assert result["name"] == "UserError", (name, result)
        assert re.fullmatch(r"[A-Z][^\n]+[.!]", message) and len(message) <= MAX_MESSAGE, message
        assert "unexpected" not in message, (name, message)
    assert len(results) >= 200
    # Both kinds are among them: files that can still be read, and files that can't.
    assert 20 <= sum("error" in result for result in results) < len(results) - 20
    np.testing.assert_array_equal(translate_in_page(loaded_page, PHOTO.read_bytes()), before)
