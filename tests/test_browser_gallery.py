"""The Gallery and Model tabs as a visitor uses them, in a real Chromium."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import STARTER_MODEL, needs_chromium, open_tab, translate

pytestmark = needs_chromium
METRICS = json.loads((STARTER_MODEL / "metrics.json").read_text(encoding="utf-8"))


def test_the_gallery_can_be_sorted_and_a_click_opens_a_sample_with_its_real_map(page: Page):
    open_tab(page, "Gallery")
    cards = page.locator("#gallery button")
    stored = [f"L1 {sample['l1']:.2f}" for sample in METRICS["samples"]]
    expect(cards).to_contain_text(stored)
    by_l1 = [f"L1 {l1:.2f}" for l1 in sorted(sample["l1"] for sample in METRICS["samples"])]
    page.get_by_label("best first").check()
    expect(cards).to_contain_text(by_l1)
    page.get_by_label("worst first").check()
    expect(cards).to_contain_text(by_l1[::-1])
    worst = max(METRICS["samples"], key=lambda sample: sample["l1"])
    alts = [image.get_attribute("alt") for image in cards.first.locator("img").all()]
    name = f"Sample {worst['name']}"
    assert alts == [f"{name}: photo", f"{name}: generated map", f"{name}: real map"]
    cards.first.click()
    expect(page.get_by_role("tab", name="Translate")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#photo img")).to_be_visible()
    translate(page)
    expect(page.locator("#against figcaption")).to_contain_text(f"L1 {worst['l1']:.2f}")


@pytest.mark.slow
def test_the_model_tab_shows_the_model_its_scores_and_its_card(page: Page):
    open_tab(page, "Model")
    facts = page.locator(".block.facts")
    for fact in ("satellite photo to atlas map", "256 x 256", "assets/sample_maps", "apache-2.0"):
        expect(facts).to_contain_text(fact)
    table = page.locator(".block.wide").first
    low, high = METRICS["intervals"]["psnr"]
    value = METRICS["metrics"]["psnr"]
    expect(table).to_contain_text(f"{value:.2f} [{low:.2f}, {high:.2f}]")
    expect(table).to_contain_text(f"{METRICS['baselines']['color_lookup']['psnr']:.2f}")
    expect(page.locator(".vega-embed")).to_have_count(3)
    expect(page.locator(".vega-embed canvas, .vega-embed svg").first).to_be_visible()
    page.get_by_role("button", name="The model's card").click()
    card = page.locator(".block.wide").last
    expect(card).to_contain_text("Do not use its results for navigation")
    expect(card).not_to_contain_text(re.compile("library_name|samples.png"))
