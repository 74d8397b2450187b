"""What memory does publishing take? `python -m benchmarks.hub_publish`

Publishes a folder with a full-size generator's file sizes (the starter model, whose
model.weights.h5 and generator.onnx are replaced by random bytes, SIZE of them each: random, so that
nothing can be saved by compressing) to a test Hub in a process of its own. Prints by how much the
publishing process's memory grew at its peak (VmHWM of /proc/self/status, against VmRSS before), and
how long it took. Exits with 1 when it grew by LIMIT or more. Linux only; about half a minute.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import STARTER_MODEL, hub_of_its_own, memory

# Bytes: a generator of 64 filters has 54.4 million parameters, 4 bytes each, in each of two files.
SIZE, LIMIT = 218_000_000, 300_000_000
LARGE = ("model.weights.h5", "generator.onnx")
REPO = "tester/full-size"


def make_run(folder: Path, size: int) -> None:
    """A finished run as train_hub.py leaves it, with large files of `size` bytes."""
    from pix2pix.files import sha256, write_json

    shutil.copytree(STARTER_MODEL, folder)
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    for name in LARGE:
        with (folder / name).open("wb") as file:
            for start in range(0, size, 2**20):
                file.write(os.urandom(min(2**20, size - start)))
        about["sha256"][name] = sha256(folder / name)
    write_json(folder / "pix2pix.json", about)


def measure(folder: Path) -> tuple[int, int, float]:
    """Publishes `folder`: bytes held before, bytes held at the peak, seconds."""
    from pix2pix import card, hub

    hub.limit_waiting()
    target = hub.aim(hub.prepare_repo(REPO))
    card.write_card(folder, REPO)
    before, started = memory("VmRSS"), time.monotonic()
    print(hub.publish(folder, target))
    return before, memory("VmHWM"), time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="bytes of each of the large files")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory(prefix="hub-publish-") as name:
        scratch = Path(name)
        make_run(scratch / "run", size)
        with hub_of_its_own(scratch):
            before, peak, seconds = measure(scratch / "run")
    grown = max(0, peak - before)
    print(
        f"2 x {size / 1e6:.0f} MB of random bytes in {seconds:.1f} s: {before / 1e6:.0f} MB held "
        f"before, {peak / 1e6:.0f} MB at the peak, {grown / 1e6:.0f} MB more."
    )
    return 0 if grown < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
