"""What the canvas starts from, and what it says to bad input: pictures, palettes, a lost worker."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHOTO, needs_chromium
from tests.web_drawing import (
    COLORS,
    FOREST,
    draw_coast,
    drawing,
    place,
    read,
    settle,
    share_of,
    wait_for_copy,
)
from tests.web_pages import FileServer
from tests.web_starters import MAP_NAME, PAINTER, PAINTER_NAME, expect_model, quick_starters
from tests.web_visits import make_transfer, save_download, visit

pytestmark = needs_chromium
# Leaves no room for a drawing.
FILL_STORAGE = """() => {
  localStorage.clear();
  localStorage.setItem("setting", "dark");
  for (let length = 2 ** 23; length >= 1; length /= 2) {
    try {
      localStorage.setItem(`pix2pix-drawing-64-${length}`, "x".repeat(length));
    } catch {
      // so much does not fit
    }
  }
}"""
TEMPLATE = PAINTER / "samples" / "003-input.png"


@pytest.fixture
def site(ort_files: Path) -> Iterator[FileServer]:
    """Serves quick starter models; a test may change the files."""
    with FileServer(quick_starters(ort_files)) as server:
        yield server


def test_a_drawing_starts_from_a_held_out_input(browser: Browser, site: FileServer):
    with drawing(browser, site) as page:
        thumbnails = page.locator("#draw li img")
        expect(thumbnails).to_have_count(12)
        page.get_by_role("button", name="Start from held-out sketch 003").click()
        expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "false")
        assert (wait_for_copy(page) == np.asarray(Image.open(TEMPLATE))).all()
        page.get_by_role("button", name="Empty sheet").click()
        assert share_of(wait_for_copy(page), FOREST) == 1
        page.get_by_role("button", name="Random template").click()
        expect(page.get_by_role("button", name="Redo")).to_have_attribute("aria-disabled", "true")
        page.wait_for_timeout(500)
        allowed = set(COLORS.values())
        assert {tuple(color) for color in np.unique(read(page).reshape(-1, 3), axis=0)} <= allowed


def test_a_dropped_picture_is_shown_in_the_palette_first(sheet: Page):
    draw_coast(sheet)
    coast = read(sheet)
    transfer = make_transfer(sheet, PHOTO)
    sheet.locator("#draw-canvas").dispatch_event("drop", {"dataTransfer": transfer})
    offer = sheet.get_by_role("region", name="Picture in the colors of the palette")
    expect(offer).to_be_visible()
    expect(sheet.locator("#draw")).to_be_visible()
    sheet.get_by_role("button", name="Keep my drawing").click()
    expect(offer).to_be_hidden()
    assert (read(sheet) == coast).all()
    sheet.locator("#draw input[type=file]").set_input_files(PHOTO)
    sheet.get_by_role("button", name="Draw on it").click()
    pixels = wait_for_copy(sheet)
    assert not (pixels == coast).all()
    photo = np.asarray(Image.open(PHOTO).convert("RGB"), int)
    palette = np.array(list(COLORS.values()))
    nearest = ((photo[:, :, None] - palette) ** 2).sum(-1).argmin(-1)
    assert (pixels == palette[nearest]).all()


def test_a_file_of_any_kind_leaves_the_drawing(sheet: Page):
    draw_coast(sheet)
    coast = read(sheet)
    error = sheet.locator("#draw .error")
    for content in (b"", b"no picture", TEMPLATE.read_bytes()[:300]):
        error.evaluate("element => { element.textContent = ''; }")
        file = {"name": "a.png", "mimeType": "image/png", "buffer": content}
        sheet.locator("#draw input[type=file]").set_input_files(file)
        expect(error).not_to_be_empty()
        assert error.inner_text().count(".") == 1
        assert (wait_for_copy(sheet) == coast).all(), content


@pytest.mark.slow
def test_a_template_that_is_no_picture_has_a_sentence(browser: Browser, site: FileServer):
    site.files["starter_painter/samples/003-input.png"] = b"no picture"
    with drawing(browser, site) as page:
        draw_coast(page)
        coast = read(page)
        page.get_by_role("button", name="Start from held-out sketch 003").click()
        expect(page.locator("#draw .error")).to_have_text(
            "This template can't be read: choose another one, or draw on an empty sheet."
        )
        assert (wait_for_copy(page) == coast).all()


def test_after_a_lost_worker_the_next_stroke_is_translated(sheet: Page):
    draw_coast(sheet)
    settle(sheet)
    (worker,) = [worker for worker in sheet.workers if "worker.js" in worker.url]
    # The next request finds no answer. A function would be called at once.
    worker.evaluate("void (self.onmessage = () => self.close())")
    sheet.get_by_role("button", name="Undo").click()
    expect(sheet.locator("#draw .error")).to_contain_text("The engine stopped unexpectedly")
    assert share_of(read(sheet), FOREST) == 1
    sheet.get_by_role("button", name="Redo").click()
    assert share_of(wait_for_copy(sheet), FOREST) < 1
    expect(sheet.locator("#draw .error")).to_be_hidden()


@pytest.mark.slow
def test_the_drawing_is_downloaded_while_the_model_hangs(
    browser: Browser, site: FileServer, tmp_path: Path
):
    with drawing(browser, site) as page:
        (worker,) = [worker for worker in page.workers if "worker.js" in worker.url]
        worker.evaluate("self.onmessage = () => {}")
        draw_coast(page)
        sketch = save_download(page, "#draw button:has-text('Download the s')", tmp_path)
        assert (np.asarray(Image.open(sketch)) == read(page)).all()


@pytest.mark.slow
def test_drawings_for_other_models_make_room_in_a_full_storage(browser: Browser, site: FileServer):
    with drawing(browser, site) as page:
        page.evaluate(FILL_STORAGE)
        draw_coast(page)
        coast = wait_for_copy(page)
        page.wait_for_function("() => Object.keys(localStorage).length === 2")
        page.reload()
        page.locator("#tab-draw").click()
        assert (wait_for_copy(page) == coast).all()
        assert page.evaluate("localStorage.getItem('setting')") == "dark"


@pytest.mark.slow
def test_programs_draw_with_events_of_their_own(browser: Browser, site: FileServer):
    with drawing(browser, site) as page:
        page.locator("#draw-canvas").evaluate(
            """canvas => {
              const { left, top, width } = canvas.getBoundingClientRect();
              for (const [name, part] of [["down", 0.2], ["move", 0.8], ["up", 0.8]]) {
                const [clientX, clientY] = [left + part * width, top + width / 2];
                const event = { clientX, clientY, pointerId: 7, bubbles: true };
                canvas.dispatchEvent(new PointerEvent(`pointer${name}`, event));
              }
            }"""
        )
        assert (wait_for_copy(page)[128, 60:200] != FOREST).any(axis=-1).all()


USELESS_PALETTES = [
    [{"color": f"#0000{number:02x}"} for number in range(33)],
    None, "red", {"color": "#000000"}, [], [1, None, []], [{"color": "#123456"}] * 9,
    [{"color": "red"}, {"color": "#12345"}, {"color": 3}],
]  # fmt: skip


@pytest.mark.parametrize(
    "palette",
    [USELESS_PALETTES[0], *(pytest.param(p, marks=pytest.mark.slow) for p in USELESS_PALETTES[1:])],
)
def test_a_model_without_a_usable_palette_is_not_drawn_for(
    browser: Browser, site: FileServer, palette: object
):
    describe(site, palette)
    # Without a choice of models, there is nothing to offer in its place.
    site.files["model.json"] = json.dumps({"folder": "starter_painter"}).encode()
    with visit(browser, site.url) as page:
        expect(page.locator("#state-text")).to_contain_text("runs in your browser")
        expect(page.locator("#tab-draw")).to_be_hidden()
        page.locator("#tab-translate").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#tab-gallery")).to_be_focused()


@pytest.mark.slow
def test_names_of_colors_are_text(browser: Browser, site: FileServer):
    name = "<img src=x onerror=alert(1)>"
    describe(site, [{"color": "#18582a", "name": name}, {"color": "#ffffff", "name": ["x"]}, 7])
    with drawing(browser, site) as page:
        expect(page.get_by_role("radio", name=name)).to_be_visible()
        expect(page.get_by_role("radio", name="#ffffff")).to_be_checked()
        expect(page.get_by_role("radio")).to_have_count(7 + 2)


@pytest.mark.slow
def test_edges_are_drawn_antialiased(browser: Browser, site: FileServer):
    describe(site, [{"color": "#ffffff", "name": "paper"}, {"color": "#000000", "name": "ink"}])
    with drawing(browser, site) as page:
        page.mouse.move(*place(page, 20, 30))
        page.mouse.down()
        page.mouse.move(*place(page, 200, 100), steps=9)
        page.mouse.up()
        levels = np.unique(wait_for_copy(page))
        assert {0, 255} < set(levels.tolist())


def test_the_first_model_leads_to_the_one_that_is_drawn_for(browser: Browser, site: FileServer):
    with visit(browser, site.url) as page:
        expect_model(page, MAP_NAME)
        page.locator("#tab-draw").click()
        assert not [path for path in site.requests if path.startswith("draw/panel")]
        page.get_by_role("button", name=f"Draw for the model “{PAINTER_NAME}”").click()
        expect_model(page, PAINTER_NAME)
        expect(page.locator("#draw-canvas")).to_be_visible()
        assert "model=starter_painter" in page.url


def describe(site: FileServer, palette: object) -> None:
    """Writes another palette into the painter's pix2pix.json."""
    written = site.files["starter_painter/pix2pix.json"]
    assert isinstance(written, bytes)
    about = json.loads(written) | {"input_palette": palette}
    site.files["starter_painter/pix2pix.json"] = json.dumps(about).encode()
