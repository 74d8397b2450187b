"""How much memory does a GeoTIFF take? Run `python -m benchmarks.geotiff`.

Writes square GeoTIFFs with red, green, blue and near infrared in 11 of 16 bits, and translates them
with `pix2pix translate` and a generator of few filters. Prints the seconds and the peak memory of
each process. The target is 1 GB, whatever the size.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, real_pictures, save_generator_apart

SIDES = (2000, 20_000)
PEAK = 1_000_000_000
BLOCK = 512
POLL_SECONDS = 0.05


def write_raster(path: Path, side: int, filled: float = 1) -> None:
    """Writes a square GeoTIFF that repeats a photo: four bands of 16 bits, values to 2047.

    `filled` is the part of its rows, from the top, that have data.
    """
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    photo = np.moveaxis(real_pictures(1, BLOCK)[0], -1, 0).clip(1).astype(np.uint16) * 8
    block = np.concatenate([photo, 2047 - photo[:1]])
    row = np.tile(block, (1, 1, -(-side // BLOCK)))[..., :side]
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=4, dtype="uint16", tiled=True,
        blockxsize=BLOCK, blockysize=BLOCK, compress="deflate", zlevel=1, photometric="rgb",
        nodata=0, crs="EPSG:32633", transform=from_origin(500_000, 5_000_000, 0.5, 0.5),
        bigtiff="if_safer",
    ) as raster:  # fmt: skip
        for top in range(0, side, BLOCK):
            rows = min(BLOCK, side - top)
            part = row[:, :rows] if top < filled * side else np.zeros_like(row[:, :rows])
            raster.write(part, window=Window(0, top, side, rows))


def translate_raster(model: Path, raster: Path, output: Path, mode: str) -> tuple[float, int]:
    """Runs the command; returns its seconds and its peak memory in bytes."""
    command = [sys.executable, "-m", "pix2pix", "translate", str(raster), "--output", str(output)]
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen([*command, "--model", str(model), "--mode", mode], cwd=ROOT)
    while process.poll() is None:
        peak = max(peak, read_peak(process.pid))
        time.sleep(POLL_SECONDS)
    if process.returncode:
        raise SystemExit(f"pix2pix translate failed for {raster.name}")
    return time.perf_counter() - started, peak


def read_peak(pid: int | str) -> int:
    """Returns the peak memory of a process (or "self") so far, in bytes; 0 when it has ended.

    `ru_maxrss` of a child is at least the memory of its parent, which it is until its exec.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return max(
        (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), default=0
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--filters", type=int, default=4, help="filters of the generator")
    arguments = parser.parse_args()
    lines, peaks = ["| pixels | mode | seconds | peak memory |", "|---|---|---|---|"], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_generator_apart(folder / "model", generator_filters=arguments.filters)
        for side in arguments.sides:
            write_raster(folder / "raster.tif", side)
            for mode in ("fit", "full"):
                seconds, peak = translate_raster(model, folder / "raster.tif", folder / "out", mode)
                peaks.append(peak)
                lines.append(f"| {side}x{side} | {mode} | {seconds:.0f} | {peak / 1e6:.0f} MB |")
    print("\n".join(lines))
    return 0 if max(peaks) < PEAK else 1


if __name__ == "__main__":
    sys.exit(main())
