"""What a visitor does on the canvas of the Gradio Space, for its tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, TIMEOUT, open_tab
from tests.web_drawing import FOREST, read, share_of, wait_for_first_result


@contextmanager
def watched_drawing(
    browser: Browser, url: str, fragment: str = "", **options: Any
) -> Iterator[tuple[Page, list[str]]]:
    """Opens the canvas and waits for its first result; yields it and the errors of its scripts."""
    failed = list[str]()
    with browser.new_context(**({"viewport": DESKTOP} | options)) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{url}/{fragment}")
        if not fragment:
            open_canvas(page)
        wait_for_first_result(page)
        yield page, failed


@contextmanager
def space_drawing(browser: Browser, url: str, fragment: str = "", **options: Any) -> Iterator[Page]:
    """Opens the canvas and waits for its first result; no script fails until the end."""
    with watched_drawing(browser, url, fragment, **options) as (page, failed):
        yield page
        assert failed == []


def clear_sheet(page: Page) -> None:
    """Clears the canvas and waits for the result of the empty sheet."""
    wait_for_first_result(page)
    if share_of(read(page), FOREST) < 1:
        shown = count_results(page)
        page.get_by_role("button", name="Clear").click()
        wait_for_result(page, shown)


def open_canvas(page: Page) -> None:
    """Opens the tab, once the page can be used."""
    expect(page.locator("#result")).to_contain_text("will appear here")
    open_tab(page, "Draw")
    expect(page.locator("#draw-canvas")).to_be_visible()


def wait_for_result(page: Page, shown: int) -> np.ndarray:
    """Waits for a result after number `shown`, and until none is computed; returns its pixels."""
    page.wait_for_function(
        "shown => Number(document.getElementById('draw-result').dataset.shown) > shown", arg=shown
    )
    expect(page.locator(".draw-busy")).to_be_hidden()
    return read(page, "#draw-result")


def count_results(page: Page) -> int:
    return int(page.locator("#draw-result").get_attribute("data-shown") or 0)
