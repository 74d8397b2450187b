"""Large photos in blended tiles: how fast, how much memory, which seams?

    python -m benchmarks.full_resolution --photo aerial.jpg

Translates a photo (by default one of the embedded set, enlarged to 4800x1890) in the mode `full`
with an untrained generator of full size, in a process of its own: pixels a second beside those of
the bare network on 256x256, called in turns with the tiles, and by how much the memory grew at its
peak. Then the seams, with the starter model or --model: the mean gradient across the
tiles' borders over that at all other places of the same parity.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import ROOT, STARTER_MODEL, memory, real_pictures, save_generator_apart
from pix2pix import Translator
from pix2pix.images import open_image, resize
from pix2pix.tiles import starts

SIZE = (4800, 1890)
SPEED, GROWTH, SEAM = 0.5, 1_000_000_000, 1.1


def enlarged(width: int, height: int) -> Image.Image:
    """A held-out photo of the embedded set, enlarged to that width and cut to that height."""
    photo = Image.fromarray(real_pictures(1)[0])
    return resize(photo, width, width).crop((0, 0, width, height))


def seam_ratio(translation: Image.Image, tile: int) -> float:
    """Mean gradient across the borders of the tiles over that at other places of their parity.

    The larger one of both directions.
    """
    ratios = []
    pixels = np.asarray(translation, np.float32)
    for array in (pixels, pixels.swapaxes(0, 1)):
        length = array.shape[1]
        gradient = np.abs(np.diff(array, axis=1)).mean(axis=(0, 2))
        origins = starts(length, tile)
        # Gradient x is between the columns x and x + 1.
        borders = {x - 1 for x in origins[1:]} | {x + tile - 1 for x in origins[:-1]}
        others = {x for x in range(length - 1) if x not in borders}
        for parity in {x % 2 for x in borders}:
            across, along = (
                gradient[[x for x in places if x % 2 == parity]].mean()
                for places in (borders, others)
            )
            ratios.append(float(across / along))
    return max(ratios)


def measure(folder: Path, photo: Image.Image) -> dict[str, float]:
    """Seconds of the photo and of one bare tile, and bytes grown at the peak."""
    translator, tile = Translator(folder), real_pictures(1)
    translator.generate(tile)
    before = memory("VmRSS")
    bare, full = [], []
    steps = translator.steps(photo, mode="full")
    started = time.perf_counter()
    for done, _total, _result in steps:
        full.append(time.perf_counter() - started)
        # In turns with the tiles, so that a busy machine is so for both.
        if done % 10 == 1:
            started = time.perf_counter()
            translator.generate(tile)
            bare.append(time.perf_counter() - started)
        started = time.perf_counter()
    return {"full": sum(full), "bare": float(np.mean(bare)), "grown": memory("VmHWM") - before}


def load(path: Path | None) -> Image.Image:
    return open_image(path) if path else enlarged(*SIZE)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--model", default=STARTER_MODEL, help="whose seams are measured")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    photo = load(arguments.photo)
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, photo)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        save_generator_apart(Path(folder))
        command = [sys.executable, "-m", "benchmarks.full_resolution", "--measure", folder]
        command += ["--photo", str(arguments.photo)] if arguments.photo else []
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(output.stdout)
    speed = photo.width * photo.height / found["full"] / (256**2 / found["bare"])
    model = Translator.from_pretrained(arguments.model)
    seams = seam_ratio(model(photo, mode="full"), model.config.image_size)
    print(
        f"{photo.width}x{photo.height} in {found['full']:.0f} s: {speed:.2f} of the bare network's "
        f"pixels a second; memory grew by {found['grown'] / 1e6:.0f} MB; seams {seams:.3f}."
    )
    return 0 if speed >= SPEED and found["grown"] < GROWTH and seams <= SEAM else 1


if __name__ == "__main__":
    sys.exit(main())
