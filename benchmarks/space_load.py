"""Does the Space hold under load? `python -m benchmarks.space_load`

CLIENTS programs at once (64), in one process beside the Space, each make CALLS calls (10) over raw
HTTP, each with a picture of its own: upload, call, wait, download. Every answer must be, to the
bit, what the Translator makes of that picture. Prints how many were, the calls a second beside
those of the bare Translator in a loop (half of it before and half after, on the same pictures),
and how long GET / and GET /config took meanwhile. Once with a full-size generator, untrained, then
with the starter model. Exits with 1 where an answer is lost or differs, or the Space with the
full-size generator reaches less than --share of the Translator. About ten minutes on two cores.
"""

import argparse
import asyncio
import hashlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.measure import ROOT, STARTER_MODEL, save_generator_apart
from pix2pix import Translator
from tests.commands import running_space

SHARE = 0.65
FILE = {"_type": "gradio.FileData"}


@dataclass(frozen=True)
class Load:
    """What the clients saw: digests of the answers by picture, seconds in all, seconds a page."""

    answers: dict[str, str]
    seconds: float
    pages: dict[str, list[float]]


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Different pictures of the training size, with structure: crops of a held-out photo, mixed."""
    random = np.random.default_rng(0)
    photos = [Image.open(path) for path in sorted(STARTER_MODEL.glob("samples/*-input.png"))]
    folder.mkdir()
    for number in range(count):
        first, second = random.choice(len(photos), 2, replace=False)
        picture = Image.blend(photos[first], photos[second], random.uniform(0.2, 0.8))
        picture.save(folder / f"{number:04d}.png", compress_level=1)
    return sorted(folder.iterdir())


def digest(picture: Image.Image) -> str:
    return hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()


def bare(model: Path, pictures: list[Path]) -> tuple[dict[str, str], float]:
    """Digests of what the Translator makes of the pictures, and the seconds it took."""
    translator = Translator.from_pretrained(model)
    translator(pictures[0])
    started = time.perf_counter()
    translations = {picture.name: translator(picture) for picture in pictures}
    seconds = time.perf_counter() - started
    return {name: digest(picture) for name, picture in translations.items()}, seconds


async def call(client: httpx.AsyncClient, picture: Path) -> bytes:
    """One translation over raw HTTP: the PNG's bytes."""
    uploaded = await client.post("/gradio_api/upload", files={"files": picture.read_bytes()})
    data = [{"path": uploaded.json()[0], "meta": FILE}, "fit"]
    event = await client.post("/gradio_api/call/translate", json={"data": data})
    answer = await client.get(f"/gradio_api/call/translate/{event.json()['event_id']}")
    last = answer.text.strip().splitlines()[-2:]
    if last[0] != "event: complete":
        raise RuntimeError(answer.text)
    found = json.loads(last[1].removeprefix("data: "))[0]
    return (await client.get(found["url"])).content


async def clients(address: str, pictures: list[Path], count: int) -> Load:
    """`count` clients that share out the pictures, and one that looks at the page meanwhile."""
    answers, pages = {}, {"/": [], "/config": []}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits) as client:

        async def program(own: list[Path]) -> None:
            for picture in own:
                answers[picture.name] = await call(client, picture)

        async def visitor() -> None:
            while True:
                for page, seconds in pages.items():
                    started = time.perf_counter()
                    (await client.get(page)).raise_for_status()
                    seconds.append(time.perf_counter() - started)
                await asyncio.sleep(1)

        await call(client, pictures[0])  # the first call warms up
        looking, started = asyncio.create_task(visitor()), time.perf_counter()
        await asyncio.gather(*(program(pictures[n::count]) for n in range(count)))
        seconds = time.perf_counter() - started
        if looking.done():
            looking.result()
        looking.cancel()
    # Decoded when the clock has stopped: a program's own work is not the Space's.
    digests = {name: digest(Image.open(io.BytesIO(png))) for name, png in answers.items()}
    return Load(digests, seconds, pages)


def measure(name: str, model: Path, pictures: list[Path], count: int) -> float:
    """Prints one model's figures; returns its share of the bare Translator, 0 for wrong answers."""
    half = len(pictures) // 2
    expected, before = bare(model, pictures[:half])
    with tempfile.TemporaryDirectory(prefix="space-load-") as scratch:
        settings = {"PIX2PIX_MODEL": str(model), "GRADIO_TEMP_DIR": f"{scratch}/cache"}
        with running_space(Path(scratch) / "app.log", **settings) as address:
            load = _apart(address, pictures, count)
    later, after = bare(model, pictures[half:])
    expected |= later
    equal = sum(load.answers.get(name) == wanted for name, wanted in expected.items())
    loop, served = len(pictures) / (before + after), len(pictures) / load.seconds
    print(f"{name}: {equal} of {len(pictures)} answers are the Translator's, bit for bit.")
    print(f"  {served:.2f} calls a second, {loop:.2f} in a bare loop: {served / loop:.0%} of it.")
    for page, seconds in load.pages.items():
        print(
            f"  GET {page} meanwhile: median {statistics.median(seconds):.2f} s, worst "
            f"{max(seconds):.2f} s of {len(seconds)}."
        )
    return served / loop if equal == len(pictures) else 0.0


def _apart(address: str, pictures: list[Path], count: int) -> Load:
    """The clients in a process of their own, as programs are."""
    command = [sys.executable, "-m", "benchmarks.space_load", "--address", address]
    command += ["--clients", str(count), "--pictures", str(pictures[0].parent)]
    found = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Load(**json.loads(found.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64, help="programs at once")
    parser.add_argument("--calls", type=int, default=10, help="calls of each")
    parser.add_argument("--share", type=float, default=SHARE, help="of the Translator, to reach")
    parser.add_argument("--starter", action="store_true", help="the starter model only")
    parser.add_argument("--address", help=argparse.SUPPRESS)
    parser.add_argument("--pictures", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.address:
        pictures = sorted(options.pictures.iterdir())
        load = asyncio.run(clients(options.address, pictures, options.clients))
        print(json.dumps(load.__dict__))
        return 0
    with tempfile.TemporaryDirectory(prefix="space-load-") as name:
        scratch = Path(name)
        pictures = make_pictures(scratch / "pictures", options.clients * options.calls)
        shares = []
        if not options.starter:
            model = save_generator_apart(scratch / "full-size")
            shares.append(measure("Full-size generator", model, pictures, options.clients))
        starter = measure("Starter model", STARTER_MODEL, pictures, options.clients)
    return 0 if starter and all(share >= options.share for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main())
