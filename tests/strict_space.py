"""A Space with tight limits, private files beside its model, and a recording proxy."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pix2pix.translate import STARTER_MODEL
from tests.commands import running_space
from tests.raw_http import RawSpaceClient
from tests.recording_server import SAMPLE_PHOTO, RecordingProxyHandler, serve_on_loopback

# A name that can't be loaded, and that is HTML and Markdown.
HOSTILE_MODEL_NAME = '<img src=x onerror="document.title=1">/[a](http://b)'


@pytest.fixture(scope="session")
def operators_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run: the published files, and beside them private ones."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(STARTER_MODEL, folder, dirs_exist_ok=True)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step-1.npz").write_bytes(b"secret")
    shutil.copy(SAMPLE_PHOTO, folder / "samples" / "private.png")
    shutil.copy(SAMPLE_PHOTO, folder / "samples.jpg")
    return folder


@pytest.fixture(scope="session")
def strict_space(
    hub, operators_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Starts the Space; yields its URL."""
    home = tmp_path_factory.mktemp("home")
    log = home / "app.log"
    variables = {
        "PIX2PIX_MODEL": str(operators_run), "PIX2PIX_MODELS": HOSTILE_MODEL_NAME,
        "PIX2PIX_MAX_FILE_MB": "1", "PIX2PIX_MAX_MEGAPIXELS": "1", "PIX2PIX_MAX_BATCH": "3",
        "PIX2PIX_QUEUE": "4", "PIX2PIX_CONCURRENCY": "1", "PIX2PIX_THREADS": "abc",
        "GRADIO_TEMP_DIR": str(home), "PYTHONUNBUFFERED": "1",
        # A setting that the Space overrides.
        "GRADIO_ANALYTICS_ENABLED": "True",
    }  # fmt: skip
    with serve_on_loopback(RecordingProxyHandler) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            variables |= {name: proxy, name.lower(): proxy}
        with running_space(log, **variables) as url:
            # Gradio ends the process when its own first request takes 3 s: no test is to run yet.
            while "MCP server" not in log.read_text():
                time.sleep(0.2)
            yield url


@pytest.fixture
def strict_client(strict_space: str) -> Iterator[RawSpaceClient]:
    """Yields an HTTP client with its own connections to the Space."""
    with RawSpaceClient(strict_space) as client:
        yield client
