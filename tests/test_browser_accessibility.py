"""Accessibility of every tab: narrow screens, keyboard, names of controls, contrast."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, needs_chromium, open_page, open_tab, translate

pytestmark = needs_chromium
TABS = ("Translate", "Draw", "Gallery", "Batch", "Model", "Use it from code")

FIND_NAMELESS, FIND_LOW_CONTRAST = (
    (Path(__file__).parent / "probes" / f"{name}.js").read_text(encoding="utf-8")
    for name in ("nameless", "faint")
)
# Colors of a text that is hard to read on the background of each scheme.
LOW_CONTRAST = {"light": "#9aa", "dark": "#444"}


def open_page_with_result(browser: Browser, url: str, viewport: dict, scheme: str) -> Page:
    """Returns a page that shows a translated example."""
    page = open_page(browser, url, viewport, scheme)
    page.locator("#examples button").nth(4).click()
    expect(page.locator("#against img")).to_be_visible()
    translate(page)
    expect(page.locator("#against figcaption")).to_be_visible()
    return page


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_fits_a_phone_and_has_names_and_contrast(
    browser: Browser, starter_space: str, scheme: str
):
    page = open_page_with_result(browser, starter_space, PHONE, scheme)
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark"), "the page uses the visitor's color scheme"
    for tab in TABS:
        open_tab(page, tab)
        if tab == "Draw":
            expect(page.locator("#draw-canvas")).to_be_visible()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], tab
        assert page.evaluate(FIND_NAMELESS) == [], tab
        assert page.evaluate(FIND_LOW_CONTRAST) == [], tab
    page.add_style_tag(content=f"h1 {{ color: {LOW_CONTRAST[scheme]} !important }}")
    assert len(page.evaluate(FIND_LOW_CONTRAST)) == 1, "the probe finds a text of low contrast"
    page.close()


@pytest.mark.slow
def test_the_tab_key_reaches_the_controls_in_reading_order(page: Page):
    page.locator("#examples button").first.click()
    expect(page.locator("#photo img")).to_be_visible()
    focused = []
    page.get_by_role("tab", name="Translate").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        focused.append(
            page.evaluate(
                "() => { const e = document.activeElement;"
                "return [(e.ariaLabel || e.innerText || e.value || '').trim(),"
                "getComputedStyle(e).outlineStyle] }"
            )
        )
    names = [name for name, _ in focused]
    order = ["Remove Image", "fit", "Translate", "Load held-out photo 000"]
    assert [name for name in names if name in order][: len(order)] == order
    outlines = dict(focused)
    assert outlines["Translate"] != "none", "the focus is visible"


def test_the_page_has_its_own_title_and_icon_and_loads_nothing_from_other_servers(
    browser: Browser, starter_space: str
):
    page = browser.new_page()
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(starter_space)
    expect(page.locator("#examples img").last).to_be_visible()
    assert page.title() == "pix2pix: From satellite photo to atlas map"
    icons = page.locator("link[rel~=icon]").evaluate_all("links => links.map(link => link.href)")
    assert icons
    assert all(icon.startswith("data:image/svg") for icon in icons)
    local = (starter_space, starter_space.replace("http", "ws"), "data:", "blob:")
    assert [url for url in requested if not url.startswith(local)] == []
    page.close()
