"""The Space on ZeroGPU: app.py with the real package `spaces`, against a stand-in of its API."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from pix2pix import Translator
from tests.commands import ROOT, running_space
from tests.recording_server import SAMPLE_PHOTO, RecordingHandler, serve_on_loopback
from tests.space_clients import STARTER_MODEL

REPORT = "POST /startup-report"
# The last line in which Gradio says that the Space is running.
RUNNING = "Streamable HTTP URL"


class DeviceApi(RecordingHandler):
    """Records what the Space sends to the API through which ZeroGPU lends GPUs."""

    requests: list[str] = []
    status = 200

    def do_POST(self) -> None:  # noqa: N802
        self.requests.append(f"{self.command} {self.path}")
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def device_api() -> Iterator[str]:
    """Yields the URL of the stand-in; its record is empty."""
    DeviceApi.requests.clear()
    DeviceApi.status = 200
    with serve_on_loopback(DeviceApi) as url:
        yield url


def zero_gpu_variables(url: str) -> dict[str, str]:
    return {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": url}


def list_warnings(log: Path) -> list[str]:
    """Returns the lines of the log that Gradio does not write at every start."""
    lines = log.read_text().splitlines()
    usual = ("* Running on", "* To create a public link", "🔨 Launching", f"* {RUNNING}")
    return [line for line in lines if line and not line.startswith(usual)]


@pytest.mark.slow
def test_the_space_reports_one_function_and_translates_without_a_gpu(
    device_api: str, tmp_path: Path
):
    with running_space(tmp_path / "log", **zero_gpu_variables(device_api)) as url:
        assert DeviceApi.requests == [REPORT], "it comes before the server starts"
        client = Client(url, verbose=False)
        result = client.predict(handle_file(SAMPLE_PHOTO), api_name="/translate")
        expected = Translator.from_pretrained(STARTER_MODEL)(Image.open(SAMPLE_PHOTO))
        np.testing.assert_array_equal(np.asarray(Image.open(result)), np.asarray(expected))
    assert DeviceApi.requests == [REPORT], "no GPU was scheduled, so no visitor's quota is spent"
    assert list_warnings(tmp_path / "log") == []


@pytest.mark.slow
def test_the_space_starts_if_zero_gpu_refuses_the_report(device_api: str, tmp_path: Path):
    DeviceApi.status = 500
    with running_space(tmp_path / "log", **zero_gpu_variables(device_api)):
        assert DeviceApi.requests == [REPORT]
    (warning,) = list_warnings(tmp_path / "log")
    assert warning.startswith("Warning: The Space starts, but can't report this to ZeroGPU: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (zero_gpu_variables("http://127.0.0.1:9"), "can't report this to ZeroGPU"),
        ({"SPACES_ZERO_GPU": "true"}, "SPACES_ZERO_DEVICE_API_URL env must be set"),
    ],
    ids=["unreachable", "no URL"],
)
def test_the_space_starts_where_the_api_is_missing(
    variables: dict[str, str], reason: str, tmp_path: Path
):
    with running_space(tmp_path / "log", **variables):
        pass
    (warning,) = list_warnings(tmp_path / "log")
    assert warning.startswith("Warning: ") and reason in warning


def run_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | variables, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_the_space_starts_where_the_package_is_missing():
    hidden = "tests/serving_imports_only.py", str(ROOT), "import app"
    process = run_python(*hidden, **zero_gpu_variables("http://127.0.0.1:9"))
    assert "spaces" in process.stdout.split(), "the package is hidden from app.py"
    (warning,) = process.stderr.splitlines()
    assert (process.returncode, "No module named 'spaces'" in warning) == (0, True)


@pytest.mark.slow
def test_the_package_is_imported_only_on_zero_gpu():
    process = run_python(
        "-c",
        "import sys, app\n"
        "assert 'spaces' not in sys.modules\n"
        "for value in ('false', '', '0'):\n"
        "    app.register_function({'SPACES_ZERO_GPU': value})\n"
        "assert 'spaces' not in sys.modules\n"
        "app.register_function({'SPACES_ZERO_GPU': 'True'})\n"
        "assert 'spaces' in sys.modules",
    )
    assert process.returncode == 0, process.stderr
