"""The Translate tab of the browser Space as a visitor uses it, in a real Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from tests.browser import CHROMIUM, FLAGS, PHOTO, SAMPLES, STARTER_MODEL, needs_chromium
from tests.web_pages import FileServer
from tests.web_visits import (
    assert_same_pixels,
    choose,
    expect_closeness,
    make_transfer,
    save_download,
    visit,
    wait_for_model,
    wait_for_result,
)

pytestmark = needs_chromium
# Sums up how long the page itself was busy, in milliseconds.
OBSERVE_TASKS = """() => {
  window.busy = 0;
  window.since = performance.now();
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.busy += task.duration;
  }).observe({ entryTypes: ["longtask"] });
}"""
CAMERA_FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def shared_page(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    with visit(browser, web_site.url) as page:
        wait_for_model(page)
        yield page


@pytest.fixture
def site(shared_page: Page) -> Page:
    """Returns the page without a picture, in the mode `fit`."""
    shared_page.locator("#tab-translate").click()
    if shared_page.locator("#remove").is_enabled():
        shared_page.locator("#remove").click()
    shared_page.get_by_label("Whole picture at once").check()
    return shared_page


def write_pair(path: Path) -> Path:
    """Writes a pair as in the datasets: the photo on the left, its map on the right."""
    pair = Image.new("RGB", (512, 256))
    pair.paste(Image.open(PHOTO), (0, 0))
    pair.paste(Image.open(SAMPLES / "003-target.png"), (256, 0))
    pair.save(path)
    return path


def test_the_page_says_what_runs_where(site: Page):
    assert site.title() == "pix2pix: From satellite photo to atlas map"
    expect(site.locator("h1")).to_have_text("From satellite photo to atlas map")
    state = site.locator("#state-text")
    expect(state).to_have_text(
        re.compile(
            r'^The starter model "satellite photo to atlas map" runs in your browser, '
            r"on the CPU with \d threads?: the picture never leaves this machine\.$"
        )
    )
    expect(site.locator("#photo")).to_have_text(
        "Drop, paste or choose a satellite photo of any size: it is translated right away. "
        "Several become a list."
    )
    assert (
        site.evaluate("window.pix2pix.then((model) => model.description.config.image_size)") == 256
    )


def test_a_chosen_picture_is_translated_at_once_compared_and_saved(site: Page, tmp_path: Path):
    boxes = {name: site.locator(name).bounding_box() for name in ("#result", "#download")}
    choose(site, PHOTO)
    wait_for_result(site)
    expect(site.locator("#note-text")).to_have_text(
        re.compile(r"^At once: 256 x 256 pixels, translated in [\d.]+ s, read in [\d.]+ s\.$")
    )
    for name, box in boxes.items():
        assert site.locator(name).bounding_box() == box, f"{name} moves when the result arrives"
    pictures = site.locator("#result img")
    assert [picture.get_attribute("alt") for picture in pictures.all()] == ["Photo", "Map"]
    saved = save_download(site, "#download", tmp_path)
    assert saved.name == "003-input-map.png"
    assert_same_pixels(saved, Translator.from_pretrained(STARTER_MODEL)(PHOTO))


def test_keys_and_clicks_move_the_line(site: Page):
    choose(site, PHOTO)
    wait_for_result(site)
    frame = site.locator("#result .frame")

    def line() -> float:
        return float(frame.evaluate("e => getComputedStyle(e).getPropertyValue('--at')").strip("%"))

    assert line() == 50
    site.locator("#result input[type=range]").focus()
    site.keyboard.press("ArrowLeft")
    site.keyboard.press("ArrowLeft")
    assert line() == 48
    site.mouse.click(frame.bounding_box()["x"] + 5, frame.bounding_box()["y"] + 100)
    assert line() < 10


@pytest.mark.slow
def test_a_switch_to_full_resolution_translates_again_and_keeps_every_pixel(
    site: Page, tmp_path: Path
):
    photo = tmp_path / "wide & large #1?.png"
    picture = Image.open(PHOTO).convert("RGB").resize((700, 400))
    picture.save(photo)
    choose(site, photo)
    expect(site.locator("#note-text")).to_contain_text("At once: 700 x 400 pixels")
    site.get_by_label("Full resolution").check()
    expect(site.locator("#note-text")).to_contain_text("In tiles: 700 x 400 pixels")
    wait_for_result(site)
    saved = save_download(site, "#download", tmp_path)
    assert saved.name == "wide-large-1-map.png"
    assert_same_pixels(saved, Translator.from_pretrained(STARTER_MODEL)(picture, mode="full"))


def test_progress_is_shown_and_cancel_stops_the_translation(site: Page, tmp_path: Path):
    photo = tmp_path / "long.jpg"
    Image.open(PHOTO).convert("RGB").resize((12000, 900)).save(photo)
    site.get_by_label("Full resolution").check()
    box = site.locator("#result").bounding_box()
    site.evaluate(OBSERVE_TASKS)
    choose(site, photo)
    expect(site.locator("#note-text")).to_have_text("Reading the picture.")
    expect(site.locator("#note progress")).to_be_visible()
    expect(site.locator("#note-tiles")).to_contain_text(re.compile(r"Tile \d+ of \d{3}"))
    expect(site.locator("#note progress")).to_be_visible()
    assert site.locator("#result").bounding_box() == box
    expect(site.locator("#note-tiles")).to_contain_text(re.compile(r"Tile [2-9]\d of \d{3}"))
    share = site.evaluate("window.busy / (performance.now() - window.since)")
    assert share < 0.3, "the worker computes, and the page stays responsive"
    site.locator("#cancel").click()
    expect(site.locator("#note-text")).to_have_text("Stopped: there is no result.")
    expect(site.locator("#note progress")).to_be_hidden()
    expect(site.locator("#cancel")).to_be_disabled()
    choose(site, PHOTO)
    wait_for_result(site)


def test_a_picture_can_be_dropped_anywhere_and_pasted(site: Page):
    files = make_transfer(site, PHOTO)
    for event in ("dragenter", "dragover"):
        site.locator("footer").dispatch_event(event, {"dataTransfer": files})
    expect(site.locator("#drop-hint")).to_be_visible()
    site.locator("#tab-model").click()
    site.locator("footer").dispatch_event("drop", {"dataTransfer": files})
    expect(site.locator("#drop-hint")).to_be_hidden()
    expect(site.locator("#translate")).to_be_visible()
    wait_for_result(site)
    site.locator("#remove").click()
    expect(site.locator("#result")).to_contain_text("will appear here")
    site.evaluate(
        "(files) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files}))",
        make_transfer(site, PHOTO),
    )
    wait_for_result(site)


def test_one_half_of_a_pair_is_translated_and_compared_with_the_other(site: Page, tmp_path: Path):
    choose(site, write_pair(tmp_path / "pair.png"))
    site.get_by_role("button", name="Use the left half").click()
    expect(site.locator("#pair")).to_be_hidden()
    expect_closeness(site, STARTER_MODEL, "003")  # whose pair this is
    expect(site.locator("#note-text")).to_contain_text("256 x 256 pixels")
    saved = save_download(site, "#download", tmp_path)
    assert saved.name == "pair-map.png"
    assert_same_pixels(saved, Translator.from_pretrained(STARTER_MODEL)(PHOTO))

    choose(site, write_pair(tmp_path / "wide.png"))
    site.get_by_role("button", name="Keep it whole").click()
    expect(site.locator("#pair")).to_be_hidden()
    expect(site.locator("#note-text")).to_contain_text("512 x 256 pixels")
    expect(site.locator("#against")).to_be_hidden()


def test_an_example_is_translated_and_compared_with_its_real_map_by_one_click(site: Page):
    site.get_by_label("Load held-out photo 003").click()
    expect_closeness(site, STARTER_MODEL, "003")
    assert [image.get_attribute("alt") for image in site.locator("#against img").all()] == [
        "Map",
        "Real map",
    ]


def test_errors_are_one_sentence_and_the_page_goes_on(site: Page, tmp_path: Path):
    site.locator("#start").click()
    expect(site.locator("#note-error")).to_contain_text("There is no picture yet")
    bad = tmp_path / "notes.png"
    bad.write_text("not a picture")
    choose(site, bad)
    expect(site.locator("#note-error")).not_to_contain_text("There is no picture yet")
    expect(site.locator("#note-error")).to_contain_text(re.compile(r"\w.*\.$"))
    expect(site.locator("#photo img")).to_have_count(0)
    choose(site, PHOTO)
    wait_for_result(site)
    expect(site.locator("#note-error")).to_be_hidden()


@pytest.mark.slow
def test_the_camera_takes_a_picture(browser: Browser, web_site: FileServer):
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *CAMERA_FLAGS])
    with visit(chromium, web_site.url) as page:
        page.locator("#camera").click()
        page.get_by_role("button", name="Take the picture").click()
        expect(page.locator("#camera-dialog")).to_be_hidden()
        wait_for_result(page)
        assert page.evaluate("document.querySelector('#camera-video').srcObject") is None
        page.locator("#camera").click()
        expect(page.locator("#camera-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#camera-dialog")).to_be_hidden()
    chromium.close()


def test_without_a_camera_one_sentence_says_so(site: Page):
    site.locator("#camera").click()
    expect(site.locator("#note-error")).to_contain_text("camera")
    expect(site.locator("#camera-dialog")).to_be_hidden()
