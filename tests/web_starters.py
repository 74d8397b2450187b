"""The starter models in the browser Space's tests: quick graphs in their place, and the choice."""

import hashlib
import json
import shutil
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page, Route, expect

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER
from tests.browser import STARTER_MODEL
from tests.commands import ROOT
from tests.web_models import build_graph
from tests.web_pages import Files, FileServer, site_files
from tests.web_visits import wait_for_model

PAINTER = ROOT / PAINTER_FOLDER
MAP_NAME, PAINTER_NAME = "satellite photo to atlas map", "sketch to satellite photo"
GRAPH_OF_PAINTER = "**/starter_painter/generator.onnx"


def quick_starters(ort_files: Path, endpoint: str = "") -> Files:
    """Returns `site_files` with quick graphs: the first makes the negative, the painter a copy."""
    files = site_files(ort_files, endpoint)
    for folder, graph in ((STARTER_MODEL, build_graph("Neg")), (PAINTER, build_graph())):
        about = json.loads((folder / "pix2pix.json").read_text())
        about["sha256"] = {"generator.onnx": hashlib.sha256(graph).hexdigest()}
        files[f"{folder.name}/pix2pix.json"] = json.dumps(about).encode()
        files[f"{folder.name}/generator.onnx"] = graph
    return files


def translate_by(folder: Path, picture: Path) -> Image.Image:
    """Returns what the graph that `quick_starters` puts into a folder makes of a picture."""
    image = Image.open(picture).convert("RGB")
    return image if folder == PAINTER else ImageOps.invert(image)


def served_painter(site: FileServer, folder: Path) -> Translator:
    """Returns the Translator of the painter that a site of `quick_starters` serves."""
    copy = folder / "painter"
    shutil.copytree(PAINTER, copy)
    for name in ("pix2pix.json", "generator.onnx"):
        content = site.files[f"starter_painter/{name}"]
        assert isinstance(content, bytes)
        (copy / name).write_bytes(content)
    return Translator(copy)


def graph_digest(site: FileServer) -> str:
    """Returns the sha256 of the painter's graph."""
    about = site.files["starter_painter/pix2pix.json"]
    assert isinstance(about, bytes)
    return json.loads(about)["sha256"]["generator.onnx"]


def choose_model(page: Page, name: str) -> None:
    page.get_by_label("Model", exact=True).and_(page.locator("select")).select_option(name)


def expect_model(page: Page, name: str) -> None:
    """Waits until the page and its choice show the model of this name."""
    expect(page).to_have_title(f"pix2pix: From {name}")
    expect(page.locator("h1")).to_have_text(f"From {name}")
    expect(page.locator("#state-text")).to_contain_text(f'The starter model "{name}" runs')
    expect(page.locator("#model-choice option:checked")).to_have_text(name)
    expect(page.locator("#state-cancel")).to_be_hidden()
    wait_for_model(page)


def hold(route: Route) -> None:
    """Lets a download wait without an end."""
