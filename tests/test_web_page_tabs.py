"""Gallery, Model and "Use it from code" of the browser Space, in a real Chromium."""

import ast
import html.parser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.artifacts import ArtifactFolder
from pix2pix.evaluation import table
from pix2pix.gallery import ordered, read_samples
from tests.browser import PHOTO, STARTER_MODEL, needs_chromium
from tests.web_pages import FileServer, new_page, site_files
from tests.web_visits import assert_same_pixels, expect_closeness, visit, wait_for_model

pytestmark = needs_chromium
READ_CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"


@pytest.fixture(scope="module")
def site(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    with visit(browser, web_site.url) as page:
        wait_for_model(page)
        yield page


def test_the_keyboard_moves_between_the_tabs(site: Page):
    keys = ("translate", "draw", "gallery", "model", "code")
    tabs = {key: site.locator(f"#tab-{key}") for key in keys}
    tabs["translate"].focus()
    for key, tab in (("ArrowRight", "draw"), ("End", "code"), ("ArrowRight", "translate"),
                     ("ArrowLeft", "code"), ("Home", "translate")):  # fmt: skip
        site.keyboard.press(key)
        expect(tabs[tab]).to_be_focused()
        expect(tabs[tab]).to_have_attribute("aria-selected", "true")
        assert [name for name in tabs if site.locator(f"#{name}").is_visible()] == [tab]
        assert [name for name in tabs if tabs[name].evaluate("e => e.tabIndex") == 0] == [tab]


@pytest.mark.parametrize("order", ["as stored", "best first", "worst first"])
def test_the_gallery_is_sorted_by_l1(site: Page, order: str):
    site.locator("#tab-gallery").click()
    site.get_by_label(order).check()
    samples = ordered(read_samples(STARTER_MODEL), order)
    texts = [
        f"L1 {s.scores['l1']:.2f}, PSNR {s.scores['psnr']:.1f} dB, SSIM {s.scores['ssim']:.3f}"
        for s in samples
    ]
    expect(site.locator("#gallery .text")).to_have_text(texts)
    alts = site.locator("#gallery li").first.locator("img").evaluate_all("e => e.map(i => i.alt)")
    name = samples[0].name
    captions = ("photo", "generated map", "real map")
    assert alts == [f"Sample {name}: {caption}" for caption in captions]


def test_a_sample_of_the_gallery_opens_in_translate(site: Page):
    site.locator("#tab-gallery").click()
    site.get_by_label(re.compile("Sample 003: .* Open it in Translate")).click()
    expect(site.locator("#tab-translate")).to_be_focused()
    expect_closeness(site, STARTER_MODEL, "003")


def test_the_model_tab_has_the_figures_of_the_files(site: Page):
    site.locator("#tab-model").click()
    report = ArtifactFolder(STARTER_MODEL).read_metrics()
    rows = table.metric_rows(report, baseline_intervals=True)
    expect(site.locator("#model .scroller tr")).to_have_count(len(rows))
    shown = site.locator("#model .scroller tr").evaluate_all(READ_CELLS)
    assert shown == rows
    expect(site.locator("#model")).to_contain_text(report["protocol"])
    about = ArtifactFolder(STARTER_MODEL).read_description()
    facts = dict(site.locator("#model .facts tr").evaluate_all(READ_CELLS))
    assert facts["sha256 of generator.onnx"] == about["sha256"]["generator.onnx"]
    assert facts["training steps"] == f"{about['training']['steps']:,}"
    assert facts["weights' license"] == "apache-2.0"
    assert facts["direction"] == "satellite photo to atlas map (A to B)"
    history = ArtifactFolder(STARTER_MODEL).read_history() or []
    curves = site.locator("#model svg[role=img]")
    assert curves.count() == 3
    last = history[-1]["l1_loss"]
    label = curves.nth(1).get_attribute("aria-label")
    assert label.startswith(f"L1 loss until step {history[-1]['step']:,.0f}: generator from")
    assert float(label.rpartition(" to ")[2]) == pytest.approx(last, rel=0.01)
    points = curves.nth(1).locator("polyline").get_attribute("points").split()
    assert 250 <= len(points) <= 500


@pytest.mark.slow
def test_the_model_tab_shows_the_base_model_of_a_fine_tuning(browser: Browser, ort_files: Path):
    files, report = site_files(ort_files), ArtifactFolder(STARTER_MODEL).read_metrics()
    assert report
    report["base_model"] = {name: report[name] for name in ("metrics", "intervals")}
    files["starter_model/metrics.json"] = json.dumps(report).encode()
    with FileServer(files) as server, visit(browser, server.url) as page:
        wait_for_model(page)
        page.locator("#tab-model").click()
        rows = page.locator("#model .scroller tr").evaluate_all(READ_CELLS)
        assert rows == table.metric_rows(report, baseline_intervals=True)
        assert rows[0][2] == "base model, before"


@pytest.mark.slow
def test_the_device_and_the_threads_can_be_changed(site: Page):
    site.locator("#tab-model").click()
    site.get_by_label("Threads of the CPU").select_option("1")
    expect(site.locator("#state-text")).to_contain_text("on the CPU with 1 thread:")
    expect(site.locator("#runs-on")).to_contain_text("1 thread.")
    expect(site.get_by_label("Threads of the CPU")).to_have_value("1")
    site.get_by_label("Device", exact=True).select_option("webgpu")
    # This Chromium runs without a GPU.
    expect(site.locator("#runs-on")).to_contain_text("WebGPU, so the CPU is used")
    expect(site.get_by_label("Device", exact=True)).to_have_value("webgpu")
    site.locator("#tab-translate").click()
    site.locator("#examples button").first.click()
    expect(site.locator("#note-text")).to_contain_text("translated in")


class ScriptReader(html.parser.HTMLParser):
    """Collects the text of the scripts, and the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.script, self.tags, self._inside = "", list[str](), False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self._inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.script += data


def check_javascript(code: str, path: Path) -> None:
    if not shutil.which("node"):
        pytest.skip("node is missing: apt-get install nodejs")
    path.write_text(code, encoding="utf-8")
    subprocess.run(["node", "--check", path], check=True, timeout=60)


def test_the_programs_parse_and_name_this_page(site: Page, web_site: FileServer, tmp_path: Path):
    site.locator("#tab-code").click()
    codes = {
        name: site.locator(f"#code-{name}").inner_text()
        for name in ("python", "onnx", "module", "iframe")
    }
    assert site.locator("#code-gradio").count() == 0, "there is no Gradio Space of this model"
    assert all(web_site.url in code for code in codes.values())
    ast.parse(codes["python"])
    check_javascript(codes["onnx"], tmp_path / "onnx.mjs")
    reader = ScriptReader()
    reader.feed(codes["module"])
    assert reader.tags == ["input", "img", "script"]
    check_javascript(reader.script, tmp_path / "module.mjs")
    frame = ScriptReader()
    frame.feed(codes["iframe"])
    assert frame.tags == ["iframe"]


def test_the_python_program_translates_as_the_package(site: Page, tmp_path: Path):
    site.locator("#tab-code").click()
    (tmp_path / "translate.py").write_text(site.locator("#code-python").inner_text())
    shutil.copy(PHOTO, tmp_path / "aerial.jpg")
    subprocess.run([sys.executable, "translate.py"], cwd=tmp_path, check=True, timeout=120)
    assert_same_pixels(tmp_path / "map.png", Translator.from_pretrained(STARTER_MODEL)(PHOTO))


@pytest.mark.slow
def test_the_program_for_other_pages_translates(browser: Browser, site: Page, web_site: FileServer):
    site.locator("#tab-code").click()
    web_site.files["program.html"] = site.locator("#code-module").inner_text().encode()
    with new_page(browser, f"{web_site.url}/program.html") as page:
        page.wait_for_function("document.querySelector('#photo').onchange !== null")
        page.locator("#photo").set_input_files(PHOTO)
        expect(page.locator("#result")).to_have_attribute("src", re.compile("^blob:"))
        size = page.evaluate("document.querySelector('#result').decode().then(() => result.width)")
        assert size == 256
    del web_site.files["program.html"]


@pytest.mark.slow
def test_a_program_is_copied(browser: Browser, web_site: FileServer):
    with visit(browser, web_site.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        wait_for_model(page)
        page.locator("#tab-code").click()
        page.get_by_role("button", name="Copy translate.py").click()
        expect(page.locator("#code").get_by_text("Copied").first).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == page.locator("#code-python").inner_text().strip()
        assert json.dumps(web_site.url)[:-1] in copied
