"""Measures how fast the result follows the pen on the canvas; a part of `benchmarks.browser`.

Draws strokes of 200 points with the mouse in Chromium, 8 ms apart. It measures in the page:

- the results that are shown a second while drawing, and the states that newer ones overtook,
- the time from a pointer event to the first picture that has it,
- the time from lifting the pen to the picture of the whole stroke,
- the growth of JavaScript's memory by more strokes, which the page draws as quickly as it can.
"""

import math
import re
import statistics
import time

import numpy as np
from playwright.sync_api import Browser, Page, expect

POINTS, SECONDS_BETWEEN_POINTS = 200, 0.008
# Milliseconds between the result of a stroke and the next stroke.
REST = 200
# Smallest results a second; largest milliseconds after the pen is lifted, and MB.
TARGETS = {"results": 10.0, "lifted": 150.0, "memory": 50.0}
COLUMNS = (
    "strokes of 200 points", "results a second", "pointer to picture, ms", "95 %",
    "pen lifted to picture, ms", "95 %", "overtaken a stroke", "more strokes", "memory, MB",
)  # fmt: skip
# Notes all pointer events, and when which state of the drawing is shown.
OBSERVE = """() => {
  const [canvas, result] = ["draw-canvas", "draw-result"].map((id) => document.getElementById(id));
  Object.assign(window, { moved: [], lifted: [], shown: [] });
  const note = () => shown.push({ read: Number(result.dataset.read), at: performance.now() });
  new MutationObserver(note).observe(result, { attributeFilter: ["data-shown"] });
  const listen = (name, list) =>
    canvas.addEventListener(name, ({ timeStamp }) => list.push(timeStamp), { capture: true });
  listen("pointermove", moved);
  listen("pointerup", lifted);
}"""
# Returns the milliseconds from each event to the first result of a drawing that was read after it.
DELAYS = """(events) => events.map((event) =>
  shown.find(({ read }) => read >= event)?.at - event).filter((delay) => delay > 0)"""
# Whether the last stroke is shown.
IS_SHOWN = "() => shown.at(-1)?.read >= lifted.at(-1)"
# Draws strokes without a mouse, and waits for a result after each.
DRAW_QUICKLY = """async ([strokes, points]) => {
  const [canvas, result] = ["draw-canvas", "draw-result"].map((id) => document.getElementById(id));
  const colors = document.querySelectorAll("#draw input[name=draw-color]");
  for (let stroke = 0; stroke < strokes; stroke++) {
    colors[(stroke + 1) % colors.length].click();
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const send = (name, part) => canvas.dispatchEvent(new PointerEvent(name, {
      pointerId: 1, pointerType: "mouse", bubbles: true,
      clientX: left + width * part,
      clientY: top + height * (0.2 + 0.6 * ((stroke * 0.37) % 1) + 0.05 * Math.sin(9 * part)),
    }));
    send("pointerdown", 0.05);
    for (let part = 1; part <= points; part++) send("pointermove", 0.05 + (0.9 * part) / points);
    const before = result.dataset.shown;
    send("pointerup", 0.95);
    while (result.dataset.shown === before) await new Promise((resolve) => setTimeout(resolve, 4));
  }
}"""


def open_canvas(browser: Browser, url: str) -> Page:
    """Returns a page with the canvas for the starter painter, once it shows a result."""
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    page.set_default_timeout(120_000)
    page.goto(f"{url}?model=starter_painter")
    page.locator("#tab-draw").click()
    shown = re.compile(r"[1-9]")
    expect(page.locator("#draw-result")).to_have_attribute("data-shown", shown, timeout=120_000)
    page.evaluate(OBSERVE)
    return page


def draw_stroke(page: Page, number: int) -> float:
    """Draws a wave and waits for its result; returns the seconds with the pen down."""
    box = page.locator("#draw-canvas").bounding_box()
    assert box
    middle = box["height"] * (0.2 + 0.6 * (number * 0.37 % 1))
    steps = np.linspace(0.05, 0.95, POINTS)
    points = [
        (box["x"] + part * box["width"], box["y"] + middle + 30 * math.sin(9 * part + number))
        for part in steps
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    start = time.perf_counter()
    for index, point in enumerate(points):
        page.mouse.move(*point)
        time.sleep(max(0.0, start + index * SECONDS_BETWEEN_POINTS - time.perf_counter()))
    seconds = time.perf_counter() - start
    page.mouse.up()
    page.wait_for_function(IS_SHOWN)
    page.wait_for_timeout(REST)
    return seconds


def read_memory(page: Page) -> float:
    """Returns the MB that JavaScript uses in the page."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return (usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6


def measure_drawing(browser: Browser, url: str, strokes: int, more_strokes: int) -> dict:
    """Draws strokes with the mouse, then `more_strokes` for the memory; returns the figures."""
    page = open_canvas(browser, url)
    rates = []
    colors = page.locator("#draw input[name=draw-color]")
    for number in range(strokes):
        # Not first in the color of the empty sheet, which would change nothing.
        colors.nth((number + 1) % colors.count()).check(force=True)
        before = page.evaluate("shown.length")
        seconds = draw_stroke(page, number)
        while_drawing = "shown.slice(n).filter(({ at }) => at < lifted.at(-1)).length"
        rates.append(page.evaluate(f"n => {while_drawing}", before) / seconds)
    followed, lifted = (page.evaluate(f"({DELAYS})({name})") for name in ("moved", "lifted"))
    dropped = int(page.locator("#draw-result").get_attribute("data-dropped") or 0)
    memory = read_memory(page)
    page.evaluate(DRAW_QUICKLY, [more_strokes, POINTS])
    memory = read_memory(page) - memory
    page.close()
    return {
        "strokes": strokes, "results": statistics.median(rates),
        "followed": statistics.median(followed), "followed 95 %": np.percentile(followed, 95),
        "lifted": statistics.median(lifted), "lifted 95 %": np.percentile(lifted, 95),
        "dropped": dropped / strokes, "more strokes": more_strokes, "memory": memory,
    }  # fmt: skip


def print_drawing(figures: dict) -> bool:
    """Prints the figures as a table; returns whether every target is met."""
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    digits = {"results": 1, "memory": 1}
    cells = [f"{value:.{digits.get(key, 0)}f}" for key, value in figures.items()]
    print(f"| {' | '.join(cells)} |")
    is_quick = figures["results"] >= TARGETS["results"] and figures["lifted"] <= TARGETS["lifted"]
    return is_quick and figures["memory"] <= TARGETS["memory"]
