"""Which settings learn more in the same time? Run `python -m benchmarks.recipes`.

Trains the paper's recipe and variants on the same pairs, from the same seeds, and evaluates each on
all held-out pairs. Every variant gets the wall-clock time of the paper's recipe: its number of
steps follows from the seconds per step, which are measured first, in turns. `--jobs` runs at a time
divide the CPU cores equally, which is faster than one run after the other. A stopped run is
resumed; a finished one is not repeated.
"""

import argparse
import functools
import itertools
import json
import os
import queue
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT
from pix2pix.files import write_json
from pix2pix.runtime import prepare_tensorflow

SMALL = ["--image_size", "128", "--load_size", "143", "--generator_filters", "32"]
SMALL += ["--discriminator_filters", "32"]
# The two recipes, and each with one change: the candidates for `best`.
VARIANTS = {
    "paper": [],
    "best": ["--recipe", "best"],
    "layer-norm": ["--generator_norm", "layer"],
    "linear": ["--lr_schedule", "linear"],
    "ema": ["--ema_decay", "0.999"],
    "lsgan": ["--gan_loss", "lsgan"],
    "hinge": ["--gan_loss", "hinge"],
    "dihedral": ["--augmentation", "dihedral"],
    "no-dropout": ["--dropout", "0"],
    "small-d": ["--discriminator_filters", "16"],
    "slow-d": ["--discriminator_learning_rate", "1e-4"],
    "fast": ["--learning_rate", "4e-4"],
    "batch-4": ["--train_batch_size", "4"],
    "best-ema": ["--recipe", "best", "--ema_decay", "0.999"],
    "best-slow": ["--recipe", "best", "--learning_rate", "2e-4"],
    "best-no-dropout": ["--recipe", "best", "--dropout", "0"],
    "best-dihedral": ["--recipe", "best", "--augmentation", "dihedral"],
}
TABLE_METRICS = ("l1", "psnr", "class_accuracy", "mean_iou", "sharpness")
ROUNDS, TIMED_STEPS = 5, 20


def step_seconds(variants: list[str]) -> dict[str, float]:
    """Returns the median seconds per step of each variant, timed in turns."""
    prepare_tensorflow()
    import tensorflow as tf

    from pix2pix.flags import parse
    from pix2pix.training.trainer import Trainer

    random, trainers = np.random.default_rng(0), {}
    for name in variants:
        config, _ = parse("", SMALL + VARIANTS[name])
        shape = (config.train_batch_size, config.image_size, config.image_size, 3)
        batch = [tf.constant(random.integers(0, 256, shape, np.uint8)) for _ in range(2)]
        trainers[name] = Trainer(config, 1000), batch
        trainers[name][0].step(*batch)
    seconds = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, (trainer, batch) in trainers.items():
            started = time.perf_counter()
            for _ in range(TIMED_STEPS):
                scalars = trainer.step(*batch)
            float(scalars["l1_loss"])
            seconds[name].append((time.perf_counter() - started) / TIMED_STEPS)
    return {name: float(np.median(times)) for name, times in seconds.items()}


def plan_steps(variants: list[str], paper_steps: int, folder: Path) -> dict[str, int]:
    """Returns the steps of each variant; a file in `folder` keeps them for resumed runs."""
    path = folder / "steps.json"
    steps = json.loads(path.read_text()) if path.exists() else {}
    if not steps.keys() >= set(variants):
        seconds = step_seconds(["paper", *(v for v in variants if v != "paper")])
        planned = {name: round(paper_steps * seconds["paper"] / s) for name, s in seconds.items()}
        steps = planned | steps
        write_json(path, steps)
    return steps


def run(name: str, seed: int, steps: int, arguments: argparse.Namespace) -> dict:
    """Trains and evaluates one variant, unless that is done already; returns its scores."""
    folder = arguments.output_dir / f"{name}-{seed}"
    run_python = functools.partial(_run_python, arguments.output_dir / f"{name}-{seed}.log")
    if not (folder / "README.md").exists():
        command = ["train_hub.py", "--dataset_name", arguments.dataset_name]
        command += [*SMALL, *VARIANTS[name], "--seed", str(seed), "--max_train_steps", str(steps)]
        run_python([*command, "--output_dir", str(folder), "--resume_from_checkpoint", "latest"])
    scores = folder / "scores.json"
    if not scores.exists():
        legend = ["--legend", arguments.legend] if arguments.legend else []
        run_python(
            ["-m", "pix2pix.evaluation", "--model", str(folder), *legend, "--output", str(scores)]
        )
    description = json.loads((folder / "pix2pix.json").read_text())
    return description["training"] | json.loads(scores.read_text())["metrics"]


def _run_python(log: Path, arguments: list[str]) -> None:
    """Runs Python with `arguments` on the cores of this thread; appends its output to `log`."""
    with log.open("a") as output:
        command = [sys.executable, *arguments]
        if subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode:
            raise SystemExit(f"{' '.join(command)} failed; its output is in {log}.")


def format_row(name: str, seed: int, result: dict) -> str:
    values = " | ".join(f"{result[metric]:.3f}" for metric in TABLE_METRICS)
    return f"| {name} | {seed} | {result['steps']:,} | {result['seconds']:,.0f} | {values} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset_name", default="assets/sample_maps")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["paper", "best"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=11_230, help="steps of the paper's recipe")
    parser.add_argument("--legend", help="colors of the map's legend, such as ffff00,007fff")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, at most one per core")
    parser.add_argument("--output_dir", type=Path, default=Path("runs/recipes"))
    arguments = parser.parse_args()
    steps = plan_steps(arguments.variants, arguments.steps, arguments.output_dir)
    cores, shares = sorted(os.sched_getaffinity(0)), queue.Queue()
    for job in range(arguments.jobs):
        shares.put(cores[job :: arguments.jobs])
    runs = list(itertools.product(arguments.seeds, arguments.variants))
    # Processes that a thread starts inherit the thread's cores.
    with ThreadPoolExecutor(
        arguments.jobs, initializer=lambda: os.sched_setaffinity(0, shares.get())
    ) as pool:
        results = [pool.submit(run, v, s, steps[v], arguments) for s, v in runs]
        print(f"| recipe | seed | steps | seconds | {' | '.join(TABLE_METRICS)} |")
        print("|---" * (4 + len(TABLE_METRICS)) + "|")
        for (seed, name), result in zip(runs, results, strict=True):
            print(format_row(name, seed, result.result()), flush=True)


if __name__ == "__main__":
    main()
