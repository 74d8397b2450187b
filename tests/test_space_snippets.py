"""The snippets of the tab "Use it from code" run as the Space shows them."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.space.code_tab import SNIPPETS, fill_snippets
from tests.space_clients import STARTER_MODEL, TwoModelSpace, run_mcp_session

PHOTO = STARTER_MODEL / "samples" / "003-input.png"


def load_snippets(space_url: str, model: str | None = None, **headers: str) -> dict[str, str]:
    """Returns the snippets by language, with the event that a browser sends when it loads.

    `model` is the one that the visitor has chosen; None for the default.
    """
    config = httpx.get(f"{space_url}/config", headers=headers, timeout=30).json()
    # The components' ids on the page end with the language.
    codes = {part["id"]: part["props"]["elem_id"].partition("-")[2] for part in config["components"]
             if part["type"] == "code"}  # fmt: skip
    loads = [part for part in config["dependencies"] if part["outputs"] == list(codes)]
    assert [target[1] for target in loads[0]["targets"]] == ["load", "input"]
    (choice,) = (c["props"] for c in config["components"] if c["id"] in loads[0]["inputs"])
    body = {
        "data": [model or choice["value"]],
        "fn_index": loads[0]["id"],
        "session_hash": uuid.uuid4().hex,
    }
    url = f"{space_url}/gradio_api/run/predict"
    output = httpx.post(url, json=body, headers=headers, timeout=30).json()
    return dict(zip(codes.values(), output["data"], strict=True))


@pytest.fixture(scope="module")
def snippets(two_model_space: TwoModelSpace) -> dict[str, str]:
    return load_snippets(two_model_space.url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PHOTO, tmp_path / "picture.jpg")
    return tmp_path


def check_result(folder: Path, model: Path | str = STARTER_MODEL) -> None:
    with Image.open(folder / "result.png") as png:
        assert np.array_equal(png, Translator.from_pretrained(model)(PHOTO))


def test_every_snippet_contains_the_url_of_the_space(
    snippets: dict[str, str], two_model_space: TwoModelSpace
):
    assert list(snippets) == list(SNIPPETS)
    assert all(two_model_space.url in code for code in snippets.values())


@pytest.mark.parametrize(
    ("language", "command"), [("python", [sys.executable, "-c"]), ("shell", ["bash", "-ec"])]
)
def test_the_snippets_for_python_and_the_shell_run(
    snippets: dict[str, str], folder: Path, language: str, command: list[str]
):
    subprocess.run([*command, snippets[language]], cwd=folder, check=True, timeout=120)
    check_result(folder)


@pytest.mark.parametrize(
    ("language", "command"),
    [
        pytest.param("python", [sys.executable, "-c"], marks=pytest.mark.slow),
        ("shell", ["bash", "-ec"]),
    ],
)
def test_the_snippets_ask_for_the_chosen_model(
    two_model_space: TwoModelSpace, folder: Path, language: str, command: list[str]
):
    snippets = load_snippets(two_model_space.url, two_model_space.other_model)
    subprocess.run([*command, snippets[language]], cwd=folder, check=True, timeout=120)
    check_result(folder, two_model_space.other_model)


def test_a_models_name_is_quoted_in_every_language():
    name = 'Bob\'s "MODEL" $(x)'
    python, javascript, shell, _ = fill_snippets(model=name)
    call = ast.parse(python).body[3].value
    assert [ast.literal_eval(part) for part in call.args[1:]] == ["fit", name]
    assert f"model: {json.dumps(name)} }}" in javascript
    assert "call/translate_with/$EVENT" in shell
    (data,) = re.findall(r"-d ('.*') \|", shell)
    words = shlex.split(data.replace("'\"$IMAGE\"'", "null"))
    assert json.loads(words[0]) == {"data": [None, "fit", name]}


def test_the_curl_snippet_prints_the_error(snippets: dict[str, str], folder: Path):
    (folder / "picture.jpg").write_text("not a picture")
    command = ["bash", "-c", snippets["shell"]]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert "event: error" in process.stdout
    assert "This file is not a picture" in process.stdout
    assert not (folder / "result.png").exists()


def test_the_mcp_url_of_the_snippet_lists_the_tools(snippets: dict[str, str]):
    url = json.loads(snippets["json"])["mcpServers"]["pix2pix"]["url"]
    response = run_mcp_session(url, lambda session: session.list_tools())
    assert "translate" in [tool.name for tool in response.tools]


def test_the_javascript_snippet_runs_and_ends(
    snippets: dict[str, str], folder: Path, node_modules: Path
):
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "translate.mjs").write_text(snippets["javascript"])
    command = ["node", "translate.mjs"]
    # The client itself would keep the process alive for as long as the Space runs.
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    check_result(folder)


def test_the_javascript_snippet_ends_with_the_error(
    snippets: dict[str, str], folder: Path, node_modules: Path
):
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "picture.jpg").write_text("not a picture")
    (folder / "translate.mjs").write_text(snippets["javascript"])
    command = ["node", "translate.mjs"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert process.returncode == 1
    assert "This file is not a picture" in process.stderr


def test_behind_a_proxy_the_snippets_contain_the_public_url(two_model_space: TwoModelSpace):
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "user-space.example"}
    for code in load_snippets(two_model_space.url, **forwarded).values():
        assert "https://user-space.example" in code
        assert "127.0.0.1" not in code


def test_on_hugging_face_clients_connect_by_the_name_of_the_space(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPACE_ID", "user/maps")
    python, javascript, shell, mcp_config = fill_snippets("https://user-maps.hf.space")
    assert 'Client("user/maps")' in python
    assert 'connect("user/maps")' in javascript
    assert "SPACE=https://user-maps.hf.space\n" in shell
    assert "https://user-maps.hf.space/gradio_api/mcp/" in mcp_config
