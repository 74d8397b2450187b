"""Starts the project's commands as a user does: as processes of their own."""

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
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
START_SECONDS = 120


def train_hub(*arguments: str, token: str | None = None, **environment: str) -> subprocess.Popen:
    """`python train_hub.py ...`, with its output on one pipe and, maybe, a token."""
    return subprocess.Popen(
        [sys.executable, "train_hub.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment | ({"HF_TOKEN": token} if token else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_train_hub(*arguments: str, token: str | None = None, timeout: float = 300) -> str:
    """Runs it to its end, which must be a good one, and returns what it printed."""
    process = train_hub(*arguments, token=token)
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output
    return output


@contextmanager
def running_space(log: Path, folder: Path = ROOT, **environment: str) -> Iterator[str]:
    """`python app.py` on a free port; yields its address and stops it by its process id."""
    with space_process(log, folder, **environment) as (address, _):
        yield address


@contextmanager
def space_process(
    log: Path, folder: Path = ROOT, **environment: str
) -> Iterator[tuple[str, subprocess.Popen]]:
    """As `running_space`; yields the process as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
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
        _wait_until_ready(address, process, log)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"app.py stopped: {log.read_text()}"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"app.py did not answer within {START_SECONDS} s: {log.read_text()}")


def install(source: Path, where: Path) -> None:
    """What pip does with the package in `source`, but for the packages that it needs besides.

    The build leaves folders in `source`.
    """
    where.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, str(where)], cwd=source, check=True)
    (wheel,) = where.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(where)
