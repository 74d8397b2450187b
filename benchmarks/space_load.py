"""How much throughput does the Space keep under load? Run `python -m benchmarks.space_load`.

--clients concurrent clients (64), in one process beside the Space, make --calls calls each (10)
over raw HTTP, each with a different picture: upload, call, wait, download. Every result must equal
the Translator's for that picture, bit for bit. Prints the number of equal results, the calls per
second of the Space and of the Translator in a loop (half of the loop before and half after, on the
same pictures), and the response times of GET / and GET /config under load. This is done with an
untrained full-size generator and with the starter model. Exits with 1 if a result is missing or
differs, or if the Space with the full-size generator has less than --share of the Translator's
throughput. Takes about ten minutes on two cores.
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
    """Results of the clients: digests by picture, total seconds, response times by page."""

    digests: dict[str, str]
    seconds: float
    pages: dict[str, list[float]]


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Writes different pictures of the training size: random blends of two held-out photos."""
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


def translate_in_loop(model: Path, pictures: list[Path]) -> tuple[dict[str, str], float]:
    """Returns the digests of the Translator's results, and the seconds that it took."""
    translator = Translator.from_pretrained(model)
    translator(pictures[0])
    started = time.perf_counter()
    translations = {picture.name: translator(picture) for picture in pictures}
    seconds = time.perf_counter() - started
    return {name: digest(picture) for name, picture in translations.items()}, seconds


async def call(client: httpx.AsyncClient, picture: Path) -> bytes:
    """Translates one picture over raw HTTP; returns the bytes of the PNG."""
    uploaded = await client.post("/gradio_api/upload", files={"files": picture.read_bytes()})
    data = [{"path": uploaded.json()[0], "meta": FILE}, "fit"]
    event = await client.post("/gradio_api/call/translate", json={"data": data})
    stream = await client.get(f"/gradio_api/call/translate/{event.json()['event_id']}")
    last = stream.text.strip().splitlines()[-2:]
    if last[0] != "event: complete":
        raise RuntimeError(stream.text)
    result = json.loads(last[1].removeprefix("data: "))[0]
    return (await client.get(result["url"])).content


async def run_clients(url: str, pictures: list[Path], count: int) -> Load:
    """Divides the pictures among `count` clients, while one more requests the pages."""
    files, pages = {}, {"/": [], "/config": []}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:

        async def program(own: list[Path]) -> None:
            for picture in own:
                files[picture.name] = await call(client, picture)

        async def visitor() -> None:
            while True:
                for page, seconds in pages.items():
                    started = time.perf_counter()
                    (await client.get(page)).raise_for_status()
                    seconds.append(time.perf_counter() - started)
                await asyncio.sleep(1)

        await call(client, pictures[0])  # the first call warms up
        visits, started = asyncio.create_task(visitor()), time.perf_counter()
        await asyncio.gather(*(program(pictures[n::count]) for n in range(count)))
        seconds = time.perf_counter() - started
        if visits.done():
            visits.result()
        visits.cancel()
    # Decoded after the clock has stopped, since this is not the work of the Space.
    digests = {name: digest(Image.open(io.BytesIO(png))) for name, png in files.items()}
    return Load(digests, seconds, pages)


def measure(name: str, model: Path, pictures: list[Path], count: int) -> float:
    """Prints the figures of a model; returns its share of the loop, 0 if a result is wrong."""
    half = len(pictures) // 2
    expected, before = translate_in_loop(model, pictures[:half])
    with tempfile.TemporaryDirectory(prefix="space-load-") as scratch:
        settings = {"PIX2PIX_MODEL": str(model), "GRADIO_TEMP_DIR": f"{scratch}/cache"}
        with running_space(Path(scratch) / "app.log", **settings) as url:
            load = _run_clients_apart(url, pictures, count)
    rest, after = translate_in_loop(model, pictures[half:])
    expected |= rest
    equal = sum(load.digests.get(name) == result for name, result in expected.items())
    loop, space = len(pictures) / (before + after), len(pictures) / load.seconds
    print(f"{name}: {equal} of {len(pictures)} results equal the Translator's, bit for bit.")
    print(f"  {space:.2f} calls/s, {space / loop:.0%} of the Translator in a loop ({loop:.2f}).")
    for page, seconds in load.pages.items():
        print(
            f"  GET {page} under load: median {statistics.median(seconds):.2f} s, maximum "
            f"{max(seconds):.2f} s of {len(seconds)} requests."
        )
    return space / loop if equal == len(pictures) else 0.0


def _run_clients_apart(url: str, pictures: list[Path], count: int) -> Load:
    """Runs the clients in another process, as real clients run."""
    command = [sys.executable, "-m", "benchmarks.space_load", "--url", url]
    command += ["--clients", str(count), "--pictures", str(pictures[0].parent)]
    process = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Load(**json.loads(process.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64, help="concurrent clients")
    parser.add_argument("--calls", type=int, default=10, help="calls per client")
    parser.add_argument(
        "--share", type=float, default=SHARE, help="least share of the Translator's throughput"
    )
    parser.add_argument("--starter", action="store_true", help="measure the starter model only")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--pictures", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.url:
        pictures = sorted(options.pictures.iterdir())
        load = asyncio.run(run_clients(options.url, pictures, options.clients))
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
