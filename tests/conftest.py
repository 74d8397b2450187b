"""Points every Hugging Face client at the test Hub, before any of them is imported.

The clients read these variables once, at import: a fixture would set them too late.
"""

import os
import re
import signal
import socket
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node_client import ORT_FILES

with socket.socket() as _probe:
    _probe.bind(("127.0.0.1", 0))
    HUB_PORT: int = _probe.getsockname()[1]
_HF_HOME = tempfile.TemporaryDirectory(prefix="hf-home-", ignore_cleanup_errors=True)

os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{HUB_PORT}",
    "HF_HOME": _HF_HOME.name,
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # As prepare_tensorflow sets it, so that tests compute what the commands compute.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    # A page that is deployed or served gets ONNX Runtime from npm's packages, not from the CDN.
    "PIX2PIX_ORT_URL": str(ORT_FILES),
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}
# A developer's own token, caches or offline mode must not reach the tests.
for _name in (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HF_DATASETS_CACHE",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE",
):
    os.environ.pop(_name, None)

# A shell starts a background job (`make test &`) with SIGINT ignored, and every child process would
# inherit that: tests that interrupt a command would wait for it forever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.browser import browser, page, starter_space, visitor  # noqa: E402, F401
from tests.builders import running_eagerly  # noqa: E402
from tests.deployed_page import deployed_page, loaded_page  # noqa: E402, F401
from tests.deployed_space import (  # noqa: E402, F401
    deployed_space,
    page_repo,
    servable_model,
    space_repo,
)
from tests.hub_clients import anonymous_api, api, model_repo, read_only_api  # noqa: E402, F401
from tests.hub_server import USER, WRITE_TOKEN, HubServer  # noqa: E402
from tests.node_client import node_modules, ort_files  # noqa: E402, F401
from tests.ort_mirror import fetched_twice, ort_cache, ort_mirror  # noqa: E402, F401
from tests.published_run import published_run, published_space  # noqa: E402, F401
from tests.recording_server import recording_proxy, recording_server  # noqa: E402, F401
from tests.space_clients import two_model_space  # noqa: E402, F401
from tests.strict_space import operators_run, strict_client, strict_space  # noqa: E402, F401
from tests.web_drawing import shared_drawing, sheet  # noqa: E402, F401
from tests.web_pages import web_site  # noqa: E402, F401


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Lets modules that share costly fixtures run in the same process."""
    from tests.scheduling import GroupScheduling

    return GroupScheduling(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Runs the Hub at HF_ENDPOINT for all tests; each test uses its own `repo_id`."""
    with HubServer(tmp_path_factory.mktemp("hub"), HUB_PORT) as server:
        yield server


@pytest.fixture(autouse=True)
def _clear_faults_after_each_test(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "hub" in request.fixturenames:
        request.getfixturevalue("hub").faults.clear()


@pytest.fixture
def eager() -> Iterator[None]:
    """Runs the training steps of a test eagerly."""
    with running_eagerly():
        yield


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets HF_TOKEN to a write token for the length of a test."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)


@pytest.fixture
def write_token() -> str:
    return WRITE_TOKEN


@pytest.fixture
def repo_id(request: pytest.FixtureRequest) -> str:
    """Returns a repository id that no other test uses; nothing is created."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    return f"{USER}/{slug}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def empty_cache(tmp_path: Path) -> Path:
    """Returns the path of an empty `cache_dir`."""
    return tmp_path / "cache"
