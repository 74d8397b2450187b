"""Whatever is wrong when the Space starts: a working model is served, and a banner says why."""

import json
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
from pix2pix.files import sha256
from pix2pix.space.models import STARTER_MODEL, Models, load_models
from pix2pix.space.settings import Settings
from tests.commands import ROOT, running_space
from tests.hub_server import HubServer
from tests.raw import RawSpace

PHOTO = STARTER_MODEL / "samples" / "003-input.png"
NEEDED = ["pix2pix.json", "generator.onnx"]


def load(*names: str) -> Models:
    return load_models(Settings(models=names))


def starts_with_the_starter(name: str) -> str:
    """Loads `name`, which must fail, and returns the first banner."""
    models = load(name)
    assert models.names == ["the starter model"]
    assert models.default(PHOTO).size == (256, 256)
    why, instead = models.banners
    assert why.startswith(f"{name} is not served. ") and why.endswith(".") and "\n" not in why
    assert instead == "This is the starter model instead."
    return why


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the starter model that a test may spoil."""
    for name in NEEDED:
        shutil.copy(STARTER_MODEL / name, tmp_path)
    return tmp_path


def put_graph(folder: Path, graph: onnx.GraphProto) -> None:
    """Makes `graph` the model's, with the checksum that belongs to it."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, folder / "generator.onnx")
    about = json.loads((folder / "pix2pix.json").read_text())
    about["sha256"]["generator.onnx"] = sha256(folder / "generator.onnx")
    (folder / "pix2pix.json").write_text(json.dumps(about))


def identity(source: str) -> onnx.GraphProto:
    shape = ["n", "h", "w", 3]
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in (source, "translation")
    ]
    return helper.make_graph([helper.make_node("Identity", [source], ["translation"])], "g",
                             values[:1], values[1:])  # fmt: skip


def test_a_good_model_needs_no_banner(folder: Path):
    models = load(str(folder))
    assert models.names == [str(folder)] and models.banners == ()
    assert load().names == ["the starter model"] and load().banners == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tester/there-is-no-such-model", "was not found on the Hub"),
        ("../x", "has no valid id"),
        ("tester/a@b@c", "was not found on the Hub"),
        ("a/b/c", "has no valid id"),
        (str(ROOT / "README.md"), "has no valid id"),
        ("<b>x</b>", "has no valid id"),
        ("@", "is not a complete pix2pix model"),
    ],
    ids=lambda text: text[:20],
)
def test_odd_names(hub: HubServer, name: str, said: str):
    assert said in starts_with_the_starter(name)


def test_a_folder_without_a_model(tmp_path: Path):
    assert "pix2pix.json is missing" in starts_with_the_starter(str(tmp_path))


def test_a_private_model_without_a_token(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id, private=True)
    assert "if it is private, set HF_TOKEN" in starts_with_the_starter(repo_id)


def test_a_missing_revision(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id)
    assert "no such revision" in starts_with_the_starter(f"{repo_id}@v9")


def test_a_model_that_is_half_uploaded(hub: HubServer, api: HfApi, repo_id: str):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=["*.json"])
    assert "it has no generator.onnx" in starts_with_the_starter(repo_id)


def test_a_model_that_is_damaged(folder: Path):
    graph = bytearray((folder / "generator.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (folder / "generator.onnx").write_bytes(graph)
    assert "sha256 of generator.onnx" in starts_with_the_starter(str(folder))


@pytest.mark.parametrize("text", ["", "[]", '{"config": 3}', '{"config": {}}', "\ud800"])
def test_a_description_that_makes_no_sense(folder: Path, text: str):
    (folder / "pix2pix.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    starts_with_the_starter(str(folder))


def test_a_graph_that_loads_and_does_not_translate(folder: Path, capfd):
    put_graph(folder, identity("image"))
    assert load(str(folder)).banners == (), "an identity is a working model"
    put_graph(folder, identity("something_else"))
    assert "can't translate a picture" in starts_with_the_starter(str(folder))
    assert "Traceback" in capfd.readouterr().err, "the operator's log has it all"


def test_what_nobody_foresaw_is_for_the_log_and_not_for_the_page(capfd):
    models = load("x" * 5000)  # longer than any file system takes
    assert models.names == ["the starter model"] and len(models.banners) == 2
    assert len(models.banners[0]) < 600
    assert "Traceback" in capfd.readouterr().err


def test_one_bad_model_leaves_the_others(hub: HubServer, folder: Path):
    models = load("tester/gone", str(folder))
    assert models.names == [str(folder)]
    assert models.banners[1] == f"This is {folder} instead."
    second = load(str(folder), "tester/gone")
    assert second.names == [str(folder)] and len(second.banners) == 1


def test_secrets_in_names_stay_out_of_the_banner(hub: HubServer, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", "a-token-of-another-form")
    names = ("hf_AbCdEfGhIjKlMnOp", "https://me:secret@host/x", "a-token-of-another-form")
    said = "\n".join(load(*names).banners) + capfd.readouterr().out
    assert said.count("is not served") == 6
    assert "hf_A" not in said and "secret" not in said and "another-form" not in said


def test_without_a_hub_the_cache_serves_and_the_rest_fails_at_once(
    hub: HubServer, api: HfApi, repo_id: str
):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=NEEDED)
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
    assert seconds < 15, "the client alone tries for 23 s each"


@contextmanager
def silent_hub() -> Iterator[str]:
    """A server that takes connections and never answers: what a broken network looks like."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def take() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    for connection in taken:
        connection.close()


def load_in_a_process(name: str, before: str = "", **environment: str) -> tuple[str, float]:
    """Loads in a process of its own; returns what it printed, and the seconds."""
    code = f"""{before}
import time
from pix2pix.space.models import load_models
from pix2pix.space.settings import Settings
started = time.perf_counter()
models = load_models(Settings(models=({name!r},)))
print(models.names, time.perf_counter() - started)"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.splitlines()
    assert last.startswith("['the starter model'] "), done.stdout
    return done.stdout, float(last.split()[-1])


@pytest.mark.slow
def test_a_silent_hub_is_waited_for_seconds(tmp_path: Path):
    with silent_hub() as address:
        said, seconds = load_in_a_process("a/b", HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    assert "the Hub can't be reached" in said
    assert seconds < 20


SMALL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))"


def test_a_cache_that_takes_no_more(hub: HubServer, api: HfApi, repo_id: str, tmp_path: Path):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=NEEDED)
    said, _ = load_in_a_process(repo_id, SMALL_DISK, HF_HOME=str(tmp_path))
    assert "this machine's disk takes no more (File too large): make room" in said


def test_a_cache_that_is_no_folder(hub: HubServer, api: HfApi, repo_id: str, tmp_path: Path):
    api.create_repo(repo_id)
    api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=NEEDED)
    (tmp_path / "file").touch()
    said, _ = load_in_a_process(repo_id, HF_HOME=str(tmp_path / "file"))
    assert str(tmp_path / "file") in said and "can't be reached" not in said


@pytest.mark.slow
@pytest.mark.parametrize("hub_is", ["silent", "away"])
def test_the_whole_space_starts_on_a_dead_hub(tmp_path: Path, hub_is: str):
    with silent_hub() as address:
        nowhere = address if hub_is == "silent" else "http://127.0.0.1:9"
        variables = {"HF_ENDPOINT": nowhere, "HF_HOME": str(tmp_path), "PIX2PIX_MODEL": "a/b"}
        variables |= {"PIX2PIX_MODELS": "c/d,e/f", "PIX2PIX_QUEUE": "many"}
        started = time.perf_counter()
        with running_space(tmp_path / "app.log", **variables) as url, RawSpace(url) as client:
            assert time.perf_counter() - started < 45
            assert client.translate(PHOTO.read_bytes()).event == "complete"
            config = Client(url, verbose=False).config
    (banner,) = (c for c in config["components"] if c["props"].get("elem_id") == "banner")
    assert banner["props"]["value"].count("is not served") == 3
    assert "PIX2PIX_QUEUE" in banner["props"]["value"]
    assert "not served" in (tmp_path / "app.log").read_text()


@pytest.mark.slow
def test_the_whole_space_starts_where_its_folder_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    place = {"GRADIO_TEMP_DIR": str(tmp_path / "file" / "below")}
    with running_space(tmp_path / "app.log", **place) as address, RawSpace(address) as client:
        assert client.translate(PHOTO.read_bytes()).event == "complete"


@pytest.mark.slow
def test_the_whole_space_starts_on_a_full_disk(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(SMALL_DISK.replace("500_000", "20_000"))
    paths = {"PYTHONPATH": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path / "temp")}
    with running_space(tmp_path / "app.log", **paths) as address, RawSpace(address) as client:
        assert client.http.get("/").status_code == 200
        sample = client.http.get(f"/gradio_api/file={PHOTO}")
        assert sample.content == PHOTO.read_bytes(), "served from where it lies"
        with suppress(httpx.ReadError):  # it may close the connection while the file still comes
            refused = client.http.post("/gradio_api/upload", files={"files": PHOTO.read_bytes()})
            assert refused.status_code == 400 and "Traceback" not in refused.text
        with RawSpace(address) as another:
            answer = another.call({"path": str(PHOTO)}, "fit")
        assert answer.event == "error" and "Traceback" not in answer.text


def test_the_model_that_is_served_is_the_translators(folder: Path):
    served = load(str(folder)).default
    np.testing.assert_array_equal(served(PHOTO), Translator.from_pretrained(STARTER_MODEL)(PHOTO))
