"""How soon does the Space answer? `python -m benchmarks.space_start`

Seconds from the start of the process to the first answered `/translate` on the starter model,
beside those of `python -c "import gradio"` and of an app that serves the same model in TensorFlow,
as Spaces usually do. In turns, REPEATS of each (5), medians. Exits with 1 when the Space needs more
than LIMIT times the import. About three minutes on two cores.
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
LIMIT, GIVE_UP = 1.5, 180

# What most pix2pix Spaces are, on the starter model's Keras files.
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


def seconds_to_answer(script: Path, data: list) -> float:
    """Starts `script` and calls its `/translate` with the photo, and `data`, until it answers."""
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
            while time.perf_counter() - started < GIVE_UP:
                try:
                    _call(port, data)
                    return time.perf_counter() - started
                except OSError:  # it doesn't listen yet
                    time.sleep(0.02)
            raise SystemExit(f"{script.name} did not answer within {GIVE_UP} s.")
        finally:
            process.terminate()


def _call(port: int, data: list) -> None:
    """One translation over raw HTTP, with nothing imported that would take time of its own."""
    bound = uuid.uuid4().hex
    head = (
        f'--{bound}\r\nContent-Disposition: form-data; name="files"; filename="photo.png"\r\n\r\n'
    )
    form = head.encode() + PHOTO.read_bytes() + f"\r\n--{bound}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={bound}"}
    uploaded = _request(port, "POST", "/gradio_api/upload", form, kind)
    image = {"path": json.loads(uploaded)[0], "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [image, *data]}).encode()
    kind = {"Content-Type": "application/json"}
    event = json.loads(_request(port, "POST", "/gradio_api/call/translate", body, kind))["event_id"]
    answer = _request(port, "GET", f"/gradio_api/call/translate/{event}").decode()
    if "event: complete" not in answer:
        raise SystemExit(f"There was no translation but {answer}")


def _request(port: int, method: str, path: str, body: bytes = b"", headers=None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise OSError(f"{path}: {answer.status}")
        return content
    finally:
        connection.close()


def measure(repeats: int, keras: bool = True) -> dict[str, list[float]]:
    """Seconds of each repeat, in turns, after one round that nobody counts: files get cached."""
    with tempfile.TemporaryDirectory(prefix="space-start-") as scratch:
        keras_app = Path(scratch) / "keras_app.py"
        keras_app.write_text(KERAS_APP.format(folder=str(STARTER_MODEL)))
        ways = {
            "import gradio": seconds_to_import,
            "the Space": lambda: seconds_to_answer(ROOT / "app.py", ["fit"]),
        }
        if keras:
            ways["Keras in TensorFlow"] = lambda: seconds_to_answer(keras_app, [])
        rounds = [{name: way() for name, way in ways.items()} for _ in range(repeats + 1)]
    return {name: [found[name] for found in rounds[1:]] for name in ways}


def times_the_import(seconds: dict[str, list[float]]) -> float:
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return medians["the Space"] / medians["import gradio"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    seconds = measure(parser.parse_args().repeats)
    base = statistics.median(seconds["import gradio"])
    for name, found in seconds.items():
        median = statistics.median(found)
        print(f"{name:20} {median:6.2f} s  {median / base:5.2f} times the import")
    return 0 if times_the_import(seconds) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
