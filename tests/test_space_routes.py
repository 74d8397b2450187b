"""What the Space serves over bare HTTP, to whom, and within which limits."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.builders import encode_image
from tests.commands import ROOT
from tests.raw_http import API_PREFIX, RawSpaceClient, file_argument
from tests.recording_server import SAMPLE_PHOTO, RecordingHandler, RecordingProxyHandler


def test_a_session_sees_only_its_own_events(strict_client: RawSpaceClient):
    argument = file_argument(strict_client.upload(SAMPLE_PHOTO.read_bytes()))
    event = strict_client.post("translate", {"data": [argument, "fit"], "session_hash": "mine"})
    assert event.status_code == 200
    for foreign in ("yours", "*", "min"):
        url = f"{API_PREFIX}/queue/data?session_hash={foreign}"
        with strict_client.http.stream("GET", url) as stream:
            assert 'session_not_found":true' in next(stream.iter_lines())
    result = strict_client.http.get(f"{API_PREFIX}/call/translate/{event.json()['event_id']}")
    assert "pix2pix-map.png" in result.text


def test_only_results_uploads_and_samples_are_served(
    strict_client: RawSpaceClient, operators_run: Path
):
    public = operators_run / "samples" / "000-target.png"
    assert strict_client.http.get(f"{API_PREFIX}/file={public}").content == public.read_bytes()
    private = [
        operators_run / "pix2pix.json", operators_run / "generator.onnx", operators_run / "samples",
        operators_run / "checkpoints" / "step-1.npz", operators_run / "samples" / "private.png",
        operators_run / "samples.jpg", operators_run, Path("/etc/passwd"), Path("app.py").resolve(),
        Path("/proc/self/environ"), Path(os.environ["HF_HOME"]), Path("~/.cache"),
    ]  # fmt: skip
    paths = [
        *map(str, private),
        "app.py", "./app.py", "pix2pix/__init__.py", "", ".", "..", "file:///etc/passwd",
        f"{public.parent}/../pix2pix.json", f"{public}/../../pix2pix.json", f"/{operators_run}",
        "/etc/passwd%00.png", "%2Fetc%2Fpasswd", "..%2f..%2f..%2fetc/passwd", "....//etc",
        "//etc/passwd", "\\etc\\passwd", "http://127.0.0.1/", "HTTPS://example.com/x.png",
    ]  # fmt: skip
    for path in paths:
        for route in (f"{API_PREFIX}/file=", f"{API_PREFIX}/file/"):
            for written in (path, quote(path, safe="")):
                response = strict_client.http.get(route + written, follow_redirects=True)
                assert response.status_code >= 400, (route, written)


def test_without_a_palette_there_is_no_tab_draw_and_none_of_its_files(
    strict_client: RawSpaceClient,
):
    components = strict_client.http.get("/config").json()["components"]
    labels = [part["props"].get("label") for part in components if part["type"] == "tabitem"]
    assert labels == ["Translate", "Gallery", "Batch", "Model", "Use it from code"]
    for path in ("draw/panel.js", "draw/space_host.js", "engine.js"):
        url = f"{API_PREFIX}/file={ROOT / 'web' / path}"
        assert strict_client.http.get(url).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["proxy=https://x.hf.space/", "process_recording", "deep_link?session_hash=a",
     "component_server", "runs", "run-history/records", "file=http://example.com/",
     "a-route-of-a-new-version"],
)  # fmt: skip
def test_routes_that_the_space_does_not_need_are_closed(
    strict_client: RawSpaceClient, recording_server: str, path: str
):
    RecordingHandler.requests.clear()
    for method in ("GET", "POST", "HEAD"):
        assert strict_client.http.request(method, f"{API_PREFIX}/{path}").status_code == 404
    for page in ("/monitoring", "/monitoring/summary"):
        assert strict_client.http.get(page).status_code == 404
    assert RecordingHandler.requests == []


def test_a_request_over_a_limit_is_refused_with_the_limit(strict_client: RawSpaceClient):
    large = {"files": ("a.png", bytes(1_000_001))}
    refused = strict_client.http.post(f"{API_PREFIX}/upload", files=large)
    assert (refused.status_code, refused.text) == (
        413, "File size exceeded maximum allowed size of 1000000 bytes.",
    )  # fmt: skip
    many = [("files", (f"{n}.png", bytes(900_000))) for n in range(5)]
    refused = strict_client.http.post(f"{API_PREFIX}/upload", files=many)
    assert refused.status_code == 413 and "larger than 3 MB" in refused.text
    inline = {"path": None, "url": "data:," + "a" * 4_000_000}
    refused = strict_client.post("translate", {"data": [inline]})
    assert refused.status_code == 413 and "larger than 2 MB" in refused.text
    direct = strict_client.http.post(f"{API_PREFIX}/run/translate", json={"data": [None, "fit"]})
    assert direct.status_code == 404, "it would skip the queue"


def test_a_full_queue_refuses_calls_and_empties(strict_client: RawSpaceClient):
    argument = file_argument(strict_client.upload(encode_image(Image.new("RGB", (990, 990)))))
    calls = [strict_client.post("translate", {"data": [argument, "full"]}) for _ in range(12)]
    refused = [call for call in calls if call.status_code == 503]
    assert refused and all("Queue is full. Max size is 4" in call.text for call in refused)
    accepted = [call for call in calls if call.status_code == 200]
    assert len(accepted) + len(refused) == len(calls)
    for call in accepted:
        url = f"{API_PREFIX}/call/translate/{call.json()['event_id']}"
        assert "event: complete" in strict_client.http.get(url).text
    assert strict_client.translate(SAMPLE_PHOTO.read_bytes()).event == "complete"


def test_html_in_a_banner_is_escaped(strict_client: RawSpaceClient):
    components = strict_client.http.get("/config").json()["components"]
    (banner,) = (c for c in components if c["props"].get("elem_id") == "banner")
    assert banner["props"]["visible"] is True
    text = banner["props"]["value"]
    assert "PIX2PIX_THREADS is 'abc'" in text and "is not served" in text
    assert "<img" not in text and "&lt;img src=x" in text


def test_nothing_is_sent_anywhere(strict_client: RawSpaceClient):
    """The proxy has recorded every request since the Space started, of all tests so far."""
    assert strict_client.translate(SAMPLE_PHOTO.read_bytes()).event == "complete"
    config = strict_client.http.get("/config").json()
    assert config["analytics_enabled"] is False and config["run_history"] is False
    assert RecordingProxyHandler.requests == []
