"""handler.py for Inference Endpoints: the pixels of the Translator, requests and refusals."""

import base64
import http.server
import importlib.util
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator, endpoint
from pix2pix.artifacts import ArtifactFolder
from tests.builders import encode_image, make_finished_run, make_picture
from tests.commands import ROOT
from tests.icc_profiles import DISPLAY_P3, make_profile
from tests.png_writer import SIGNATURE, make_chunk
from tests.recording_server import serve_on_loopback


def make_huge(side: int) -> bytes:
    """A small PNG file that says it is huge."""
    head = make_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return SIGNATURE + head + make_chunk(b"IDAT", zlib.compress(b"")) + make_chunk(b"IEND", b"")


CLASSES = ["#000000", "#ff8000", "#0080ff"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A published model."""
    return Path(shutil.copytree(make_finished_run()[1], tmp_path_factory.mktemp("e") / "model"))


@pytest.fixture(scope="module")
def module(folder: Path) -> ModuleType:
    """The published handler.py, loaded as the endpoint does."""
    spec = importlib.util.spec_from_file_location("handler", folder / "handler.py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["handler"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def handler(module: ModuleType, folder: Path) -> Any:
    return module.EndpointHandler(str(folder))


def refusal(handler: Any, **data: Any) -> str:
    """Returns the message of the error that the endpoint sends for a request."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        handler(data)
    assert type(caught.value).__name__ == "UserError", caught.value
    return str(caught.value)


def change_model(folder: Path, target: Path, **settings: Any) -> Path:
    """Copies a model with other settings in its pix2pix.json; a dict changes part of one."""
    shutil.copytree(folder, target)
    about = ArtifactFolder(target).read_description()
    for key, value in settings.items():
        about[key] = about[key] | value if isinstance(value, dict) else value
    (target / "pix2pix.json").write_text(json.dumps(about))
    return target


def turned_photo() -> bytes:
    """A JPEG that its EXIF data turns."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode_image(make_picture(90, 60), "JPEG", exif=exif, quality=95)


def make_files() -> dict[str, bytes]:
    photo = make_picture(100, 70)
    clear = photo.copy()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    return {
        "photo": encode_image(photo),
        "large": encode_image(make_picture(150, 90, 1)),
        "turned": turned_photo(),
        "clear": encode_image(clear),
        "gray": encode_image(photo.convert("L")),
        "palette": encode_image(photo.quantize(32), "GIF"),
        "display-p3": encode_image(photo, "PNG", icc_profile=make_profile(DISPLAY_P3)),
        "cmyk": encode_image(photo.convert("CMYK"), "JPEG"),
    }


FILES = make_files()


def test_the_file_needs_nothing_of_this_project(folder: Path):
    text = (folder / "handler.py").read_text(encoding="utf-8")
    compile(text, "handler.py", "exec")
    assert "import pix2pix" not in text and "from pix2pix" not in text
    assert text == endpoint.bundle(endpoint.SOURCE), "it depends on the model or on the machine"


@pytest.mark.parametrize("mode", ["fit", "full"])
@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_of_the_translator(handler, folder: Path, name: str, mode: str):
    translation = handler({"inputs": FILES[name], "parameters": {"mode": mode}})
    expected = Translator(folder)(FILES[name], mode=mode)
    assert np.asarray(expected).std() > 5
    np.testing.assert_array_equal(np.asarray(translation), np.asarray(expected))


@pytest.mark.parametrize(
    "settings",
    [{"config": {"aspect": "crop"}}, {"config": {"aspect": "pad"}}, {"pair_aspects": [1.3, 1.7]}],
)
def test_the_proportions_are_those_of_the_translator(
    module, folder: Path, tmp_path: Path, settings: dict
):
    model = change_model(folder, tmp_path / "model", **settings)
    translation = module.EndpointHandler(str(model))({"inputs": FILES["large"]})
    np.testing.assert_array_equal(translation, Translator(model)(FILES["large"]))


@pytest.mark.parametrize("mode", ["L", "P"])
def test_class_numbers_become_the_colors_of_the_legend(
    module, folder: Path, tmp_path: Path, mode: str
):
    reading = {"input": {"bands": None, "value_range": "auto", "legend": CLASSES}}
    model = change_model(folder, tmp_path / "model", reading=reading)
    numbers = Image.fromarray(np.kron(np.array([[0, 1], [2, 1]], np.uint8), np.ones((32, 32), "B")))
    if mode == "P":
        numbers = Image.frombytes("P", numbers.size, numbers.tobytes())
        numbers.putpalette([9, 9, 9] * 3)
    file = encode_image(numbers)
    translation = module.EndpointHandler(str(model))({"inputs": file})
    np.testing.assert_array_equal(translation, Translator(model)(file))


def test_a_picture_can_be_sent_in_every_form(handler):
    expected = np.asarray(handler({"inputs": FILES["photo"]}))
    text = base64.b64encode(FILES["photo"]).decode()
    lines = "\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    for picture in (text, lines, f"data:image/png;base64,{text}"):
        np.testing.assert_array_equal(handler({"inputs": picture}), expected)
    # What the endpoint makes of a request with the content type image/png.
    opened = Image.open(io.BytesIO(FILES["photo"])).convert("RGB")
    np.testing.assert_array_equal(handler({"inputs": opened, "parameters": None}), expected)


def test_a_batch_has_an_error_in_place_of_a_picture_that_is_broken(handler):
    first, broken, last = handler({"inputs": [FILES["photo"], b"no picture", FILES["turned"]]})
    assert broken.keys() == {"error"} and "not a picture that can be read" in broken["error"]
    assert (first.size, last.size) == ((100, 70), (60, 90))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, '"inputs" has no picture'),
        ({"image": "x"}, '"inputs" has no picture'),
        (7, '"inputs" has no picture'),
        (b"", "not a picture that can be read"),
        (b"<html>", "not a picture that can be read"),
        (FILES["photo"][:600], "damaged or cut short"),
        (make_huge(9_000), "more than the 64 megapixels accepted here"),
        (make_huge(30_000), "more than the 64 megapixels accepted here"),
        ("aerial.jpg", "neither base64 nor an http(s) URL"),
        ("file:///etc/passwd", "neither base64 nor an http(s) URL"),
        ([], "A list has 1 to 32 pictures; this one has 0"),
        ([b""] * 33, "A list has 1 to 32 pictures; this one has 33"),
    ],
)
def test_what_is_no_picture_is_refused(handler, inputs: Any, message: str):
    assert message in refusal(handler, inputs=inputs)


def test_sixteen_bits_are_refused(handler):
    deep = Image.fromarray(np.full((64, 64), 3000, np.uint16))
    assert "more than 8 bits" in refusal(handler, inputs=encode_image(deep))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mode": "huge"}, "The mode 'huge' is unknown; choose one of fit, full."),
        ({"mode": 3}, "The mode '3' is unknown"),
        ({"Mode": "fit"}, '"parameters" can be {"mode": "fit"}'),
        ("fit", '"parameters" can be {"mode": "fit"}'),
    ],
)
def test_a_wrong_mode_is_refused(handler, parameters: Any, message: str):
    assert message in refusal(handler, inputs=FILES["photo"], parameters=parameters)


def test_the_operator_can_lower_the_limit_of_pixels(handler, monkeypatch):
    monkeypatch.setenv("PIX2PIX_MAX_MEGAPIXELS", "0.01")
    assert "more than the 0.01 megapixels" in refusal(handler, inputs=FILES["large"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sha256": {"generator.onnx": "0"}}, "deploy one revision"),
        ({"reading": {"input": {"bands": [4, 3, 2]}}}, "certain bands of files"),
    ],
)
def test_a_model_that_it_cannot_serve_is_refused_at_the_start(
    module, folder: Path, tmp_path: Path, settings: dict, message: str
):
    with pytest.raises(module.UserError, match=message):
        module.EndpointHandler(str(change_model(folder, tmp_path / "model", **settings)))


class PictureServer(http.server.BaseHTTPRequestHandler):
    """Serves the picture photo.png and answers that a client must not trust."""

    protocol_version = "HTTP/1.0"
    TLS_RECORD = b"\x16\x03\x03"

    def parse_request(self) -> bool:
        """Answers what begins a TLS connection with a record that does not end."""
        if not self.raw_requestline.startswith(self.TLS_RECORD[:2]):
            return super().parse_request()
        self.close_connection = True
        self.drip(self.TLS_RECORD + b"\x40\x00" + bytes(100))
        return False

    def drip(self, content: bytes) -> None:
        with suppress(OSError):  # the handler has left
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(0.02)

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        moved = {"/moved": "/photo.png", "/loop": "/loop", "/inside": f"http://localhost:{port}/"}
        if self.path in moved:
            self.send_response(302)
            self.send_header("Location", moved[self.path])
            self.end_headers()
            return
        if self.path.startswith("/slow"):
            time.sleep(0.2)
            self.send_response(302)
            self.send_header("Location", f"{self.path}-again")
            self.end_headers()
            return
        if self.path == "/silent":
            time.sleep(1)
        elif self.path == "/dripping-headers":
            self.drip(b"HTTP/1.0 200 OK\r\nServer: " + b"x" * 100)
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.end_headers()
        if self.path == "/dripping":
            self.drip(b"x" * 100)
            return
        with suppress(OSError):  # the handler has left
            for part in [bytes(1_000_000)] * 33 if self.path == "/large" else [FILES["photo"]]:
                self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serve_on_loopback(PictureServer) as url:
        yield url


@pytest.mark.parametrize("path", ["/photo.png", "/moved", "/photo.png?size=1#top"])
def test_a_url_is_fetched(handler, site: str, monkeypatch, path: str):
    monkeypatch.setenv("PIX2PIX_ENDPOINT_HOSTS", "a.local, 127.0.0.1")
    expected = np.asarray(handler({"inputs": FILES["photo"]}))
    np.testing.assert_array_equal(handler({"inputs": site + path}), expected)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", "the status 404"),
        ("/loop", "more than 3 redirects"),
        ("/inside", "no public address"),
        ("/large", "larger than 32 MB"),
    ],
)
def test_a_url_without_a_picture_is_refused(handler, site, monkeypatch, path: str, message: str):
    monkeypatch.setenv("PIX2PIX_ENDPOINT_HOSTS", "127.0.0.1")
    assert message in refusal(handler, inputs=site + path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:{port}/", "no public address"),
        ("http://localhost:{port}/", "no public address"),
        ("http://2130706433:{port}/", "no public address"),  # 127.0.0.1 as one number
        ("http://0.0.0.0:{port}/", "no public address"),
        ("http://169.254.169.254/latest/meta-data", "no public address"),
        ("http://user@10.0.0.1/", "no public address"),
        ("http://224.0.0.1/", "no public address"),
        ("http://[::1]:{port}/", "can't be fetched"),
        ("http://127.0.0.1:port/", "can't be fetched"),
        ("http://nobody.invalid/", "can't be fetched"),
        ("http:///photo.png", "name a host"),
    ],
)
def test_a_url_of_the_endpoints_own_network_is_refused(handler, site: str, url: str, message: str):
    port = site.rpartition(":")[2]
    assert message in refusal(handler, inputs=url.replace("{port}", port))


@pytest.mark.parametrize(
    "path", ["/silent", "/slow", "/dripping", "/dripping-headers", "/dripping-tls"]
)
def test_a_server_that_takes_too_long_is_left(handler, module, site: str, monkeypatch, path: str):
    """The time limit is that of all redirects together; each of /slow alone would be in time."""
    monkeypatch.setenv("PIX2PIX_ENDPOINT_HOSTS", "127.0.0.1")
    monkeypatch.setattr(module, "MAX_URL_SECONDS", 0.5)
    site = site.replace("http:", "https:") if path == "/dripping-tls" else site
    started = time.monotonic()
    assert "took more than 0.5 seconds" in refusal(handler, inputs=site + path)
    assert time.monotonic() - started < 1.5


def test_it_runs_with_only_its_requirements(folder: Path, tmp_path: Path):
    """In an interpreter that finds no other packages, and not this one."""
    code = (
        "sys.modules['pix2pix'] = None; import handler\n"
        "photo, translation = sys.argv[3:]\n"
        "endpoint = handler.EndpointHandler(sys.argv[1])\n"
        "endpoint({'inputs': open(photo, 'rb').read()}).save(translation)\n"
        "assert not {'tensorflow', 'keras', 'huggingface_hub', 'gradio'} & set(sys.modules)"
    )
    (tmp_path / "photo.png").write_bytes(FILES["photo"])
    files = (str(tmp_path / "photo.png"), str(tmp_path / "map.png"))
    script = ROOT / "tests" / "serving_imports_only.py"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(script), str(folder), code, *files], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"tensorflow", "huggingface_hub"} <= set(done.stdout.split())
    expected = np.asarray(Translator(folder)(FILES["photo"]))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "map.png")), expected)
