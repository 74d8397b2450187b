"""The snippets of "Use it from code", as the running Space shows them to a visitor, run."""

import json
import os
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
from pix2pix.space.code_tab import filled
from pix2pix.space.snippets import SNIPPETS
from tests.serving import STARTER, Twin, mcp

PHOTO = STARTER / "samples" / "003-input.png"


def shown(address: str, **headers: str) -> dict[str, str]:
    """The snippets by language: the page's own event on loading, as a browser sends it."""
    config = httpx.get(f"{address}/config", headers=headers, timeout=30).json()
    # The components' ids on the page end with the language.
    codes = {part["id"]: part["props"]["elem_id"].partition("-")[2] for part in config["components"]
             if part["type"] == "code"}  # fmt: skip
    loads = [part for part in config["dependencies"] if part["outputs"] == list(codes)]
    assert [target[1] for target in loads[0]["targets"]] == ["load"]
    body = {"data": [], "fn_index": loads[0]["id"], "session_hash": uuid.uuid4().hex}
    url = f"{address}/gradio_api/run/predict"
    answer = httpx.post(url, json=body, headers=headers, timeout=30).json()
    return dict(zip(codes.values(), answer["data"], strict=True))


@pytest.fixture(scope="module")
def snippets(twin: Twin) -> dict[str, str]:
    return shown(twin.address)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PHOTO, tmp_path / "aerial.jpg")
    return tmp_path


def check_map(folder: Path) -> None:
    with Image.open(folder / "map.png") as png:
        assert np.array_equal(png, Translator.from_pretrained(STARTER)(PHOTO))


def test_every_snippet_names_this_space(snippets: dict[str, str], twin: Twin):
    assert list(snippets) == list(SNIPPETS)
    assert all(twin.address in code for code in snippets.values())


@pytest.mark.parametrize(
    ("language", "command"), [("python", [sys.executable, "-c"]), ("shell", ["bash", "-ec"])]
)
def test_it_runs(snippets: dict[str, str], folder: Path, language: str, command: list[str]):
    subprocess.run([*command, snippets[language]], cwd=folder, check=True, timeout=120)
    check_map(folder)


def test_curl_shows_the_sentence(snippets: dict[str, str], folder: Path):
    (folder / "aerial.jpg").write_text("no picture")
    command = ["bash", "-c", snippets["shell"]]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert "event: error" in found.stdout
    assert "This file is not a picture" in found.stdout
    assert not (folder / "map.png").exists()


def test_the_mcp_address_answers(snippets: dict[str, str]):
    url = json.loads(snippets["json"])["mcpServers"]["pix2pix"]["url"]
    listed = mcp(url, lambda session: session.list_tools())
    assert "translate" in [tool.name for tool in listed.tools]


@pytest.mark.skipif(
    not os.environ.get("GRADIO_CLIENT_JS"),
    reason="set GRADIO_CLIENT_JS to a node_modules folder with @gradio/client",
)
def test_javascript_runs(snippets: dict[str, str], folder: Path):
    (folder / "node_modules").symlink_to(os.environ["GRADIO_CLIENT_JS"])
    (folder / "translate.mjs").write_text(snippets["javascript"])
    subprocess.run(["node", "translate.mjs"], cwd=folder, check=True, timeout=120)
    check_map(folder)


def test_behind_a_proxy_the_visitors_address_is_shown(twin: Twin):
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "user-space.example"}
    for code in shown(twin.address, **forwarded).values():
        assert "https://user-space.example" in code
        assert "127.0.0.1" not in code


def test_on_hugging_face_the_name_is_enough_for_clients(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPACE_ID", "user/maps")
    python, javascript, shell, mcp_config = filled("https://user-maps.hf.space")
    assert 'Client("user/maps")' in python
    assert 'connect("user/maps")' in javascript
    assert "SPACE=https://user-maps.hf.space\n" in shell
    assert "https://user-maps.hf.space/gradio_api/mcp/" in mcp_config
