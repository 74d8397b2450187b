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
from pix2pix.gallery import read_samples
from tests.browser import (
    PHOTO,
    SAMPLES,
    STARTER_MODEL,
    download,
    needs_chromium,
    translate,
    upload,
)
from tests.checkpoint_helpers import wait_until

pytestmark = needs_chromium
TARGET = SAMPLES / "003-target.png"
(SCORES,) = (sample.scores for sample in read_samples(STARTER_MODEL) if sample.name == "003")


def write_pair(path: Path) -> Path:
    """Writes a pair as in the datasets: the photo on the left, its map on the right."""
    pair = Image.new("RGB", (512, 256))
    pair.paste(Image.open(PHOTO), (0, 0))
    pair.paste(Image.open(TARGET), (256, 0))
    pair.save(path)
    return path


def test_the_whole_picture_is_translated_compared_and_downloaded(page: Page, tmp_path: Path):
    upload(page, PHOTO)
    translate(page)
    expect(page.locator("#note")).to_contain_text("256 x 256 pixels")
    pictures = page.locator("#result img")
    assert [picture.get_attribute("alt") for picture in pictures.all()] == ["Photo", "Map"]
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
    percent = re.search(r"--at: ([\d.]+)%", frame.get_attribute("style"))[1]
    assert float(percent) < 10, "a click moves the line"


def test_full_resolution_keeps_every_pixel(page: Page, tmp_path: Path):
    photo = tmp_path / "wide & large #1?.png"
    picture = Image.open(PHOTO).resize((1300, 700))
    picture.save(photo)
    upload(page, photo)
    page.get_by_label("Full resolution").check()
    boxes = {name: page.locator(name).bounding_box() for name in ("#result", "#download")}
    translate(page)
    expect(page.locator("#note")).to_contain_text("1300 x 700 pixels")
    for name, box in boxes.items():
        assert page.locator(name).bounding_box() == box, (
            f"{name} moves at the end of the translation"
        )
    saved = download(page, tmp_path)
    assert saved.name == "wide-large-1-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(picture, mode="full")
    assert np.array_equal(Image.open(saved), expected)


def cpu_seconds(url: str) -> float:
    """Returns the CPU time that the Space at `url` has used so far."""
    marker = f"GRADIO_SERVER_PORT={url.rpartition(':')[2]}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"app.py" in (process / "cmdline").read_bytes() and (
                marker in (process / "environ").read_bytes()
            ):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    raise AssertionError(f"no process app.py serves {url}")


def is_idle(url: str) -> bool:
    """Measures for a second whether the Space uses less than a fifth of a core."""
    before = cpu_seconds(url)
    time.sleep(1)
    return cpu_seconds(url) - before < 0.2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads CPU times in /proc")
def test_progress_is_shown_and_cancel_stops_the_translation(
    page: Page, starter_space: str, tmp_path: Path
):
    # Long and low: over a thousand tiles, but few pixels to draw on the page, which is slow
    # without a GPU.
    photo = tmp_path / "long.jpg"
    Image.open(PHOTO).convert("RGB").resize((40000, 1200)).save(photo)
    upload(page, photo)
    page.get_by_label("Full resolution").check()
    box = page.locator("#result").bounding_box()
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#note")).to_contain_text(re.compile(r"Tile \d+ of \d{4}"))
    before = cpu_seconds(starter_space)
    expect(page.locator("#note progress")).to_be_visible()
    assert page.locator("#result").bounding_box() == box, "the result moves during the translation"
    wait_until(lambda: cpu_seconds(starter_space) - before > 0.1, seconds=60)
    page.get_by_role("button", name="Cancel", exact=True).dispatch_event("click")
    expect(page.locator("#note")).to_contain_text("Stopped")
    # All tiles together take more than a minute.
    wait_until(lambda: is_idle(starter_space), seconds=30)
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_enabled()
    expect(page.locator("#result")).to_contain_text("will appear here")


@pytest.mark.slow
def test_one_half_of_a_pair_can_be_translated_and_compared_with_the_other(
    page: Page, tmp_path: Path
):
    upload(page, write_pair(tmp_path / "pair.png"))
    page.get_by_role("button", name="Use the left half").click()
    expect(page.locator("#pair")).to_be_hidden()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real map")
    translate(page)
    expect(page.locator("#note")).to_contain_text("256 x 256 pixels")
    # The pair is that of sample 003.
    expect(page.locator("#against figcaption")).to_contain_text(f"L1 {SCORES['l1']:.2f}")
    expect(page.locator("#against figcaption")).to_contain_text(f"PSNR {SCORES['psnr']:.2f} dB")
    saved = download(page, tmp_path)
    assert saved.name == "pair-map.png"
    expected = Translator.from_pretrained(STARTER_MODEL)(PHOTO)
    assert np.array_equal(Image.open(saved), expected)

    page.get_by_label("Remove Image").click()
    expect(page.locator("#against")).to_be_hidden()
    expect(page.locator("#result")).to_contain_text("will appear here")
    expect(page.locator("#note")).not_to_contain_text("pixels")
    expect(page.locator("#download")).to_be_disabled()


@pytest.mark.slow
def test_a_picture_with_the_shape_of_a_pair_can_be_kept_whole(page: Page, tmp_path: Path):
    upload(page, write_pair(tmp_path / "wide.png"))
    page.get_by_role("button", name="Keep it whole").click()
    expect(page.locator("#pair")).to_be_hidden()
    translate(page)
    expect(page.locator("#note")).to_contain_text("512 x 256 pixels")
    expect(page.locator("#against")).to_be_hidden()


@pytest.mark.slow
def test_a_file_can_be_dropped_on_the_page(page: Page):
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


@pytest.mark.slow
def test_an_example_is_loaded_with_its_real_map_by_one_click(page: Page):
    page.locator("#examples button").nth(3).click()
    expect(page.locator("#against img")).to_have_attribute("alt", "Real map")
    translate(page)
    expect(page.locator("#against figcaption")).to_contain_text(f"L1 {SCORES['l1']:.2f}")


@pytest.mark.slow
def test_the_error_of_a_bad_file_is_shown_also_after_an_example(page: Page, tmp_path: Path):
    """An example makes Gradio create a new component, which must read files like the first."""
    page.locator("#examples button").first.click()
    expect(page.locator("#against img")).to_be_visible()
    page.get_by_label("Remove Image").click()
    bad = tmp_path / "notes.png"
    bad.write_text("not a picture")
    page.locator("#photo input[type=file]").set_input_files(bad)
    expect(page.get_by_text("This file is not a picture")).to_be_visible()
    expect(page.locator("#photo img")).to_have_count(0)  # it would be the icon of a broken one


@pytest.mark.slow
def test_the_range_of_a_16_bit_photo_is_shown_with_the_result(page: Page, tmp_path: Path):
    photo = tmp_path / "deep.png"
    gray = np.asarray(Image.open(PHOTO).convert("L"), np.uint16)
    Image.fromarray(gray * 8).save(photo)
    upload(page, photo)
    translate(page)
    expect(page.locator("#note")).to_contain_text("become black to white")


@pytest.mark.slow
def test_translating_without_a_picture_is_an_error(page: Page):
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_text("There is no picture yet")).to_be_visible()
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_enabled()
    expect(page.locator("#note")).not_to_contain_text("Waiting")
