"""The parts of the canvas that need no page: drawing, history, links, palettes, in Node."""

import shutil
import subprocess
from pathlib import Path

from tests.commands import ROOT
from tests.web_modules import WEB, needs_node

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
