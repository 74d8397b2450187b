"""Runs the benchmarks that take minutes and writes benchmarks/RESULTS.md: `make bench`.

`python -m benchmarks inference` runs only the named benchmarks and keeps the other sections.
PyTorch, OpenVINO and tf2onnx are measured too if they are installed, the browser Space where
Chromium and npm's packages (`make .node`) are, and training on a GPU where there is one. Longer
benchmarks are not included and are run one by one: kill, recipes, finetune, hub_faults, space_fuzz,
pairs.
"""

import argparse
import datetime
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.measure import ROOT
from pix2pix.files import write_text
from tests.browser import CHROMIUM
from tests.node_client import ORT_FILES

RESULTS = Path(__file__).with_name("RESULTS.md")
# Each benchmark with its arguments. Together they take 20 minutes on two cores.
BENCHMARKS = {
    "inference": [],
    "full_resolution": [],
    "geotiff": ["--sides", "1000", "3000"],
    "served_pictures": [],
    "translated_dataset": [],
    "training": ["--rounds", "5"],
    "validation": [],
    "memory": [],
    "convolutions": ["--rounds", "5"],
    "space_start": [],
    "space_load": ["--calls", "2"],
    "data": [],
    "hub_publish": [],
    "hub_checkpoints": [],
    "browser": [],
    "gpu": [],
}
PACKAGES = ("tensorflow", "keras", "onnxruntime", "numpy", "gradio", "huggingface_hub", "datasets")
OPTIONAL_PACKAGES = ("torch", "openvino", "tf2onnx")
HEAD = """# Benchmark results

Written by `make bench`; each section is the output of its command, with the machine and the date.
Compare only ratios between machines.
"""


def describe_machine() -> str:
    """Returns one line with the date, the CPU, its cores and the versions."""
    from pix2pix.training.devices import cpu_name

    names = [*PACKAGES, *(name for name in OPTIONAL_PACKAGES if importlib.util.find_spec(name))]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    today = datetime.datetime.now(datetime.UTC).date()
    cores = len(os.sched_getaffinity(0))
    return f"{today}, {cpu_name()}, {cores} cores, Python {platform.python_version()}, {versions}."


def can_run(name: str) -> bool:
    """Returns whether this machine has what a benchmark needs."""
    needed = {
        "browser": bool(CHROMIUM and ORT_FILES.is_dir()),
        "gpu": bool(shutil.which("nvidia-smi")),
    }
    return needed.get(name, True)


def run(name: str, arguments: list[str]) -> str:
    """Runs a benchmark; returns its section: the command, the machine and the output."""
    command = ["python", "-m", f"benchmarks.{name}", *arguments]
    print(" ".join(command), flush=True)
    process = subprocess.run(
        [sys.executable, *command[1:]], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    print(process.stdout, flush=True)
    note = "" if process.returncode == 0 else "\nNot every target was met.\n"
    head = f"## {name}\n\n`{' '.join(command)}`: {describe_machine()}"
    return f"{head}\n\n{process.stdout.strip()}\n{note}"


def read_sections() -> dict[str, str]:
    """Returns the sections of RESULTS.md by name; none if the file does not exist."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n")[0].removeprefix("## "): part.strip() + "\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(filter(can_run, BENCHMARKS))
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}"
        )
    for name in names:
        sections = read_sections() | {name: run(name, BENCHMARKS[name])}
        ordered = [sections[name] for name in BENCHMARKS if name in sections]
        write_text(RESULTS, "\n".join([HEAD, *ordered]))


if __name__ == "__main__":
    main()
