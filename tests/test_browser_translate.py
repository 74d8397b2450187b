"""The Translate tab as a visitor uses it, in a real Chromium."""

import base64
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pix2pix import Translator
from tests.browser import (
    PHOTO,
    SAMPLES,
    STARTER_MODEL,
    download,
    needs_chromium,
    translate,
    upload,
)

pytestmark = needs_chromium
TARGET = SAMPLES / "003-target.png"


def side_by_side(path: Path) -> Path:
    """A pair as the data sets have them: the photo on the left, its map on the right."""
    pair = Image.new("RGB", (512, 256))
    pair.paste(Image.open(PHOTO), (0, 0))
    pair.paste(Image.open(TARGET), (256, 0))
    pair.save(path)
    return path


def test_the_whole_picture_is_translated_compared_and_downloaded(page: Page, tmp_path: Path):
    upload(page, PHOTO)
    translate(page)
    expect(page.locator("#note")).to_contain_text("256 x 256 pixels")
    shown = page.locator("#result img")
    assert [image.get_attribute("alt") for image in shown.all()] == ["Photo", "Map"]
    saved = download(page, tmp_path)
    assert saved.name == "003-input-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(PHOTO)
    assert np.array_equal(Image.open(saved), expected)

    slider, frame = page.locator("#result input[type=range]"), page.locator("#result .frame")
    assert "50%" in frame.get_attribute("style")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "48%" in frame.get_attribute("style"), "the arrow keys move the line"
    page.mouse.click(frame.bounding_box()["x"] + 5, frame.bounding_box()["y"] + 100)
    at = re.search(r"--at: ([\d.]+)%", frame.get_attribute("style"))[1]
    assert float(at) < 10, "and so does the mouse"


def test_full_resolution_keeps_every_pixel(page: Page, tmp_path: Path):
    photo = tmp_path / "wide & large #1?.png"
    picture = Image.open(PHOTO).resize((1300, 700))
    picture.save(photo)
    upload(page, photo)
    page.get_by_label("Full resolution").check()
    places = {name: page.locator(name).bounding_box() for name in ("#result", "#download")}
    translate(page)
    expect(page.locator("#note")).to_contain_text("1300 x 700 pixels")
    for name, box in places.items():
        assert page.locator(name).bounding_box() == box, f"{name} jumps when it is done"
    saved = download(page, tmp_path)
    assert saved.name == "wide-large-1-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(picture, mode="full")
    assert np.array_equal(Image.open(saved), expected)


def processor_seconds(address: str) -> float:
    """Processor time that the Space behind `address` has used so far."""
    marker = f"GRADIO_SERVER_PORT={address.rpartition(':')[2]}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"app.py" in (process / "cmdline").read_bytes() and (
                marker in (process / "environ").read_bytes()
            ):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    raise AssertionError(f"no app.py runs behind {address}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processor times in /proc")
def test_progress_is_shown_and_cancel_stops_the_work(
    page: Page, starter_space: str, tmp_path: Path
):
    # Much to translate, and little to draw: without a graphics card the browser is slow at that.
    photo = tmp_path / "long.jpg"
    Image.open(PHOTO).convert("RGB").resize((40000, 1200)).save(photo)
    upload(page, photo)
    page.get_by_label("Full resolution").check()
    place = page.locator("#result").bounding_box()
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#note")).to_contain_text(re.compile(r"Tile \d+ of \d{4}"))
    before = processor_seconds(starter_space)
    expect(page.locator("#note progress")).to_be_visible()
    assert page.locator("#result").bounding_box() == place, "nothing jumps while it works"
    time.sleep(0.5)
    assert processor_seconds(starter_space) - before > 0.1, "it computes tiles"
    page.get_by_role("button", name="Cancel", exact=True).dispatch_event("click")
    expect(page.locator("#note")).to_contain_text("Stopped")
    time.sleep(1)
    before = processor_seconds(starter_space)
    time.sleep(1)
    assert processor_seconds(starter_space) - before < 0.2, "it still computes tiles"
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_enabled()
    expect(page.locator("#result")).to_contain_text("will be here")


def test_a_pair_is_offered_halved_and_compared(page: Page, tmp_path: Path):
    upload(page, side_by_side(tmp_path / "pair.png"))
    page.get_by_role("button", name="Use the left half").click()
    expect(page.locator("#pair")).to_be_hidden()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real map")
    translate(page)
    expect(page.locator("#note")).to_contain_text("256 x 256 pixels")
    # The same pair as sample 003, whose scores are in metrics.json: 5.9817 and 22.0019.
    expect(page.locator("#against figcaption")).to_contain_text("L1 5.98")
    expect(page.locator("#against figcaption")).to_contain_text("PSNR 22.00 dB")
    saved = download(page, tmp_path)
    assert saved.name == "pair-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(PHOTO)
    assert np.array_equal(Image.open(saved), expected)

    page.get_by_label("Remove Image").click()
    expect(page.locator("#against")).to_be_hidden()
    expect(page.locator("#result")).to_contain_text("will be here")
    expect(page.locator("#note")).not_to_contain_text("pixels")
    expect(page.locator("#download")).to_be_disabled()


def test_a_picture_that_only_looks_like_a_pair_is_kept_whole(page: Page, tmp_path: Path):
    upload(page, side_by_side(tmp_path / "wide.png"))
    page.get_by_role("button", name="Keep it whole").click()
    expect(page.locator("#pair")).to_be_hidden()
    translate(page)
    expect(page.locator("#note")).to_contain_text("512 x 256 pixels")
    expect(page.locator("#against")).to_be_hidden()


def test_a_dropped_file_is_taken(page: Page):
    content = base64.b64encode(PHOTO.read_bytes()).decode()
    files = page.evaluate_handle(
        """content => {
          const bytes = Uint8Array.from(atob(content), character => character.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], 'dropped.png', {type: 'image/png'}));
          return files;
        }""",
        content,
    )
    zone = page.locator("#photo button").filter(has_text="Drop").first
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": files})
    expect(page.locator("#photo img")).to_be_visible()
    translate(page)
    expect(page.locator("#download")).to_be_enabled()


def test_an_example_is_one_click_away_and_its_map_is_known(page: Page):
    page.locator("#examples button").nth(3).click()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real map")
    translate(page)
    expect(page.locator("#against figcaption")).to_contain_text("L1 5.98")


def test_a_bad_file_is_explained_also_after_an_example(page: Page, tmp_path: Path):
    """A component that Gradio makes anew for the session would read it in Gradio's own way."""
    page.locator("#examples button").first.click()
    expect(page.locator("#against img")).to_be_visible()
    page.get_by_label("Remove Image").click()
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    page.locator("#photo input[type=file]").set_input_files(bad)
    expect(page.get_by_text("This file is not a picture")).to_be_visible()


def test_translating_nothing_is_explained(page: Page):
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_text("There is no picture yet")).to_be_visible()
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_enabled()
    expect(page.locator("#note")).not_to_contain_text("Waiting")
