"""What the canvas is made of: its modules that need no page, in Node, and the engine's call."""

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import needs_chromium
from tests.commands import ROOT
from tests.web_models import SIDE, build_model
from tests.web_modules import WEB, needs_node
from tests.web_pages import FileServer, engine_page, load, site_files

# Returns pixels translated with and without a file, and the error for a wrong number of them.
TRANSLATE = """([side]) => run(async () => {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d");
  for (let index = 0; index < 40; index++) {
    context.fillStyle = `hsl(${index * 9} 80% 50%)`;
    context.fillRect(index * 3, (index * 31) % side, 20, 20);
  }
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  const pixels = await model.translatePixels(data, side, side);
  const png = await model.translate(await canvas.convertToBlob());
  context.globalCompositeOperation = "copy";
  context.drawImage(await createImageBitmap(png), 0, 0);
  const expected = context.getImageData(0, 0, side, side).data;
  const refused = await run(() => model.translatePixels(data, side, side + 1));
  return { isSame: pixels.every((value, index) => value === expected[index]), refused };
})"""
CHECKS = ROOT / "tests" / "javascript" / "draw.mjs"


@needs_node
def test_the_modules_of_the_canvas(tmp_path: Path):
    program = shutil.which("node")
    assert program
    # Node before 20.19 takes a .js file for a module only beside such a package.json.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for folder in ("draw", "pixels"):
        shutil.copytree(WEB / folder, tmp_path / folder)
    for name in ("errors.js", "dom.js"):
        shutil.copy(WEB / name, tmp_path)
    url = f"{(tmp_path / 'draw').as_uri()}/"
    run = subprocess.run([program, CHECKS, url], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr


@needs_chromium
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="square"),
        pytest.param({"pair_aspects": [2, 2]}, id="wide", marks=pytest.mark.slow),
    ],
)
def test_pixels_are_translated_as_a_file_of_them(browser: Browser, ort_files: Path, changes: dict):
    files = site_files(ort_files)
    for path, content in build_model(**changes).items():
        files[f"tiny/{path}"] = content
    with FileServer(files) as site, engine_page(browser, site.url) as page:
        assert "error" not in load(page, {"folder": "tiny"})
        result = page.evaluate(TRANSLATE, [SIDE])
        assert result["isSame"], result
        assert result["refused"]["error"].startswith("Pixels are RGBA")
