"""The Draw tab of the Gradio Space, in a real Chromium and over plain HTTP.

The result comes from the Space's endpoint, once a stroke.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.artifacts import STARTER_FOLDERS
from tests.browser import PHONE, needs_chromium, open_tab
from tests.commands import ROOT, running_space
from tests.raw_http import API_PREFIX, RawSpaceClient, file_argument
from tests.space_drawing import (
    clear_sheet,
    count_results,
    open_canvas,
    space_drawing,
    wait_for_result,
    watched_drawing,
)
from tests.web_drawing import (
    ABOUT,
    FOREST,
    SEA,
    Fingers,
    choose,
    copy_link,
    draw_coast,
    place,
    read,
    share_of,
)
from tests.web_starters import MAP_NAME, PAINTER, PAINTER_NAME
from tests.web_visits import assert_same_pixels, make_transfer, save_download

TEMPLATE = PAINTER / "samples" / "003-input.png"
TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
CALLS = "**/gradio_api/call/**"


@pytest.fixture(scope="module")
def shared_drawing(browser: Browser, starter_space: str) -> Iterator[tuple[Page, list[str]]]:
    with watched_drawing(browser, starter_space) as (page, failed):
        yield page, failed


@pytest.fixture
def sheet(shared_drawing: tuple[Page, list[str]]) -> Iterator[Page]:
    """Yields the shared canvas with an empty sheet; no script fails until the end of the test."""
    page, failed = shared_drawing
    failed.clear()
    clear_sheet(page)
    yield page
    assert failed == []


@needs_chromium
def test_each_stroke_asks_the_space_and_downloads_are_what_python_makes(
    sheet: Page, tmp_path: Path
):
    expect(sheet.locator("#draw")).to_contain_text(f"for the model “{PAINTER_NAME}”")
    first, asked = read(sheet, "#draw-result"), count_results(sheet)
    draw_coast(sheet)
    coast = wait_for_result(sheet, asked)
    assert count_results(sheet) == asked + 1, "once, when the pen is lifted"
    assert not np.array_equal(coast, first)
    choose(sheet, "Fill")
    sheet.mouse.click(*place(sheet, 128, 200))
    filled = wait_for_result(sheet, asked + 1)
    assert share_of(read(sheet), SEA) > 0.5
    sheet.get_by_role("button", name="Undo").click()
    assert np.array_equal(wait_for_result(sheet, asked + 2), coast)
    sheet.get_by_role("button", name="Redo").click()
    assert np.array_equal(wait_for_result(sheet, asked + 3), filled)
    buttons = [f"#draw button:has-text('Download the {what}')" for what in ("s", "p")]
    sketch, photo = (save_download(sheet, button, tmp_path) for button in buttons)
    assert np.array_equal(np.asarray(Image.open(sketch)), read(sheet))
    assert_same_pixels(photo, Translator.from_pretrained(PAINTER)(Image.open(sketch)))


@needs_chromium
@pytest.mark.slow
def test_a_finger_draws_on_a_phone(browser: Browser, starter_space: str):
    with space_drawing(
        browser, starter_space, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        choose(page, "sea")
        page.locator("#draw-canvas").scroll_into_view_if_needed()
        scrolled, asked = page.evaluate("scrollY"), count_results(page)
        Fingers(page).stroke([(128, y) for y in range(60, 200, 10)])
        assert (read(page)[60:190, 128] == SEA).all()
        assert page.evaluate("scrollY") == scrolled, "the page does not scroll"
        wait_for_result(page, asked)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, "nothing is wider than the screen"


@needs_chromium
def test_the_drawing_survives_a_reload_other_tabs_and_other_models_and_fits_a_link(
    browser: Browser, sheet: Page, starter_space: str
):
    draw_coast(sheet)
    coast = read(sheet)
    open_tab(sheet, "Gallery")
    sheet.get_by_role("radio", name=PAINTER_NAME).check()
    open_tab(sheet, "Draw")
    expect(sheet.locator("#draw")).not_to_contain_text("for the model")
    assert np.array_equal(read(sheet), coast)
    sheet.get_by_role("radio", name=MAP_NAME).check()
    expect(sheet.locator("#draw")).to_contain_text("for the model")
    link = copy_link(sheet)
    assert link.startswith(f"{starter_space}/#draw=")
    sheet.reload()
    open_canvas(sheet)
    sheet.wait_for_timeout(500)
    assert np.array_equal(read(sheet), coast)
    with space_drawing(browser, starter_space, link.removeprefix(f"{starter_space}/")) as other:
        expect(other.locator("#draw [role=status]").last).to_contain_text("drawing of the link")
        assert np.array_equal(read(other), coast)
        assert "#draw" not in other.url


@needs_chromium
@pytest.mark.slow
def test_everything_is_done_with_the_keyboard(browser: Browser, starter_space: str):
    with space_drawing(browser, starter_space) as page:
        asked = count_results(page)
        page.locator("#draw-canvas").focus()
        page.keyboard.press("r")
        for key in ("Enter", "Shift+ArrowDown", "Shift+ArrowRight", "Enter"):
            page.keyboard.press(key)
        drawn = wait_for_result(page, asked)
        assert not (read(page)[128:139, 128:139] == FOREST).all()
        page.keyboard.press("Control+z")
        assert share_of(read(page), FOREST) == 1
        page.keyboard.press("Control+y")
        assert np.array_equal(wait_for_result(page, asked + 2), drawn)


@needs_chromium
def test_bad_files_and_a_space_that_fails_leave_the_drawing(sheet: Page, tmp_path: Path):
    shown = count_results(sheet)
    draw_coast(sheet)
    wait_for_result(sheet, shown)
    coast, error = read(sheet), sheet.locator("#draw .error")
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(TEMPLATE.read_bytes()[:300])
    transfer = make_transfer(sheet, damaged)
    sheet.locator("#draw-canvas").dispatch_event("drop", {"dataTransfer": transfer})
    expect(error).to_be_visible()
    assert error.inner_text().count(".") == 1
    assert np.array_equal(read(sheet), coast)
    sheet.get_by_role("button", name="Start from held-out sketch 003").click()
    expect(error).to_be_hidden()
    wait_for_result(sheet, shown + 1)
    assert np.array_equal(read(sheet), np.asarray(Image.open(TEMPLATE)))
    for failure in (
        lambda route: route.abort(),
        lambda route: route.fulfill(status=503, json={"detail": "Queue is full. Wait."}),
        lambda route: route.fulfill(status=200, body="<html>"),
    ):
        sheet.route(CALLS, failure)
        sheet.get_by_role("button", name="Undo").click()
        expect(error).to_contain_text("the next stroke asks again")
        assert error.inner_text().count(".") == 1
        sheet.unroute(CALLS)
        shown = count_results(sheet)
        sheet.get_by_role("button", name="Redo").click()
        wait_for_result(sheet, shown)
        expect(error).to_be_hidden()


@needs_chromium
@pytest.mark.slow
def test_with_onnx_runtime_beside_it_the_browser_translates(
    browser: Browser, ort_cache: Path, tmp_path: Path
):
    checkout = tmp_path / "checkout"
    weights = shutil.ignore_patterns("*.h5", "__pycache__")
    for folder in ("pix2pix", "web", *STARTER_FOLDERS):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=weights, dirs_exist_ok=True)
    for name in ("app.py", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ort_cache, checkout / "web" / "ort", dirs_exist_ok=True)
    with running_space(tmp_path / "app.log", checkout) as url, space_drawing(browser, url) as page:
        # The model of the browser replaces that of the Space, and shows its own result.
        expect(page.locator("#draw-result")).to_have_attribute("data-live", "true")
        wait_for_result(page, 0)
        asked = list[str]()
        page.on("request", lambda request: asked.append(request.url))
        shown = count_results(page)
        draw_coast(page)
        wait_for_result(page, shown)
        assert not [address for address in asked if "/call/" in address]
        sketch, photo = (
            save_download(page, f"#draw button:has-text('Download the {what}')", tmp_path)
            for what in ("s", "p")
        )
        assert_same_pixels(photo, Translator.from_pretrained(PAINTER)(Image.open(sketch)))


def test_programs_learn_the_palette_and_call_the_painter_by_its_name(starter_space: str):
    with RawSpaceClient(starter_space) as client:
        info = client.call(endpoint="model_info").data[0]
        palettes = {entry["name"]: entry["input_palette"] for entry in info["model_details"]}
        colors = [
            {key: entry[key] for key in ("color", "name")} for entry in ABOUT["input_palette"]
        ]
        assert palettes == {MAP_NAME: None, PAINTER_NAME: colors}
        argument = file_argument(client.upload(TEMPLATE.read_bytes()))
        result = client.call(argument, "fit", PAINTER_NAME, endpoint="translate_with")
        expected = Translator.from_pretrained(PAINTER)(TEMPLATE)
        assert np.array_equal(client.download_pixels(result), np.asarray(expected))


def test_only_the_files_of_the_canvas_are_served(starter_space: str):
    def get(path: str) -> httpx.Response:
        return httpx.get(f"{starter_space}{API_PREFIX}/file={ROOT / path}")

    for path in ("draw/space_host.js", "draw/draw.css", "pixels/png.js", "dom.js"):
        response = get(f"web/{path}")
        assert response.status_code == 200
        assert re.match("text/css|(text|application)/javascript", response.headers["content-type"])
    closed = [f"web/{name}" for name in ("index.html", "model.json", "page/main.js", "")]
    for path in [*closed, *(f"{PAINTER}/{name}" for name in ("generator.onnx", "pix2pix.json"))]:
        assert get(path).status_code == 403, path
    post = httpx.post(f"{starter_space}{API_PREFIX}/component_server", json={})
    assert post.status_code == 404
