"""What works where only the packages of requirements.txt are installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.hub_server import HubServer


def run_with_serving_packages(code: str) -> subprocess.CompletedProcess:
    """Runs `code` where every package is hidden that requirements.txt does not install."""
    script = Path(__file__).with_name("serving_imports_only.py")
    return subprocess.run(
        [sys.executable, str(script), str(ROOT), code],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import app", marks=pytest.mark.slow),
        "from pix2pix import Translator",
        "import train_hub",
    ],
)
def test_serving_imports_only_packages_of_its_requirements(code: str):
    process = run_with_serving_packages(code)
    assert process.returncode == 0, process.stderr
    assert "hidden:" in process.stdout and "tensorflow" in process.stdout


def test_training_without_its_packages_names_the_file_to_install():
    code = (
        "import sys, train_hub; sys.exit(train_hub.main(['--dataset_name', 'assets/sample_maps']))"
    )
    process = run_with_serving_packages(code)
    assert process.returncode == 1
    assert "tensorflow" in process.stderr and "requirements-train.txt" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_job_can_be_submitted_without_the_training_packages(hub: HubServer, servable_model: str):
    dataset = f"{servable_model}-pairs"
    hub.store.create("dataset", dataset)
    flags = ["--dataset_name", dataset, "--hub_model_id", servable_model, "--hf_job", "cpu-basic"]
    flags += ["--hf_job_source", "git+https://github.com/me/pix2pix"]
    process = run_with_serving_packages(f"import sys, train_hub; sys.exit(train_hub.main({flags}))")
    assert process.returncode == 0, process.stderr
    assert hub.store.jobs[-1]["id"] in process.stdout
