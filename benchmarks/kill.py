"""Does a killed and resumed run end like an uninterrupted one? Run `python -m benchmarks.kill`.

A small run of train_hub.py, with dropout, the averaged generator and a checkpoint every second
step, is executed twice without a kill. Further runs are killed (SIGKILL) and resumed to the end:
each once while it builds the cache, twice while it trains, and once while it writes the artifacts,
up to --kills kills in all. --seed determines the moments. The benchmark compares every array of the
last and of the best checkpoint (weights, both optimizers, average, random state), the history
except its seconds, and the bytes of model.weights.h5 and generator.onnx. Exits with 1 if there is a
difference, an unreadable checkpoint or a temporary file that was not deleted.
"""

import argparse
import csv
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import ROOT
from pix2pix import UserError
from pix2pix.output_folder import HOLDER_FILE, LOCK_FILE
from pix2pix.training import checkpoints

STEPS, LOAD_SIZE = 240, 72
SELECTED = 8
PAIRS = 493 - SELECTED  # the training pairs of the sample maps
FLAGS = [
    "--dataset_name", "assets/sample_maps", "--image_size", "64", "--load_size", str(LOAD_SIZE),
    "--generator_filters", "4", "--discriminator_filters", "4", "--lr_schedule", "linear",
    "--ema_decay", "0.999", "--max_train_steps", str(STEPS), "--checkpointing_steps", "2",
    "--sample_steps", "50", "--validation_samples", "16", "--resume_from_checkpoint", "latest",
    "--validation_steps", "15", "--selection_samples", str(SELECTED),
    "--selection_metric", "class_accuracy",
]  # fmt: skip
CACHE_BYTES = PAIRS * 2 * LOAD_SIZE**2 * 3
RUN_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """A run in its own folder, of one process or of several that resume each other."""

    folder: Path
    unreadable: set[str] = field(default_factory=set)
    cut_files: set[str] = field(default_factory=set)

    @property
    def output(self) -> Path:
        return self.folder / "run"

    def start(self) -> subprocess.Popen:
        self.folder.mkdir(exist_ok=True)
        folders = ["--output_dir", str(self.output), "--cache_dir", str(self.folder / "cache")]
        with (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "train_hub.py", *FLAGS, *folders], cwd=ROOT, stdout=log, stderr=log
            )

    def finish(self) -> None:
        """Starts a process, waits until it succeeds, and checks the folder."""
        self.wait(self.start())
        self.check()

    def wait(self, process: subprocess.Popen) -> bool:
        """Returns whether a process succeeded or was killed; exits with its log if it failed."""
        if process.wait(RUN_SECONDS) > 0:
            raise SystemExit(f"The run failed:\n{(self.folder / 'log.txt').read_text()}")
        return process.returncode == 0

    def cached_bytes(self) -> int:
        """Returns the bytes of the training pairs' cache, complete or not."""
        files = (self.folder / "cache").glob(f"*-train-*-{LOAD_SIZE}-*")
        return max((_size(f) for f in files if f.suffix in (".partial", ".uint8")), default=0)

    def step(self) -> int:
        """Returns the step of the newest checkpoint, 0 before the first."""
        paths = checkpoints.list_checkpoints(self.output / "checkpoints")
        return checkpoints.parse_step(paths[-1]) if paths else 0

    def check(self) -> None:
        """Records unreadable checkpoints, and the temporary files of interrupted writes."""
        self.cut_files.update(path.name for path in self.temporary_files())
        for path in checkpoints.list_checkpoints(self.output / "checkpoints"):
            try:
                checkpoints.read_checkpoint(path)
            except UserError as error:
                self.unreadable.add(str(error))

    def temporary_files(self) -> list[Path]:
        """Returns the hidden files, except for those of the folder's lock."""
        hidden = (path for path in self.output.rglob(".*") if path.is_file())
        return [path for path in hidden if path.name not in (LOCK_FILE, HOLDER_FILE)]

    def result(self) -> dict[str, str]:
        """Returns the digests of all results of a run, by name."""
        folder = self.output / "checkpoints"
        last = checkpoints.read_checkpoint(checkpoints.list_checkpoints(folder)[-1])
        best = checkpoints.read_checkpoint(checkpoints.path_of(folder, last.best_step or 0))
        digests = {
            f"{label}/{name}": _digest(array.tobytes())
            for label, checkpoint in (("last", last), (f"best of step {best.step}", best))
            for name, array in checkpoint.arrays.items()
        }
        for name in ("model.weights.h5", "generator.onnx"):
            digests[name] = _digest((self.output / name).read_bytes())
        with (self.output / "history.csv").open() as file:
            rows = [row | {"seconds": ""} for row in csv.DictReader(file)]
        return digests | {"history.csv": _digest(repr(rows).encode())}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # renamed since it was listed
        return 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Moment:
    """The moment of a kill: `delay` seconds after `reached` first returns True."""

    phase: str
    reached: Callable[[], bool]
    delay: float

    def kill(self, process: subprocess.Popen) -> None:
        """Kills the process at this moment, unless it has ended before."""
        while process.poll() is None and not self.reached():
            time.sleep(0.001)
        time.sleep(self.delay)
        process.kill()


def choose_moments(
    run: Run, dice: random.Random, training: float, writing: float
) -> Iterator[Moment]:
    """Yields four moments in the rest of `run`; the seconds are the durations of its phases."""
    share = dice.random()
    yield Moment("caching", lambda: run.cached_bytes() >= share * CACHE_BYTES, 0)
    for _ in range(2):
        step = dice.randint(run.step() + 1, max(run.step() + 1, STEPS - 1))
        # Up to the next checkpoint: in a step, in a write, or between the two.
        delay = dice.random() * 2 * training / STEPS
        yield Moment("training", lambda step=step: run.step() >= step, delay)
    yield Moment("writing", lambda: run.step() == STEPS, dice.random() * writing)


def run_without_kill(run: Run) -> tuple[float, float]:
    """Runs to the end; returns the seconds of training and of writing the artifacts."""
    process, first, last = run.start(), 0.0, 0.0
    while process.poll() is None:
        if not first and run.step():
            first = time.monotonic()
        if not last and run.step() == STEPS:
            last = time.monotonic()
        time.sleep(0.01)
    run.wait(process)
    return last - first, time.monotonic() - last


def run_with_kills(
    run: Run, kills: int, dice: random.Random, durations: tuple[float, float]
) -> list[str]:
    """Kills `run` up to `kills` times and resumes it to its end; returns phases and steps."""
    killed_at = []
    for moment in choose_moments(run, dice, *durations):
        if len(killed_at) == kills:
            break
        process = run.start()
        moment.kill(process)
        if not run.wait(process):
            killed_at.append(f"{moment.phase} ({run.step()})")
        run.check()
    run.finish()
    return killed_at


def compare(folder: Path, kills: int, seed: int) -> bool:
    """Prints a table with one line per run; returns whether all runs end alike."""
    dice, uninterrupted = random.Random(seed), Run(folder / "uninterrupted")
    durations = run_without_kill(uninterrupted)
    expected = uninterrupted.result()
    print("| run | killed while (at step) | cut writes | differences | unreadable | left behind |")
    print("|---|---|---|---|---|---|")
    repeated = Run(folder / "repeated")
    repeated.finish()
    same, done, number = report("repeated", repeated, [], expected), 0, 0
    while done < kills:
        number += 1
        run = Run(folder / f"killed-{number}")
        killed_at = run_with_kills(run, kills - done, dice, durations)
        done += len(killed_at)
        same &= report(str(number), run, killed_at, expected)
    print(f"{done} kills in {number} runs; {len(expected)} arrays and files compared in each.")
    return same


def report(name: str, run: Run, killed_at: list[str], expected: dict[str, str]) -> bool:
    """Prints the line of a finished run; returns whether its results are `expected`."""
    differences = sorted({name for name, _ in run.result().items() ^ expected.items()})
    counts = [len(differences), len(run.unreadable), len(run.temporary_files())]
    cells = name, ", ".join(killed_at) or "never", len(run.cut_files), *counts
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
    for line in [*differences, *run.unreadable, *map(str, run.temporary_files())]:
        print(line, file=sys.stderr)
    return not any(counts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if compare(Path(folder), arguments.kills, arguments.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
