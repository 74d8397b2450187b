"""Is a run that is killed and resumed the run that was not? `python -m benchmarks.kill`

A small run of train_hub.py, dropout and the averaged generator on, a checkpoint every second step,
is done twice without a kill and compared. Then it is started again and again, and each time killed
(SIGKILL) while it caches, twice while it trains, and while it writes its artifacts, and resumed to
its end, until there were `--kills` of them; the moments are drawn from `--seed`. Compared are every
array of the last checkpoint (weights, both optimizers, average, random state), the log but for its
seconds, and the bytes of model.weights.h5 and generator.onnx. Exits with 1 on any difference, any
checkpoint that can't be read and any temporary file that is left.
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
from pix2pix.training import checkpoints

STEPS, PAIRS, LOAD_SIZE = 240, 344, 72
FLAGS = [
    "--dataset_name", "assets/sample_maps", "--image_size", "64", "--load_size", str(LOAD_SIZE),
    "--generator_filters", "4", "--discriminator_filters", "4", "--lr_schedule", "linear",
    "--ema_decay", "0.999", "--max_train_steps", str(STEPS), "--checkpointing_steps", "2",
    "--sample_steps", "50", "--validation_samples", "16", "--resume_from_checkpoint", "latest",
]  # fmt: skip
CACHE_BYTES = PAIRS * 2 * LOAD_SIZE**2 * 3
RUN_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """One run in a folder of its own, which several processes may work on one after the other."""

    folder: Path
    unreadable: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)

    @property
    def output(self) -> Path:
        return self.folder / "run"

    def start(self) -> subprocess.Popen:
        self.folder.mkdir(exist_ok=True)
        places = ["--output_dir", str(self.output), "--cache_dir", str(self.folder / "cache")]
        with (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "train_hub.py", *FLAGS, *places], cwd=ROOT, stdout=log, stderr=log
            )

    def finish(self) -> None:
        """Starts it and waits for its end."""
        self.ended(self.start())
        self.check()

    def ended(self, process: subprocess.Popen) -> bool:
        """Whether it ended by itself, which must be a good end, and not by a kill."""
        if process.wait(RUN_SECONDS) > 0:
            raise SystemExit(f"The run failed:\n{(self.folder / 'log.txt').read_text()}")
        return process.returncode == 0

    def cached_bytes(self) -> int:
        """Bytes of the training pairs' cache, which is the larger one by far."""
        files = (self.folder / "cache").glob(f"*-train-*-{LOAD_SIZE}.*")
        return max((_size(f) for f in files if f.suffix in (".partial", ".uint8")), default=0)

    def step(self) -> int:
        """The newest checkpoint's step, 0 before the first."""
        found = checkpoints.listed(self.output / "checkpoints")
        return checkpoints.step_of(found[-1]) if found else 0

    def check(self) -> None:
        """Notes the checkpoints that can't be read, and the files that a kill cut short."""
        self.cut.update(path.name for path in self.temporary())
        for path in checkpoints.listed(self.output / "checkpoints"):
            try:
                checkpoints.read(path)
            except UserError as error:
                self.unreadable.add(str(error))

    def temporary(self) -> list[Path]:
        return [path for path in self.output.rglob(".*") if path.is_file()]

    def result(self) -> dict[str, str]:
        """Digests of all that a run computes, by name."""
        last = checkpoints.read(checkpoints.listed(self.output / "checkpoints")[-1])
        found = {name: _digest(array.tobytes()) for name, array in last.arrays.items()}
        for name in ("model.weights.h5", "generator.onnx"):
            found[name] = _digest((self.output / name).read_bytes())
        with (self.output / "history.csv").open() as file:
            rows = [row | {"seconds": ""} for row in csv.DictReader(file)]
        return found | {"history.csv": _digest(repr(rows).encode())}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # renamed in between
        return 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Moment:
    """When to kill: `delay` seconds after `reached` first holds."""

    phase: str
    reached: Callable[[], bool]
    delay: float

    def kill(self, process: subprocess.Popen) -> None:
        """Waits for the moment and kills, if the process has not ended before."""
        while process.poll() is None and not self.reached():
            time.sleep(0.001)
        time.sleep(self.delay)
        process.kill()


def moments(run: Run, dice: random.Random, training: float, writing: float) -> Iterator[Moment]:
    """Four moments, spread over what is left of `run`; the seconds are how long a phase takes."""
    share = dice.random()
    yield Moment("caching", lambda: run.cached_bytes() >= share * CACHE_BYTES, 0)
    for _ in range(2):
        step = dice.randint(run.step() + 1, max(run.step() + 1, STEPS - 1))
        # Up to a checkpoint later: in a step, in a write, or between the two.
        delay = dice.random() * 2 * training / STEPS
        yield Moment("training", lambda step=step: run.step() >= step, delay)
    yield Moment("writing", lambda: run.step() == STEPS, dice.random() * writing)


def timed(run: Run) -> tuple[float, float]:
    """Runs to the end without a kill; seconds of training and of writing the artifacts."""
    process, first, last = run.start(), 0.0, 0.0
    while process.poll() is None:
        if not first and run.step():
            first = time.monotonic()
        if not last and run.step() == STEPS:
            last = time.monotonic()
        time.sleep(0.01)
    run.ended(process)
    return last - first, time.monotonic() - last


def killed_run(run: Run, kills: int, dice: random.Random, phases: tuple[float, float]) -> list[str]:
    """Kills `run` up to `kills` times, then resumes it to its end; returns where it was killed."""
    hits = []
    for moment in moments(run, dice, *phases):
        if len(hits) == kills:
            break
        process = run.start()
        moment.kill(process)
        if not run.ended(process):
            hits.append(f"{moment.phase} ({run.step()})")
        run.check()
    run.finish()
    return hits


def compare(folder: Path, kills: int, seed: int) -> bool:
    """Prints the table, a line a run; returns whether all went well."""
    dice, straight = random.Random(seed), Run(folder / "straight")
    phases = timed(straight)
    expected = straight.result()
    print("| run | killed while (at step) | writes cut | differing | unreadable | left over |")
    print("|---|---|---|---|---|---|")
    again = Run(folder / "again")
    again.finish()
    good, done, number = report("again", again, [], expected), 0, 0
    while done < kills:
        number += 1
        run = Run(folder / f"killed-{number}")
        hits = killed_run(run, kills - done, dice, phases)
        done += len(hits)
        good &= report(str(number), run, hits, expected)
    print(f"{done} kills in {number} runs; {len(expected)} arrays and files compared in each.")
    return good


def report(name: str, run: Run, hits: list[str], expected: dict[str, str]) -> bool:
    """Prints the line of a finished run; returns whether it is as `expected`."""
    found = run.result()
    differing = sorted({name for name, _ in found.items() ^ expected.items()})
    counts = [len(differing), len(run.unreadable), len(run.temporary())]
    cells = name, ", ".join(hits) or "never", len(run.cut), *counts
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
    for line in [*differing, *run.unreadable, *map(str, run.temporary())]:
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
