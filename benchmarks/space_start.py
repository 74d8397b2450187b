"""How soon after its start does the Space respond? Run `python -m benchmarks.space_start`.

Measures the seconds from the start of the process to the first result of `/translate` on the
starter model, next to those of `python -c "import gradio"` and of an app that serves the same model
in TensorFlow, as most Spaces do. They run in turns, --repeats times (5); the figures are medians.
Exits with 1 if the Space takes more than LIMIT times the import. Takes about three minutes on two
cores.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.measure import ROOT, STARTER_MODEL

PHOTO = STARTER_MODEL / "samples" / "003-input.png"
LIMIT, TIMEOUT = 1.5, 180

# A typical pix2pix Space, on the starter model's Keras files.
KERAS_APP = """
import gradio as gr
import keras
import numpy as np

generator = keras.saving.load_model({folder!r}, compile=False)


def translate(image):
    tensor = np.asarray(image.resize((256, 256)), np.float32)[None, ..., :3] / 127.5 - 1
    translation = np.asarray(generator(tensor, training=False))[0]
    return np.clip((translation + 1) * 127.5, 0, 255).astype(np.uint8)


image = gr.Image(type="pil")
gr.Interface(translate, image, gr.Image(format="png"), api_name="translate").launch()
"""


def seconds_to_import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.perf_counter() - started


def seconds_to_result(script: Path, data: list) -> float:
    """Starts `script` and calls its `/translate` with the photo and `data` until it succeeds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "NO_PROXY": "127.0.0.1",
        "PIX2PIX_MODEL": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while time.perf_counter() - started < TIMEOUT:
                try:
                    _call(port, data)
                    return time.perf_counter() - started
                except OSError:  # the server does not listen yet
                    time.sleep(0.02)
            raise SystemExit(f"{script.name} did not respond within {TIMEOUT} s.")
        finally:
            process.terminate()


def _call(port: int, data: list) -> None:
    """Translates the photo over raw HTTP, without a client library, whose import takes time."""
    boundary = uuid.uuid4().hex
    disposition = 'Content-Disposition: form-data; name="files"; filename="photo.png"'
    head = f"--{boundary}\r\n{disposition}\r\n\r\n"
    form = head.encode() + PHOTO.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    uploaded = _request(port, "POST", "/gradio_api/upload", form, headers)
    image = {"path": json.loads(uploaded)[0], "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [image, *data]}).encode()
    headers = {"Content-Type": "application/json"}
    response = _request(port, "POST", "/gradio_api/call/translate", body, headers)
    event = json.loads(response)["event_id"]
    stream = _request(port, "GET", f"/gradio_api/call/translate/{event}").decode()
    if "event: complete" not in stream:
        raise SystemExit(f"The call of /translate failed: {stream}")


def _request(port: int, method: str, path: str, body: bytes = b"", headers=None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise OSError(f"{path}: {response.status}")
        return content
    finally:
        connection.close()


def measure(repeats: int, keras: bool = True) -> dict[str, list[float]]:
    """Returns the seconds of each repeat; an uncounted first round fills the file cache."""
    with tempfile.TemporaryDirectory(prefix="space-start-") as scratch:
        keras_app = Path(scratch) / "keras_app.py"
        keras_app.write_text(KERAS_APP.format(folder=str(STARTER_MODEL)))
        contenders = {
            "import gradio": seconds_to_import,
            "the Space": lambda: seconds_to_result(ROOT / "app.py", ["fit"]),
        }
        if keras:
            contenders["Keras in TensorFlow"] = lambda: seconds_to_result(keras_app, [])
        rounds = [{name: run() for name, run in contenders.items()} for _ in range(repeats + 1)]
    return {name: [times[name] for times in rounds[1:]] for name in contenders}


def import_ratio(seconds: dict[str, list[float]]) -> float:
    """Returns the median start of the Space, relative to `import gradio`."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return medians["the Space"] / medians["import gradio"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    seconds = measure(parser.parse_args().repeats)
    base = statistics.median(seconds["import gradio"])
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:20} {median:6.2f} s  {median / base:5.2f} times the import")
    return 0 if import_ratio(seconds) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
