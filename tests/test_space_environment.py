"""The Space starts in an unusual environment, and otherwise ends with one sentence."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pix2pix.space import security
from tests.commands import ROOT, running_space_process
from tests.raw_http import RawSpaceClient
from tests.recording_server import SAMPLE_PHOTO
from tests.space_clients import STARTER_MODEL

# The variables that name folders for caches and temporary files.
FOLDERS = ("HOME", "HF_HOME", "TMPDIR", "GRADIO_TEMP_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


def run_app(**variables: str) -> subprocess.CompletedProcess:
    """Runs `python app.py`, which must end by itself."""
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | variables, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_the_space_starts_without_any_folder_of_its_own_and_ends_on_ctrl_c(tmp_path: Path):
    file, log = tmp_path / "file", tmp_path / "app.log"
    file.touch()
    model = tmp_path / "modèle ✓"
    shutil.copytree(STARTER_MODEL, model)
    variables = dict.fromkeys(FOLDERS, str(file)) | {
        "PIX2PIX_MODEL": str(model), "PIX2PIX_MODELS": f"{tmp_path}/absent-é,~/also-absent",
        "PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    with running_space_process(log, **variables) as (url, process):
        with RawSpaceClient(url) as client:
            assert client.translate(SAMPLE_PHOTO.read_bytes()).event == "complete"
            info = client.call(endpoint="model_info").data[0]
        assert info["name"] == str(model)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    text = log.read_text()
    assert "Traceback" not in text and "KeyboardInterrupt" not in text
    assert f"GRADIO_TEMP_DIR: {file} can't be written (Not a directory)" in text
    assert r"absent-\xe9 is not served" in text


def test_a_folder_that_another_user_owns_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "pix2pix")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "pix2pix-space").mkdir()
    if os.getuid() == 0:
        os.chown(tmp_path / "pix2pix-space", 12345, 12345)
        reason = "it belongs to another user"
    else:
        (tmp_path / "pix2pix-space").chmod(0o500)
        reason = "Permission denied"
    folder = security._choose_folder()
    assert folder.is_dir() and tmp_path not in folder.parents
    assert f"Uploads are not kept in {tmp_path}/pix2pix-space ({reason})." in caplog.text


def test_a_folder_that_does_not_exist_yet_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new" / "folder"))
    folder = security._choose_folder()
    assert folder == tmp_path.resolve() / "new" / "folder" / "pix2pix-space"
    assert folder.is_dir()


@pytest.mark.parametrize(
    "variable",
    ["GRADIO_SERVER_PORT", pytest.param("GRADIO_NUM_PORTS", marks=pytest.mark.slow)],
)
def test_a_number_that_gradio_cannot_read_ends_the_program_with_a_sentence(variable: str):
    process = run_app(**{variable: "abc"})
    assert (process.returncode, process.stdout) == (1, "")
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"{variable} is 'abc', which is not a whole number")


@pytest.mark.parametrize("seconds", [0.5, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_while_packages_are_imported_ends_the_program_without_a_traceback(seconds: float):
    command = [sys.executable, "app.py"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (130, "")
