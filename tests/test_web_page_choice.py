"""The choice between the starter models on the page of the browser Space, in a real Chromium."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from pix2pix import Translator
from tests.browser import PHONE, PHOTO, STARTER_MODEL, needs_chromium
from tests.web_pages import FileServer, site_files
from tests.web_starters import (
    GRAPH_OF_PAINTER,
    MAP_NAME,
    PAINTER,
    PAINTER_NAME,
    choose_model,
    expect_model,
    graph_digest,
    hold,
    quick_starters,
    served_painter,
    translate_by,
)
from tests.web_visits import (
    assert_same_pixels,
    choose,
    expect_closeness,
    save_download,
    visit,
    wait_for_result,
)

pytestmark = needs_chromium
SKETCH = PAINTER / "samples" / "003-input.png"


@pytest.fixture
def site(ort_files: Path) -> Iterator[FileServer]:
    """Serves quick starter models; a test may change the files."""
    with FileServer(quick_starters(ort_files)) as server:
        yield server


def test_the_second_model_is_downloaded_when_it_is_chosen(
    browser: Browser, ort_files: Path, tmp_path: Path
):
    with FileServer(site_files(ort_files)) as site, visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        page.wait_for_load_state("networkidle")
        expect(page.locator("#model-choice option")).to_have_text([MAP_NAME, PAINTER_NAME])
        assert not [path for path in site.requests if path.startswith("starter_painter/")]
        first = set(site.requests) - {"favicon.ico"}
        assert not [path for path in first if "webgpu" in path or "asyncify" in path]
        sizes = [
            len(content) if isinstance(content, bytes) else content.stat().st_size
            for content in map(site.files.get, first)
        ]
        assert sum(sizes) < 9.5e6  # the runtime is compressed less than in a deployment
        page.locator("#model-choice").focus()
        page.keyboard.press("ArrowDown")
        expect_model(page, PAINTER_NAME)
        expect(page.locator("#model-choice")).to_be_focused()
        expect(page.locator("#announcement")).to_contain_text(f'"{PAINTER_NAME}" is loaded.')
        expect(page.locator("#photo")).to_contain_text("choose a sketch of any size")
        expect(page.locator("#result")).to_contain_text("The photo will appear here")
        choose(page, SKETCH)
        wait_for_result(page)
        saved = save_download(page, "#download", tmp_path)
        assert saved.name == "003-input-photo.png"
        assert_same_pixels(saved, Translator(PAINTER)(SKETCH))
        page.get_by_label("Load held-out sketch 003").click()
        expect_closeness(page, PAINTER, "003")
        expect(page.locator("#against figcaption")).to_contain_text("against the real photo.")


def test_every_tab_follows_the_chosen_model_and_a_reload_keeps_it(
    browser: Browser, site: FileServer
):
    with visit(browser, f"{site.url}?__theme=dark") as page:
        expect_model(page, MAP_NAME)
        expect(page.locator("html")).to_have_css("color-scheme", "dark")
        page.locator("#tab-model").click()
        expect(page.locator("#model .facts")).to_contain_text(f"direction{MAP_NAME} (A to B)")
        choose_model(page, PAINTER_NAME)
        expect(page.locator("#model .facts")).to_contain_text(f"direction{PAINTER_NAME} (A to B)")
        expect(page.locator("#model .facts")).to_contain_text(graph_digest(site))
        address = f"{site.url}/?__theme=dark&model=starter_painter"
        assert page.url == address
        page.reload()
        expect_model(page, PAINTER_NAME)
        assert page.url == address
        page.locator("#tab-gallery").click()
        first = page.locator("#gallery li").first.locator(".caption")
        expect(first).to_have_text(["Sketch", "Generated photo", "Real photo"])
        page.locator("#tab-code").click()
        expect(page.locator("#code-python")).to_contain_text('Image.open("sketch.png")')
        expect(page.locator("#code-python")).to_contain_text("/starter_painter/generator.onnx")
        expect(page.locator("#code-module")).to_contain_text("/starter_painter")
        expect(page.locator("#code-iframe")).to_contain_text("/?model=starter_painter")
        choose_model(page, MAP_NAME)
        expect(page.locator("#code-python")).to_contain_text("/starter_model/generator.onnx")
        assert page.url == f"{site.url}/?__theme=dark"


def test_the_visitors_picture_stays_and_a_sample_of_the_other_model_goes(
    browser: Browser, site: FileServer, tmp_path: Path
):
    with visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        choose(page, PHOTO)
        wait_for_result(page)
        choose_model(page, PAINTER_NAME)
        expect_model(page, PAINTER_NAME)
        wait_for_result(page)
        saved = save_download(page, "#download", tmp_path)
        assert_same_pixels(saved, translate_by(PAINTER, PHOTO))
        page.locator("#examples button").first.click()
        expect(page.locator("#against figcaption")).to_contain_text("against the real photo.")
        choose_model(page, MAP_NAME)
        expect_model(page, MAP_NAME)
        expect(page.locator("#photo img")).to_have_count(0)
        expect(page.locator("#against")).to_be_hidden()
        expect(page.locator("#download")).to_be_disabled()


def test_a_canceled_or_failed_download_keeps_the_model_that_runs(
    browser: Browser, site: FileServer
):
    with visit(browser, site.url, PHONE) as page:
        expect_model(page, MAP_NAME)
        box = page.locator("#tabs").bounding_box()
        page.route(GRAPH_OF_PAINTER, hold)
        choose_model(page, PAINTER_NAME)
        expect(page.locator("#state-progress")).to_be_visible()
        expect(page.locator("#state-text")).to_contain_text(re.compile("Downloading|Loading"))
        assert page.locator("#tabs").bounding_box() == box
        choose(page, PHOTO)
        wait_for_result(page)  # by the model before
        page.locator("#state-cancel").click()
        error = page.locator("#state-error")
        goes_on = f'The page goes on with the starter model "{MAP_NAME}".'
        expect(error).to_have_text(f"The download was canceled. {goes_on}")
        expect_model(page, MAP_NAME)
        page.unroute(GRAPH_OF_PAINTER)

        graph = site.files.pop("starter_painter/generator.onnx")
        page.locator("#state-retry").click()
        expect(error).to_contain_text("The folder /starter_painter/ is not a model of this project")
        expect(error).to_contain_text(goes_on)
        expect_model(page, MAP_NAME)
        wait_for_result(page)
        assert page.url == f"{site.url}/"
        site.files["starter_painter/generator.onnx"] = graph
        page.locator("#state-retry").click()
        expect_model(page, PAINTER_NAME)
        expect(error).to_be_hidden()
        expect(page.locator("#state-retry")).to_be_hidden()


@pytest.mark.slow
def test_quick_changes_to_and_fro_end_with_the_last_choice(browser: Browser, site: FileServer):
    with visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        page.evaluate("window.pix2pix.then((model) => { window.before = model; })")
        page.route(GRAPH_OF_PAINTER, hold)
        choose_model(page, PAINTER_NAME)
        expect(page.locator("#state-cancel")).to_be_visible()
        choose_model(page, MAP_NAME)
        expect_model(page, MAP_NAME)
        expect(page.locator("#state-error")).to_be_hidden()
        assert page.evaluate("window.pix2pix.then((model) => model === window.before)")
        page.unroute(GRAPH_OF_PAINTER)
        for name in (PAINTER_NAME, MAP_NAME, PAINTER_NAME):
            choose_model(page, name)
        expect_model(page, PAINTER_NAME)
        expect(page.locator("#state-error")).to_be_hidden()
        for name in (MAP_NAME, PAINTER_NAME, MAP_NAME):
            choose_model(page, name)
        expect_model(page, MAP_NAME)


def test_a_choice_while_the_first_model_is_loaded(browser: Browser, site: FileServer):
    with visit(browser, f"{site.url}/model.json", allowed=(site.url,)) as page:
        page.route("**/starter_model/generator.onnx", hold)
        page.goto(site.url)
        expect(page.locator("#state-cancel")).to_be_visible()
        choose_model(page, PAINTER_NAME)
        choose(page, SKETCH)
        expect_model(page, PAINTER_NAME)
        wait_for_result(page)
        assert page.evaluate("window.pix2pix.then((model) => model.sha256)") == graph_digest(site)


@pytest.mark.slow
def test_device_and_threads_hold_for_the_next_model(browser: Browser, site: FileServer):
    with visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        page.locator("#tab-model").click()
        page.get_by_label("Threads of the CPU").select_option("1")
        expect(page.locator("#runs-on")).to_contain_text("1 thread.")
        page.route(GRAPH_OF_PAINTER, hold)
        choose_model(page, PAINTER_NAME)
        # A choice of the device is for the model that runs, and ends the download of the other.
        page.get_by_label("Device", exact=True).select_option("wasm")
        expect_model(page, MAP_NAME)
        page.unroute(GRAPH_OF_PAINTER)
        choose_model(page, PAINTER_NAME)
        expect(page.locator("#model .facts")).to_contain_text(PAINTER_NAME)
        expect(page.locator("#runs-on")).to_contain_text("1 thread.")
        expect(page.get_by_label("Device", exact=True)).to_have_value("wasm")
        expect(page.get_by_label("Threads of the CPU")).to_have_value("1")


@pytest.mark.slow
def test_a_running_list_goes_on_with_the_chosen_model(
    browser: Browser, site: FileServer, tmp_path: Path
):
    wide = tmp_path / "wide.png"
    Image.open(PHOTO).convert("RGB").resize((12000, 900)).save(wide)
    with visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        choose(page, PHOTO, SKETCH)
        expect(page.locator("#files-state")).to_have_text("2 of 2 translated.")
        page.get_by_label("Full resolution").check()
        choose(page, wide, SKETCH)
        expect(page.locator("#files-list .row-state").nth(2)).to_contain_text("tile")
        page.get_by_label("Whole picture at once").check()
        choose_model(page, PAINTER_NAME)
        expect_model(page, PAINTER_NAME)
        expect(page.locator("#files-state")).to_have_text("4 of 4 translated.")
        saved = save_download(page, "#files-zip", tmp_path)
        assert saved.name == "sketch-to-photo.zip"
        with zipfile.ZipFile(saved) as archive:
            names = archive.namelist()
            archive.extractall(tmp_path)
    assert names == [
        "003-input-map.png", "003-input-map-2.png", "wide-photo.png", "003-input-photo-3.png",
    ]  # fmt: skip
    assert_same_pixels(tmp_path / names[1], translate_by(STARTER_MODEL, SKETCH))
    # Translated again by the chosen model, and at once, as was chosen meanwhile.
    assert_same_pixels(tmp_path / names[2], served_painter(site, tmp_path)(wide))
    assert_same_pixels(tmp_path / names[3], translate_by(PAINTER, SKETCH))
