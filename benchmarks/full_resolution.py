"""How fast and how seamless are blended tiles? Run `python -m benchmarks.full_resolution`.

Translates a photo (--photo, or one of the sample maps enlarged to 4800x1890) in the mode `full`
with an untrained full-size generator, in another process. Prints the pixels per second relative to
the bare network on 256x256, called in turns with the tiles, and the growth of the memory to its
peak. Then measures the seams with the starter model or --model: the mean gradient across the
borders of the tiles, divided by the mean gradient at all other columns or rows of the same parity.
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
from pix2pix.images import resize
from pix2pix.pixels.gate import open_image
from pix2pix.tiles import tile_origins

SIZE = (4800, 1890)
SPEED, GROWTH, SEAM = 0.5, 1_000_000_000, 1.1


def enlarged_photo(width: int, height: int) -> Image.Image:
    """Returns a held-out photo of the sample maps, enlarged to a width and cut to a height."""
    photo = Image.fromarray(real_pictures(1)[0])
    return resize(photo, width, width).crop((0, 0, width, height))


def seam_ratio(translation: Image.Image, tile: int) -> float:
    """Returns the mean gradient across the borders of tiles, relative to that elsewhere.

    Borders are compared with columns or rows of the same parity; the result is the larger ratio of
    both directions and parities.
    """
    ratios = []
    pixels = np.asarray(translation, np.float32)
    for array in (pixels, pixels.swapaxes(0, 1)):
        length = array.shape[1]
        gradient = np.abs(np.diff(array, axis=1)).mean(axis=(0, 2))
        origins = tile_origins(length, tile)
        # gradient[x] is between the columns x and x + 1.
        borders = {x - 1 for x in origins[1:]} | {x + tile - 1 for x in origins[:-1]}
        others = {x for x in range(length - 1) if x not in borders}
        for parity in {x % 2 for x in borders}:
            at_borders, elsewhere = (
                gradient[[x for x in columns if x % 2 == parity]].mean()
                for columns in (borders, others)
            )
            ratios.append(float(at_borders / elsewhere))
    return max(ratios)


def measure(folder: Path, photo: Image.Image) -> dict[str, float]:
    """Returns the seconds of the photo and of one bare tile, and the growth of memory in bytes."""
    translator, tile = Translator(folder), real_pictures(1)
    translator.generate(tile)
    before = memory("VmRSS")
    bare, full = [], []
    progress = translator.iter_progress(photo, mode="full")
    started = time.perf_counter()
    for done, _total, _result in progress:
        full.append(time.perf_counter() - started)
        # In turns with the tiles, so that a busy machine slows both.
        if done % 10 == 1:
            started = time.perf_counter()
            translator.generate(tile)
            bare.append(time.perf_counter() - started)
        started = time.perf_counter()
    return {"full": sum(full), "bare": float(np.mean(bare)), "growth": memory("VmHWM") - before}


def load_photo(path: Path | None) -> Image.Image:
    return open_image(path) if path else enlarged_photo(*SIZE)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--model", default=STARTER_MODEL, help="model whose seams are measured")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    photo = load_photo(arguments.photo)
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, photo)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        save_generator_apart(Path(folder))
        command = [sys.executable, "-m", "benchmarks.full_resolution", "--measure", folder]
        command += ["--photo", str(arguments.photo)] if arguments.photo else []
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(output.stdout)
    speed = photo.width * photo.height / result["full"] / (256**2 / result["bare"])
    model = Translator.from_pretrained(arguments.model)
    seams = seam_ratio(model(photo, mode="full"), model.config.image_size)
    print(
        f"{photo.width}x{photo.height} in {result['full']:.0f} s: {speed:.2f} times the bare "
        f"network's pixels per second; memory grew by {result['growth'] / 1e6:.0f} MB; "
        f"seam ratio {seams:.3f}."
    )
    return 0 if speed >= SPEED and result["growth"] < GROWTH and seams <= SEAM else 1


if __name__ == "__main__":
    sys.exit(main())
