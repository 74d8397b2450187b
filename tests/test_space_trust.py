"""What the Space guarantees to visitors and to its operator, over bare HTTP."""

import base64
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from pix2pix import Translator
from pix2pix.space.keeping import sweep
from pix2pix.space.models import STARTER_MODEL
from tests.builders import encode, picture
from tests.commands import running_space
from tests.raw import API, META, RawSpace, file, pixels
from tests.recorder import SAMPLE, Proxy, Recorder

NAME = '<img src=x onerror="document.title=1">/[a](http://b)'


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of an operator: the model, and beside it what is nobody's business."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(STARTER_MODEL, folder, dirs_exist_ok=True)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step-1.npz").write_bytes(b"secret")
    shutil.copy(SAMPLE, folder / "samples" / "private.png")
    shutil.copy(SAMPLE, folder / "samples.jpg")
    return folder


@pytest.fixture(scope="module")
def strict(
    hub, proxy: str, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A Space with tight limits, one model that can't be served, and a proxy that takes notes."""
    home = tmp_path_factory.mktemp("home")
    variables = {
        "PIX2PIX_MODEL": str(run_folder), "PIX2PIX_MODELS": NAME, "PIX2PIX_MAX_FILE_MB": "1",
        "PIX2PIX_MAX_MEGAPIXELS": "1", "PIX2PIX_MAX_BATCH": "3", "PIX2PIX_QUEUE": "4",
        "PIX2PIX_CONCURRENCY": "1", "PIX2PIX_THREADS": "abc", "GRADIO_TEMP_DIR": str(home),
        "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy,
        "http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy,
        # The settings of an operator who wants to be asked, which the Space overrules.
        "GRADIO_ANALYTICS_ENABLED": "True",
    }  # fmt: skip
    with running_space(home / "app.log", **variables) as address:
        yield address


@pytest.fixture
def client(strict: str) -> Iterator[RawSpace]:
    with RawSpace(strict) as raw:
        yield raw


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.from_pretrained(STARTER_MODEL)


def test_every_kind_of_picture_is_answered_as_the_translator_does(
    client: RawSpace, translator: Translator
):
    image = picture(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = image.copy()
    rgba.putalpha(120)
    deep = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    files = {
        "phone.jpg": encode(image, "JPEG", exif=exif), "cut-out.png": encode(rgba),
        "grey.png": encode(image.convert("L")), "deep.png": encode(deep),
        "print.jpg": encode(image.convert("CMYK"), "JPEG"), "few.gif": encode(image, "GIF"),
        "new.avif": encode(image, "AVIF"), "wrong.txt": encode(image), "none": encode(image),
        "film.webp": encode(image, "WEBP", save_all=True, append_images=[rgba]),
    }  # fmt: skip
    for name, content in files.items():
        answer = client.picture(client.translate(content, name=name))
        np.testing.assert_array_equal(answer, pixels(translator(content)), err_msg=name)
    assert client.picture(client.translate(files["phone.jpg"])).shape == (60, 40, 3)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("drawing.svg", b"<svg/>", "an SVG drawing"),
        ("photo.heic", b"\0\0\0\x14ftypheic\0\0\0\0heic", "a HEIC photo"),
        ("page.pdf", b"%PDF-1.4", "a PDF"),
        ("empty.png", b"", "not a picture"),
        ("cut.png", SAMPLE.read_bytes()[:20_000], "damaged or cut short"),
        ("large.png", encode(Image.new("1", (1001, 1000))), "1 megapixels"),
    ],
)
def test_what_is_not_read_is_said(client: RawSpace, name: str, content: bytes, said: str):
    assert said in client.translate(content, name=name).error


def test_visitors_at_the_same_time_get_their_own_picture(strict: str, translator: Translator):
    def visit(seed: int) -> tuple[str, bool]:
        content = encode(picture(70, 50, seed))
        with RawSpace(strict) as client:
            answer = client.translate(content, name="aerial.png")
            same = np.array_equal(client.picture(answer), pixels(translator(content)))
            return answer.data[0]["path"], same

    with ThreadPoolExecutor(3) as pool:
        paths, same = zip(*pool.map(visit, range(9)), strict=True)
    assert all(same)
    assert len(set(paths)) == 9, "a path of its own for each result, though the names are alike"


def test_a_session_sees_only_its_own_events(client: RawSpace):
    path = client.upload(SAMPLE.read_bytes())
    event = client.post("translate", {"data": [file(path), "fit"], "session_hash": "mine"})
    assert event.status_code == 200
    for foreign in ("yours", "", "*", "min"):
        with client.http.stream("GET", f"{API}/queue/data?session_hash={foreign}") as stream:
            first = next(stream.iter_lines(), "")
        assert 'session_not_found":true' in first or not first
    got = client.http.get(f"{API}/call/translate/{event.json()['event_id']}")
    assert "pix2pix-map.png" in got.text


def test_only_results_uploads_and_samples_are_served(client: RawSpace, run_folder: Path):
    shown = run_folder / "samples" / "000-target.png"
    assert client.http.get(f"{API}/file={shown}").content == shown.read_bytes()
    hidden = [
        run_folder / "pix2pix.json", run_folder / "generator.onnx", run_folder / "samples",
        run_folder / "checkpoints" / "step-1.npz", run_folder / "samples" / "private.png",
        run_folder / "samples.jpg", run_folder, Path("/etc/passwd"), Path("app.py").resolve(),
        Path("/proc/self/environ"), Path(os.environ["HF_HOME"]), Path("~/.cache"),
    ]  # fmt: skip
    variants = [str(path) for path in hidden]
    variants += ["app.py", "./app.py", "pix2pix/__init__.py", "", ".", "..", "file:///etc/passwd"]
    variants += [
        f"{shown.parent}/../pix2pix.json",
        f"{shown}/../../pix2pix.json",
        f"/{run_folder}",
    ]
    variants += ["/etc/passwd%00.png", "%2Fetc%2Fpasswd", "..%2f..%2f..%2fetc/passwd", "....//etc"]
    variants += ["//etc/passwd", "\\etc\\passwd", "http://127.0.0.1/", "HTTPS://example.com/x.png"]
    for path in variants:
        for route in (f"{API}/file=", f"{API}/file/"):
            for written in (path, quote(path, safe="")):
                answer = client.http.get(route + written)
                assert answer.status_code in (307, 403, 404), (route, written)


@pytest.mark.parametrize(
    "path",
    ["proxy=https://x.hf.space/", "process_recording", "deep_link?session_hash=a",
     "component_server", "runs", "run-history/records", "file=http://example.com/"],
)  # fmt: skip
def test_routes_that_nobody_needs_are_closed(client: RawSpace, recorder: str, path: str):
    Recorder.asked.clear()
    for method in ("GET", "POST", "HEAD"):
        assert client.http.request(method, f"{API}/{path}").status_code in (404, 405)
    for page in ("/monitoring", "/monitoring/summary"):
        assert client.http.get(page).status_code in (403, 404)
    assert Recorder.asked == []


def forms_of(path: str | None, url: str | None = None) -> list[dict]:
    """The ways in which a JSON argument may name a file."""
    bare = {"path": path} if url is None else {"path": path, "url": url}
    return [
        bare, bare | {"meta": META}, bare | {"meta": META, "is_stream": True},
        bare | {"meta": {"_type": "other"}}, bare | {"meta": META, "orig_name": "a.png"},
    ]  # fmt: skip


def endpoints(address: str) -> list[str]:
    """Those that take a file."""
    found = Client(address, verbose=False).view_api(return_format="dict", print_info=False)
    named = found["named_endpoints"]
    return [name.strip("/") for name in named if "File" in str(named[name]["parameters"])]


def try_everywhere(client: RawSpace, address: str, form: dict) -> None:
    """Calls every endpoint and every event of the page with `form` as each of its arguments."""
    for name in endpoints(address):
        for argument in (form, [form], [[form]], {"image": form}):
            answer = client.call(argument, "fit", endpoint=name)
            assert answer.event in ("error", "refused"), (name, argument, answer.text)
            assert "Traceback" not in answer.text
    config = client.http.get("/config").json()
    for event in config["dependencies"]:
        data = [form] * len(event["inputs"])
        body = {"data": data, "fn_index": event["id"], "session_hash": f"s{time.time_ns()}"}
        body["event_data"] = {"index": 0, "value": form}
        if client.http.post(f"{API}/queue/join", json=body).status_code == 200:
            with client.http.stream("GET", f"{API}/queue/data", params=body) as stream:
                for line in stream.iter_lines():
                    assert "Traceback" not in line
                    if "process_completed" in line:
                        break


def test_no_path_of_the_machine_can_be_translated(client: RawSpace, strict: str, run_folder: Path):
    """Each is a picture that would be read, were it not refused."""
    secret = run_folder / "samples" / "private.png"
    before = secret.stat().st_atime_ns
    paths = [str(secret), f"{run_folder}/samples/../samples/private.png", f"file://{secret}"]
    for path in paths:
        for form in forms_of(path):
            answer = client.call(form, "fit")
            assert answer.event in ("error", "refused"), (form, answer.text)
            assert "uploaded" in answer.text or "form" in answer.text or "no file" in answer.text
    try_everywhere(client, strict, forms_of(str(secret))[0])
    assert secret.stat().st_atime_ns == before or os.name == "nt"
    for form in forms_of(None, f"file://{secret}") + forms_of("", str(secret)):
        assert client.call(form, "fit").event == "error"


def test_addresses_lead_nowhere_but_to_public_servers(client: RawSpace, strict: str, recorder: str):
    Recorder.asked.clear()
    port = recorder.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1",
             "2130706433", "0x7f000001", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1",
             "169.254.169.254", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "224.0.0.1",
             "user@127.0.0.1", "localhost."]  # fmt: skip
    for host in hosts:
        url = f"http://{host}:{port}/x.png"
        answer = client.call(forms_of(url)[0], "fit")
        assert "can't be fetched" in answer.error, (host, answer.text)
    for form in forms_of(f"{recorder}/x.png") + forms_of(None, f"{recorder}/x.png"):
        assert client.call(form, "fit").event == "error"
    for scheme in ("ftp", "gopher", "file", "HTTP"):
        assert client.call(forms_of(f"{scheme}://127.0.0.1:{port}/x")[1], "fit").event == "error"
    try_everywhere(client, strict, forms_of(f"{recorder}/x.png")[1])
    assert Recorder.asked == []


def test_a_picture_may_come_as_a_data_url(client: RawSpace, translator: Translator):
    content = SAMPLE.read_bytes()
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    answer = client.call({"path": None, "url": url}, "fit")
    np.testing.assert_array_equal(client.picture(answer), pixels(translator(content)))
    for bad in ("data:image/png;base64,====", "data:,", "data:image/png;base64,AAAA"):
        assert client.call({"path": None, "url": bad}, "fit").event == "error"


def test_limits_are_told_in_a_sentence(client: RawSpace):
    large = client.http.post(f"{API}/upload", files={"files": ("a.png", bytes(1_000_001))})
    assert (large.status_code, large.text) == (
        413, "File size exceeded maximum allowed size of 1000000 bytes.",
    )  # fmt: skip
    many = [("files", (f"{n}.png", bytes(900_000))) for n in range(5)]
    refused = client.http.post(f"{API}/upload", files=many)
    assert refused.status_code == 413 and "larger than 3 MB" in refused.text
    call = client.post("translate", {"data": [{"path": None, "url": "data:," + "a" * 4_000_000}]})
    assert call.status_code == 413 and "larger than 2 MB" in call.text
    direct = client.http.post(f"{API}/run/translate", json={"data": [None, "fit"]})
    assert direct.status_code == 404, "past the queue"


def test_a_full_queue_says_so_and_empties(client: RawSpace):
    path = client.upload(encode(Image.new("RGB", (990, 990), "teal")))
    posted = [client.post("translate", {"data": [file(path), "full"]}) for _ in range(12)]
    refused = [answer for answer in posted if answer.status_code == 503]
    assert refused and all("Queue is full. Max size is 4" in answer.text for answer in refused)
    for answer in posted:
        if answer.status_code == 200:
            got = client.http.get(f"{API}/call/translate/{answer.json()['event_id']}")
            assert "event: complete" in got.text
    assert client.translate(SAMPLE.read_bytes()).event == "complete"


def test_a_visitor_chooses_neither_model_nor_path(client: RawSpace, run_folder: Path):
    path = file(client.upload(SAMPLE.read_bytes()))
    for extra in (str(run_folder), "user/model", {"path": str(run_folder)}):
        assert client.call(path, "fit", extra).event in ("error", "complete")
        assert client.call(path, extra).event == "error"


def test_the_banner_is_text(client: RawSpace):
    components = client.http.get("/config").json()["components"]
    (banner,) = (c for c in components if c["props"].get("elem_id") == "banner")
    assert banner["props"]["visible"] is True
    said = banner["props"]["value"]
    assert "PIX2PIX_THREADS is 'abc'" in said and "is not served" in said
    assert "<img" not in said and "&lt;img src=x" in said


def test_nothing_is_sent_anywhere(client: RawSpace):
    """All that the Space asked of its proxy, from its start on and through the tests above."""
    assert client.translate(SAMPLE.read_bytes()).event == "complete"
    config = client.http.get("/config").json()
    assert config["analytics_enabled"] is False and config["run_history"] is False
    assert Proxy.asked == []


def test_files_grow_old_and_are_deleted(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    old = [tmp_path / "a" / "b" / "photo.png", tmp_path / "a" / "upload.tmp", tmp_path / "loose"]
    for path in old:
        path.write_bytes(b"x")
        os.utime(path, (time.time() + 9000,) * 2)  # a copy keeps the content's time, ahead or not
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    sweep(tmp_path, age=3600)
    assert all(path.exists() for path in old)
    time.sleep(1.1)
    (tmp_path / "new.png").write_bytes(b"x")
    sweep(tmp_path, age=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a", "new.png"] or not any(
        path.exists() for path in old
    )
    sweep(tmp_path / "never made", age=1)
