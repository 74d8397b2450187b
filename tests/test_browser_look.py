"""What every tab owes to phones, keyboards, screen readers and tired eyes."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, needs_chromium, open_tab, opened, translate

pytestmark = needs_chromium
TABS = ("Translate", "Gallery", "Batch", "Model", "Use it from code")

NAMELESS, FAINT = (
    (Path(__file__).parent / "probes" / f"{name}.js").read_text(encoding="utf-8")
    for name in ("nameless", "faint")
)


def used(browser: Browser, address: str, viewport: dict, scheme: str) -> Page:
    """A page with a result to look at."""
    page = opened(browser, address, viewport, scheme)
    page.locator("#examples button").nth(4).click()
    expect(page.locator("#against img")).to_be_visible()
    translate(page)
    expect(page.locator("#against figcaption")).to_be_visible()
    return page


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_every_tab_fits_a_phone_is_named_and_legible(
    browser: Browser, starter_space: str, scheme: str
):
    page = used(browser, starter_space, PHONE, scheme)
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark"), "the visitor's scheme is taken"
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], tab
        assert page.evaluate(NAMELESS) == [], tab
        assert page.evaluate(FAINT) == [], tab
    page.add_style_tag(content="h1 { color: #9aa !important }")
    if scheme == "light":
        assert len(page.evaluate(FAINT)) == 1, "the probe sees what is faint"
    page.close()


def test_the_keyboard_reaches_everything_in_reading_order(page: Page):
    page.locator("#examples button").first.click()
    expect(page.locator("#photo img")).to_be_visible()
    reached = []
    page.get_by_role("tab", name="Translate").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "() => { const e = document.activeElement;"
                "return [(e.ariaLabel || e.innerText || e.value || '').trim(),"
                "getComputedStyle(e).outlineStyle] }"
            )
        )
    names = [name for name, _ in reached]
    order = ["Remove Image", "fit", "Translate", "Load held-out photo 000"]
    assert [name for name in names if name in order][: len(order)] == order
    outlines = dict(reached)
    assert outlines["Translate"] != "none", "the focus can be seen"


def test_the_page_is_this_projects_own_and_loads_nothing_from_elsewhere(
    browser: Browser, starter_space: str
):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(starter_space)
    expect(page.locator("#examples img").last).to_be_visible()
    assert page.title() == "pix2pix: From satellite photo to map"
    icons = page.locator("link[rel~=icon]").evaluate_all("links => links.map(link => link.href)")
    assert icons
    assert all(icon.startswith("data:image/svg") for icon in icons)
    local = (starter_space, starter_space.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(local)] == []
    page.close()
