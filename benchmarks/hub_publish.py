"""How much memory does publishing need? Run `python -m benchmarks.hub_publish`.

Publishes a folder with the file sizes of a full-size generator to a test Hub in another process:
the starter model, with SIZE random bytes, which do not compress, in place of model.weights.h5 and
of generator.onnx. Prints the growth of this process's memory (VmHWM of /proc/self/status minus
VmRSS before) and the seconds. Exits with 1 if the memory grew by LIMIT or more. Linux only; takes
about half a minute.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import STARTER_MODEL, memory, running_hub

# In bytes: a generator of 64 filters has 54.4 million parameters of 4 bytes, in each of two files.
SIZE, LIMIT = 218_000_000, 300_000_000
LARGE_FILES = ("model.weights.h5", "generator.onnx")
REPO = "tester/full-size"


def make_run(folder: Path, size: int) -> None:
    """Writes the folder of a finished run whose large files have `size` random bytes."""
    from pix2pix.files import sha256, write_json

    shutil.copytree(STARTER_MODEL, folder)
    description = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    for name in LARGE_FILES:
        with (folder / name).open("wb") as file:
            for start in range(0, size, 2**20):
                file.write(os.urandom(min(2**20, size - start)))
        description["sha256"][name] = sha256(folder / name)
    write_json(folder / "pix2pix.json", description)


def measure(folder: Path) -> tuple[int, int, float]:
    """Publishes `folder`; returns its memory in bytes before and at the peak, and the seconds."""
    from pix2pix import card, hub

    hub.set_request_timeout()
    target = hub.plan_publish(hub.prepare_repository(REPO))
    card.write_card(folder, card.Places(REPO))
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
        with running_hub(scratch):
            before, peak, seconds = measure(scratch / "run")
    growth = max(0, peak - before)
    print(
        f"2 x {size / 1e6:.0f} MB of random bytes in {seconds:.1f} s: memory {before / 1e6:.0f} MB "
        f"before, {peak / 1e6:.0f} MB at the peak, {growth / 1e6:.0f} MB more."
    )
    return 0 if growth < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
