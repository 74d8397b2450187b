"""What a visitor sees of a Space whose model can't be had, in a real Chromium."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser import PHOTO, needs_chromium, opened, translate, upload
from tests.commands import running_space

pytestmark = needs_chromium


def test_a_wrong_model_leaves_a_banner_and_a_working_space(browser: Browser, hub, tmp_path: Path):
    model = "tester/there-is-no-such-model"
    with running_space(tmp_path / "app.log", PIX2PIX_MODEL=model) as address:
        page = opened(browser, address)
        expect(page.locator("#banner")).to_contain_text(f"{model} is not served")
        expect(page.locator("#banner")).to_contain_text("was not found")
        upload(page, PHOTO)
        translate(page)
        page.close()
