"""A Space with the two starter models, and one with models of one direction, in a real Chromium."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER
from tests.browser import (
    PHOTO,
    STARTER_MODEL,
    download,
    needs_chromium,
    open_page,
    open_tab,
    translate,
    upload,
)
from tests.commands import ROOT, running_space

pytestmark = needs_chromium
PAINTER = ROOT / PAINTER_FOLDER
MAP, PHOTO_OF_SKETCH = "satellite photo to atlas map", "sketch to satellite photo"


def choose(page: Page, model: str) -> None:
    """Chooses a model and waits until the Translate tab has its words."""
    page.get_by_label(model).check()
    expect(page.locator("h1")).to_have_text(f"From {model}")


def test_the_words_and_the_examples_follow_the_chosen_model(page: Page, tmp_path: Path):
    expect(page.locator("h1")).to_have_text(f"From {MAP}")
    expect(page.get_by_text("Drop, paste or choose a satellite photo of any size.")).to_be_visible()
    page.locator("#examples button").first.click()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real map")
    choose(page, PHOTO_OF_SKETCH)
    expect(page.locator("#photo img")).to_have_count(0)  # the example was of the other model
    expect(page.get_by_text("Drop, paste or choose a sketch of any size.")).to_be_visible()
    expect(page.locator("#photo")).to_contain_text("Sketch")
    expect(page.locator("#result")).to_contain_text("The photo will appear here")
    expect(page.locator("#download")).to_contain_text("Download the photo (PNG)")
    page.get_by_label("Load held-out sketch 003").click()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real photo")
    expect(page.locator("#photo img")).to_have_attribute("alt", "Sketch")
    translate(page)
    names = [image.get_attribute("alt") for image in page.locator("#result img").all()]
    assert names == ["Sketch", "Photo"]
    saved = download(page, tmp_path)
    assert saved.name == "003-input-photo.png"
    sketch = PAINTER / "samples" / "003-input.png"
    assert np.array_equal(Image.open(saved), Translator(PAINTER)(sketch))


def test_an_uploaded_picture_stays_when_the_model_changes(page: Page, tmp_path: Path):
    upload(page, PHOTO)
    choose(page, PHOTO_OF_SKETCH)
    expect(page.locator("#photo img")).to_have_attribute("alt", "Sketch")
    translate(page)
    saved = download(page, tmp_path)
    assert np.array_equal(Image.open(saved), Translator(PAINTER)(PHOTO))


@pytest.mark.slow
def test_a_pair_of_the_chosen_model_is_halved(page: Page, tmp_path: Path):
    choose(page, PHOTO_OF_SKETCH)
    pair = Image.new("RGB", (512, 256))
    for x, kind in ((0, "input"), (256, "target")):
        pair.paste(Image.open(PAINTER / "samples" / f"003-{kind}.png"), (x, 0))
    pair.save(tmp_path / "pair.png")
    upload(page, tmp_path / "pair.png")
    expect(page.locator("#pair")).to_contain_text("left half is the sketch")
    expect(page.locator("#pair")).to_contain_text("the real photo")
    page.get_by_role("button", name="Use the left half").click()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real photo")
    translate(page)
    assert download(page, tmp_path).name == "pair-photo.png"


@pytest.mark.slow
def test_gallery_model_and_code_show_the_chosen_model(page: Page):
    open_tab(page, "Gallery")
    cards = page.locator("#gallery button:visible")
    expect(cards.first).to_contain_text("Generated map")
    choose(page, PHOTO_OF_SKETCH)
    expect(cards.first).to_contain_text("Generated photo")
    open_tab(page, "Model")
    facts = page.locator(".block.facts:visible")
    expect(facts).to_contain_text(PHOTO_OF_SKETCH)
    open_tab(page, "Use it from code")
    python = page.locator("#code-python")
    expect(python).to_contain_text(f'"{PHOTO_OF_SKETCH}", api_name="/translate_with"')
    choose(page, MAP)
    expect(python).to_contain_text('"fit", api_name="/translate"')
    open_tab(page, "Model")
    expect(facts).to_contain_text(MAP)
    open_tab(page, "Gallery")
    expect(cards.first).to_contain_text("Generated map")
    choose(page, PHOTO_OF_SKETCH)
    expect(cards.first).to_contain_text("Generated photo")
    cards.first.click()
    expect(page.locator("#against").get_by_alt_text("Real photo")).to_be_visible()


@pytest.mark.slow
def test_a_batch_has_the_words_of_the_model_that_made_it(page: Page, tmp_path: Path):
    open_tab(page, "Batch")
    button = page.locator("#batch-download")
    expect(button).to_contain_text("Download all maps (zip)")
    choose(page, PHOTO_OF_SKETCH)
    expect(page.locator("#batch-files")).to_contain_text("Sketches")
    expect(button).to_contain_text("Download all photos (zip)")
    sketch = PAINTER / "samples" / "003-input.png"
    page.locator("#batch-files input[type=file]").set_input_files([sketch])
    expect(page.locator("#batch-files")).to_contain_text("003-input")
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator("#batch-note")).to_contain_text("1 of 1 translated")
    choose(page, MAP)
    expect(page.locator("#batch-files")).to_contain_text("Photos")
    expect(page.locator("#batch-sheet")).to_contain_text("Contact sheet: sketch | photo")
    expect(page.locator("#batch-table")).to_contain_text("Photo in the zip, or what is wrong")
    with page.expect_download() as event:
        button.click()
    assert event.value.suggested_filename == "sketch-to-photo.zip"
    event.value.save_as(tmp_path / "results.zip")
    with zipfile.ZipFile(tmp_path / "results.zip") as archive:
        assert archive.namelist()[0] == "003-input-photo.png"


@pytest.mark.slow
def test_an_example_stays_where_all_models_have_one_direction(browser: Browser, tmp_path: Path):
    folders = [str(STARTER_MODEL), f"{STARTER_MODEL.parent}/../assets/{STARTER_MODEL.name}"]
    with running_space(tmp_path / "app.log", PIX2PIX_MODELS=",".join(folders)) as url:
        page = open_page(browser, url)
        page.locator("#examples button").first.click()
        expect(page.locator("#against img")).to_be_visible()
        page.get_by_label(folders[1]).check()
        expect(page.locator("#against")).to_be_hidden()
        expect(page.locator("#photo img")).to_be_visible()
        translate(page)
        assert download(page, tmp_path).name == "000-input-map.png"
        page.close()
