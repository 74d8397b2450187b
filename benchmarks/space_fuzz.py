"""Does the Space survive what nobody would send? `python -m benchmarks.space_fuzz`

Starts `python app.py` on the starter model and sends it, over bare HTTP, mutated picture files
(bits flipped, cut short, spliced, headers with wild numbers; from seeds of each format that is
read) and mutated calls (arguments of wrong types and numbers, huge, nested, missing; bodies that
are no JSON; foreign sessions and events). The same seed sends the same bytes. It is good when

- no answer and no event holds a traceback, and each call ends in a result or in one sentence,
- the process is the same one,
- a good picture is then translated to the very pixels that the Translator gives,
- memory is back to within 100 MB of what it was after a warm-up.

Prints one table and exits with 1 when something is bad. A few minutes.
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
from pix2pix.space.models import STARTER_MODEL
from tests.builders import encode, picture
from tests.commands import space_process
from tests.raw import API, META, RawSpace, file, pixels

ROUNDS = 40
PARALLEL = 4
GROWTH_MB = 100
PHOTO = STARTER_MODEL / "samples" / "003-input.png"
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def seeds() -> dict[str, bytes]:
    """A good small file of each format, some with what else they may carry."""
    image = picture(60, 44)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "an aerial photo"
    rgba = image.copy()
    rgba.putalpha(90)
    frames = {"save_all": True, "append_images": [rgba.convert("RGB")] * 2}
    return {
        "png": encode(rgba, exif=exif), "png 16": encode(image.convert("I;16")),
        "png palette": encode(image.convert("P")), "apng": encode(image, "PNG", **frames),
        "jpeg": encode(image, "JPEG", exif=exif),
        "jpeg cmyk": encode(image.convert("CMYK"), "JPEG"),
        "jpeg progressive": encode(image, "JPEG", progressive=True),
        "gif": encode(image, "GIF", **frames), "webp": encode(image, "WEBP", exif=exif),
        "webp film": encode(rgba, "WEBP", save_all=True, append_images=[rgba]),
        "tiff": encode(image, "TIFF"), "tiff lzw": encode(image, "TIFF", compression="tiff_lzw"),
        "bmp": encode(image, "BMP"), "avif": encode(image, "AVIF"), "ppm": encode(image, "PPM"),
        "jpeg 2000": encode(image, "JPEG2000"),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)),
    }  # fmt: skip


def mutate(dice: random.Random, good: bytes, other: bytes) -> bytes:
    """`good` with one kind of damage."""
    bad = bytearray(good)
    kind = dice.randrange(6)
    if kind == 0:
        for _ in range(dice.choice((1, 3, 12))):
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
    elif kind == 1:
        del bad[dice.randrange(len(bad)) :]
    elif kind == 2:  # a piece of another file in the middle of this one
        start, end = sorted(dice.randrange(len(other)) for _ in range(2))
        bad[dice.randrange(len(bad)) : dice.randrange(len(bad))] = other[start:end]
    elif kind == 3:  # wild numbers where sizes and counts are
        place = dice.randrange(min(len(bad) - 4, 80))
        bad[place : place + 4] = struct.pack(dice.choice("<>") + "I", dice.choice(NUMBERS))
    elif kind == 4:
        start, end = sorted(dice.randrange(len(bad)) for _ in range(2))
        bad[start:end] = bad[start:end] * dice.choice((0, 2, 20))
    else:
        bad[: dice.randrange(1, 64)] = b""
    return bytes(bad)


def bad_files(dice: random.Random, rounds: int) -> Iterator[tuple[str, bytes]]:
    good = seeds()
    for _ in range(rounds):
        for name, content in good.items():
            yield name, mutate(dice, content, good[dice.choice(list(good))])


def bad_values(dice: random.Random, path: str) -> list[Any]:
    """What may stand in the place of an argument."""
    deep: Any = 1
    for _ in range(dice.choice((5, 200, 900))):
        deep = [deep]
    return [
        None, True, -1, 1e308, "", "fit", "x" * dice.choice((1, 100_000)), "\u0000\ud7ff", [], {},
        deep, [None] * 1000, {"path": None}, {"path": 3}, {"path": ""}, {"path": [path]},
        {"path": path, "meta": None}, {"path": path, "meta": []}, {"path": path, "meta": META},
        {"path": path, "size": -1}, {"path": path, "is_stream": True}, {"path": path, "url": 3},
        {"path": path, "extra": deep}, {"path": path + "/x"}, {"path": str(Path(path).parent)},
        {"path": path + "\u0000"}, {"path": "x" * 5000}, {"url": "data:image/png;base64,AA"},
        {"url": "data:", "path": None}, {"path": "http://", "meta": META},
        {"path": "http://[", "meta": META}, {"path": "http://x:99999/", "meta": META},
        {"__type__": "update", "value": path}, {"path": path, "mime_type": {"a": 1}},
    ]  # fmt: skip


def bad_bodies(dice: random.Random, path: str) -> Iterator[tuple[str, Any]]:
    """Routes, and what is posted to them: bytes, or what becomes JSON."""
    good = file(path)
    for value in bad_values(dice, path):
        yield "call/translate", {"data": [value, "fit"]}
        yield "call/translate", {"data": [good, value]}
        yield "call/translate", {"data": value}
        yield "call/v2/translate", {"photo": value, "mode": "fit"}
        yield "queue/join", {
            "data": [value], "fn_index": dice.randrange(-2, 12), "session_hash": "s",
            "event_data": value, "trigger_id": dice.choice((None, 0, 10**9)),
        }  # fmt: skip
        yield "queue/join", {"data": [good, "fit"], "fn_index": 0, "session_hash": value}
        yield "cancel", {"session_hash": "s", "fn_index": 0, "event_id": value}
        yield "reset", {"event_id": value}
        yield "upload", {"files": value}
    for data in ([], [good], [good, "fit", "fit"], [good, "wild"], [good] * 99):
        for name in ("translate", "no_such_endpoint", "0", "../translate", "translate%00"):
            yield f"call/{name}", {"data": data}
            yield f"run/{name}", {"data": data, "fn_index": 0}
    for body in (b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"data":' + b"[" * 5000, b"null", b"0"):
        for route in ("call/translate", "queue/join", "upload", "cancel", "component_server"):
            yield route, body


class Fuzz:
    """Sends, and notes what came back and what was wrong with it."""

    def __init__(self, address: str):
        self.address = address
        self.said: Counter[str] = Counter()
        self.problems: list[str] = []

    def note(self, what: str, status: int, text: str) -> None:
        self.said[str(status)] += 1
        if "Traceback" in text or 'File "/' in text:
            self.problems.append(f"{what}: a traceback ({text[:200]})")
        elif status >= 500 and '"error":"' not in text:
            self.problems.append(f"{what}: {status} {text[:200]}")

    def files(self, part: list[tuple[str, bytes]]) -> None:
        """Uploads each file and has it translated."""
        with RawSpace(self.address) as client:
            for name, content in part:
                answer = client.translate(content, name=f"{name}.{name[:4]}")
                self.note(f"{name} {content[:24]!r}", answer.status, answer.text)
                if answer.event == "error":
                    self.said["sentence"] += 1
                    if not is_sentence(answer.data):
                        self.problems.append(f"{name}: {answer.text[:200]}")
                elif answer.event == "complete":
                    self.said["picture"] += 1

    def bodies(self, posted: list[tuple[str, Any]]) -> None:
        """Posts each body, and follows the event where there is one."""
        with RawSpace(self.address) as client:
            for route, body in posted:
                what = f"{route} {str(body)[:120]}"
                content = {"content" if isinstance(body, bytes) else "json": body}
                try:
                    answer = client.http.post(f"{API}/{route}", headers=JSON, **content)
                    self.note(what, answer.status_code, answer.text)
                    if answer.status_code == 200 and "event_id" in answer.text:
                        event = answer.json()["event_id"]
                        got = client.http.get(f"{API}/call/translate/{event}", timeout=30)
                        self.note(what, got.status_code, got.text)
                except httpx.TimeoutException:
                    self.problems.append(f"{what}: no end of it within 30 s")
                except httpx.TransportError:  # refused before all of it was sent
                    self.said["closed"] += 1


JSON = {"Content-Type": "application/json"}


def is_sentence(data: Any) -> bool:
    said = data.get("error") if isinstance(data, dict) else None
    return isinstance(said, str) and said.endswith((".", "]")) and "\n" not in said


def settled_mb(process: int) -> float:
    """Memory once it doesn't fall any more, 20 s at most."""
    lowest = memory("VmRSS", process) / 1e6
    for _ in range(10):
        time.sleep(2)
        now = memory("VmRSS", process) / 1e6
        if now > lowest - 1:
            return min(now, lowest)
        lowest = now
    return lowest


def fuzz(folder: Path, rounds: int, seed: int) -> tuple[Fuzz, int, float]:
    """Runs it all against a Space of its own; returns its notes, how much was sent, the growth."""
    dice = random.Random(seed)
    limits = {"PIX2PIX_MAX_MEGAPIXELS": "4", "PIX2PIX_QUEUE": "1000"}
    with space_process(folder / "app.log", GRADIO_TEMP_DIR=str(folder), **limits) as (
        address,
        process,
    ):
        notes = Fuzz(address)
        files = list(bad_files(dice, rounds))
        parts = [files[start::PARALLEL] for start in range(PARALLEL)]
        # The same once before, so that what is kept for good is there before it is measured.
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(Fuzz(address).files, [part[: len(part) // 4] for part in parts]))
        before = settled_mb(process.pid)
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(notes.files, parts))
        with RawSpace(address) as client:
            bodies = list(bad_bodies(dice, client.upload(PHOTO.read_bytes())))
            notes.bodies(bodies)
            expected = pixels(Translator.from_pretrained(STARTER_MODEL)(PHOTO))
            answer = client.picture(client.translate(PHOTO.read_bytes()))
            if not np.array_equal(answer, expected):
                notes.problems.append("afterwards, a good picture is translated wrongly")
        growth = settled_mb(process.pid) - before
        if process.poll() is not None:
            notes.problems.append("the process has ended")
    if growth > GROWTH_MB:
        notes.problems.append(f"memory grew by {growth:.0f} MB")
    return notes, len(files) + len(bodies), growth


def report(notes: Fuzz, sent: int, growth: float) -> int:
    print("| answer | times |\n|---|---|")
    for said, times in sorted(notes.said.items()):
        print(f"| {said} | {times} |")
    print(f"\n{sent} mutations, memory {growth:+.0f} MB, {len(notes.problems)} problems")
    for problem in notes.problems:
        print(problem, file=sys.stderr)
    return 1 if notes.problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="mutations a seed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="space-fuzz-") as folder:
        return report(*fuzz(Path(folder), arguments.rounds, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
