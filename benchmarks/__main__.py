"""Runs every benchmark that takes minutes and rewrites benchmarks/RESULTS.md: `make bench`

Names of benchmarks run these alone and keep the other sections: `python -m benchmarks inference`.
PyTorch, OpenVINO and tf2onnx are measured too where they are installed.
What takes longer is run by itself: kill, recipes, hub_faults, space_fuzz.
"""

import argparse
import datetime
import importlib.util
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.measure import ROOT
from pix2pix.files import write_text

RESULTS = Path(__file__).with_name("RESULTS.md")
# The arguments that keep all of it within a quarter of an hour on two cores.
BENCHMARKS = {
    "inference": [],
    "full_resolution": [],
    "training": ["--rounds", "5"],
    "memory": [],
    "convolutions": ["--rounds", "5"],
    "space_start": [],
    "space_load": ["--calls", "2"],
    "data": [],
    "hub_publish": [],
    "hub_checkpoints": [],
}
PACKAGES = ("tensorflow", "keras", "onnxruntime", "numpy", "gradio", "huggingface_hub", "datasets")
RIVALS = ("torch", "openvino", "tf2onnx")
HEAD = """# Benchmark results

Written by `make bench`; each section is what its command printed, with the machine and the date.
Only ratios are worth comparing between machines.
"""


def machine() -> str:
    """One line: the date, the processor, its cores and the versions."""
    from pix2pix.training.devices import processor

    names = [*PACKAGES, *(name for name in RIVALS if importlib.util.find_spec(name))]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    today = datetime.datetime.now(datetime.UTC).date()
    cores = len(os.sched_getaffinity(0))
    return f"{today}, {processor()}, {cores} cores, Python {platform.python_version()}, {versions}."


def run(name: str, arguments: list[str]) -> str:
    """One section: the command, where it ran, and what it printed."""
    command = ["python", "-m", f"benchmarks.{name}", *arguments]
    print(" ".join(command), flush=True)
    done = subprocess.run(
        [sys.executable, *command[1:]], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    print(done.stdout, flush=True)
    met = "" if done.returncode == 0 else "\nNot every target was met.\n"
    return f"## {name}\n\n`{' '.join(command)}`: {machine()}\n\n{done.stdout.strip()}\n{met}"


def sections() -> dict[str, str]:
    """The sections of RESULTS.md by name; none when it does not exist."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n")[0].removeprefix("## "): part.strip() + "\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose of {', '.join(BENCHMARKS)}")
    for name in names:
        found = sections() | {name: run(name, BENCHMARKS[name])}
        ordered = [found[name] for name in BENCHMARKS if name in found]
        write_text(RESULTS, "\n".join([HEAD, *ordered]))


if __name__ == "__main__":
    main()
