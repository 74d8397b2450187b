"""The package as pip installs it: complete, of one version, and on its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pix2pix
from tests.commands import ROOT, install

LEFT_BEHIND = shutil.ignore_patterns(".*", "assets", "runs", "build", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_BEHIND)
    install(folder / "source", folder / "installed")
    return folder / "installed"


def run(installed: Path, *arguments: str) -> str:
    """What Python prints that has the installed package and is not in this checkout."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=installed.parent, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(installed)}, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_and_text_is_in_it(installed: Path):
    def files(root: Path) -> set[str]:
        found = (p for p in (root / "pix2pix").rglob("*") if p.suffix in (".py", ".md"))
        return {str(path.relative_to(root)) for path in found}

    assert files(installed) == files(ROOT)
    assert (installed / "train_hub.py").is_file()
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {
        "pix2pix", "pix2pix_hub", "train_hub.py",
    }  # fmt: skip


def test_its_version_is_the_packages(installed: Path):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert re.search(r"^Version: (.+)$", metadata.read_text(), re.MULTILINE)[1] == (
        pix2pix.__version__
    )


def test_it_translates(installed: Path, tmp_path: Path):
    model, photo = ROOT / "assets" / "starter_model", "samples/003-input.png"
    code = (
        "import sys, pix2pix; model, photo, map_ = sys.argv[1:]; print(pix2pix.__file__);"
        "pix2pix.Translator.from_pretrained(model)(photo).save(map_)"
    )
    arguments = (str(model), str(model / photo), str(tmp_path / "map.png"))
    assert run(installed, "-c", code, *arguments).startswith(str(installed))
    here = pix2pix.Translator.from_pretrained(model)(model / photo)
    assert np.array_equal(Image.open(tmp_path / "map.png"), here)


@pytest.mark.parametrize("module", ["train_hub", "pix2pix.evaluation"])
def test_its_commands_run(installed: Path, module: str):
    assert "--dataset_name" in run(installed, "-m", module, "--help")
