"""The starter model published together with its Space: once a session, for many tests."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from huggingface_hub import snapshot_download

from pix2pix.artifacts import THUMBNAIL_FILE
from pix2pix.hub import spaces
from tests.commands import ROOT, run_train_hub, running_space
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.hub_server.commits import AddFile
from tests.hub_server.store import LFS_SUFFIXES

STARTER_MODEL = ROOT / "assets" / "starter_model"
# What can fail while a Space of either kind is deployed: the route below its own, the fault, the
# reason in the message, and whether the Hub has made the commit.
DEPLOYMENT_FAULTS = [
    ("$", 503, "server error of the Hub (503)", False),
    ("/preupload/", 403, "or choose another --space_id", False),
    pytest.param("/info/lfs/", 401, "does not accept this token", False, marks=pytest.mark.slow),
    ("/commit/", 412, "somebody else changed it meanwhile", False),
    pytest.param("/commit/", "reset", "can't be reached", False, marks=pytest.mark.slow),
    ("/commit/", "lost", "can't be reached", True),
]
MODEL, SPACE, TAG = f"{USER}/starter-maps", f"{USER}/starter-space", "v1.0"


@dataclass(frozen=True)
class DeployedSpace:
    """A published run, its Space's files downloaded from the Hub, and that Space running here.

    `output` is what the publishing command printed; `requested_paths` are the paths that the Space
    requested from the Hub until it was ready.
    """

    run_folder: Path
    output: str
    space_folder: Path
    url: str
    photo: Path
    requested_paths: frozenset[str]


def publish_with_space(
    folder: Path, *arguments: str, model: str = MODEL, space: str = SPACE
) -> str:
    """Publishes the run in `folder` with its Space; returns what the command printed."""
    return run_train_hub(
        "--push_only", "--output_dir", str(folder), "--hub_model_id", model,
        "--space_id", space, *arguments, token=WRITE_TOKEN,
    )  # fmt: skip


def deploy_new_space(space_id: str, model_id: str, sdk: str = "gradio") -> str:
    """Creates a Space that serves the model; returns the Space's id."""
    plan = spaces.plan_space(spaces.SpaceRequest(space_id, sdk=sdk, model_id=model_id))
    spaces.prepare_space(plan)
    spaces.deploy_space(space_id, spaces.find_model(model_id))
    return space_id


def deploy_again(space_id: str, model_id: str) -> str:
    """Updates a Space to the newest commit of the model; returns the text for the user."""
    return spaces.deploy_space(space_id, spaces.find_model(model_id))


def read_space_file(hub: HubServer, space_id: str, path: str) -> bytes:
    """Returns a file on the Space's main branch."""
    return hub.store.read_blob(hub.store.repo("space", space_id).head.tree[path])


def read_settings(hub: HubServer, space_id: str) -> dict:
    """Returns the content of a static Space's model.json."""
    return json.loads(read_space_file(hub, space_id, "model.json"))


def list_blob_ids(hub: HubServer, space_id: str) -> dict[str, str]:
    """Returns git's id of each file of the Space."""
    tree = hub.store.repo("space", space_id).head.tree
    return {path: blob.git_oid for path, blob in tree.items()}


@pytest.fixture(scope="session")
def deployed_space(
    hub: HubServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedSpace]:
    """Publishes, downloads the Space into an empty folder and runs `python app.py` there."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copytree(STARTER_MODEL, folder / "run")
    output = publish_with_space(folder / "run", "--hub_tag", TAG)
    space_folder = folder / "space"
    snapshot_download(SPACE, repo_type="space", local_dir=space_folder)
    photo = folder / "aerial.jpg"
    rows = ROOT / "assets" / "sample_maps" / "data" / "validation-00000-of-00001.parquet"
    photo.write_bytes(parquet.read_table(rows)["imageA"][5].as_py()["bytes"])
    variables = hub.store.repo("space", SPACE).variables
    environment = {name: variable["value"] for name, variable in variables.items()}
    # A new machine has an empty cache, and must not find this checkout's package.
    environment |= {"HF_HOME": str(folder / "home"), "PYTHONPATH": ""}
    before = len(hub.requests)
    with running_space(folder / "app.log", space_folder, **environment) as url:
        requested_paths = frozenset(path for _, path, _ in hub.requests[before:])
        yield DeployedSpace(folder / "run", output, space_folder, url, photo, requested_paths)


def store_servable_model(hub: HubServer, model_id: str) -> str:
    """Puts what serving and previews need of the starter model on the Hub; returns `model_id`.

    They go straight into the Hub's store, which takes a tenth of the time of an upload.
    """
    edits = []
    for path in STARTER_MODEL.iterdir():
        if path.suffix in (".json", ".onnx", ".md") or path.name == THUMBNAIL_FILE:
            blob = hub.store.write_blob(path.read_bytes())
            if path.suffix in LFS_SUFFIXES:
                blob = hub.store.find_lfs_blob(blob.sha256, blob.size)
            edits.append(AddFile(path.name, blob))
    hub.store.create("model", model_id).commit("main", edits, title="Upload the model")
    return model_id


@pytest.fixture
def servable_model(hub: HubServer, repo_id: str, logged_in: None) -> str:
    """Returns the id of a model on the Hub that can be served: the starter model."""
    return store_servable_model(hub, repo_id)


@pytest.fixture
def space_repo(servable_model: str) -> str:
    """Deploys a Space that serves `servable_model`; returns the Space's id."""
    return deploy_new_space(f"{servable_model}-space", servable_model)


@pytest.fixture
def page_repo(servable_model: str, ort_files: Path) -> str:
    """Deploys a static Space that serves `servable_model`; returns the Space's id."""
    return deploy_new_space(f"{servable_model}-page", servable_model, "static")
