"""Tests of the installed package: complete, of one version, and independent of the checkout."""

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
from tests.commands import ROOT, install_package

IGNORED = shutil.ignore_patterns(".*", "assets", "runs", "build", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=IGNORED)
    install_package(folder / "source", folder / "installed")
    return folder / "installed"


def run(installed: Path, *arguments: str) -> str:
    """Runs Python with the installed package, outside of this checkout; returns its output."""
    process = subprocess.run(
        [sys.executable, *arguments], cwd=installed.parent, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(installed)}, check=False, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_wheel_contains_every_module_and_text(installed: Path):
    def files(root: Path) -> set[str]:
        paths = (p for p in (root / "pix2pix").rglob("*") if p.suffix in (".py", ".md", ".typed"))
        return {str(path.relative_to(root)) for path in paths}

    assert files(installed) == files(ROOT)
    assert (installed / "train_hub.py").is_file()
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {
        "pix2pix", "pix2pix_hub", "train_hub.py",
    }  # fmt: skip


def test_the_version_of_the_wheel_is_that_of_the_package(installed: Path):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert re.search(r"^Version: (.+)$", metadata.read_text(), re.MULTILINE)[1] == (
        pix2pix.__version__
    )


def test_the_installed_package_translates(installed: Path, tmp_path: Path):
    model, photo = ROOT / "assets" / "starter_model", "samples/003-input.png"
    code = (
        "import sys, pix2pix; model, photo, map_ = sys.argv[1:]; print(pix2pix.__file__);"
        "pix2pix.Translator.from_pretrained(model)(photo).save(map_)"
    )
    arguments = (str(model), str(model / photo), str(tmp_path / "map.png"))
    assert run(installed, "-c", code, *arguments).startswith(str(installed))
    here = pix2pix.Translator.from_pretrained(model)(model / photo)
    assert np.array_equal(Image.open(tmp_path / "map.png"), here)


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["-m", "train_hub"], "train_hub.py"),
        (["-m", "pix2pix.evaluation"], "python -m pix2pix.evaluation"),
        (["-m", "pix2pix"], "pix2pix <command>"),
        (["-m", "pix2pix", "train"], "pix2pix train"),
    ],
)
def test_the_installed_commands_run(installed: Path, arguments: list[str], usage: str):
    assert run(installed, *arguments, "--help").startswith(f"usage: {usage} [flag ...]")


def test_the_console_scripts_are_pix2pix_and_pix2pix_train(installed: Path):
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert entry_points.read_text().split() == [
        "[console_scripts]",
        *("pix2pix", "=", "pix2pix.__main__:main"),
        *("pix2pix-train", "=", "pix2pix.commands.train:main"),
    ]
    code = (
        "import sys; from importlib.metadata import entry_points\n"
        "(script,) = entry_points(group='console_scripts', name=sys.argv[1])\n"
        "sys.argv = [script.name, '--help']\n"  # as in the script that pip writes
        "sys.exit(script.load()())"
    )
    assert "dry-run" in run(installed, "-c", code, "pix2pix")
    assert "--dataset_name" in run(installed, "-c", code, "pix2pix-train")


def test_an_installed_package_recommends_a_command_that_it_has(installed: Path):
    """There is no train_hub.py to run; the wheel has the console script."""
    code = (
        "from pix2pix.commands.publish import recovery_hint; from pix2pix.options import Options\n"
        "from pathlib import Path\n"
        "options = Options(push_to_hub=True, hub_model_id='me/maps', output_dir=Path('my run'))\n"
        "print(recovery_hint(options))"
    )
    hint = "publish with: pix2pix publish --output_dir 'my run' --hub_model_id me/maps"
    assert hint in run(installed, "-c", code)


def test_the_installed_package_says_that_it_has_no_browser_page(installed: Path):
    process = subprocess.run(
        [sys.executable, "-m", "pix2pix", "web"], cwd=installed.parent, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": str(installed)}, check=False, timeout=120,
    )  # fmt: skip
    assert process.returncode == 1
    assert process.stderr.startswith("pix2pix web: An installed package does not have the files")
