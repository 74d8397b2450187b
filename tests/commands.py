"""Runs the project's commands as a user does: each in its own process."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD_WHEEL = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
START_SECONDS = 120


def start_train_hub(
    *arguments: str, token: str | None = None, **environment: str
) -> subprocess.Popen:
    """Starts `python train_hub.py ...` with stdout and stderr on one pipe."""
    return subprocess.Popen(
        [sys.executable, "train_hub.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment | ({"HF_TOKEN": token} if token else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_train_hub(*arguments: str, token: str | None = None, timeout: float = 300) -> str:
    """Runs `python train_hub.py ...`, which must succeed; returns what it printed."""
    process = start_train_hub(*arguments, token=token)
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output
    return output


@contextmanager
def running_space(log: Path, folder: Path = ROOT, **environment: str) -> Iterator[str]:
    """Runs `python app.py` on a free port; yields its URL and stops it at the end."""
    with running_space_process(log, folder, **environment) as (url, _):
        yield url


@contextmanager
def running_space_process(
    log: Path, folder: Path = ROOT, **environment: str
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Does what `running_space` does and yields (URL, process)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=folder,
            env=os.environ | server | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(url, process, log)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"app.py stopped: {log.read_text()}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"app.py did not respond within {START_SECONDS} s: {log.read_text()}")


def install_package(source: Path, target: Path) -> None:
    """Builds a wheel from `source` and unpacks it into `target`, without its dependencies.

    The build leaves folders in `source`.
    """
    target.mkdir()
    subprocess.run([sys.executable, "-c", BUILD_WHEEL, str(target)], cwd=source, check=True)
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
