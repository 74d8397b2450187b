"""A Space with two models, one a direction, in a real Chromium."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import STARTER_MODEL, download, needs_chromium, open_tab, opened, translate
from tests.commands import running_space

pytestmark = [needs_chromium, pytest.mark.slow]


def backwards(folder: Path) -> Path:
    """The starter model as if its input were the map: what is on the page is the same."""
    ignored = shutil.ignore_patterns("*.h5")
    shutil.copytree(STARTER_MODEL, folder, ignore=ignored)
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    about["config"]["direction"] = "b_to_a"
    (folder / "pix2pix.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def test_a_visitor_chooses_among_the_operators_models(browser: Browser, tmp_path: Path):
    there, back = str(STARTER_MODEL), str(backwards(tmp_path / "back"))
    with running_space(tmp_path / "app.log", PIX2PIX_MODELS=f"{there},{back}") as address:
        page = opened(browser, address)
        page.get_by_label("Model", exact=True).first.click()
        page.get_by_role("option", name=back).click()
        expect(page.locator("#result")).to_contain_text("The photo will be here")
        expect(page.locator("#download")).to_contain_text("Download the photo")
        page.locator("#examples button").first.click()
        expect(page.locator("#against img")).to_have_attribute("alt", "Real photo")
        translate(page)
        assert download(page, tmp_path).name == "000-input-photo.png"

        open_tab(page, "Gallery")
        page.get_by_role("tab", name=there).last.click()
        page.locator("#gallery button:visible").first.click()
        # Until it is there, the two pictures of the comparison before are.
        expect(page.locator("#against").get_by_alt_text("Real map")).to_be_visible()
        translate(page)
        assert download(page, tmp_path).name == "000-input-map.png"
        page.close()
