"""Translator.from_pretrained with a Hub id: downloads, digests, the cache, and refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, constants

from pix2pix import Translator, UserError
from pix2pix.artifacts import SERVED
from tests.builders import make_picture
from tests.commands import ROOT
from tests.hub_server import HubServer
from tests.hub_server.commits import AddFile, DeletePath

STARTER_MODEL = ROOT / "assets" / "starter_model"


@pytest.fixture
def model(hub: HubServer, repo_id: str) -> str:
    """A repository with the starter model, tagged v1.0, and files that a run does not publish."""
    repo = hub.store.create("model", repo_id)
    files = {path: path.read_bytes() for path in STARTER_MODEL.rglob("*") if path.is_file()}
    edits = [
        AddFile(path.relative_to(STARTER_MODEL).as_posix(), hub.store.write_blob(content))
        for path, content in files.items()
    ]
    foreign = ("modeling.py", "weights.pkl", "pytorch_model.bin", "__init__.py")
    edits += [AddFile(path, hub.store.write_blob(b"raise SystemExit")) for path in foreign]
    repo.commit("main", edits, title="published")
    repo.tag("v1.0", "main")
    return repo_id


def commit_files(hub: HubServer, repo_id: str, **files: bytes | None) -> str:
    """Commits files and deletes those that are None; a dot in a name is written as __."""
    edits = []
    for name, content in files.items():
        path = name.replace("__", ".")
        edits.append(
            DeletePath(path) if content is None else AddFile(path, hub.store.write_blob(content))
        )
    return hub.store.repo("model", repo_id).commit("main", edits, title="changed")[0].oid


def list_downloads(hub: HubServer, repo_id: str) -> list[str]:
    """Returns the files whose content the Hub sent, in order."""
    prefix = f"/{repo_id}/resolve/"
    return [
        path.split(prefix)[1].split("/", 1)[1]
        for method, path, status in hub.requests
        if method == "GET" and prefix in path and status < 300
    ]


def test_only_files_that_serving_needs_are_downloaded(hub: HubServer, model: str):
    translator = Translator.from_pretrained(model)
    names = set(list_downloads(hub, model))
    assert names >= {"pix2pix.json", "generator.onnx", "metrics.json", "samples/000-input.png"}
    assert all(any(Path(name).match(pattern) for pattern in SERVED) for name in names)
    assert {path.name for path in translator.folder.rglob("*") if path.is_file()} == {
        Path(name).name for name in names
    }
    expected = Translator(STARTER_MODEL)(make_picture(300, 200))
    np.testing.assert_array_equal(translator(make_picture(300, 200)), expected)


def test_a_pinned_revision_never_changes(hub: HubServer, model: str):
    pinned = hub.store.repo("model", model).head.oid
    about = json.loads((STARTER_MODEL / "pix2pix.json").read_text())
    steps = about["training"]["steps"]
    about["training"]["steps"] = 1
    moved = commit_files(hub, model, pix2pix__json=json.dumps(about).encode())
    for revision in ("v1.0", pinned):
        translator = Translator.from_pretrained(model, revision=revision)
        assert translator.revision == pinned
        assert translator.about["training"]["steps"] == steps > 1
    assert Translator.from_pretrained(model).revision == moved
    assert Translator.from_pretrained(model).about["training"]["steps"] == 1


@pytest.mark.parametrize("revision", [None, "v1.0"])
def test_a_model_that_was_loaded_once_loads_without_the_hub(hub: HubServer, model: str, revision):
    online = Translator.from_pretrained(model, revision=revision)
    hub.stop()
    try:
        offline = Translator.from_pretrained(model, revision=revision)
    finally:
        hub.start()
    assert (offline.folder, offline.revision) == (online.folder, online.revision)


@pytest.mark.parametrize(
    ("missing", "downloads"), [("pix2pix__json", []), ("generator__onnx", ["pix2pix.json"])]
)
def test_another_kind_of_model_is_refused_without_downloading_the_rest(
    hub: HubServer, model: str, missing: str, downloads: list[str]
):
    commit_files(hub, model, **{missing: None})
    with pytest.raises(UserError, match=rf"{model} is not a pix2pix model: it has no "):
        Translator.from_pretrained(model)
    assert list_downloads(hub, model) == downloads


def test_a_revision_without_a_model_is_refused(hub: HubServer, model: str):
    first = hub.store.repo("model", model).head.parent
    with pytest.raises(UserError, match=f"it has no pix2pix.json at {first}"):
        Translator.from_pretrained(model, revision=first)


def test_a_graph_with_another_digest_is_refused(hub: HubServer, model: str):
    graph = bytearray((STARTER_MODEL / "generator.onnx").read_bytes())
    graph[-100] ^= 1  # a graph that still loads
    commit_files(hub, model, generator__onnx=bytes(graph))
    with pytest.raises(UserError, match="sha256 of generator.onnx is not the one in pix2pix.json"):
        Translator.from_pretrained(model)
    assert Translator.from_pretrained(model, revision="v1.0")


def test_a_damaged_cache_is_refused_and_can_be_repaired(hub: HubServer, model: str):
    folder = Translator.from_pretrained(model).folder
    graph = (folder / "generator.onnx").resolve()
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"delete {folder}"):
        Translator.from_pretrained(model)
    shutil.rmtree(folder)
    graph.unlink()
    assert Translator.from_pretrained(model).folder == folder


def test_the_digest_of_a_local_folder_is_checked(tmp_path: Path):
    for name in ("generator.onnx", "pix2pix.json"):
        shutil.copy(STARTER_MODEL / name, tmp_path)
    assert Translator(tmp_path)
    about = json.loads((tmp_path / "pix2pix.json").read_text())
    about["sha256"]["generator.onnx"] = "0" * 64
    (tmp_path / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="sha256 of generator.onnx"):
        Translator(tmp_path)
    del about["sha256"]
    (tmp_path / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="sha256 of generator.onnx"):
        Translator(tmp_path)


def test_a_missing_repository_and_a_missing_revision_are_refused(hub: HubServer, model: str):
    with pytest.raises(UserError, match="was not found on the Hub"):
        Translator.from_pretrained(model + "-absent")
    with pytest.raises(UserError, match="no such revision"):
        Translator.from_pretrained(model, revision="v9")
    assert HfApi(constants.ENDPOINT).model_info(model).id == model
