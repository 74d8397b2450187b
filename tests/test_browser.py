"""A Space whose model can't be loaded, as a visitor sees it in a real Chromium."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser import PHOTO, needs_chromium, open_page, translate, upload
from tests.commands import running_space

pytestmark = needs_chromium


def test_a_wrong_model_is_reported_in_a_banner_and_the_space_works(
    browser: Browser, hub, tmp_path: Path
):
    model = "tester/there-is-no-such-model"
    with running_space(tmp_path / "app.log", PIX2PIX_MODEL=model) as url:
        page = open_page(browser, url)
        expect(page.locator("#banner")).to_contain_text(f"{model} is not served")
        expect(page.locator("#banner")).to_contain_text("was not found")
        upload(page, PHOTO)
        translate(page)
        page.close()
