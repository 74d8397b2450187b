"""The Space as a person sees it: a real Chromium opens the page."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pix2pix import Translator
from tests.commands import ROOT, running_space

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STARTER_MODEL = ROOT / "assets" / "starter_model"
PHOTO = STARTER_MODEL / "samples" / "003-input.png"

# .ci/run installs a Chromium, and there a missing one is a failure.
pytestmark = pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("CI"),
    reason="no Chromium found: install it (apt-get install chromium) or set CHROMIUM to its path",
)


@pytest.fixture(scope="module")
def starter_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_space(tmp_path_factory.mktemp("starter") / "app.log") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, starter_space: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(starter_space)
    yield page
    page.close()


def translate(page: Page, photo: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(photo)
    expect(page.get_by_role("button", name="Remove Image")).to_be_visible()
    page.get_by_role("button", name="Translate", exact=True).click()


def test_a_visitor_uploads_a_photo_sees_the_map_and_downloads_it(page: Page, tmp_path: Path):
    translate(page, PHOTO)
    expect(page.locator("#note")).to_contain_text("256 x 256 pixels, translated in")
    assert page.locator("#result img").count() == 2, "the slider shows photo and map"
    block, shown = (
        page.locator(place).first.bounding_box() for place in ("#result", "#result img")
    )
    assert shown["height"] == pytest.approx(shown["width"], rel=0.01), "the whole square picture"
    assert shown["height"] <= block["height"], "and nothing of it cut off"
    with page.expect_download() as download:
        page.get_by_text("Download the map (PNG)").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "pix2pix-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(PHOTO)
    assert np.array_equal(Image.open(saved), expected)


def test_an_example_is_one_click_away(page: Page):
    page.locator(".gallery-item").first.click()
    expect(page.get_by_role("button", name="Remove Image")).to_be_visible()
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#note")).to_contain_text("translated in")


def test_a_gallery_click_loads_the_photo_into_translate(page: Page):
    page.get_by_role("tab", name="Gallery").click()
    pictures = page.locator("#gallery button img")
    expect(pictures.first).to_be_visible()
    assert pictures.count() == 3 * len(list((STARTER_MODEL / "samples").glob("*-input.png")))
    pictures.nth(4).click()
    expect(page.get_by_role("tab", name="Translate")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="Remove Image")).to_be_visible()


def test_a_file_that_is_no_picture_is_explained(page: Page, tmp_path: Path):
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    page.locator("input[type=file]").first.set_input_files(bad)
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_text("This file is not a picture")).to_be_visible()


def test_translating_nothing_is_explained(page: Page):
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_text("There is no picture yet")).to_be_visible()


def test_a_wrong_model_leaves_a_banner_and_a_working_space(browser: Browser, hub, tmp_path: Path):
    model = "tester/there-is-no-such-model"
    with running_space(tmp_path / "app.log", PIX2PIX_MODEL=model) as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("#banner")).to_contain_text(f"{model} is not served")
        expect(page.locator("#banner")).to_contain_text("was not found")
        translate(page, PHOTO)
        expect(page.locator("#note")).to_contain_text("translated in")
        page.close()
