"""Takes screenshots of the Space, light, dark and on a phone: `python -m tools.screenshots`.

Writes the two screenshots of the README into assets/screenshots, or, with a folder as argument,
those of all tabs into it. Needs Chromium; CHROMIUM may hold its path.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import CHROMIUM, DESKTOP, FLAGS, PHONE, open_page, open_tab, translate
from tests.commands import ROOT, running_space

TABS = ("Translate", "Draw", "Gallery", "Batch", "Model", "Use it from code")
LOOKS = {"light": (DESKTOP, "light"), "dark": (DESKTOP, "dark"), "phone": (PHONE, "light")}
README_FOLDER = ROOT / "assets" / "screenshots"
EXAMPLE, SETTLE_MS = 6, 700


def take_screenshots(browser: Browser, url: str, folder: Path, looks: dict = LOOKS) -> list[Path]:
    """Writes a screenshot of the whole page of each tab: `<tab>-<look>.webp`; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for look, (viewport, scheme) in looks.items():
        page = open_page(browser, url, viewport, scheme)
        page.locator("#examples button").nth(EXAMPLE).click()
        expect(page.locator("#against img")).to_be_visible()
        translate(page)
        expect(page.locator("#against figcaption")).to_be_visible()
        for tab in TABS:
            open_tab(page, tab)
            if tab == "Draw":
                expect(page.locator("#draw-result[data-shown]")).to_be_visible()
            path = folder / f"{tab.lower().replace(' ', '-')}-{look}.webp"
            _save_screenshot(page, viewport, path)
            written.append(path)
        page.close()
    return written


def _save_screenshot(page: Page, viewport: dict, path: Path) -> None:
    """Saves the whole page, in a window as high as the page, so that nothing is redrawn."""
    page.wait_for_timeout(SETTLE_MS)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size(viewport | {"height": max(viewport["height"], height)})
    page.wait_for_timeout(SETTLE_MS)
    with tempfile.TemporaryDirectory() as temporary:
        png = Path(temporary) / "page.png"
        page.screenshot(path=png)
        Image.open(png).convert("RGB").save(path, quality=80, method=6)
    page.set_viewport_size(viewport)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", nargs="?", type=Path, help="folder for the screenshots of all tabs"
    )
    folder = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_space(Path(temporary) / "app.log") as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if folder:
            written = take_screenshots(browser, url, folder)
        else:
            looks = {look: LOOKS[look] for look in ("light", "dark")}
            shots = take_screenshots(browser, url, Path(temporary), looks)
            README_FOLDER.mkdir(exist_ok=True)
            written = [
                path.replace(README_FOLDER / path.name)
                for path in shots
                if path.name.startswith("translate-")
            ]
        browser.close()
    for path in written:
        print(f"{path} {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
