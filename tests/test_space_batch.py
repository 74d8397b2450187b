"""Batches: several files are translated into one zip, in the browser and by programs."""

import io
import json
import resource
import signal
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER
from pix2pix.errors import UserError
from pix2pix.space.batch import (
    MAX_SHEET_PIXELS,
    ContactSheet,
    result_names,
    run_batch,
    translate_files,
)
from pix2pix.space.components import Upload
from tests.browser import CHROMIUM
from tests.checkpoint_helpers import wait_until
from tests.commands import ROOT
from tests.space_clients import STARTER_MODEL, TwoModelSpace, call_endpoint, upload_file

SAMPLES = STARTER_MODEL / "samples"
TIMEOUT = 120_000  # milliseconds
NOT_A_PICTURE = "This file is not a picture that can be read"


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.from_pretrained(STARTER_MODEL)


@pytest.fixture
def uploads(tmp_path: Path) -> list[Upload]:
    """Two photos whose names differ only in case, and between them a text file."""
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    first, second = (str(SAMPLES / f"{name}-input.png") for name in ("003", "005"))
    return [Upload("a.png", first), Upload("notes.jpg", str(text)), Upload("A.png", second)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo of 64 tiles, so that a batch of it takes seconds."""
    path = tmp_path / "large.png"
    Image.open(SAMPLES / "003-input.png").resize((1500, 1500)).save(path, compress_level=1)
    return path


def check_zip(data: bytes, translator: Translator) -> None:
    """Checks the zip of `uploads`: two maps, the contact sheet, and a report with the error."""
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
    for key in ("result", "map"):  # the second is the key of version 0.1
        assert [entry[key] for entry in report["files"]] == ["a-map.png", None, "A-map-2.png"]
    assert report["files"][1]["error"].startswith(NOT_A_PICTURE)


def test_a_batch_writes_a_zip_and_a_contact_sheet(
    translator: Translator, uploads: list, tmp_path: Path
):
    folder = tmp_path / "results"
    folder.mkdir()
    *steps, (message, batch) = translate_files(translator, uploads, "fit", folder)
    assert [progress for progress, _ in steps] == [
        "1 of 3: a.png",
        "2 of 3: notes.jpg",
        "3 of 3: A.png",
    ]
    assert message == "2 of 3 translated. 1 failed: the table says why."
    check_zip(batch.archive.read_bytes(), translator)
    assert {path.name for path in folder.iterdir()} == {"photo-to-map.zip", "contact-sheet.png"}


def test_the_sheet_shows_photo_and_map_side_by_side(
    translator: Translator, uploads: list, tmp_path: Path
):
    *_, (_, batch) = translate_files(translator, uploads, "fit", tmp_path)
    sheet = np.asarray(Image.open(batch.sheet)).astype(int)
    for left, sample in ((8, "003"), (8 + 528, "005")):
        photo = Image.open(SAMPLES / f"{sample}-input.png").convert("RGB")
        for x, picture in ((left, photo), (left + 260, translator(photo))):
            assert np.array_equal(sheet[8:264, x : x + 256], np.asarray(picture))
        label = sheet[264:286, left : left + 60]
        assert (label.sum(axis=-1) < 500).sum() > 20, "the name is below the photo"


def test_the_names_are_those_of_the_direction(tmp_path: Path):
    painter = ROOT / PAINTER_FOLDER
    upload = Upload("coast.png", str(painter / "samples" / "003-input.png"))
    *_, (_, batch) = translate_files(Translator(painter), [upload], "fit", tmp_path)
    assert batch.archive.name == "sketch-to-photo.zip"
    with zipfile.ZipFile(batch.archive) as archive:
        assert archive.namelist()[0] == "coast-photo.png"
        result = Image.open(io.BytesIO(archive.read("coast-photo.png")))
    assert np.array_equal(result, Translator(painter)(upload.path))


def test_full_resolution_reports_the_progress_in_tiles(
    translator: Translator, large: Path, tmp_path: Path
):
    job = translate_files(translator, [Upload("large.png", str(large))], "full", tmp_path)
    assert [next(job)[0], next(job)[0]] == ["1 of 1: large.png", "1 of 1: large.png, tile 1 of 64"]
    job.close()


def test_a_stopped_batch_leaves_no_files(translator: Translator, uploads: list, tmp_path: Path):
    folder = tmp_path / "results"
    folder.mkdir()
    job = translate_files(translator, uploads, "fit", folder)
    next(job), next(job)
    assert [path.name for path in folder.iterdir()] == [".photo-to-map.zip"]
    job.close()
    assert not folder.exists()


def test_a_full_disk_is_reported(
    translator: Translator, uploads: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError) as error:
            list(run_batch(translator, uploads, "fit"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(error.value).startswith("The zip can't be written (File too large)")
    assert not list((tmp_path / "cache").iterdir())


def test_a_batch_without_a_readable_picture_has_only_a_report(
    translator: Translator, uploads: list, tmp_path: Path
):
    *_, (_, batch) = translate_files(translator, uploads[1:2], "fit", tmp_path)
    assert batch.sheet is None
    with zipfile.ZipFile(batch.archive) as archive:
        assert archive.namelist() == ["report.json"]


def test_the_names_of_results_are_safe_and_unique():
    long = "x" * 300 + ".png"
    files = ["../../etc/passwd", "..\\..\\a b.tif", "/.png", "a b.png", "A-B.jpg", "CON", "",
             "Straße Ä.png", long, "a\0\n<b>.png"]  # fmt: skip
    names = result_names(files, "map")
    assert names == [
        "passwd-map.png", "a-b-map.png", "png-map.png", "a-b-map-2.png", "A-B-map-3.png",
        "CON-map.png", "picture-map.png", "Straße-Ä-map.png", "x" * 50 + "-map.png",
        "a-b-map.png".replace("map", "map-4"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 32, 1000])
def test_the_memory_of_a_contact_sheet_is_limited(count: int, tmp_path: Path):
    sheet = ContactSheet(count)
    assert 2 * count * sheet.side**2 <= MAX_SHEET_PIXELS
    photo = Image.new("RGB", (4000, 10), "green")
    sheet.add(photo, photo, "a name that is much longer than there is room for " * 9)
    assert sheet.save(tmp_path / "sheet.png")


def test_a_program_gets_the_zip_the_contact_sheet_and_the_report(
    two_model_space: TwoModelSpace, translator: Translator, uploads: list
):
    files = [
        upload_file(two_model_space.url, Path(item.path)) | {"orig_name": item.name}
        for item in uploads
    ]
    event, (archive, sheet, report) = call_endpoint(
        two_model_space.url, "translate_batch", [files, "fit"]
    )
    assert event == "complete"
    check_zip(httpx.get(archive["url"]).content, translator)
    assert Image.open(io.BytesIO(httpx.get(sheet["url"]).content)).width == 2 * 528 + 8
    assert (report["translated"], report["failed"]) == (2, 1)
    archive, _, report = Client(two_model_space.url, verbose=False).predict(
        [handle_file(item.path) for item in uploads], api_name="/translate_batch"
    )
    assert Path(archive).name == "photo-to-map.zip"
    assert report["files"][0]["result"] == "003-input-map.png"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "There are no pictures yet"),
        (None, "There are no pictures yet"),
        (["notes"] * 33, "These are 33 files, more than the 32 accepted in one batch"),
        (["notes"], "This text is neither a URL nor a picture in base64"),
        ([{"path": "/etc/passwd"}], "Only files that were uploaded to this Space are read"),
        (["http://127.0.0.1:1/a.png"], "it is not on a public server"),
    ],
)
def test_invalid_batches_are_refused(two_model_space: TwoModelSpace, files, message: str):
    event, data = call_endpoint(two_model_space.url, "translate_batch", [files, "fit"])
    assert event == "error"
    assert message in data["error"]


def test_batches_run_one_at_a_time_and_do_not_delay_single_photos(
    two_model_space: TwoModelSpace, large: Path
):
    client = Client(two_model_space.url, verbose=False)
    jobs = [
        client.submit([handle_file(large)] * 8, "full", api_name="/translate_batch")
        for _ in range(2)
    ]
    try:
        wait_until(lambda: any(job.outputs() for job in jobs))
        assert client.predict(handle_file(SAMPLES / "003-input.png"), api_name="/translate")
        assert not any(job.done() for job in jobs)
        assert sorted(bool(job.outputs()) for job in jobs) == [False, True]
    finally:
        for job in jobs:
            job.cancel()
    wait_until(lambda: not find_unfinished_zips(two_model_space))


def find_unfinished_zips(two_model_space: TwoModelSpace) -> list[Path]:
    return list(two_model_space.result_folder.glob("*/.photo-to-map.zip"))


def test_a_damaged_upload_does_not_end_a_batch(two_model_space: TwoModelSpace, tmp_path: Path):
    damaged = tmp_path / "cut.png"
    damaged.write_bytes((SAMPLES / "003-input.png").read_bytes()[:9000])
    paths = (damaged, SAMPLES / "005-input.png")
    files = [upload_file(two_model_space.url, path) for path in paths]
    event, (_, _, report) = call_endpoint(two_model_space.url, "translate_batch", [files, "fit"])
    assert event == "complete"
    assert "damaged or cut short" in report["files"][0]["error"]
    assert report["files"][1]["result"] == "005-input-map.png"


@pytest.fixture
def page(two_model_space: TwoModelSpace, request: pytest.FixtureRequest) -> Page:
    if not CHROMIUM:
        pytest.skip("no Chromium found")
    chromium: Browser = request.getfixturevalue("browser")
    page = chromium.new_page()
    page.goto(two_model_space.url)
    page.get_by_role("tab", name="Batch").click()
    yield page
    page.close()


def choose_files(page: Page, *paths: Path | str) -> None:
    page.locator("#batch-files input[type=file]").set_input_files(list(map(str, paths)))
    expect(page.locator("#batch-files tr")).to_have_count(len(paths), timeout=TIMEOUT)


def test_a_visitor_downloads_the_zip(
    page: Page, uploads: list, tmp_path: Path, translator: Translator
):
    choose_files(page, *(upload.path for upload in uploads))
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator("#batch-note")).to_contain_text(
        "2 of 3 translated. 1 failed", timeout=TIMEOUT
    )
    expect(page.locator("#batch-table tr")).to_have_count(4)
    expect(page.locator("#batch-table tr").nth(2)).to_contain_text(NOT_A_PICTURE)
    expect(page.locator("#batch-sheet img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_text("Download all maps (zip)").click()
    download.value.save_as(tmp_path / "maps.zip")
    assert download.value.suggested_filename == "photo-to-map.zip"
    with zipfile.ZipFile(tmp_path / "maps.zip") as archive:
        picture = Image.open(io.BytesIO(archive.read("005-input-map.png")))
        assert np.array_equal(picture, translator(uploads[2].path))


@pytest.mark.slow
def test_a_visitor_can_stop_a_batch(page: Page, two_model_space: TwoModelSpace, tmp_path: Path):
    # Over a thousand tiles, since a browser on a busy machine takes seconds to press a button;
    # it would have no time for that if the Space sent a message for each tile.
    photo = tmp_path / "large.jpg"
    Image.open(SAMPLES / "003-input.png").convert("RGB").resize((40000, 1200)).save(photo)
    choose_files(page, photo)
    page.get_by_label("Full resolution, in tiles").last.check()
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator("#batch-note")).to_contain_text("1 of 1: large.jpg, tile", timeout=TIMEOUT)
    page.locator("#batch-stop").click()
    expect(page.locator("#batch-note")).to_have_text("Stopped: there is no zip.", timeout=TIMEOUT)
    wait_until(lambda: not find_unfinished_zips(two_model_space))
    page.wait_for_timeout(300)
    expect(page.locator("#batch-note")).to_have_text("Stopped: there is no zip.")
