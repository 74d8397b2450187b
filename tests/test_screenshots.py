"""Takes screenshots of every tab, and paints an island on the canvas.

The variable SCREENSHOTS names a folder to keep the screenshots in.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser import PHONE, needs_chromium
from tests.commands import ROOT
from tests.web_drawing import COLORS
from tests.web_pages import FileServer
from tests.web_starters import quick_starters
from tools.paint_island import ISLAND, MAX_BYTES, save_pictures
from tools.screenshots import LOOKS, README_FOLDER, TABS, take_screenshots

pytestmark = needs_chromium


@pytest.mark.slow
def test_every_tab_has_a_light_a_dark_and_a_phone_screenshot(
    browser: Browser, starter_space: str, tmp_path: Path
):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    paths = take_screenshots(browser, starter_space, folder)
    assert len({path.read_bytes() for path in paths}) == len(TABS) * len(LOOKS)
    for path in paths:
        look, (width, height) = path.stem.rpartition("-")[2], Image.open(path).size
        viewport, _ = LOOKS[look]
        assert width == viewport["width"]
        assert height >= (viewport["height"] if look == "phone" else PHONE["height"])
        corner_brightness = sum(Image.open(path).convert("RGB").getpixel((2, 2))) / 3
        assert (corner_brightness < 60) == (look == "dark")


def test_the_readmes_screenshots_are_linked_and_small():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = list(README_FOLDER.iterdir())
    assert pictures
    assert all(f"assets/screenshots/{picture.name}" in readme for picture in pictures)
    assert sum(picture.stat().st_size for picture in pictures) < 300_000


@pytest.mark.slow
def test_the_painted_island_has_a_picture_and_a_recording(
    browser: Browser, ort_files: Path, tmp_path: Path
):
    with FileServer(quick_starters(ort_files)) as site:
        island, painting = save_pictures(browser, site.url, tmp_path, frames=30)
    pixels = np.asarray(Image.open(island).convert("RGB"))
    drawing, result = np.split(pixels, 2, axis=1)
    assert np.array_equal(drawing, result), "this painter copies its input"
    painted = {tuple(color) for color in np.unique(drawing.reshape(-1, 3), axis=0).tolist()}
    assert painted == {COLORS[stroke.color] for stroke in ISLAND}
    with Image.open(painting) as recording:
        assert 20 <= recording.n_frames <= 31  # equal ones at the end may be one
    assert painting.stat().st_size < MAX_BYTES
