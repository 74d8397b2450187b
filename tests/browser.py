"""One Chromium and one Space on the starter model, shared by the browser tests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.commands import ROOT, running_space

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# For tests only, where each page compiles ONNX Runtime: a page takes a fifth less CPU time
# without a second compiler for WebAssembly and without a process for graphics.
QUICK_FLAGS = ["--js-flags=--liftoff-only", "--in-process-gpu"]
# An option of contexts: a page draws no animations while it loads its model, which takes a fifth
# of the CPU time until then.
LITTLE_MOTION = {"reduced_motion": "reduce"}
STARTER_MODEL = ROOT / "assets" / "starter_model"
SAMPLES = STARTER_MODEL / "samples"
PHOTO = SAMPLES / "003-input.png"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Milliseconds; long, since the machine may be busy with other tests.
TIMEOUT = 60_000
expect.set_options(timeout=TIMEOUT)

# .ci/run installs a Chromium, and there a missing one is a failure.
needs_chromium = pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("CI"),
    reason="no Chromium found: install it (apt-get install chromium) or set CHROMIUM to its path",
)


@pytest.fixture(scope="session")
def starter_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # One thread, so that the browser has the other one of two cores for itself.
    log = tmp_path_factory.mktemp("starter") / "app.log"
    with running_space(log, PIX2PIX_THREADS="1") as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUICK_FLAGS])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who comes again: pages find the files of the page before them in the cache."""
    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        yield context


@pytest.fixture
def page(visitor: BrowserContext, starter_space: str) -> Iterator[Page]:
    page = visitor.new_page()
    visit(page, starter_space)
    yield page
    page.close()


def open_page(browser: Browser, url: str, viewport: dict = DESKTOP, scheme: str = "light") -> Page:
    """Returns the Space's page in a context of its own, once it can be used."""
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    visit(page, url)
    return page


def visit(page: Page, url: str) -> None:
    """Opens the Space and waits until it can be used."""
    page.set_default_timeout(TIMEOUT)
    page.goto(url)
    expect(page.locator("#result")).to_contain_text("will appear here")


def upload(page: Page, photo: Path | dict) -> None:
    """Chooses a file as the photo and waits until the page shows it.

    The page first clears the previous result, and then checks whether the picture is a pair.
    """
    with page.expect_request(lambda request: "/queue/join" in request.url):
        page.locator("#photo input[type=file]").set_input_files(photo)
    expect(page.locator("#photo img")).to_be_visible()


def translate(page: Page) -> None:
    """Clicks "Translate" and waits for the end of the translation."""
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#note")).to_contain_text("translated in")


def open_tab(page: Page, name: str) -> None:
    """Opens a tab by its name, through the menu where the page is too narrow for all tabs."""
    tab = page.get_by_role("tab", name=name)
    if not tab.count():
        page.get_by_label("More tabs").click()
        tab = page.locator(".overflow-dropdown").get_by_text(name)
    tab.click()


def download(page: Page, folder: Path) -> Path:
    """Downloads the result to `folder` and returns its path; the page suggests the file name."""
    with page.expect_download() as event:
        page.locator("#download").click()
    path = folder / event.value.suggested_filename
    event.value.save_as(path)
    return path
