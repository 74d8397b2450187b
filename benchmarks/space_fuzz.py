"""Does the Space survive malformed files and calls? Run `python -m benchmarks.space_fuzz`.

Starts `python app.py` on the starter model and sends it, over bare HTTP, mutated picture files
(flipped bits, truncated, spliced, extreme numbers in headers; from a valid file of each format) and
mutated calls (arguments of wrong types and numbers, huge, nested, missing; bodies that are not
JSON; sessions and events of others). The same seed sends the same bytes. The Space passes if

- no response and no event contains a traceback, and each call ends in a result or one sentence,
- the process keeps running,
- a valid picture is then translated to exactly the pixels of the Translator,
- memory returns to within 100 MB of its size after a warm-up.

Prints one table and exits with 1 on any problem. Takes a few minutes.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.measure import memory
from pix2pix import Translator
from pix2pix.translate import STARTER_MODEL
from tests.builders import encode_image, make_picture
from tests.commands import running_space_process
from tests.raw_http import API_PREFIX, FILE_META, RawSpaceClient, decode_pixels, file_argument

ROUNDS = 40
PARALLEL = 4
GROWTH_MB = 100
PHOTO = STARTER_MODEL / "samples" / "003-input.png"
EXTREME_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def valid_files() -> dict[str, bytes]:
    """Returns a small valid file of each format, some with EXIF data, frames or transparency."""
    image = make_picture(60, 44)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "an aerial photo"
    rgba = image.copy()
    rgba.putalpha(90)
    frames = {"save_all": True, "append_images": [rgba.convert("RGB")] * 2}
    return {
        "png": encode_image(rgba, exif=exif), "png 16": encode_image(image.convert("I;16")),
        "png palette": encode_image(image.convert("P")),
        "apng": encode_image(image, "PNG", **frames),
        "jpeg": encode_image(image, "JPEG", exif=exif),
        "jpeg cmyk": encode_image(image.convert("CMYK"), "JPEG"),
        "jpeg progressive": encode_image(image, "JPEG", progressive=True),
        "gif": encode_image(image, "GIF", **frames), "webp": encode_image(image, "WEBP", exif=exif),
        "webp film": encode_image(rgba, "WEBP", save_all=True, append_images=[rgba]),
        "tiff": encode_image(image, "TIFF"),
        "tiff lzw": encode_image(image, "TIFF", compression="tiff_lzw"),
        "bmp": encode_image(image, "BMP"), "avif": encode_image(image, "AVIF"),
        "ppm": encode_image(image, "PPM"),
        "jpeg 2000": encode_image(image, "JPEG2000"),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)),
    }  # fmt: skip


def mutate(dice: random.Random, valid: bytes, other: bytes) -> bytes:
    """Returns the content of a valid file with one random kind of damage."""
    bad = bytearray(valid)
    kind = dice.randrange(6)
    if kind == 0:
        for _ in range(dice.choice((1, 3, 12))):
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
    elif kind == 1:
        del bad[dice.randrange(len(bad)) :]
    elif kind == 2:  # a piece of another file in the middle of this one
        start, end = sorted(dice.randrange(len(other)) for _ in range(2))
        bad[dice.randrange(len(bad)) : dice.randrange(len(bad))] = other[start:end]
    elif kind == 3:  # an extreme number where headers have sizes and counts
        offset = dice.randrange(min(len(bad) - 4, 80))
        bad[offset : offset + 4] = struct.pack(
            dice.choice("<>") + "I", dice.choice(EXTREME_NUMBERS)
        )
    elif kind == 4:
        start, end = sorted(dice.randrange(len(bad)) for _ in range(2))
        bad[start:end] = bad[start:end] * dice.choice((0, 2, 20))
    else:
        bad[: dice.randrange(1, 64)] = b""
    return bytes(bad)


def bad_files(dice: random.Random, rounds: int) -> Iterator[tuple[str, bytes]]:
    valid = valid_files()
    for _ in range(rounds):
        for name, content in valid.items():
            yield name, mutate(dice, content, valid[dice.choice(list(valid))])


def bad_values(dice: random.Random, path: str) -> list[Any]:
    """Returns invalid values for an argument."""
    deep: Any = 1
    for _ in range(dice.choice((5, 200, 900))):
        deep = [deep]
    return [
        None, True, -1, 1e308, "", "fit", "x" * dice.choice((1, 100_000)), "\u0000\ud7ff", [], {},
        deep, [None] * 1000, {"path": None}, {"path": 3}, {"path": ""}, {"path": [path]},
        {"path": path, "meta": None}, {"path": path, "meta": []}, {"path": path, "meta": FILE_META},
        {"path": path, "size": -1}, {"path": path, "is_stream": True}, {"path": path, "url": 3},
        {"path": path, "extra": deep}, {"path": path + "/x"}, {"path": str(Path(path).parent)},
        {"path": path + "\u0000"}, {"path": "x" * 5000}, {"url": "data:image/png;base64,AA"},
        {"url": "data:", "path": None}, {"path": "http://", "meta": FILE_META},
        {"path": "http://[", "meta": FILE_META}, {"path": "http://x:99999/", "meta": FILE_META},
        {"__type__": "update", "value": path}, {"path": path, "mime_type": {"a": 1}},
    ]  # fmt: skip


def bad_bodies(dice: random.Random, path: str) -> Iterator[tuple[str, Any]]:
    """Yields routes with invalid bodies: bytes, or values to be sent as JSON."""
    valid = file_argument(path)
    for value in bad_values(dice, path):
        yield "call/translate", {"data": [value, "fit"]}
        yield "call/translate", {"data": [valid, value]}
        yield "call/translate", {"data": value}
        yield "call/v2/translate", {"photo": value, "mode": "fit"}
        yield "queue/join", {
            "data": [value], "fn_index": dice.randrange(-2, 12), "session_hash": "s",
            "event_data": value, "trigger_id": dice.choice((None, 0, 10**9)),
        }  # fmt: skip
        yield "queue/join", {"data": [valid, "fit"], "fn_index": 0, "session_hash": value}
        yield "cancel", {"session_hash": "s", "fn_index": 0, "event_id": value}
        yield "reset", {"event_id": value}
        yield "upload", {"files": value}
    for data in ([], [valid], [valid, "fit", "fit"], [valid, "wild"], [valid] * 99):
        for name in ("translate", "no_such_endpoint", "0", "../translate", "translate%00"):
            yield f"call/{name}", {"data": data}
            yield f"run/{name}", {"data": data, "fn_index": 0}
    for body in (b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"data":' + b"[" * 5000, b"null", b"0"):
        for route in ("call/translate", "queue/join", "upload", "cancel", "component_server"):
            yield route, body


class Fuzz:
    """Sends mutations; counts the kinds of `responses` and lists the `problems`."""

    def __init__(self, url: str):
        self.url = url
        self.responses: Counter[str] = Counter()
        self.problems: list[str] = []

    def check(self, request: str, status: int, text: str) -> None:
        self.responses[str(status)] += 1
        if "Traceback" in text or 'File "/' in text:
            self.problems.append(f"{request}: a traceback ({text[:200]})")
        elif status >= 500 and '"error":"' not in text:
            self.problems.append(f"{request}: {status} {text[:200]}")

    def send_files(self, part: list[tuple[str, bytes]]) -> None:
        """Uploads and translates each file."""
        with RawSpaceClient(self.url) as client:
            for name, content in part:
                result = client.translate(content, name=f"{name}.{name[:4]}")
                self.check(f"{name} {content[:24]!r}", result.status, result.text)
                if result.event == "error":
                    self.responses["sentence"] += 1
                    if not is_sentence(result.data):
                        self.problems.append(f"{name}: {result.text[:200]}")
                elif result.event == "complete":
                    self.responses["picture"] += 1

    def send_bodies(self, bodies: list[tuple[str, Any]]) -> None:
        """Posts each body, and reads the events if the call was accepted."""
        with RawSpaceClient(self.url) as client:
            for route, body in bodies:
                request = f"{route} {str(body)[:120]}"
                content = {"content" if isinstance(body, bytes) else "json": body}
                try:
                    response = client.http.post(f"{API_PREFIX}/{route}", headers=JSON, **content)
                    self.check(request, response.status_code, response.text)
                    if response.status_code == 200 and "event_id" in response.text:
                        event = response.json()["event_id"]
                        stream = client.http.get(f"{API_PREFIX}/call/translate/{event}", timeout=30)
                        self.check(request, stream.status_code, stream.text)
                except httpx.TimeoutException:
                    self.problems.append(f"{request}: no response within 30 s")
                except httpx.TransportError:  # rejected before all of it was sent
                    self.responses["closed"] += 1


JSON = {"Content-Type": "application/json"}


def is_sentence(data: Any) -> bool:
    message = data.get("error") if isinstance(data, dict) else None
    return isinstance(message, str) and message.endswith((".", "]")) and "\n" not in message


def settled_mb(process: int) -> float:
    """Returns the memory of a process in MB once it stops falling, after at most 20 s."""
    lowest = memory("VmRSS", process) / 1e6
    for _ in range(10):
        time.sleep(2)
        now = memory("VmRSS", process) / 1e6
        if now > lowest - 1:
            return min(now, lowest)
        lowest = now
    return lowest


def fuzz(folder: Path, rounds: int, seed: int) -> tuple[Fuzz, int, float]:
    """Sends all mutations to a new Space; returns the results, their number, the growth in MB."""
    dice = random.Random(seed)
    limits = {"PIX2PIX_MAX_MEGAPIXELS": "4", "PIX2PIX_QUEUE": "1000"}
    with running_space_process(folder / "app.log", GRADIO_TEMP_DIR=str(folder), **limits) as (
        url,
        process,
    ):
        fuzzer = Fuzz(url)
        files = list(bad_files(dice, rounds))
        parts = [files[start::PARALLEL] for start in range(PARALLEL)]
        # A warm-up with the same files, so that caches are filled before memory is measured.
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(Fuzz(url).send_files, [part[: len(part) // 4] for part in parts]))
        before = settled_mb(process.pid)
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(fuzzer.send_files, parts))
        with RawSpaceClient(url) as client:
            bodies = list(bad_bodies(dice, client.upload(PHOTO.read_bytes())))
            fuzzer.send_bodies(bodies)
            expected = decode_pixels(Translator.from_pretrained(STARTER_MODEL)(PHOTO))
            pixels = client.download_pixels(client.translate(PHOTO.read_bytes()))
            if not np.array_equal(pixels, expected):
                fuzzer.problems.append("after the mutations, a valid picture is translated wrongly")
        growth = settled_mb(process.pid) - before
        if process.poll() is not None:
            fuzzer.problems.append("the process has ended")
    if growth > GROWTH_MB:
        fuzzer.problems.append(f"memory grew by {growth:.0f} MB")
    return fuzzer, len(files) + len(bodies), growth


def report(fuzzer: Fuzz, sent: int, growth: float) -> int:
    print("| response | count |\n|---|---|")
    for kind, count in sorted(fuzzer.responses.items()):
        print(f"| {kind} | {count} |")
    print(f"\n{sent} mutations, memory {growth:+.0f} MB, {len(fuzzer.problems)} problems")
    for problem in fuzzer.problems:
        print(problem, file=sys.stderr)
    return 1 if fuzzer.problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="mutations per valid file")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="space-fuzz-") as folder:
        return report(*fuzz(Path(folder), arguments.rounds, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
