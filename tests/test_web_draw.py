"""The Draw tab of the browser Space, in a real Chromium: mouse, touch, keyboard, links, downloads.

The painter is a graph that copies its input, so that the result has the pixels of the drawing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from tests.browser import PHONE, needs_chromium
from tests.web_drawing import (
    DESERT,
    FOREST,
    SEA,
    SIDE,
    Fingers,
    choose,
    copy_link,
    draw_coast,
    drawing,
    place,
    read,
    share_of,
    stroke,
    wait_for_copy,
)
from tests.web_pages import FileServer, site_files
from tests.web_starters import MAP_NAME, PAINTER, PAINTER_NAME, choose_model, quick_starters
from tests.web_visits import assert_same_pixels, save_download, visit

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def site(ort_files: Path) -> Iterator[FileServer]:
    with FileServer(quick_starters(ort_files)) as server:
        yield server


def test_a_coast_is_drawn_filled_undone_and_done_again(sheet: Page):
    assert share_of(read(sheet), FOREST) == 1
    draw_coast(sheet)
    coast = wait_for_copy(sheet)
    assert 0.03 < share_of(coast, SEA) < 0.1
    assert share_of(coast, SEA) + share_of(coast, FOREST) == 1, "no mixed colors"
    choose(sheet, "Fill")
    sheet.mouse.click(*place(sheet, 128, 200))
    filled = wait_for_copy(sheet)
    assert share_of(filled, SEA) > 0.5
    sheet.get_by_role("button", name="Undo").click()
    assert (wait_for_copy(sheet) == coast).all()
    sheet.locator("#draw-canvas").focus()
    sheet.keyboard.press("Control+z")
    assert share_of(wait_for_copy(sheet), FOREST) == 1
    sheet.keyboard.press("Control+y")
    sheet.keyboard.press("Control+Shift+Z")
    assert (wait_for_copy(sheet) == filled).all()
    sheet.get_by_role("button", name="Clear").click()
    assert share_of(wait_for_copy(sheet), FOREST) == 1


def test_every_tool_draws_what_its_name_says(sheet: Page):
    choose(sheet, "desert")
    choose(sheet, "Rectangle")
    stroke(sheet, (10, 20), (200, 200), (59, 99))
    assert share_of(read(sheet), DESERT) == 50 * 80 / SIDE**2
    choose(sheet, "sea")
    choose(sheet, "Pencil")
    stroke(sheet, (100, 100), (150, 100))
    assert share_of(read(sheet), SEA) == 51 / SIDE**2
    choose(sheet, "Eyedropper")
    sheet.mouse.click(*place(sheet, 30, 50))
    expect(sheet.get_by_role("radio", name="desert", exact=True)).to_be_checked()
    choose(sheet, "Line")
    stroke(sheet, (150, 200), (10, 250), (200, 200))
    pixels = read(sheet)
    assert (pixels[200, 155:195] == DESERT).all()
    assert (pixels[225:] == FOREST).all(), "the line's earlier places are as they were"
    choose(sheet, "Eraser")
    stroke(sheet, (5, 60), (70, 60))
    assert (read(sheet)[60] == FOREST).all()


@pytest.mark.slow
def test_everything_is_done_with_the_keyboard(browser: Browser, site: FileServer):
    with drawing(browser, site) as page:
        canvas = page.locator("#draw-canvas")
        page.get_by_role("radio", name="dry land", exact=True).focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        expect(page.get_by_role("radio", name="sea", exact=True)).to_be_checked()
        page.keyboard.press("Tab")
        expect(canvas).to_be_focused()
        page.keyboard.press("p")
        expect(page.get_by_role("radio", name="Pencil")).to_be_checked()
        page.keyboard.down("Space")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.keyboard.up("Space")
        assert (read(page)[128, 128:134] == SEA).all()
        expect(page.locator(".draw-cursor")).to_be_visible()
        expect(page.locator("#draw [aria-live]")).to_have_text("133, 128: sea")
        page.keyboard.press("r")
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Enter")
        assert (read(page)[128:139, 133:144] == SEA).all()
        before = read(page)
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Escape")
        assert (read(page) == before).all()
        for key, width in (("]", "20 px"), ("[", "15 px")):
            page.keyboard.press(key)
            expect(page.locator("#draw output")).to_have_text(width)
        names = []
        for _ in range(11):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement.innerText"))
        assert names[:5] == ["Undo", "Redo", "Clear", "Zoom in", "Zoom out"]
        assert names[5:9] == [
            "Download the sketch",
            "Download the photo",
            "Download both",
            "Copy a link",
        ]


@pytest.mark.slow
def test_a_finger_draws_and_two_enlarge_on_a_phone(browser: Browser, site: FileServer):
    with drawing(browser, site, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        choose(page, "sea")
        page.locator("#draw-canvas").scroll_into_view_if_needed()
        scrolled = page.evaluate("scrollY")
        fingers = Fingers(page)
        fingers.stroke([(128, y) for y in range(60, 200, 10)])
        drawn = wait_for_copy(page)
        assert (drawn[60:190, 128] == SEA).all()
        assert page.evaluate("scrollY") == scrolled, "the page does not scroll"
        choose(page, "Fill")
        fingers.touch("Start", (100, 100))
        fingers.touch("Start", (100, 100), (150, 150))
        fingers.touch("Move", (80, 80), (170, 170))
        fingers.touch("End")
        assert (read(page) == drawn).all(), "two fingers draw nothing"
        width = page.locator(".draw-sheet").evaluate("e => e.getBoundingClientRect().width")
        assert width > 366


def test_the_drawing_survives_a_reload_and_another_model(sheet: Page):
    draw_coast(sheet)
    coast = wait_for_copy(sheet)
    choose_model(sheet, MAP_NAME)
    expect(sheet.locator("#draw")).to_contain_text("does not translate drawings")
    sheet.get_by_role("button", name=f"Draw for the model “{PAINTER_NAME}”").click()
    expect(sheet.locator("#draw-canvas")).to_be_visible()
    assert (wait_for_copy(sheet) == coast).all()
    sheet.reload()
    sheet.locator("#tab-draw").click()
    assert (wait_for_copy(sheet) == coast).all()


def test_a_link_carries_the_drawing(browser: Browser, sheet: Page):
    draw_coast(sheet)
    coast = read(sheet)
    link = copy_link(sheet)
    assert len(link) < 2000
    with visit(browser, link) as other:
        expect(other.locator("#draw [role=status]").last).to_contain_text("drawing of the link")
        assert (wait_for_copy(other) == coast).all()
        assert "#draw" not in other.url
        other.get_by_role("button", name="Undo").click()
        assert share_of(wait_for_copy(other), FOREST) == 1


def test_a_wrong_link_leaves_the_drawing(sheet: Page):
    draw_coast(sheet)
    coast = read(sheet)
    error = sheet.locator("#draw .error")
    for text in ("", "1.256.AAAA.AAAA", "1.64.GFgq.AAAA", "9.256.GFgq.AAAA", "%F0<b>"):
        error.evaluate("element => { element.textContent = ''; }")
        sheet.evaluate("text => { location.hash = `#draw=${text}`; }", text)
        expect(error).to_contain_text("The drawing in the link")
        assert (wait_for_copy(sheet) == coast).all(), text


def test_downloads_are_what_python_makes_of_the_drawing(
    browser: Browser, ort_files: Path, tmp_path: Path
):
    with FileServer(site_files(ort_files)) as real, drawing(browser, real) as page:
        page.locator("#draw li button").nth(3).click()
        expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "false")
        draw_coast(page)
        buttons = [f"#draw button:has-text('Download {what}')" for what in ("the s", "the p", "b")]
        sketch, photo, both = (save_download(page, button, tmp_path) for button in buttons)
        assert (np.asarray(Image.open(sketch)) == read(page)).all()
        result = Translator.from_pretrained(PAINTER)(Image.open(sketch))
        assert_same_pixels(photo, result)
        sides = [np.asarray(Image.open(path)) for path in (sketch, photo)]
        assert (np.asarray(Image.open(both)) == np.hstack(sides)).all()
