"""`pix2pix web`: the page on this machine, for each kind of model."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi

from pix2pix.browser import list_site_files
from pix2pix.translate import STARTER_MODEL
from tests.commands import ROOT


@contextmanager
def running_command(*arguments: str, title: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Runs `pix2pix web` on a free port; yields its URL and the process, which must be ended.

    `title` is the model that the command must print.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "pix2pix", "web", "--port", "0", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert line == f"The model: {title}\n", process.stderr.read()
        while not line.startswith("The page: "):
            line = process.stdout.readline()
            assert line, process.stderr.read()
        yield line.split()[2], process
    finally:
        process.kill()
        process.communicate()


def fetch(url: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200
    return response.read()


@pytest.mark.parametrize(
    "end", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_the_command_serves_the_page_until_it_is_stopped(ort_cache: Path, end: signal.Signals):
    with running_command(title="both starter models; choose one on the page") as (url, process):
        settings = json.loads(fetch(url, "/model.json"))
        assert settings["folder"] == "starter_model"
        folders = [choice["folder"] for choice in settings["choices"]]
        assert folders == ["starter_model", "starter_painter"]
        for folder in folders:
            graph = (STARTER_MODEL.parent / folder / "generator.onnx").read_bytes()
            assert fetch(url, f"/{folder}/generator.onnx") == graph
        assert (
            fetch(url, "/") == list_site_files({}, endpoint=os.environ["HF_ENDPOINT"])["index.html"]
        )
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip(), err) == (0, "", "")


def test_the_command_serves_a_folder(ort_cache: Path, tmp_path: Path):
    folder = tmp_path / "my model"
    shutil.copytree(STARTER_MODEL, folder)
    (folder / "notes.txt").write_text("not a file of the model")
    with running_command("--model", str(folder), title=f"the folder {folder}") as (url, _):
        assert json.loads(fetch(url, "/model.json"))["folder"] == "model"
        assert json.loads(fetch(url, "/model/pix2pix.json"))["sha256"]
        for path in ("/model/notes.txt", "/starter_painter/generator.onnx"):
            with pytest.raises(AssertionError):
                fetch(url, path)


def test_the_page_loads_a_public_model_from_the_hub(ort_cache: Path, api: HfApi, servable_model):
    api.create_tag(servable_model, tag="v1")
    commit = api.model_info(servable_model).sha
    name = servable_model.split("/")[1]  # the owner of the token owns it
    title = f"{servable_model} at commit {commit[:12]}"
    with running_command("--model", f"{name}@v1", title=title) as (url, _):
        settings = json.loads(fetch(url, "/model.json"))
        graph = (STARTER_MODEL / "generator.onnx").read_bytes()
        assert settings == {
            "id": servable_model, "revision": commit, "endpoint": os.environ["HF_ENDPOINT"],
            "sha256": hashlib.sha256(graph).hexdigest(), "gradio_space": None,
        }  # fmt: skip


def test_a_private_model_is_served_from_this_machine(ort_cache: Path, api: HfApi, servable_model):
    api.update_repo_settings(servable_model, private=True)
    title = f"{servable_model} at commit {api.model_info(servable_model).sha[:12]}"
    with running_command("--model", servable_model, title=title) as (url, _):
        assert json.loads(fetch(url, "/model.json"))["folder"] == "model"
        graph = (STARTER_MODEL / "generator.onnx").read_bytes()
        assert fetch(url, "/model/generator.onnx") == graph


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("{folder}", "is not a pix2pix model: it has no pix2pix.json."),
        ("{repo}-none", "was not found"),
        ("", "--model is empty: name a folder or an id, or leave it out."),
        pytest.param(
            "{repo}", "is not a pix2pix model: it has no pix2pix.json.", marks=pytest.mark.slow
        ),
        pytest.param("no/such/folder", "There is no folder", marks=pytest.mark.slow),
        pytest.param("free-user/m@", "the revision after @ is empty", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_model_gets_one_sentence(
    ort_cache: Path, model_repo: str, tmp_path: Path, name: str, problem: str
):
    name = name.format(folder=tmp_path, repo=model_repo)
    status, error = run_command("--port", "0", "--model", name)
    assert status == (1 if name else 2), error
    assert problem in error and error.count("\n") == 1, error


@pytest.mark.parametrize(
    ("token", "name", "problem"),
    [
        ("hf_wrong", "a/b", "Set HF_TOKEN to a valid token, or unset HF_TOKEN.\n"),
        pytest.param(
            "",
            "free-user",
            "There is no folder free-user, and an id looks like <user>/<name>.\n",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "hf_wrong",
            "free-user",
            "Set HF_TOKEN to a valid token, or unset HF_TOKEN.\n",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_token_that_is_missing_or_wrong_gets_one_sentence(
    ort_cache: Path, hub, monkeypatch, token: str, name: str, problem: str
):
    monkeypatch.setenv("HF_TOKEN", token)
    status, error = run_command("--port", "0", "--model", name)
    assert status == 1 and error.endswith(problem) and error.count("\n") == 1, error


def run_command(*arguments: str) -> tuple[int, str]:
    """Runs `pix2pix web`, which must end by itself; returns the exit code and stderr."""
    process = subprocess.run(
        [sys.executable, "-m", "pix2pix", "web", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return process.returncode, process.stderr


def test_a_taken_port_gets_one_sentence(ort_cache: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run_command("--port", port) == (
            1, f"pix2pix web: Port {port} is already in use: choose another one with --port.\n",
        )  # fmt: skip
