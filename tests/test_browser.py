"""A Space whose model can't be loaded, as a visitor sees it in a real Chromium."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PHOTO, needs_chromium, open_page, translate, upload
from tests.commands import running_space

pytestmark = [needs_chromium, pytest.mark.slow]


def test_a_wrong_model_is_in_a_banner_the_space_works_and_links_to_the_browser_space(
    browser: Browser, hub, tmp_path: Path
):
    model = "tester/there-is-no-such-model"
    variables = {"PIX2PIX_MODEL": model, "PIX2PIX_BROWSER_SPACE": "tester/web"}
    with running_space(tmp_path / "app.log", **variables) as url:
        page = open_page(browser, url)
        expect(page.locator("#banner")).to_contain_text(f"{model} is not served")
        expect(page.locator("#banner")).to_contain_text("was not found")
        upload(page, PHOTO)
        translate(page)
        link = page.get_by_role("link", name="Run this model in your browser")
        expect(link).to_have_attribute("href", f"{hub.endpoint}/spaces/tester/web")
        expect(link).to_have_attribute("target", "_blank")
        expect(page.locator("#browser-link")).to_contain_text("never leaves your machine")
        page.close()
