"""What a visitor does on the canvas of the browser Space, for its tests."""

import base64
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.web_pages import FileServer
from tests.web_starters import PAINTER, quick_starters
from tests.web_visits import Watch, visit, watched_visit

ABOUT = json.loads((PAINTER / "pix2pix.json").read_text())
COLORS = {
    entry["name"]: tuple(bytes.fromhex(entry["color"][1:])) for entry in ABOUT["input_palette"]
}
FOREST, SEA, DESERT = COLORS["forest"], COLORS["sea"], COLORS["desert"]
SIDE = 256
FOR_PAINTER = "/?model=starter_painter"
# Returns whether both canvases show the same.
IS_COPY = """() => {
  const [drawing, result] = ["draw-canvas", "draw-result"].map((id) => document.getElementById(id));
  return Boolean(result) && drawing.toDataURL() === result.toDataURL();
}"""


@contextmanager
def drawing(browser: Browser, site: FileServer, **options: Any) -> Iterator[Page]:
    """Opens the canvas for the painter, on an empty sheet."""
    with visit(browser, f"{site.url}{FOR_PAINTER}", **options) as page:
        open_canvas(page)
        yield page


@pytest.fixture(scope="module")
def shared_drawing(browser: Browser, ort_files: Path) -> Iterator[tuple[Page, Watch, str]]:
    """The canvas for a painter that copies the drawing, its watch, and the URL of the site."""
    with (
        FileServer(quick_starters(ort_files)) as site,
        watched_visit(browser, f"{site.url}{FOR_PAINTER}") as (page, watch),
    ):
        open_canvas(page)
        yield page, watch, site.url


@pytest.fixture
def sheet(shared_drawing: tuple[Page, Watch, str]) -> Iterator[Page]:
    """Yields the shared canvas with an empty sheet.

    Undo knows the drawings of earlier tests, and the tool is the one that was chosen last.
    """
    page, watch, url = shared_drawing
    if not page.locator("#draw-canvas").is_visible():
        page.goto(f"{url}{FOR_PAINTER}")
        open_canvas(page)
    page.get_by_role("button", name="Clear").click()
    assert share_of(wait_for_copy(page), FOREST) == 1
    yield page
    watch.check()


def open_canvas(page: Page) -> None:
    """Opens the tab and waits for the first result."""
    expect(page.locator("#tab-draw")).to_be_visible()
    page.locator("#tab-draw").click()
    wait_for_first_result(page)


def wait_for_first_result(page: Page) -> None:
    """Waits for a result beside the canvas, and scrolls there."""
    expect(page.locator("#draw-result")).to_have_attribute("data-shown", re.compile(r"[1-9]"))
    page.locator("#draw-canvas").scroll_into_view_if_needed()


def read(page: Page, canvas: str = "#draw-canvas") -> np.ndarray:
    """Returns the pixels of a canvas, (H, W, 3) uint8."""
    url = page.locator(canvas).evaluate("e => e.toDataURL()")
    return np.asarray(
        Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    )


def share_of(pixels: np.ndarray, color: tuple[int, ...]) -> float:
    return float((pixels == color).all(axis=-1).mean())


def wait_for_copy(page: Page) -> np.ndarray:
    """Waits until the result equals the drawing, which the painter copies; returns its pixels."""
    page.wait_for_function(IS_COPY, polling=200)
    return read(page)


def settle(page: Page) -> None:
    """Waits until no more results come."""
    result, before = page.locator("#draw-result"), None
    while (shown := result.get_attribute("data-shown")) != before:
        before = shown
        page.wait_for_timeout(1500)


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Returns where a pixel of the drawing is on the screen."""
    box = page.locator("#draw-canvas").bounding_box()
    assert box
    return box["x"] + (x + 0.5) * box["width"] / SIDE, box["y"] + (y + 0.5) * box["height"] / SIDE


def stroke(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*place(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, *point), steps=5)
    page.mouse.up()


class Fingers:
    """Touches the screen of a page; one session knows which fingers are down."""

    def __init__(self, page: Page):
        self._page, self._session = page, page.context.new_cdp_session(page)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """Sends "Start", "Move" or "End", with the pixels of the drawing under all fingers."""
        places = [
            {"x": x, "y": y, "id": number}
            for number, (x, y) in enumerate(place(self._page, *point) for point in points)
        ]
        event = {"type": f"touch{kind}", "touchPoints": places}
        self._session.send("Input.dispatchTouchEvent", event)

    def stroke(self, points: list[tuple[float, float]]) -> None:
        """Draws with one finger."""
        self.touch("Start", points[0])
        for point in points[1:]:
            self.touch("Move", point)
        self.touch("End")


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).check()


def draw_coast(page: Page) -> None:
    choose(page, "sea")
    choose(page, "Brush")
    stroke(page, (0, 128), (128, 100), (255, 128))


def copy_link(page: Page) -> str:
    """Copies a link to the drawing; returns it once the page shows it."""
    page.get_by_role("button", name="Copy a link").click()
    link = page.get_by_label("Link to this drawing")
    expect(link).to_have_value(re.compile("#draw="))
    return link.input_value()
