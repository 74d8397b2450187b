"""Errors when the Space starts: it serves a working model and shows the reason in a banner."""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from gradio_client import Client
from huggingface_hub import HfApi
from onnx import TensorProto, helper

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER, STARTER_FOLDERS
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.space import served_models
from pix2pix.space.served_models import ServedModels, load_models
from pix2pix.space.settings import Settings
from pix2pix.translate import STARTER_MODEL
from tests.commands import ROOT, running_space
from tests.hub_server import HubServer
from tests.raw_http import RawSpaceClient

PHOTO = STARTER_MODEL / "samples" / "003-input.png"
REQUIRED_FILES = ["pix2pix.json", "generator.onnx"]
STARTERS = ["satellite photo to atlas map", "sketch to satellite photo"]


def load(*names: str) -> ServedModels:
    return load_models(Settings(models=names))


def load_invalid(name: str) -> str:
    """Loads a model, which must fail, and returns the first banner; the starters are served."""
    models = load(name)
    assert models.names == STARTERS
    assert models.default(PHOTO).size == (256, 256)
    reason, replacement = models.banners
    assert reason.startswith(f"{name} is not served. ")
    assert reason.endswith(".") and "\n" not in reason
    assert replacement == (
        "The starter models are served instead: satellite photo to atlas map and sketch to "
        "satellite photo."
    )
    return reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the starter model that a test may damage."""
    for name in REQUIRED_FILES:
        shutil.copy(STARTER_MODEL / name, tmp_path)
    return tmp_path


def replace_graph(folder: Path, graph: onnx.GraphProto) -> None:
    """Writes `graph` as the model's ONNX file, with the right checksum in pix2pix.json."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, folder / "generator.onnx")
    about = json.loads((folder / "pix2pix.json").read_text())
    about["sha256"]["generator.onnx"] = sha256(folder / "generator.onnx")
    (folder / "pix2pix.json").write_text(json.dumps(about))


def identity_graph(source: str) -> onnx.GraphProto:
    """Returns a graph that copies its input, named `source`, to its output."""
    shape = ["n", "h", "w", 3]
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in (source, "translation")
    ]
    return helper.make_graph([helper.make_node("Identity", [source], ["translation"])], "g",
                             values[:1], values[1:])  # fmt: skip


def test_a_valid_model_is_served_without_a_banner(folder: Path):
    models = load(str(folder))
    assert models.names == [str(folder)] and models.banners == ()


def test_without_a_model_both_starters_are_served_and_the_map_is_the_default():
    models = load()
    assert models.names == STARTERS and models.banners == ()
    for name, folder in zip(STARTERS, STARTER_FOLDERS, strict=True):
        picture = ROOT / folder / "samples" / "003-input.png"
        assert np.array_equal(models[name](picture), Translator(ROOT / folder)(picture))
    assert models[None] is models.default is models[STARTERS[0]]


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A checkout's folders of the starter models, which a test may damage."""
    monkeypatch.setattr(served_models, "ROOT", tmp_path)
    for folder in STARTER_FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
        for name in REQUIRED_FILES:
            shutil.copy(ROOT / folder / name, tmp_path / folder)
    return [tmp_path / folder for folder in STARTER_FOLDERS]


def test_without_the_second_starter_the_first_is_served_alone(hub: HubServer, starters: list):
    shutil.rmtree(starters[1])
    assert load().names == STARTERS[:1] and load().banners == ()
    assert load("../x").banners[1] == (
        "The starter model is served instead: satellite photo to atlas map."
    )


def test_a_damaged_starter_is_reported_and_the_other_one_served(starters: list):
    (starters[1] / "generator.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    models = load()
    assert models.names == STARTERS[:1]
    (banner,) = models.banners
    assert banner.startswith(f"{PAINTER_FOLDER} is not served. ") and "sha256" in banner
    assert str(starters[1]) not in banner
    shutil.rmtree(starters[0])
    with pytest.raises(UserError, match=r"There is no model to serve\. .*sha256"):
        load()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tester/there-is-no-such-model", "was not found on the Hub"),
        ("../there-is-no-such-folder", "is not a valid id"),
        ("tester/a@b@c", "was not found on the Hub"),
        ("a/b/c", "is not a valid id"),
        (str(ROOT / "README.md"), "is not a valid id"),
        ("<b>x</b>", "is not a valid id"),
        ("@", "is not a complete pix2pix model"),
    ],
    ids=lambda text: text[:20],
)
def test_an_invalid_name_is_reported(hub: HubServer, name: str, message: str):
    assert message in load_invalid(name)


def test_a_folder_without_a_model_is_reported(tmp_path: Path):
    assert "pix2pix.json is missing" in load_invalid(str(tmp_path))


def test_a_private_model_without_a_token_is_reported(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id, private=True)
    assert "If it is private, set HF_TOKEN" in load_invalid(repo_id)


def test_a_missing_revision_is_reported(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id)
    assert "no such revision" in load_invalid(f"{repo_id}@v9")


def test_a_model_that_is_partly_uploaded_is_reported(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=["*.json"])
    assert "it has no generator.onnx" in load_invalid(repo_id)


def test_a_damaged_model_is_reported(folder: Path):
    graph = bytearray((folder / "generator.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (folder / "generator.onnx").write_bytes(graph)
    assert "sha256 of generator.onnx" in load_invalid(str(folder))


@pytest.mark.parametrize("text", ["", "[]", '{"config": 3}', '{"config": {}}', "\ud800"])
def test_an_invalid_pix2pix_json_is_reported(folder: Path, text: str):
    (folder / "pix2pix.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    load_invalid(str(folder))


def test_a_graph_that_can_be_loaded_but_not_run_is_reported(folder: Path, caplog):
    replace_graph(folder, identity_graph("image"))
    assert load(str(folder)).banners == (), "a graph that copies its input is a valid model"
    replace_graph(folder, identity_graph("something_else"))
    assert "can't translate a picture" in load_invalid(str(folder))
    assert "Traceback" in caplog.text, "the log has the traceback"


def test_an_unexpected_error_is_logged_and_not_shown_on_the_page(caplog):
    models = load("x" * 5000)  # longer than any file system accepts
    assert models.names == STARTERS and len(models.banners) == 2
    assert len(models.banners[0]) < 600
    assert "Traceback" in caplog.text


def test_the_other_models_are_served_if_one_is_invalid(hub: HubServer, folder: Path):
    models = load("tester/gone", str(folder))
    assert models.names == [str(folder)]
    assert models.banners[1] == f"This is {folder} instead."
    second = load(str(folder), "tester/gone")
    assert second.names == [str(folder)] and len(second.banners) == 1


def test_secrets_in_names_are_not_in_banners_or_the_log(hub: HubServer, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "pix2pix")
    monkeypatch.setenv("HF_TOKEN", "a-token-of-another-form")
    names = ("hf_AbCdEfGhIjKlMnOp", "https://me:secret@host/x", "a-token-of-another-form")
    text = "\n".join(load(*names).banners) + caplog.text
    assert text.count("is not served") == 6
    assert "hf_A" not in text and "secret" not in text and "another-form" not in text


def test_without_a_hub_cached_models_are_served_and_the_others_fail_fast(
    hub: HubServer, api: HfApi, repo_id: str
):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=REQUIRED_FILES)
    assert load(repo_id).banners == ()
    hub.stop()
    try:
        started = time.perf_counter()
        models = load("tester/not-in-the-cache", repo_id, "tester/nor-this", "tester/nor-that")
        seconds = time.perf_counter() - started
    finally:
        hub.start()
    assert models.names == [repo_id] and models.default.revision
    assert sum("the Hub can't be reached" in banner for banner in models.banners) == 3
    assert seconds < 15, "the client's own retries take 23 s per model"


@contextmanager
def silent_hub() -> Iterator[str]:
    """Yields the URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept() -> None:
            try:
                while True:
                    connections.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    for connection in connections:
        connection.close()


def load_in_a_process(name: str, setup: str = "", **environment: str) -> tuple[str, float]:
    """Loads a model in a new process, after the code `setup`; returns its output and seconds."""
    code = f"""{setup}
import time
from pix2pix.console import show_log_messages
from pix2pix.space.served_models import load_models
from pix2pix.space.settings import Settings
show_log_messages()
started = time.perf_counter()
models = load_models(Settings(models=({name!r},)))
print(models.names, time.perf_counter() - started)"""
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    *_, last_line = process.stdout.splitlines()
    assert last_line.startswith(f"{STARTERS} "), process.stdout
    return process.stdout, float(last_line.split()[-1])


@pytest.mark.slow
def test_a_hub_that_does_not_respond_delays_the_start_by_seconds(tmp_path: Path):
    with silent_hub() as url:
        output, seconds = load_in_a_process("a/b", HF_ENDPOINT=url, HF_HOME=str(tmp_path))
    assert "the Hub can't be reached" in output
    assert seconds < 20


SMALL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))"


def test_a_full_disk_of_the_cache_is_reported(
    hub: HubServer, api: HfApi, repo_id: str, tmp_path: Path
):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=REQUIRED_FILES)
    output, _ = load_in_a_process(repo_id, SMALL_DISK, HF_HOME=str(tmp_path))
    assert "no room on the disk of this machine (File too large). Free some space." in output


def test_a_cache_folder_that_is_a_file_is_reported(
    hub: HubServer, api: HfApi, repo_id: str, tmp_path: Path
):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=REQUIRED_FILES)
    (tmp_path / "file").touch()
    output, _ = load_in_a_process(repo_id, HF_HOME=str(tmp_path / "file"))
    assert str(tmp_path / "file") in output and "can't be reached" not in output


@pytest.mark.slow
@pytest.mark.parametrize("hub_state", ["silent", "unreachable"])
def test_the_whole_space_starts_without_a_working_hub(tmp_path: Path, hub_state: str):
    with silent_hub() as silent_url:
        endpoint = silent_url if hub_state == "silent" else "http://127.0.0.1:9"
        variables = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "PIX2PIX_MODEL": "a/b"}
        variables |= {"PIX2PIX_MODELS": "c/d,e/f", "PIX2PIX_QUEUE": "many"}
        started = time.perf_counter()
        with running_space(tmp_path / "app.log", **variables) as url, RawSpaceClient(url) as client:
            assert time.perf_counter() - started < 45
            assert client.translate(PHOTO.read_bytes()).event == "complete"
            config = Client(url, verbose=False).config
    (banner,) = (part for part in config["components"] if part["props"].get("elem_id") == "banner")
    assert banner["props"]["value"].count("is not served") == 3
    assert "PIX2PIX_QUEUE" in banner["props"]["value"]
    assert "not served" in (tmp_path / "app.log").read_text()


@pytest.mark.slow
def test_the_whole_space_starts_if_its_folder_cannot_be_created(tmp_path: Path):
    (tmp_path / "file").touch()
    paths = {"GRADIO_TEMP_DIR": str(tmp_path / "file" / "below")}
    with running_space(tmp_path / "app.log", **paths) as url, RawSpaceClient(url) as client:
        assert client.translate(PHOTO.read_bytes()).event == "complete"


@pytest.mark.slow
def test_the_whole_space_starts_on_a_full_disk(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(SMALL_DISK.replace("500_000", "20_000"))
    paths = {"PYTHONPATH": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path / "temp")}
    with running_space(tmp_path / "app.log", **paths) as url, RawSpaceClient(url) as client:
        assert client.http.get("/").status_code == 200
        sample = client.http.get(f"/gradio_api/file={PHOTO}")
        assert sample.content == PHOTO.read_bytes(), "it is served from its own folder"
        with suppress(httpx.ReadError):  # the Space may close the connection before the upload ends
            response = client.http.post("/gradio_api/upload", files={"files": PHOTO.read_bytes()})
            assert response.status_code == 400 and "Traceback" not in response.text
        with RawSpaceClient(url) as another:
            result = another.call({"path": str(PHOTO)}, "fit")
        assert result.event == "error" and "Traceback" not in result.text


def test_a_served_model_translates_like_the_translator(folder: Path):
    served = load(str(folder)).default
    np.testing.assert_array_equal(served(PHOTO), Translator.from_pretrained(STARTER_MODEL)(PHOTO))
