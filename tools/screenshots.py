"""Pictures of each tab of the Space, light, dark and on a phone: python -m tools.screenshots

Writes the two that the README shows into assets/screenshots, or all of them into the folder given.
Needs Chromium, or CHROMIUM with its path.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import CHROMIUM, DESKTOP, FLAGS, PHONE, open_tab, opened, translate
from tests.commands import ROOT, running_space

TABS = ("Translate", "Gallery", "Batch", "Model", "Use it from code")
LOOKS = {"light": (DESKTOP, "light"), "dark": (DESKTOP, "dark"), "phone": (PHONE, "light")}
README_FOLDER = ROOT / "assets" / "screenshots"
EXAMPLE, SETTLE_MS = 6, 700


def screenshots(browser: Browser, address: str, folder: Path, looks: dict = LOOKS) -> list[Path]:
    """Writes `<tab>-<look>.webp` of each tab of the Space at `address`, whole pages."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for look, (viewport, scheme) in looks.items():
        page = opened(browser, address, viewport, scheme)
        page.locator("#examples button").nth(EXAMPLE).click()
        expect(page.locator("#against img")).to_be_visible()
        translate(page)
        expect(page.locator("#against figcaption")).to_be_visible()
        for tab in TABS:
            open_tab(page, tab)
            path = folder / f"{tab.lower().replace(' ', '-')}-{look}.webp"
            _shoot(page, viewport, path)
            written.append(path)
        page.close()
    return written


def _shoot(page: Page, viewport: dict, path: Path) -> None:
    """Saves the whole page; the window is made as high as it is, so that nothing is redrawn."""
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
    parser.add_argument("folder", nargs="?", type=Path, help="where all of them go")
    folder = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_space(Path(temporary) / "app.log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if folder:
            written = screenshots(browser, address, folder)
        else:
            looks = {look: LOOKS[look] for look in ("light", "dark")}
            made = screenshots(browser, address, Path(temporary), looks)
            README_FOLDER.mkdir(exist_ok=True)
            written = [
                path.replace(README_FOLDER / path.name)
                for path in made
                if path.name.startswith("translate-")
            ]
        browser.close()
    for path in written:
        print(f"{path} {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
