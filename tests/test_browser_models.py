"""A Space with two models of opposite directions, in a real Chromium."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import STARTER_MODEL, download, needs_chromium, open_page, open_tab, translate
from tests.commands import running_space

pytestmark = [needs_chromium, pytest.mark.slow]


def copy_with_reversed_direction(folder: Path) -> Path:
    """Copies the starter model and declares its input to be the map; the weights stay."""
    ignored = shutil.ignore_patterns("*.h5")
    shutil.copytree(STARTER_MODEL, folder, ignore=ignored)
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    about["config"]["direction"] = "b_to_a"
    (folder / "pix2pix.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def test_a_visitor_can_choose_each_of_the_models(browser: Browser, tmp_path: Path):
    photo_to_map = str(STARTER_MODEL)
    map_to_photo = str(copy_with_reversed_direction(tmp_path / "reversed"))
    with running_space(
        tmp_path / "app.log", PIX2PIX_MODELS=f"{photo_to_map},{map_to_photo}"
    ) as url:
        page = open_page(browser, url)
        page.get_by_label("Model", exact=True).first.click()
        page.get_by_role("option", name=map_to_photo).click()
        expect(page.locator("#result")).to_contain_text("The photo will appear here")
        expect(page.locator("#download")).to_contain_text("Download the photo")
        page.locator("#examples button").first.click()
        expect(page.locator("#against img")).to_have_attribute("alt", "Real photo")
        translate(page)
        assert download(page, tmp_path).name == "000-input-photo.png"

        open_tab(page, "Gallery")
        page.get_by_role("tab", name=photo_to_map).last.click()
        page.locator("#gallery button:visible").first.click()
        # Until the real map is loaded, the page shows the two pictures of the previous comparison.
        expect(page.locator("#against").get_by_alt_text("Real map")).to_be_visible()
        translate(page)
        assert download(page, tmp_path).name == "000-input-map.png"
        page.close()
