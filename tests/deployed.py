"""The starter model published with its Space, as a user does it: once a session, for many tests."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from huggingface_hub import snapshot_download

from tests.commands import ROOT, run_train_hub, running_space
from tests.hub_server import USER, WRITE_TOKEN, HubServer

STARTER = ROOT / "assets" / "starter_model"
MODEL, SPACE, TAG = f"{USER}/starter-maps", f"{USER}/starter-space", "v1.0"


@dataclass(frozen=True)
class Deployed:
    """What `--push_only --space_id` left on the Hub, and the Space's own files running here.

    `requested` are the paths that the Space asked the Hub for until it was ready.
    """

    folder: Path
    output: str
    files: Path
    address: str
    photo: Path
    requested: frozenset[str]


def push(folder: Path, *arguments: str, model: str = MODEL, space: str = SPACE) -> str:
    """Publishes the run in `folder` with its Space; returns what the command printed."""
    return run_train_hub(
        "--push_only", "--output_dir", str(folder), "--hub_model_id", model,
        "--space_id", space, *arguments, token=WRITE_TOKEN,
    )  # fmt: skip


@pytest.fixture(scope="session")
def deployed(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Publishes, downloads the Space into an empty folder and runs `python app.py` there."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copytree(STARTER, folder / "run")
    output = push(folder / "run", "--hub_tag", TAG)
    files = folder / "space"
    snapshot_download(SPACE, repo_type="space", local_dir=files)
    photo = folder / "aerial.jpg"
    rows = ROOT / "assets" / "sample_maps" / "data" / "validation-00000-of-00001.parquet"
    photo.write_bytes(parquet.read_table(rows)["imageA"][5].as_py()["bytes"])
    variables = hub.store.repo("space", SPACE).variables
    environment = {name: variable["value"] for name, variable in variables.items()}
    # A fresh cache, as a new machine has, and no way back to this checkout.
    environment |= {"HF_HOME": str(folder / "home"), "PYTHONPATH": ""}
    before = len(hub.requests)
    with running_space(folder / "app.log", files, **environment) as address:
        requested = frozenset(path for _, path, _ in hub.requests[before:])
        yield Deployed(folder / "run", output, files, address, photo, requested)
