"""The files of the browser page, and the server that serves them on this machine."""

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pix2pix.browser import HEADERS, HUB, list_site_files
from pix2pix.browser.server import SiteServer
from pix2pix.browser.site import HUB_SOURCES
from tests.commands import ROOT
from tests.ort_mirror import running


def test_the_page_has_every_file_of_web(ort_cache: Path):
    files = list_site_files({"folder": "starter_model"})
    tracked = subprocess.run(
        ["git", "ls-files", "web"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {name.removeprefix("web/") for name in tracked} <= files.keys()
    for folder in ("starter_model", "starter_painter"):
        served = {"generator.onnx", "pix2pix.json", "metrics.json", "README.md"}
        assert {f"{folder}/{name}" for name in served} <= files.keys()
        assert f"{folder}/model.weights.h5" not in files
    assert {f"ort/{path.name}" for path in ort_cache.iterdir()} <= files.keys()
    for item in files.values():
        assert isinstance(item, bytes) or item.is_file()


def test_the_settings_name_both_starter_models(ort_cache: Path):
    # An earlier deployment named other ones.
    model = {"folder": "starter_model", "choices": [{"folder": "old", "name": "old"}]}
    assert json.loads(list_site_files(model)["model.json"]) == {
        "folder": "starter_model",
        "choices": [
            {"folder": "starter_model", "name": "satellite photo to atlas map", "draws": False},
            {"folder": "starter_painter", "name": "sketch to satellite photo", "draws": True},
        ],
        "endpoint": HUB,
        "gradio_space": None,
    }


def test_the_settings_name_model_endpoint_and_gradio_space(ort_cache: Path):
    model = {"id": "user/maps", "revision": "0" * 40, "sha256": "1" * 64}
    files = list_site_files(model, gradio_space="user/maps")
    settings = json.loads(files["model.json"])
    assert settings == model | {"endpoint": HUB, "gradio_space": "user/maps"}
    assert "starter_model/generator.onnx" in files, "what the page falls back to"
    assert not [path for path in files if path.startswith("starter_painter/")]


def test_another_hub_replaces_the_hub_in_the_content_security_policy(ort_cache: Path):
    endpoint = "http://127.0.0.1:8000"
    page = list_site_files({"folder": "starter_model"})["index.html"]
    assert isinstance(page, Path) and page.read_text().count(HUB_SOURCES) == 1
    files = list_site_files({"folder": "starter_model"}, endpoint=f"{endpoint}/")
    policy = re.search(r"connect-src[^;]*", files["index.html"].decode())[0]
    assert endpoint in policy and "huggingface.co" not in policy and "hf.co" not in policy
    assert json.loads(files["model.json"])["endpoint"] == endpoint


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteServer]:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "page").mkdir()
    page = tmp_path / "page" / "index.html"
    page.write_text("<p>page")
    files = {"index.html": page, "engine.js": b"export {}", "ort/r.mjs": b"", "r.wasm": b"\0asm"}
    files |= {"ort/r.wasm.gz": b"\x1f\x8b", "m/generator.onnx": b"g", "m/é 1.png": b"png"}
    server = SiteServer(files)
    with running(server):
        yield server


def request(server: SiteServer, path: str, method: str = "GET", **headers: str):
    """Returns (status, headers by lower-case name, content); `path` is sent as it is."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.putrequest(method, path)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    fields = {name.lower(): value for name, value in response.getheaders()}
    body = response.read()
    connection.close()
    return response.status, fields, body


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<p>page"),
        ("/index.html?model=a/b@c", "text/html; charset=utf-8", b"<p>page"),
        ("/engine.js", "text/javascript; charset=utf-8", b"export {}"),
        ("/ort/r.mjs", "text/javascript; charset=utf-8", b""),
        ("/r.wasm", "application/wasm", b"\0asm"),
        ("/ort/r.wasm.gz", "application/gzip", b"\x1f\x8b"),
        ("/m/generator.onnx", "application/octet-stream", b"g"),
        ("/m/%C3%A9%201.png", "image/png", b"png"),
    ],
)
def test_each_file_is_served_with_its_type_and_the_headers(site, path, content_type, body):
    status, headers, received = request(site, path)
    assert (status, headers["content-type"], received) == (200, content_type, body)
    assert HEADERS.items() <= headers.items()
    assert "content-encoding" not in headers
    status, head, received = request(site, path, "HEAD")
    assert (status, received) == (200, b"")
    assert head["content-length"] == headers["content-length"] == str(len(body))


def test_a_file_is_sent_again_only_when_it_has_changed(site: SiteServer):
    _, headers, _ = request(site, "/")
    assert headers["cache-control"] == "no-cache"
    status, again, body = request(site, "/", if_none_match=headers["etag"])
    assert (status, body) == (304, b"") and HEADERS.items() <= again.items()
    page = site.files["index.html"]
    assert isinstance(page, Path)
    page.write_text("<p>new")
    assert request(site, "/", if_none_match=headers["etag"])[::2] == (200, b"<p>new")
    page.unlink()
    assert request(site, "/")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//etc/passwd", "/etc/passwd",
        "/m/../../secret.txt", "/m/..%5c..%5csecret.txt", "/%00", "/m", "/m/", "/%ff", "*",
        "http://127.0.0.1:1/secret.txt",
    ],
)  # fmt: skip
def test_nothing_else_is_served(site: SiteServer, path: str):
    status, headers, body = request(site, path)
    assert status == 404 and b"secret" not in body
    assert HEADERS.items() <= headers.items()


def test_other_methods_are_refused(site: SiteServer):
    assert request(site, "/", "POST", content_length="0")[0] == 501


def test_the_server_survives_clients_that_leave(site: SiteServer, capfd):
    for sent in (b"", b"GET /", b"\xff\xfe\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", site.server_port)) as client:
            client.sendall(sent)
    assert request(site, "/")[0] == 200
    assert capfd.readouterr() == ("", "")
