"""What a visitor does on the page of the browser Space, for its tests."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, LITTLE_MOTION, TIMEOUT

VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
# Makes a DataTransfer with one PNG, as a browser does for a dropped or pasted file.
MAKE_TRANSFER = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  return transfer;
}"""


class Watch:
    """Collects what a page must not do.

    That is to request something from another origin than the `allowed` ones, to do what its content
    security policy refuses, and to run a script that fails.
    """

    def __init__(self, page: Page, allowed: tuple[str, ...]) -> None:
        self._page, self._allowed = page, allowed
        self._requested, self._failed = list[str](), list[str]()
        page.context.add_init_script(VIOLATIONS)
        page.context.on("request", lambda request: self._requested.append(request.url))
        page.on("pageerror", lambda error: self._failed.append(str(error)))

    def check(self) -> None:
        """Asserts that the page did nothing of this since the last check."""
        violations = self._page.evaluate("window.violations.splice(0)")
        (requested, failed), self._requested, self._failed = (
            (self._requested, self._failed), [], []
        )  # fmt: skip
        assert violations == []
        assert failed == []
        assert [url for url in requested if not url.startswith(self._allowed)] == []


@contextmanager
def watched_visit(
    browser: Browser, url: str, viewport: dict = DESKTOP, **options
) -> Iterator[tuple[Page, Watch]]:
    """Opens the page in a context of its own, without waiting for the model.

    Whoever shares the page among tests calls `Watch.check` after each of them.
    """
    allowed = (url.split("?")[0].rstrip("/"), *options.pop("allowed", ()), "blob:", "data:")
    with browser.new_context(viewport=viewport, **(LITTLE_MOTION | options)) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        watch = Watch(page, allowed)
        page.goto(url)
        yield page, watch


@contextmanager
def visit(browser: Browser, url: str, viewport: dict = DESKTOP, **options) -> Iterator[Page]:
    """Does what `watched_visit` does, for one test, and checks the page at the end."""
    with watched_visit(browser, url, viewport, **options) as (page, watch):
        yield page
        watch.check()


def wait_for_model(page: Page) -> None:
    """Waits until a model is loaded and the examples are there."""
    expect(page).to_have_title(re.compile("pix2pix: From"))
    expect(page.locator("#examples img").last).to_have_attribute("src", re.compile("^blob:"))


def choose(page: Page, *files: Path | dict) -> None:
    page.locator("#choose").set_input_files(list(files))


def wait_for_result(page: Page) -> None:
    expect(page.locator("#note-text")).to_contain_text("translated in")
    expect(page.locator("#download")).to_be_enabled()


def expect_closeness(page: Page, folder: Path, name: str) -> None:
    """Checks the caption below a comparison: the scores of a sample in metrics.json."""
    samples = json.loads((folder / "metrics.json").read_text())["samples"]
    (scores,) = (sample for sample in samples if sample["name"] == name)
    caption = page.locator("#against figcaption")
    expect(caption).to_contain_text("gray levels of 255")
    l1, psnr = re.findall(r"\d+\.\d\d", caption.inner_text())
    # The result in the browser is at most one gray level apart, and the figures are rounded.
    assert float(l1) == pytest.approx(scores["l1"], abs=0.02)
    assert float(psnr) == pytest.approx(scores["psnr"], abs=0.02)


def save_download(page: Page, button: str, folder: Path) -> Path:
    """Clicks a button and returns the path of the file that it saves."""
    with page.expect_download() as event:
        page.locator(button).click()
    path = folder / event.value.suggested_filename
    event.value.save_as(path)
    return path


def make_transfer(page: Page, path: Path):
    """Returns a handle to a `DataTransfer` with a file in it."""
    return page.evaluate_handle(
        MAKE_TRANSFER, [path.name, base64.b64encode(path.read_bytes()).decode()]
    )


def assert_same_pixels(path: Path, expected: Image.Image) -> None:
    """Compares a picture with that of Python: at most a gray level apart."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.int16)
    assert pixels.shape == np.asarray(expected).shape
    assert abs(pixels - np.asarray(expected, np.int16)).max() <= 1
