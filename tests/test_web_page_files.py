"""Several pictures at once on the page of the browser Space: the list, the zip, their names."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.config import Config
from pix2pix.labels import labels_for
from pix2pix.space.batch import result_names
from tests.browser import PHOTO, SAMPLES, STARTER_MODEL, needs_chromium
from tests.web_pages import FileServer, new_page
from tests.web_visits import assert_same_pixels, choose, save_download, visit, wait_for_model

pytestmark = needs_chromium
NAMES = [
    "Harbor.JPG", "harbor.png", "HARBOR.webp", "../../x", "a\\b.c.tif", "ünï 文件 #1?.png", ".png",
    "...", "", "nul\0.png", "x" * 80 + ".png", "e\u0301.png", "٣.gif", "a_b-c.d.jpeg", "harbor-map",
]  # fmt: skip


@pytest.fixture(scope="module")
def script_page(browser: Browser, web_site: FileServer) -> Iterator[Page]:
    """A page of the site that runs nothing by itself."""
    with new_page(browser, f"{web_site.url}/model.json") as page:
        yield page


def test_several_files_become_a_list_with_downloads_and_a_zip(
    browser: Browser, web_site: FileServer, tmp_path: Path
):
    bad = {"name": "notes.png", "mimeType": "image/png", "buffer": b"not a picture"}
    same = {"name": "Bucht Ä.png", "mimeType": "image/png", "buffer": PHOTO.read_bytes()}
    other = same | {"buffer": (SAMPLES / "004-input.png").read_bytes()}
    with visit(browser, web_site.url) as page:
        choose(page, same, bad)
        choose(page, other, same)
        rows = page.locator("#files-list li")
        expect(page.locator("#files-state")).to_have_text(
            "3 of 4 translated. 1 failed: the list says why."
        )
        expect(rows.nth(0)).to_contain_text("At once: 256 x 256 pixels")
        expect(rows.nth(1)).not_to_contain_text("pixels,")
        expect(rows.nth(1).locator(".row-state")).to_have_text(re.compile(r"\w.*\.$"))
        expect(rows.nth(1).get_by_role("button")).to_have_count(0)
        assert page.locator("#files progress").evaluate("bar => bar.value") == 1
        saved = save_download(page, "#files-zip", tmp_path)
        assert saved.name == "photo-to-map.zip"
        with zipfile.ZipFile(saved) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [
                "Bucht-Ä-map.png", "Bucht-Ä-map-2.png", "Bucht-Ä-map-3.png"
            ]  # fmt: skip
            archive.extractall(tmp_path)
        translator = Translator.from_pretrained(STARTER_MODEL)
        assert_same_pixels(tmp_path / "Bucht-Ä-map.png", translator(PHOTO))
        assert_same_pixels(tmp_path / "Bucht-Ä-map-2.png", translator(SAMPLES / "004-input.png"))
        one = save_download(page, "#files-list li:nth-child(3) button:text('Download')", tmp_path)
        assert np.array_equal(Image.open(one), Image.open(tmp_path / "Bucht-Ä-map-2.png"))

        rows.nth(2).get_by_role("button", name="Compare Bucht Ä.png").click()
        expect(page.locator("#note-text")).to_contain_text("translated in")
        page.get_by_role("button", name="Remove the list").click()
        expect(page.locator("#files")).to_be_hidden()


@pytest.mark.slow
def test_a_list_can_be_canceled_continued_and_removed(
    browser: Browser, web_site: FileServer, tmp_path: Path
):
    bad = tmp_path / "notes.png"
    bad.write_bytes(b"not a picture")
    wide = tmp_path / "wide.png"
    Image.open(PHOTO).resize((12000, 900)).save(wide)
    with visit(browser, web_site.url) as page:
        states = page.locator("#files-list .row-state")
        wait_for_model(page)
        choose(page, PHOTO, bad)
        expect(states.nth(1)).to_contain_text("not a picture")
        page.get_by_label("Full resolution").check()
        choose(page, wide, PHOTO)
        expect(states.nth(2)).to_contain_text("tile")
        page.locator("#files-cancel").click()
        expect(page.locator("#files-state")).to_have_text(
            "1 of 4 translated. 1 failed: the list says why. The rest was canceled."
        )
        assert states.all_inner_texts()[2:] == ["canceled", "canceled"]
        assert page.locator("#files progress").evaluate("bar => bar.value") == 0.5
        with zipfile.ZipFile(save_download(page, "#files-zip", tmp_path)) as archive:
            assert archive.namelist() == ["003-input-map.png"]

        choose(page, PHOTO, wide)  # in tiles, after the finished ones
        expect(states.nth(4)).to_contain_text("In tiles: 256 x 256 pixels")
        expect(states.nth(5)).to_contain_text("tile")
        page.get_by_role("button", name="Remove the list").click()
        choose(page, PHOTO, PHOTO)
        expect(page.locator("#files-state")).to_have_text("2 of 2 translated.")
        expect(states).to_have_count(2)


@pytest.mark.slow
def test_a_list_can_be_canceled_before_the_model_is_there(browser: Browser, web_site: FileServer):
    with visit(browser, web_site.url) as page:
        page.route("**/generator.onnx", lambda route: None)  # the download never ends
        page.reload()
        choose(page, PHOTO, PHOTO)
        expect(page.locator("#files-state")).to_have_text("Waiting for the model.")
        page.locator("#files-cancel").click()
        expect(page.locator("#files-state")).to_have_text(
            "0 of 2 translated. The rest was canceled."
        )


@pytest.mark.parametrize(
    "config",
    [
        Config(dataset_name="huggan/maps", direction="b_to_a", input_column="x"),
        Config(dataset_name="assets/sample_maps"),
        Config(dataset_name="a/sample_maps", input_column="imageC", target_column="imageA"),
        Config(dataset_name="a/sample_maps", input_column="imageC", direction="b_to_a"),
        Config(dataset_name="a/sample_maps", input_column="toString"),
        Config(dataset_name="a/facades", direction="b_to_a"),
    ],
    ids=range(6),
)
def test_labels_are_those_of_python(script_page: Page, config: Config):
    names = ("source", "result", "title", "real")
    shown = script_page.evaluate(
        "(config) => import('/page/labels.js').then((m) => m.labelsFor({config}))",
        config.to_dict(),
    )
    labels = labels_for(config)
    assert [shown[name] for name in names] == [getattr(labels, name) for name in names]
    assert shown["exampleFile"] == labels.example_file


def test_names_of_results_are_those_of_python(script_page: Page):
    names = script_page.evaluate(
        "(names) => import('/page/labels.js').then((m) => m.resultNames(names, 'map'))", NAMES
    )
    assert names == result_names(NAMES, "map")


@pytest.mark.parametrize("count", [0, 1, 300])
def test_zips_are_read_by_python(script_page: Page, tmp_path: Path, count: int):
    files = {f"{number}-ü€.png": f"{'x' * number}{number}" for number in range(count)}
    content = script_page.evaluate(
        """async (files) => {
          const { makeZip } = await import("/page/zip.js");
          const entries = Object.entries(files).map(([name, text]) =>
            ({ name, blob: new Blob([text]) }));
          const zip = await makeZip(entries, new Date(2026, 10, 28, 13, 14, 16));
          return [...new Uint8Array(await zip.arrayBuffer())];
        }""",
        files,
    )
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(content))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
        times = {entry.date_time for entry in archive.infolist()}
        assert times == ({(2026, 11, 28, 13, 14, 16)} if count else set())
