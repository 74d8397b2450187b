"""Every tab of the browser Space: narrow screens, keyboard, names of controls, contrast, themes."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, PHOTO, needs_chromium
from tests.web_pages import FileServer
from tests.web_visits import choose, visit, wait_for_model, wait_for_result

pytestmark = needs_chromium
TABS = ("translate", "draw", "gallery", "model", "code")
NARROW = {"width": 320, "height": 640}
FIND_NAMELESS, FIND_LOW_CONTRAST = (
    (Path(__file__).parent / "probes" / f"{name}.js").read_text(encoding="utf-8")
    for name in ("nameless", "faint")
)
# Returns the visible controls that a finger does not hit easily: lower than 40 pixels.
FIND_SMALL = """() =>
  [...document.querySelectorAll("button, select, summary, .button, .choice")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 40)
    .map((e) => e.outerHTML.slice(0, 100))"""
FOCUSED = """() => {
  const e = document.activeElement;
  const { outlineStyle } = getComputedStyle(e.closest(".button") ?? e);
  return [e.id || e.ariaLabel || e.innerText.trim() || e.value, outlineStyle];
}"""


def show_results(page: Page) -> None:
    """Fills the Translate tab: a list of two, a result, and a comparison with a real map."""
    wait_for_model(page)
    choose(page, PHOTO, PHOTO)
    expect(page.locator("#files-zip")).to_be_enabled()
    page.locator("#examples button").nth(3).click()
    expect(page.locator("#against figcaption")).to_contain_text("L1")
    wait_for_result(page)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_every_tab_fits_a_phone_and_has_names_contrast_and_large_controls(
    browser: Browser, web_site: FileServer, scheme: str
):
    options = {"color_scheme": scheme, "reduced_motion": "no-preference"}
    with visit(browser, web_site.url, PHONE, **options) as page:
        show_results(page)
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert background == {"light": "rgb(248, 250, 252)", "dark": "rgb(10, 15, 30)"}[scheme]
        for tab in TABS:
            page.locator(f"#tab-{tab}").click()
            expect(page.locator(f"#{tab} > *").first).to_be_visible()
            expect(page.locator(f"#{tab} img:not([src])")).to_have_count(0)
            for viewport in (PHONE, NARROW):
                page.set_viewport_size(viewport)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= viewport["width"], tab
            assert page.evaluate(FIND_NAMELESS) == [], tab
            assert page.evaluate(FIND_LOW_CONTRAST) == [], tab
            assert page.evaluate(FIND_SMALL) == [], tab
        color = {"light": "#9aa", "dark": "#444"}[scheme]
        page.evaluate(
            "color => document.querySelector('h1').style.setProperty('color', color)", color
        )
        assert len(page.evaluate(FIND_LOW_CONTRAST)) == 1, "the probe finds a text of low contrast"


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "scheme"), [("dark", "light"), ("light", "dark")])
def test_the_hubs_parameter_chooses_the_theme(
    browser: Browser, web_site: FileServer, theme: str, scheme: str
):
    with visit(browser, f"{web_site.url}?__theme={theme}", color_scheme=scheme) as page:
        # A button of the browser's own style would keep the other theme.
        expect(page.locator("body")).to_be_visible()
        expect(page.locator("html")).to_have_css("color-scheme", theme)


@pytest.mark.slow
def test_the_tab_key_reaches_every_control_in_reading_order(browser: Browser, web_site: FileServer):
    with visit(browser, web_site.url) as page:
        show_results(page)
        page.locator("#tab-translate").focus()
        focused = []
        for _ in range(16):
            page.keyboard.press("Tab")
            focused.append(page.evaluate(FOCUSED))
        names = [name for name, _ in focused]
        order = [
            "choose", "camera", "remove", "fit", "start",
            "Where Photo ends and Map begins, in percent", "Full screen", "download",
            "Where Map ends and Real map begins, in percent", "Full screen", "files-zip",
        ]  # fmt: skip
        assert names[: len(order)] == order
        invisible = [name for name, style in focused if style == "none"]
        # The line of the slider shows the focus in place of its transparent input.
        assert [name for name in invisible if "in percent" not in name] == []


@pytest.mark.slow
def test_motion_is_reduced_on_request(browser: Browser, web_site: FileServer):
    with visit(browser, web_site.url, reduced_motion="reduce") as page:
        wait_for_model(page)
        progress = page.locator("#state-progress")
        progress.evaluate("e => { e.hidden = false; e.removeAttribute('value'); }")
        expect(progress).to_have_css("animation-duration", "0.001s")


def test_without_javascript_a_sentence_says_what_is_needed(browser: Browser, web_site: FileServer):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(web_site.url)
        expect(page.locator("noscript p")).to_be_visible()
        expect(page.locator("noscript p")).to_contain_text("This page needs JavaScript")
