"""A client for a Space over bare HTTP, without a client library that would hide its faults."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from PIL import Image

from pix2pix.pixels.gate import open_image

API_PREFIX = "/gradio_api"
FILE_META = {"_type": "gradio.FileData"}


@dataclass(frozen=True)
class CallResult:
    """The result of a call: the HTTP status, the last event's name and its data."""

    status: int
    event: str
    data: Any
    text: str

    @property
    def error(self) -> str:
        """The error message; the call must have ended with one."""
        assert self.event == "error", self.text
        return self.data["error"]


class RawSpaceClient:
    """An HTTP client with its own connections; close it, or use it in a `with` block."""

    def __init__(self, url: str):
        self.http = httpx.Client(base_url=url, timeout=60)

    def __enter__(self) -> "RawSpaceClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def upload(self, content: bytes, name: str = "aerial.png") -> str:
        """Uploads a file and returns its path on the server."""
        response = self.http.post(f"{API_PREFIX}/upload", files={"files": (name, content)})
        assert response.status_code == 200, response.text
        return response.json()[0]

    def post(self, endpoint: str, body: Any) -> httpx.Response:
        """Starts a call of an endpoint; the response holds the event id."""
        return self.http.post(f"{API_PREFIX}/call/{endpoint}", json=body)

    def call(self, *arguments: Any, endpoint: str = "translate", **fields: Any) -> CallResult:
        """Calls an endpoint and waits for its last event."""
        started = self.post(endpoint, {"data": list(arguments)} | fields)
        if started.status_code != 200:
            return CallResult(started.status_code, "refused", None, started.text)
        stream = self.http.get(f"{API_PREFIX}/call/{endpoint}/{started.json()['event_id']}")
        lines = [line.partition(": ") for line in stream.text.splitlines() if ": " in line]
        events = [value for name, _, value in lines if name == "event"]
        data = [value for name, _, value in lines if name == "data"]
        return CallResult(stream.status_code, events[-1], json.loads(data[-1]), stream.text)

    def translate(self, content: bytes, mode: str = "fit", name: str = "aerial.png") -> CallResult:
        """Uploads a picture and translates it."""
        return self.call(file_argument(self.upload(content, name)), mode)

    def download_pixels(self, result: CallResult) -> np.ndarray:
        """Downloads the picture that a call made; returns its pixels."""
        assert result.event == "complete", result.text
        response = self.http.get(f"{API_PREFIX}/file={result.data[0]['path']}")
        assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
        return decode_pixels(response.content)


def file_argument(path: str) -> dict:
    """Returns the argument that names an uploaded file in a call."""
    return {"path": path, "meta": FILE_META}


# More than any Space of the tests accepts.
MAX_PIXELS = 100_000_000


def decode_pixels(picture: bytes | Image.Image) -> np.ndarray:
    """Returns the pixels of a picture, or of an encoded picture file."""
    return np.asarray(open_image(picture, MAX_PIXELS) if isinstance(picture, bytes) else picture)
