"""Translator.from_pretrained from the Hub: what is fetched, checked, kept, and refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, constants

from pix2pix import Translator, UserError
from pix2pix.hub import SERVED
from tests.builders import picture
from tests.commands import ROOT
from tests.hub_server import HubServer
from tests.hub_server.trees import Delete, Put

STARTER_MODEL = ROOT / "assets" / "starter_model"


@pytest.fixture
def model(hub: HubServer, repo_id: str) -> str:
    """A repository with the starter model, tagged v1.0, and files that are none of ours."""
    repo = hub.store.create("model", repo_id)
    files = {path: path.read_bytes() for path in STARTER_MODEL.rglob("*") if path.is_file()}
    edits = [
        Put(path.relative_to(STARTER_MODEL).as_posix(), hub.store.put(content))
        for path, content in files.items()
    ]
    foreign = ("modeling.py", "weights.pkl", "pytorch_model.bin", "__init__.py")
    edits += [Put(path, hub.store.put(b"raise SystemExit")) for path in foreign]
    repo.add("main", edits, title="published")
    repo.tag("v1.0", "main")
    return repo_id


def change(hub: HubServer, repo_id: str, **files: bytes | None) -> str:
    """A commit that replaces files, or deletes those that are None; dots are written as __."""
    edits = []
    for name, content in files.items():
        path = name.replace("__", ".")
        edits.append(Delete(path) if content is None else Put(path, hub.store.put(content)))
    return hub.store.repo("model", repo_id).add("main", edits, title="changed")[0].oid


def fetched(hub: HubServer, repo_id: str) -> list[str]:
    """The files whose content was sent, in order."""
    place = f"/{repo_id}/resolve/"
    return [
        path.split(place)[1].split("/", 1)[1]
        for method, path, status in hub.requests
        if method == "GET" and place in path and status < 300
    ]


def test_only_what_serving_needs_is_fetched(hub: HubServer, model: str):
    translator = Translator.from_pretrained(model)
    names = set(fetched(hub, model))
    assert names >= {"pix2pix.json", "generator.onnx", "metrics.json", "samples/000-input.png"}
    assert all(any(Path(name).match(pattern) for pattern in SERVED) for name in names)
    assert {path.name for path in translator.folder.rglob("*") if path.is_file()} == {
        Path(name).name for name in names
    }
    expected = Translator(STARTER_MODEL)(picture(300, 200))
    np.testing.assert_array_equal(translator(picture(300, 200)), expected)


def test_a_pinned_revision_stays_what_it_was(hub: HubServer, model: str):
    pinned = hub.store.repo("model", model).head.oid
    about = json.loads((STARTER_MODEL / "pix2pix.json").read_text())
    about["training"]["steps"] = 1
    moved = change(hub, model, pix2pix__json=json.dumps(about).encode())
    for revision in ("v1.0", pinned):
        translator = Translator.from_pretrained(model, revision=revision)
        assert translator.revision == pinned
        assert translator.about["training"]["steps"] == 24000
    assert Translator.from_pretrained(model).revision == moved
    assert Translator.from_pretrained(model).about["training"]["steps"] == 1


@pytest.mark.parametrize("revision", [None, "v1.0"])
def test_what_was_loaded_once_loads_without_the_hub(hub: HubServer, model: str, revision):
    online = Translator.from_pretrained(model, revision=revision)
    hub.stop()
    try:
        offline = Translator.from_pretrained(model, revision=revision)
    finally:
        hub.start()
    assert (offline.folder, offline.revision) == (online.folder, online.revision)


@pytest.mark.parametrize("missing", ["pix2pix__json", "generator__onnx"])
def test_a_repository_that_is_not_ours_is_refused_unfetched(
    hub: HubServer, model: str, missing: str
):
    change(hub, model, **{missing: None})
    with pytest.raises(UserError, match=rf"{model} is not a pix2pix model: it has no "):
        Translator.from_pretrained(model)
    assert set(fetched(hub, model)) <= {"pix2pix.json"}


def test_a_revision_before_it_was_published_is_named(hub: HubServer, model: str):
    first = hub.store.repo("model", model).head.parent
    with pytest.raises(UserError, match=f"it has no pix2pix.json at {first}"):
        Translator.from_pretrained(model, revision=first)


def test_other_weights_than_those_described_are_refused(hub: HubServer, model: str):
    graph = bytearray((STARTER_MODEL / "generator.onnx").read_bytes())
    graph[-100] ^= 1  # a graph that still loads
    change(hub, model, generator__onnx=bytes(graph))
    with pytest.raises(UserError, match="sha256 of generator.onnx is not the one in pix2pix.json"):
        Translator.from_pretrained(model)
    assert Translator.from_pretrained(model, revision="v1.0")


def test_a_damaged_cache_says_how_to_mend_it(hub: HubServer, model: str):
    folder = Translator.from_pretrained(model).folder
    graph = (folder / "generator.onnx").resolve()
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"delete {folder}"):
        Translator.from_pretrained(model)
    shutil.rmtree(folder)
    graph.unlink()
    assert Translator.from_pretrained(model).folder == folder


def test_a_folder_is_checked_too(tmp_path: Path):
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


def test_an_unknown_repository_and_a_revision_that_is_not_there(hub: HubServer, model: str):
    with pytest.raises(UserError, match="was not found on the Hub"):
        Translator.from_pretrained(model + "-absent")
    with pytest.raises(UserError, match="no such revision"):
        Translator.from_pretrained(model, revision="v9")
    assert HfApi(constants.ENDPOINT).model_info(model).id == model
