"""Does `pix2pix pairs` need more memory for more photos? Run `python -m benchmarks.pairs`.

It builds datasets of 500 and 5,000 pairs in processes of their own, compares their peak memory, and
then plants twenty faults among 500 pairs and says which are found, and how often a shift is found.
`--counts 100 1000` sets other numbers of pairs.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, memory
from pix2pix.__main__ import main as run_pix2pix
from pix2pix.config import Config
from pix2pix.data import Rows, open_source
from pix2pix.pairing.shifts import measure_shift
from tests.faulty_pairs import plant_faults, write_photos, write_two_folders

# More than that is not the same memory.
TOLERANCE = 1.1


def build(*arguments: str) -> int:
    """Builds a dataset in this process and prints its peak memory in bytes."""
    code = run_pix2pix(["pairs", *arguments])
    print(memory("VmHWM"))
    return code


def measure(*arguments: str) -> tuple[int, float, list[str]]:
    """Builds a dataset in a new process; returns its peak memory, the seconds and its output."""
    started = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.pairs", "--build", *arguments],
        cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    *lines, peak = process.stdout.splitlines()
    return int(peak), time.perf_counter() - started, lines


def compare_memory(counts: list[int], folder: Path) -> bool:
    """Prints the peak memory for each number of photos; returns whether it is nearly the same."""
    print("| pairs | made by | peak memory, MB | pairs/s |\n|---|---|---|---|")
    is_constant = True
    for make in ("edges", "two folders"):
        peaks = []
        for count in counts:
            place = folder / f"{make}-{count}"
            if make == "edges":
                sources = [str(write_photos(place, count)), "--make", make]
            else:
                sources = list(map(str, write_two_folders(place, count)))
            peak, seconds, _ = measure(*sources, "--output", f"{place}-pairs")
            peaks.append(peak)
            print(f"| {count:,} | {make} | {peak / 1e6:.0f} | {count / seconds:.0f} |", flush=True)
        is_constant &= peaks[-1] <= TOLERANCE * peaks[0]
    return is_constant


def find_shifts() -> None:
    """Prints how often a shift is found in the validation pairs of the sample maps."""
    source = open_source(Config(dataset_name="assets/sample_maps"))
    rows = source.read(Rows("validation", 0, source.splits["validation"]))
    pairs = [source.decoder.decode(row) for row in rows]
    print("\n| B is shifted by, of 208 pixels | found | right within 4 pixels | pairs |")
    print("|---|---|---|---|")
    for across, down in ((0, 0), (8, 6), (-16, 20)):
        found = right = 0
        for a, b in pairs:
            box = (24, 24, 232, 232)
            moved = (24 - across, 24 - down, 232 - across, 232 - down)
            if shift := measure_shift(a.crop(box), b.crop(moved)):
                found += 1
                right += abs(shift[0] * 208 - down) <= 4 and abs(shift[1] * 208 - across) <= 4
        print(f"| {across}, {down} | {found} | {right} | {len(pairs)} |")


def find_faults(count: int, folder: Path) -> bool:
    """Prints how many of the planted faults are found; returns whether all are."""
    a, b = write_two_folders(folder / "faults", count)
    faults = plant_faults(a, b, count - 1)
    _, _, lines = measure(str(a), str(b), "--output", str(folder / "faults-pairs"))
    found = [
        name
        for name, says in faults.items()
        if any(name in line.partition(":")[0] and says in line for line in lines)
    ]
    listed = sum(line.startswith(("a/", "b/")) for line in lines)
    print(
        f"\nOf {len(faults)} faults planted among {count} pairs, {len(found)} are found; "
        f"{listed - len(found)} other faults are listed."
    )
    return len(found) == len(faults)


def main() -> int:
    if sys.argv[1:2] == ["--build"]:
        return build(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 5000], help="pairs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        is_constant = compare_memory(arguments.counts, Path(scratch))
        finds_all = find_faults(500, Path(scratch))
    find_shifts()
    return 0 if is_constant and finds_all else 1


if __name__ == "__main__":
    sys.exit(main())
