"""The Space as bare HTTP shows it: no client library that would tidy up what is wrong."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from PIL import Image

from pix2pix.images import open_image

API = "/gradio_api"
META = {"_type": "gradio.FileData"}


@dataclass(frozen=True)
class Answer:
    """What a call came to: the HTTP status, the last event's name and its data."""

    status: int
    event: str
    data: Any
    text: str

    @property
    def error(self) -> str:
        assert self.event == "error", self.text
        return self.data["error"]


class RawSpace:
    """A client with connections of its own; close it, or use it in a `with`."""

    def __init__(self, address: str):
        self.http = httpx.Client(base_url=address, timeout=60)

    def __enter__(self) -> "RawSpace":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def upload(self, content: bytes, name: str = "aerial.png") -> str:
        """Uploads a file and returns the path that stands for it."""
        response = self.http.post(f"{API}/upload", files={"files": (name, content)})
        assert response.status_code == 200, response.text
        return response.json()[0]

    def post(self, endpoint: str, body: Any) -> httpx.Response:
        return self.http.post(f"{API}/call/{endpoint}", json=body)

    def call(self, *arguments: Any, endpoint: str = "translate", **fields: Any) -> Answer:
        """Calls an endpoint and waits for its last event."""
        posted = self.post(endpoint, {"data": list(arguments)} | fields)
        if posted.status_code != 200:
            return Answer(posted.status_code, "refused", None, posted.text)
        got = self.http.get(f"{API}/call/{endpoint}/{posted.json()['event_id']}")
        lines = [line.partition(": ") for line in got.text.splitlines() if ": " in line]
        events = [value for name, _, value in lines if name == "event"]
        data = [value for name, _, value in lines if name == "data"]
        return Answer(got.status_code, events[-1], json.loads(data[-1]), got.text)

    def translate(self, content: bytes, mode: str = "fit", name: str = "aerial.png") -> Answer:
        return self.call(file(self.upload(content, name)), mode)

    def picture(self, answer: Answer) -> np.ndarray:
        """The pixels that the answer leads to."""
        assert answer.event == "complete", answer.text
        got = self.http.get(f"{API}/file={answer.data[0]['path']}")
        assert (got.status_code, got.headers["content-type"]) == (200, "image/png")
        return pixels(got.content)


def file(path: str) -> dict:
    """How an argument names an uploaded file."""
    return {"path": path, "meta": META}


def pixels(content: bytes | Image.Image) -> np.ndarray:
    return np.asarray(open_image(content) if isinstance(content, bytes) else content)
