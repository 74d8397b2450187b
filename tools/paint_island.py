"""Paints an island on the canvas of the page, for the README: `python -m tools.paint_island`.

Writes into assets/canvas, or another folder:

- island.webp: the finished drawing, and beside it what the starter painter makes of it,
- painting.webp: a recording of twenty seconds, smaller than 2 MB, in which the result follows the
  brush.

Needs Chromium and npm's packages (`make .node`); CHROMIUM may hold the path of the first.
"""

import argparse
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

from benchmarks.browser import serving_page
from benchmarks.drawing import open_canvas
from tests.browser import CHROMIUM, FLAGS
from tests.commands import ROOT

FOLDER = ROOT / "assets" / "canvas"
SIDE = 256  # of the drawing, in pixels
FRAMES, FRAME_MS = 160, 125
MAX_BYTES = 2_000_000
QUALITIES = (80, 70, 60, 50, 40, 30, 20, 10)
# How long the result of a stroke, and of a part of it, is waited for.
RESULT_MS, FOLLOW_MS = 60_000, 500
IS_SHOWN = "start => Number(document.getElementById('draw-result').dataset.read) >= start"
SHOWN_SIDE, GAP = 300, 8


@dataclass(frozen=True)
class Stroke:
    """A stroke of the brush in a color, `width` pixels wide; of the fill tool for a width of 0."""

    color: str
    width: int
    points: tuple[tuple[float, float], ...]


def coast(radius: float, wobble: float, points: int = 60) -> tuple[tuple[float, float], ...]:
    """Returns a closed line around the middle, with bays of `wobble` as a part of the radius."""
    angles = [2 * math.pi * number / points for number in range(points + 1)]
    radii = [radius * (1 + wobble * (math.sin(3 * a + 1) + 0.6 * math.sin(5 * a))) for a in angles]
    return tuple(
        (132 + r * math.cos(a), 128 + 0.85 * r * math.sin(a))
        for r, a in zip(radii, angles, strict=True)
    )


def zigzag(left: float, top: float, right: float, bottom: float, turns: int) -> tuple:
    """Returns a line from the left to the right that turns at the top and at the bottom."""
    parts = [number / (8 * turns) for number in range(8 * turns + 1)]
    middle, height = (top + bottom) / 2, (bottom - top) / 2
    return tuple(
        (left + (right - left) * part, middle + height * math.sin(2 * math.pi * turns * part))
        for part in parts
    )


ISLAND = (
    Stroke("deep sea", 0, ((4, 4),)),
    Stroke("sea", 48, coast(88, 0.08)),
    Stroke("shallow water", 28, coast(70, 0.1)),
    Stroke("desert", 10, coast(56, 0.13)),
    Stroke("grassland", 0, ((132, 128),)),
    Stroke("forest", 22, zigzag(100, 102, 172, 138, 2)),
    Stroke("dry land", 14, zigzag(112, 150, 162, 158, 1)),
    Stroke("bare red earth", 9, zigzag(124, 114, 152, 122, 1)),
    Stroke("snow and ice", 5, ((134, 117), (139, 116), (144, 118))),
    Stroke("lake or river", 4, ((128, 124), (120, 130), (116, 140), (106, 146), (100, 158))),
)


def paint(page: Page, strokes: tuple[Stroke, ...] = ISLAND) -> Iterator[tuple[Stroke, tuple]]:
    """Draws; yields the stroke and the place after each point, once its result is shown."""
    canvas = page.locator("#draw-canvas")
    canvas.scroll_into_view_if_needed()
    for stroke in strokes:
        page.get_by_role("radio", name=stroke.color, exact=True).check()
        page.get_by_role("radio", name="Brush" if stroke.width else "Fill", exact=True).check()
        if stroke.width:
            page.locator("#draw .draw-width input").fill(str(stroke.width))
        box = canvas.bounding_box()
        assert box
        for number, (x, y) in enumerate(stroke.points):
            start = page.evaluate("performance.now()")
            page.mouse.move(box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE)
            is_last = number == len(stroke.points) - 1
            if number == 0:
                page.mouse.down()
            if is_last:
                page.mouse.up()
            try:
                page.wait_for_function(
                    IS_SHOWN, arg=start, timeout=RESULT_MS if is_last else FOLLOW_MS
                )
            except TimeoutError:
                if is_last:
                    raise  # on a busy machine, the result waits until the brush is lifted
            yield stroke, (x, y)


def read_pair(page: Page, side: int = SIDE) -> Image.Image:
    """Returns the drawing and its result side by side, each `side` pixels wide."""
    pair = Image.new("RGB", (2 * side + GAP, side), "white")
    for number, name in enumerate(("draw-canvas", "draw-result")):
        png = page.locator(f"#{name}").screenshot()
        square = Image.open(io.BytesIO(png)).convert("RGB")
        pair.paste(
            square.resize((side, side), Image.Resampling.LANCZOS), (number * (side + GAP), 0)
        )
    return pair


def mark_brush(frame: Image.Image, stroke: Stroke, place: tuple[float, float]) -> None:
    """Draws the outline of the brush, which a screenshot does not have."""
    scale = SHOWN_SIDE / SIDE
    x, y, radius = place[0] * scale, place[1] * scale, max(3.0, stroke.width * scale / 2)
    box = (x - radius, y - radius, x + radius, y + radius)
    draw = ImageDraw.Draw(frame)
    draw.ellipse(box, outline="white", width=2)
    draw.ellipse(box, outline="black")


def record(page: Page, frames: int) -> list[Image.Image]:
    """Paints the island; returns about so many pictures, the last ones of the finished island."""
    points = sum(len(stroke.points) for stroke in ISLAND)
    still = frames // 10
    shown = list[Image.Image]()
    for number, (stroke, place) in enumerate(paint(page)):
        if len(shown) <= (frames - still) * number / points:
            shown.append(read_pair(page, SHOWN_SIDE))
            mark_brush(shown[-1], stroke, place)
    return shown + [read_pair(page, SHOWN_SIDE)] * still


def save_recording(frames: list[Image.Image], path: Path) -> None:
    """Writes an animated WebP in the best quality that is smaller than MAX_BYTES."""
    for quality in QUALITIES:
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0,
            quality=quality, method=4,
        )  # fmt: skip
        if path.stat().st_size < MAX_BYTES:
            return
    raise SystemExit(f"{path} has {path.stat().st_size} bytes at the lowest quality.")


def save_pictures(browser: Browser, url: str, folder: Path, frames: int = FRAMES) -> list[Path]:
    """Writes the picture and the recording into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    island, painting = folder / "island.webp", folder / "painting.webp"
    page = open_canvas(browser, url)
    save_recording(record(page, frames), painting)
    with page.expect_download() as event:
        page.get_by_role("button", name="Download both").click()
    Image.open(event.value.path()).save(island, "WEBP", lossless=True)
    expect(page.locator("#draw .error")).to_be_hidden()
    page.close()
    return [island, painting]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    with serving_page({}) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        written = save_pictures(browser, url, folder)
        browser.close()
    for path in written:
        print(f"{path} {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
