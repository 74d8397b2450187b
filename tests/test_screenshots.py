"""Takes screenshots of every tab; the variable SCREENSHOTS names a folder to keep them in."""

import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser import PHONE, needs_chromium
from tests.commands import ROOT
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
