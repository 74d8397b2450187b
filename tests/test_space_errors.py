"""No error of the Space repeats more than 200 characters of its input, however it was sent."""

import json
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from mcp import McpError

from pix2pix.space.security.messages import (
    MAX_MESSAGE,
    MAX_QUOTED,
    limit_error_body,
    limit_quotes,
    shorten,
)
from tests.raw_http import API_PREFIX, FILE_META, RawSpaceClient
from tests.space_clients import run_mcp_session

# With a space, so that no rule about long words shortens it, and a character that JSON escapes.
UNIT = 'Zq "'
LONG, HUGE = UNIT * 2000, UNIT * 150_000
ARGUMENTS = {
    "text": HUGE, "path": {"path": HUGE}, "upload": {"path": HUGE, "meta": FILE_META},
    "base64": {"path": None, "url": f"data:image/png;base64,{HUGE}"},
    "data": {"path": None, "url": f"data:,{HUGE}"}, "url": {"path": f"http://127.0.0.1/{HUGE}"},
    "host": {"path": f"http://{HUGE}"}, "name": {"path": "/x", "orig_name": HUGE},
    "key": {HUGE: HUGE}, "list": [HUGE],
}  # fmt: skip


def check(text: str) -> None:
    assert text.count("Zq") * len(UNIT) <= MAX_QUOTED, text[:1000]
    assert "Traceback" not in text


@pytest.mark.parametrize("endpoint", ["translate", "translate_batch"])
@pytest.mark.parametrize("argument", ARGUMENTS.values(), ids=ARGUMENTS)
def test_errors_of_calls(strict_client: RawSpaceClient, argument: object, endpoint: str):
    value = argument if endpoint == "translate" else [argument]
    result = strict_client.call(value, "fit", endpoint=endpoint)
    # A batch reports a name as it reports all names, shortened.
    if endpoint == "translate" or result.event == "error":
        assert result.error
    check(result.text)


@pytest.mark.parametrize("mode", [HUGE, [HUGE], {"x": HUGE}], ids=["text", "list", "object"])
def test_errors_about_a_choice(strict_client: RawSpaceClient, mode: object):
    check(strict_client.call(None, mode).error)


@pytest.mark.parametrize("route", ["call/translate", "call/v2/translate", "queue/join", "cancel"])
@pytest.mark.parametrize(
    "body",
    [HUGE, [HUGE], {"data": HUGE}, {"data": {HUGE: HUGE}}, {"data": [], "session_hash": [HUGE]}],
    ids=["text", "list", "data", "object", "session"],
)
def test_errors_about_the_body(strict_client: RawSpaceClient, route: str, body: object):
    response = strict_client.http.post(f"{API_PREFIX}/{route}", json=body)
    assert response.status_code >= 400
    check(response.text)
    check(strict_client.http.post(f"{API_PREFIX}/{route}", content=HUGE.encode()).text)


def test_errors_about_the_url(strict_client: RawSpaceClient):
    for route in ("", "call/", "file=", "file=/", "file/", "run/", "api/", "info/", "mcp/",
                  "upload_progress?upload_id="):  # fmt: skip
        path = f"{API_PREFIX}/{route}{quote(LONG)}"
        for method in ("POST", "GET") if "upload" not in route else ("POST",):
            response = strict_client.http.request(method, path)
            assert response.status_code >= 400, path[:40]
            check(response.text)


def test_errors_of_uploads(strict_client: RawSpaceClient):
    for files in ({"files": (HUGE, b"x")}, {HUGE: ("a.png", b"x")}, {"files": ("a", HUGE * 2)}):
        check(strict_client.http.post(f"{API_PREFIX}/upload", files=files).text)
    for kind in (quote(LONG), "multipart/form-data", "multipart/form-data; boundary=x"):
        content, headers = b"--x\r\n" + HUGE.encode(), {"content-type": kind}
        response = strict_client.http.post(f"{API_PREFIX}/upload", content=content, headers=headers)
        assert response.status_code >= 400
        check(response.text)


def test_errors_of_the_page(strict_client: RawSpaceClient):
    outputs = list(_run_all_events(strict_client))
    assert len(outputs) > 10
    for output in outputs:
        check(output)


def _run_all_events(client: RawSpaceClient) -> Iterator[str]:
    """Sends every event of the page with long arguments; yields the output of each."""
    for event in client.http.get("/config").json()["dependencies"]:
        body = {
            "data": [LONG] * len(event["inputs"]), "fn_index": event["id"],
            "session_hash": uuid.uuid4().hex, "event_data": {"index": 0, "name": LONG},
        }  # fmt: skip
        if client.http.post(f"{API_PREFIX}/queue/join", json=body).status_code != 200:
            continue
        with client.http.stream("GET", f"{API_PREFIX}/queue/data", params=body) as stream:
            for line in stream.iter_lines():
                if "process_completed" in line:
                    yield line
                    break


def test_errors_for_agents(strict_space: str):
    calls = [
        ("translate", {"image": HUGE}), ("translate", {"image": [HUGE]}), ("translate", {HUGE: 1}),
        ("translate", {"image": "QUJD", "mode": HUGE}), ("translate", {"image": "QUJD", HUGE: 1}),
        ("translate", {"image": f"data:image/png;base64,{HUGE}"}), (HUGE, {}),
        ("translate", {"image": f"http://127.0.0.1/{LONG}"}), ("translate_batch", {"files": HUGE}),
        ("translate_batch", {"files": [HUGE]}), ("translate_batch", {"files": [[HUGE]]}),
    ]  # fmt: skip

    async def use(session) -> list:
        results = [await session.call_tool(name, arguments) for name, arguments in calls]
        with pytest.raises(McpError, match="Resource not found") as error:
            await session.read_resource("http://x/" + "Zq" * 5000)
        assert len(str(error.value)) <= MAX_QUOTED
        return results

    for result in run_mcp_session(f"{strict_space}{API_PREFIX}/mcp/", use):
        assert result.isError and result.content[0].text
        check(result.content[0].text)


@pytest.mark.parametrize("body", [HUGE.encode(), json.dumps({"method": HUGE}).encode()])
def test_errors_of_the_mcp_protocol(strict_space: str, body: bytes):
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    url = f"{strict_space}{API_PREFIX}/mcp/"
    response = httpx.post(url, content=body, headers=headers, timeout=60)
    assert response.status_code >= 400
    check(response.text)


def test_a_message_of_the_package_may_be_longer_than_a_quotation():
    sentence = "This picture has 8 bands of 16 bits; convert it with gdal_translate. " * 5
    assert limit_quotes(sentence) == sentence
    assert len(limit_quotes(f"{sentence} {'x' * 1000}")) <= MAX_MESSAGE
    assert limit_quotes(f"No {'x' * 300} here.") == f"No {'x' * 196}... here."
    assert shorten("x" * 200) == "x" * 200 and len(shorten("x" * 201)) == 200


def test_the_body_of_an_error_stays_json():
    detail = {"detail": [{"msg": "wrong", "input": HUGE}]}
    for content in (detail, {"error": "x" * 900}, {"detail": "x " * 900}, {HUGE: 1}, [HUGE], HUGE):
        body = limit_error_body(json.dumps(content).encode(), is_json=True)
        assert json.loads(body) and len(body) <= MAX_MESSAGE
    assert limit_error_body(b'{"detail": "Not Found"}', is_json=True) == b'{"detail": "Not Found"}'
    assert len(limit_error_body(b"x" * 900, is_json=False)) == MAX_QUOTED
