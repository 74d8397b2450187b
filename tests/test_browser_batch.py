"""The Batch tab as a visitor uses it, in a real Chromium."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import PHOTO, needs_chromium, open_tab

pytestmark = [needs_chromium, pytest.mark.slow]


def test_a_batch_can_be_stopped_only_while_it_runs(page: Page, tmp_path: Path):
    large = tmp_path / "large.png"
    Image.open(PHOTO).resize((4000, 3000)).save(large)
    open_tab(page, "Batch")
    stop, note = page.locator("#batch-stop"), page.locator("#batch-note")
    expect(stop).to_be_disabled()
    page.locator("#batch-files input[type=file]").set_input_files([large])
    expect(page.locator("#batch-files")).to_contain_text("large")
    page.get_by_label("Full resolution").last.check()
    page.get_by_role("button", name="Translate all").click()
    expect(note).to_contain_text("tile")
    expect(stop).to_be_enabled()
    stop.click()
    expect(note).to_contain_text("Stopped")
    expect(stop).to_be_disabled()
    page.get_by_label("Whole picture at once").last.check()
    page.get_by_role("button", name="Translate all").click()
    expect(note).to_contain_text("1 of 1 translated")
    expect(stop).to_be_disabled()
