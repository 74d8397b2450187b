"""Arguments of calls: no path of the machine and no URL of a private network is ever read."""

import ctypes
import json
import os
import reprlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client

from pix2pix import Translator
from pix2pix.space.security.calls import NOT_UPLOADED
from pix2pix.translate import STARTER_MODEL
from tests.raw_http import (
    API_PREFIX,
    FILE_META,
    RawSpaceClient,
    decode_pixels,
    file_argument,
)
from tests.recording_server import SAMPLE_PHOTO, RecordingHandler

IN_OPEN = 0x20


def file_forms(path: str | None, url: str | None = None) -> list[dict]:
    """Returns the ways in which a JSON argument may name a file."""
    bare = {"path": path} if url is None else {"path": path, "url": url}
    return [
        bare, bare | {"meta": FILE_META}, bare | {"meta": FILE_META, "is_stream": True},
        bare | {"meta": {"_type": "other"}}, bare | {"meta": FILE_META, "orig_name": "a.png"},
    ]  # fmt: skip


def file_endpoints(url: str) -> list[str]:
    """Returns the endpoints that take a file."""
    endpoints = Client(url, verbose=False).view_api(return_format="dict", print_info=False)
    parameters = {name: part["parameters"] for name, part in endpoints["named_endpoints"].items()}
    return [name.strip("/") for name in parameters if "File" in str(parameters[name])]


def try_everywhere(client: RawSpaceClient, url: str, form: dict) -> None:
    """Calls every endpoint and every event of the page with `form` as each of its arguments."""
    endpoints = file_endpoints(url)
    assert endpoints == ["translate", "translate_batch"]
    for name in endpoints:
        for argument in (form, [form], [[form]], {"image": form}):
            result = client.call(argument, "fit", endpoint=name)
            assert result.event == "error", (name, argument, result.text)
            assert "Traceback" not in result.text
    events = client.http.get("/config").json()["dependencies"]
    readers = {event["id"] for event in events if event["inputs"]}
    refused = {event["id"] for event in events if "error" in run_event(client, event, form)}
    assert readers and readers <= refused


def run_event(client: RawSpaceClient, event: dict, form: dict) -> dict:
    """Sends an event of the page with `form` as each argument; returns the output of its end."""
    body = {
        "data": [form] * len(event["inputs"]), "fn_index": event["id"],
        "session_hash": f"s{time.time_ns()}", "event_data": {"index": 0, "value": form},
    }  # fmt: skip
    response = client.http.post(f"{API_PREFIX}/queue/join", json=body)
    assert response.status_code == 200, response.text
    with client.http.stream("GET", f"{API_PREFIX}/queue/data", params=body) as stream:
        for line in stream.iter_lines():
            assert "Traceback" not in line
            if "process_completed" in line:
                return json.loads(line.removeprefix("data: "))["output"]
    raise AssertionError(f"the event {event['id']} did not end")


@contextmanager
def watch_opens(path: Path) -> Iterator[int]:
    """Yields a descriptor that reports each time a process opens the file (Linux's inotify).

    Access times would not do: most machines mount their disks so that reading does not change them.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), IN_OPEN) >= 0
    yield descriptor
    os.close(descriptor)


def test_no_path_of_the_machine_can_be_translated(
    strict_client: RawSpaceClient, strict_space: str, operators_run: Path
):
    """Each path leads to a picture that would be read if it were not refused."""
    private = operators_run / "samples" / "private.png"
    folder = operators_run / "samples"
    with watch_opens(private) as opens:
        for path in (str(private), f"{folder}/../samples/private.png", f"file://{private}"):
            for form in file_forms(path):
                assert strict_client.call(form, "fit").error == NOT_UPLOADED, form
        for form in file_forms(None, f"file://{private}") + file_forms("", str(private)):
            assert strict_client.call(form, "fit").event == "error"
        try_everywhere(strict_client, strict_space, file_forms(str(private))[0])
        with pytest.raises(BlockingIOError):
            os.read(opens, 4096)
        private.read_bytes()
        assert os.read(opens, 4096), "the watch reports an open file"


def test_urls_of_private_networks_are_not_fetched(
    strict_client: RawSpaceClient, strict_space: str, recording_server: str
):
    RecordingHandler.requests.clear()
    port = recording_server.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1",
             "2130706433", "0x7f000001", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1",
             "169.254.169.254", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
             "224.0.0.1",
             "user@127.0.0.1", "localhost."]  # fmt: skip
    for host in hosts:
        form = file_forms(f"http://{host}:{port}/x.png")[0]
        assert "can't be fetched" in strict_client.call(form, "fit").error, host
    url = f"{recording_server}/x.png"
    for form in file_forms(url) + file_forms(None, url):
        assert strict_client.call(form, "fit").event == "error"
    for scheme in ("ftp", "gopher", "file", "HTTP"):
        form = file_forms(f"{scheme}://127.0.0.1:{port}/x")[1]
        assert strict_client.call(form, "fit").event == "error"
    try_everywhere(strict_client, strict_space, file_forms(url)[1])
    assert RecordingHandler.requests == []


def test_an_extra_argument_does_not_choose_a_model(
    strict_client: RawSpaceClient, operators_run: Path
):
    photo = file_argument(strict_client.upload(SAMPLE_PHOTO.read_bytes()))
    expected = decode_pixels(Translator(STARTER_MODEL)(SAMPLE_PHOTO))
    path = str(operators_run)
    # The error shortens a long mode.
    unknown_mode = "The mode {} is unknown; choose one of fit, full."
    for extra, error in (
        (path, unknown_mode.format(reprlib.repr(path))),
        ("user/model", unknown_mode.format("'user/model'")),
        ({"path": path}, NOT_UPLOADED),
    ):
        result = strict_client.call(photo, "fit", extra)
        np.testing.assert_array_equal(strict_client.download_pixels(result), expected)
        assert strict_client.call(photo, extra).error == error
