"""Installs with npm what tests need of it: Gradio's JavaScript client and onnxruntime-web."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import ROOT

NODE_MODULES = ROOT / ".node" / "node_modules"
# What the browser page loads; PIX2PIX_ORT_URL is this folder in all tests.
ORT_FILES = NODE_MODULES / "onnxruntime-web" / "dist"
# How npm's messages name a registry that can't be reached.
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Returns the folder of npm's pinned packages; `make .node` installs them the first time.

    Skips the test, with what is missing, without Node.js or without a network.
    """
    for program in ("node", "npm", "make"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing: apt-get install nodejs npm make")
    install = subprocess.run(
        ["make", "--no-print-directory", ".node"], cwd=ROOT, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    if install.returncode and any(code in install.stderr for code in OFFLINE):
        pytest.skip("npm's packages are missing, and no registry to install them from is reached")
    assert install.returncode == 0, install.stderr
    return NODE_MODULES


@pytest.fixture(scope="session")
def ort_files(node_modules: Path) -> Path:
    """Returns the folder of onnxruntime-web's files; skips the test where they are missing."""
    return node_modules / "onnxruntime-web" / "dist"
