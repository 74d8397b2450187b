"""What a visitor does on the canvas of the Gradio Space, for its tests."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, TIMEOUT, open_tab
from tests.web_drawing import read


@contextmanager
def space_drawing(browser: Browser, url: str, fragment: str = "", **options: Any) -> Iterator[Page]:
    """Opens the canvas and waits for its first result; no script fails until the end."""
    failed = list[str]()
    with browser.new_context(**({"viewport": DESKTOP} | options)) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{url}/{fragment}")
        if not fragment:
            open_canvas(page)
        expect(page.locator("#draw-result")).to_have_attribute("data-shown", re.compile(r"[1-9]"))
        page.locator("#draw-canvas").scroll_into_view_if_needed()
        yield page
        assert failed == []


def open_canvas(page: Page) -> None:
    """Opens the tab, once the page can be used."""
    expect(page.locator("#result")).to_contain_text("will appear here")
    open_tab(page, "Draw")
    expect(page.locator("#draw-canvas")).to_be_visible()


def wait_for_result(page: Page, shown: int) -> np.ndarray:
    """Waits for the result after that of the number `shown`; returns its pixels."""
    page.wait_for_function(
        "shown => Number(document.getElementById('draw-result').dataset.shown) > shown", arg=shown
    )
    expect(page.locator(".draw-busy")).to_be_hidden()
    return read(page, "#draw-result")


def count_results(page: Page) -> int:
    return int(page.locator("#draw-result").get_attribute("data-shown") or 0)
