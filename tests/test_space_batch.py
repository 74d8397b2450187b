"""Batches: many files to one zip, for visitors and programs."""

import io
import json
import resource
import signal
import time
import zipfile
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.space.batch import map_names, translate_files
from pix2pix.space.batch_tab import batches
from pix2pix.space.contact_sheet import PIXELS, ContactSheet
from pix2pix.space.settings import Settings
from pix2pix.space.uploads import Upload
from tests.browser import CHROMIUM
from tests.serving import STARTER, Twin, call, upload

SAMPLES = STARTER / "samples"
WAIT = 30_000
TEXT = "This file is not a picture that can be read"


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.from_pretrained(STARTER)


@pytest.fixture
def uploads(tmp_path: Path) -> list[Upload]:
    """Two photos of one name, and between them a text."""
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    first, second = (str(SAMPLES / f"{name}-input.png") for name in ("003", "005"))
    return [Upload("a.png", first), Upload("notes.jpg", str(text)), Upload("A.png", second)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo of so many tiles that a batch of it takes a while."""
    path = tmp_path / "large.png"
    Image.open(SAMPLES / "003-input.png").resize((1500, 1500)).save(path, compress_level=1)
    return path


def check_zip(data: bytes, translator: Translator) -> None:
    """What becomes of `uploads`: two maps, the sheet and a report that names the error."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = ["a-map.png", "A-map-2.png", "contact-sheet.png", "report.json"]
        assert archive.namelist() == names
        for name, sample in zip(names, ("003", "005"), strict=False):
            expected = translator(SAMPLES / f"{sample}-input.png")
            assert np.array_equal(Image.open(io.BytesIO(archive.read(name))), expected)
        report = json.loads(archive.read("report.json"))
    assert (report["translated"], report["failed"]) == (2, 1)
    assert [entry["file"] for entry in report["files"]] == ["a.png", "notes.jpg", "A.png"]
    assert [entry["map"] for entry in report["files"]] == ["a-map.png", None, "A-map-2.png"]
    assert report["files"][1]["error"].startswith(TEXT)


def test_files_become_a_zip_and_a_sheet(translator: Translator, uploads: list, tmp_path: Path):
    folder = tmp_path / "answer"
    folder.mkdir()
    *before, (said, batch) = translate_files(translator, uploads, "fit", Settings(), folder)
    assert [step[0] for step in before] == ["1 of 3: a.png", "2 of 3: notes.jpg", "3 of 3: A.png"]
    assert said == "2 of 3 translated. 1 failed: the table says why."
    check_zip(batch.archive.read_bytes(), translator)
    assert {path.name for path in folder.iterdir()} == {"pix2pix-maps.zip", "contact-sheet.png"}


def test_the_sheet_shows_photo_and_map_side_by_side(
    translator: Translator, uploads: list, tmp_path: Path
):
    *_, (_, batch) = translate_files(translator, uploads, "fit", Settings(), tmp_path)
    sheet = np.asarray(Image.open(batch.sheet)).astype(int)
    for left, sample in ((8, "003"), (8 + 528, "005")):
        photo = Image.open(SAMPLES / f"{sample}-input.png").convert("RGB")
        for x, picture in ((left, photo), (left + 260, translator(photo))):
            assert np.array_equal(sheet[8:264, x : x + 256], np.asarray(picture))
        label = sheet[264:286, left : left + 60]
        assert (label.sum(axis=-1) < 500).sum() > 20, "the name stands below"


def test_full_resolution_tells_the_tiles(translator: Translator, large: Path, tmp_path: Path):
    job = translate_files(
        translator, [Upload("large.png", str(large))], "full", Settings(), tmp_path
    )
    assert [next(job)[0], next(job)[0]] == ["1 of 1: large.png", "1 of 1: large.png, tile 1 of 64"]
    job.close()


def test_what_is_stopped_leaves_nothing(translator: Translator, uploads: list, tmp_path: Path):
    folder = tmp_path / "answer"
    folder.mkdir()
    job = translate_files(translator, uploads, "fit", Settings(), folder)
    next(job), next(job)
    assert [path.name for path in folder.iterdir()] == [".pix2pix-maps.zip"]
    job.close()
    assert not folder.exists()


def test_a_full_disk_is_a_sentence(translator: Translator, uploads: list, tmp_path: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(gr.Error) as error:
            list(batches(translator, uploads, "fit", Settings(), str(tmp_path / "cache")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert error.value.message.startswith("The zip can't be written here (File too large)")
    assert not list((tmp_path / "cache").iterdir())


def test_where_nothing_can_be_read_there_is_a_report(
    translator: Translator, uploads: list, tmp_path: Path
):
    *_, (_, batch) = translate_files(translator, uploads[1:2], "fit", Settings(), tmp_path)
    assert batch.sheet is None
    with zipfile.ZipFile(batch.archive) as archive:
        assert archive.namelist() == ["report.json"]


def test_names_are_safe_and_unique():
    long = "x" * 300 + ".png"
    files = ["../../etc/passwd", "..\\..\\a b.tif", "/.png", "a b.png", "A-B.jpg", "CON", "",
             "Straße Ä.png", long, "a\0\n<b>.png"]  # fmt: skip
    names = map_names(files)
    assert names == [
        "passwd-map.png", "a-b-map.png", "png-map.png", "a-b-map-2.png", "A-B-map-3.png",
        "CON-map.png", "picture-map.png", "Straße-Ä-map.png", "x" * 50 + "-map.png",
        "a-b-map.png".replace("map", "map-4"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 32, 1000])
def test_a_sheets_memory_is_bounded(count: int, tmp_path: Path):
    sheet = ContactSheet(count)
    assert 2 * count * sheet.side**2 <= PIXELS
    photo = Image.new("RGB", (4000, 10), "green")
    sheet.add(photo, photo, "a name that is much longer than there is room for " * 9)
    assert sheet.save(tmp_path / "sheet.png")


def test_a_program_gets_zip_sheet_and_report(twin: Twin, translator: Translator, uploads: list):
    files = [upload(twin.address, Path(item.path)) | {"orig_name": item.name} for item in uploads]
    event, (archive, sheet, report) = call(twin.address, "translate_batch", [files, "fit"])
    assert event == "complete"
    check_zip(httpx.get(archive["url"]).content, translator)
    assert Image.open(io.BytesIO(httpx.get(sheet["url"]).content)).width == 2 * 528 + 8
    assert (report["translated"], report["failed"]) == (2, 1)
    found = Client(twin.address, verbose=False).predict(
        [handle_file(item.path) for item in uploads], api_name="/translate_batch"
    )
    assert Path(found[0]).name == "pix2pix-maps.zip"
    assert found[2]["files"][0]["map"] == "003-input-map.png"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "There are no pictures yet"),
        (None, "There are no pictures yet"),
        (["notes"] * 33, "These are 33 files, more than the 32 accepted in one batch"),
        (["notes"], "The file 'notes' can't be had (neither an upload nor"),
        ([{"path": "/etc/passwd"}], "Only files that were uploaded to this Space are read"),
        (["http://127.0.0.1:1/a.png"], "it does not lead to a public server"),
    ],
)
def test_what_is_no_batch_is_a_sentence(twin: Twin, files, said: str):
    event, answer = call(twin.address, "translate_batch", [files, "fit"])
    assert event == "error"
    assert said in answer["error"]


def test_batches_wait_for_each_other_and_single_photos_for_none(twin: Twin, large: Path):
    client = Client(twin.address, verbose=False)
    jobs = [
        client.submit([handle_file(large)] * 8, "full", api_name="/translate_batch")
        for _ in range(2)
    ]
    try:
        wait_for(lambda: any(job.outputs() for job in jobs))
        assert client.predict(handle_file(SAMPLES / "003-input.png"), api_name="/translate")
        assert not any(job.done() for job in jobs)
        assert sorted(bool(job.outputs()) for job in jobs) == [False, True]
    finally:
        for job in jobs:
            job.cancel()
    wait_for(lambda: not half_zips(twin))


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def half_zips(twin: Twin) -> list[Path]:
    return list(twin.cache.glob("*/.pix2pix-maps.zip"))


def test_a_damaged_upload_does_not_end_a_batch(twin: Twin, tmp_path: Path):
    cut = tmp_path / "cut.png"
    cut.write_bytes((SAMPLES / "003-input.png").read_bytes()[:9000])
    files = [upload(twin.address, path) for path in (cut, SAMPLES / "005-input.png")]
    event, (_, _, report) = call(twin.address, "translate_batch", [files, "fit"])
    assert event == "complete"
    assert "damaged or cut short" in report["files"][0]["error"]
    assert report["files"][1]["map"] == "005-input-map.png"


@pytest.fixture
def page(twin: Twin, request: pytest.FixtureRequest) -> Page:
    if not CHROMIUM:
        pytest.skip("no Chromium found")
    chromium: Browser = request.getfixturevalue("browser")
    page = chromium.new_page()
    page.goto(twin.address)
    page.get_by_role("tab", name="Batch").click()
    yield page
    page.close()


def choose(page: Page, *paths: Path | str) -> None:
    page.locator("#batch-files input[type=file]").set_input_files(list(map(str, paths)))
    expect(page.locator("#batch-files tr")).to_have_count(len(paths), timeout=WAIT)


def test_a_visitor_gets_the_zip(page: Page, uploads: list, tmp_path: Path, translator: Translator):
    choose(page, *(upload.path for upload in uploads))
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator("#batch-note")).to_contain_text("2 of 3 translated. 1 failed", timeout=WAIT)
    expect(page.locator("#batch-table tr")).to_have_count(4)
    expect(page.locator("#batch-table tr").nth(2)).to_contain_text(TEXT)
    expect(page.locator("#batch-sheet img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_text("Download all maps (zip)").click()
    download.value.save_as(tmp_path / "maps.zip")
    assert download.value.suggested_filename == "pix2pix-maps.zip"
    with zipfile.ZipFile(tmp_path / "maps.zip") as archive:
        picture = Image.open(io.BytesIO(archive.read("005-input-map.png")))
        assert np.array_equal(picture, translator(uploads[2].path))


def test_a_visitor_stops_a_batch(page: Page, twin: Twin, tmp_path: Path):
    # Over a thousand tiles: a browser on a busy machine takes seconds to press a button, and one
    # line for each of them would leave it no time to.
    long = tmp_path / "large.jpg"
    Image.open(SAMPLES / "003-input.png").convert("RGB").resize((40000, 1200)).save(long)
    choose(page, long)
    page.get_by_label("Full resolution, in tiles").last.check()
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator("#batch-note")).to_contain_text("1 of 1: large.jpg, tile", timeout=WAIT)
    page.locator("#batch-stop").click()
    expect(page.locator("#batch-note")).to_have_text("Stopped: there is no zip.", timeout=WAIT)
    wait_for(lambda: not half_zips(twin))
    page.wait_for_timeout(300)
    expect(page.locator("#batch-note")).to_have_text("Stopped: there is no zip.")
