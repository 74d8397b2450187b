"""Installs Gradio's JavaScript client with npm, for the program that the Space documents."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import ROOT

# How npm's messages name a registry that can't be reached.
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Returns a folder with the pinned client; it is installed the first time (a few seconds).

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
        pytest.skip("@gradio/client is missing, and npm reaches no registry to install it from")
    assert install.returncode == 0, install.stderr
    return ROOT / ".node" / "node_modules"
