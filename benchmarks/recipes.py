"""Which settings learn more in the same time? `python -m benchmarks.recipes`

Trains the paper's recipe and others on the same pairs, from the same seeds, and scores each on all
held-out pairs. Every variant gets the wall-clock time of the paper's recipe: how long a step takes
is measured first, in turns, and the number of steps follows. A run that was stopped goes on where
it was; a finished one is not run again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from pix2pix.files import write_json

ROOT = Path(__file__).parent.parent
SMALL = ["--image_size", "128", "--load_size", "143", "--generator_filters", "32"]
SMALL += ["--discriminator_filters", "32"]
# One change at a time, and `best` as it is now.
VARIANTS = {
    "paper": [],
    "best": ["--recipe", "best"],
    "ema": ["--ema_decay", "0.999"],
    "linear": ["--lr_schedule", "linear"],
    "lsgan": ["--gan_loss", "lsgan"],
    "hinge": ["--gan_loss", "hinge"],
    "dihedral": ["--augmentation", "dihedral"],
    "no-dropout": ["--dropout", "0"],
    "small-d": ["--discriminator_filters", "16"],
    "slow-d": ["--discriminator_learning_rate", "1e-4"],
    "fast": ["--learning_rate", "4e-4"],
    "batch-4": ["--train_batch_size", "4"],
}
SHOWN = ("l1", "psnr", "class_accuracy", "mean_iou", "sharpness")
ROUNDS, TIMED_STEPS = 5, 20


def step_seconds(variants: list[str]) -> dict[str, float]:
    """Median seconds a step of each, timed in turns so that a busy machine is so for all."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    from pix2pix.cli import parse
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
    return {name: float(np.median(measured)) for name, measured in seconds.items()}


def planned_steps(variants: list[str], paper_steps: int, folder: Path) -> dict[str, int]:
    """Steps of each variant; kept in `folder`, so that a run that was stopped has the same."""
    path = folder / "steps.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if not known.keys() >= set(variants):
        seconds = step_seconds(["paper", *(v for v in variants if v != "paper")])
        planned = {name: round(paper_steps * seconds["paper"] / s) for name, s in seconds.items()}
        known = planned | known
        write_json(path, known)
    return known


def run(name: str, seed: int, steps: int, arguments: argparse.Namespace) -> dict:
    """Trains one variant, unless it is done already, and returns its scores."""
    folder = arguments.output_dir / f"{name}-{seed}"
    if not (folder / "README.md").exists():
        command = [sys.executable, "train_hub.py", "--dataset_name", arguments.dataset_name]
        command += [*SMALL, *VARIANTS[name], "--seed", str(seed), "--max_train_steps", str(steps)]
        command += ["--output_dir", str(folder), "--resume_from_checkpoint", "latest"]
        subprocess.run(command, cwd=ROOT, check=True)
    scores = folder / "scores.json"
    if not scores.exists():
        command = [sys.executable, "-m", "pix2pix.evaluation", "--model", str(folder)]
        legend = ["--legend", arguments.legend] if arguments.legend else []
        subprocess.run([*command, *legend, "--output", str(scores)], cwd=ROOT, check=True)
    about = json.loads((folder / "pix2pix.json").read_text())
    return about["training"] | json.loads(scores.read_text())["metrics"]


def row(name: str, seed: int, result: dict) -> str:
    values = " | ".join(f"{result[metric]:.3f}" for metric in SHOWN)
    return f"| {name} | {seed} | {result['steps']:,} | {result['seconds']:,.0f} | {values} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset_name", default="assets/sample_maps")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["paper", "best"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=11_230, help="of the paper's recipe")
    parser.add_argument("--legend", help="the map's colours, ffff00,007fff,...")
    parser.add_argument("--output_dir", type=Path, default=Path("runs/recipes"))
    arguments = parser.parse_args()
    steps = planned_steps(arguments.variants, arguments.steps, arguments.output_dir)
    rows = []
    for seed in arguments.seeds:
        for name in arguments.variants:
            rows.append(row(name, seed, run(name, seed, steps[name], arguments)))
            print(rows[-1], flush=True)
    print(f"\n| recipe | seed | steps | seconds | {' | '.join(SHOWN)} |")
    print("|---" * (4 + len(SHOWN)) + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
