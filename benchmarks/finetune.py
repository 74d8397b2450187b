"""Do 20 pairs teach a fine-tuned starter model more than a new one, at equal steps?

    python -m benchmarks.finetune --dataset_name <pairs>

The 20 are spread over the training pairs. Both models have the same networks, pairs, steps and
settings; only the weights at the start differ. Other flags go to train_hub.py. Started again with
the same flags, a stopped benchmark continues where it was.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, STARTER_MODEL
from benchmarks.pair_subsets import write_few
from pix2pix.artifacts import ArtifactFolder
from pix2pix.config import MODEL_SETTINGS, Config

SHARED = ["--recipe", "best", "--sample_steps", "0"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_name", required=True, help="Hub id or folder")
    parser.add_argument("--pairs", type=int, default=20, help="how many to train on")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output_dir", type=Path, default=Path("runs/finetune"))
    arguments, flags = parser.parse_known_args()
    own = Config.from_dict(ArtifactFolder(STARTER_MODEL).read_description()["config"])
    networks = {f"--{name}": getattr(own, name) for name in MODEL_SETTINGS}
    starts = {
        "starter model": ["--init_from", str(STARTER_MODEL)],
        "random weights": [
            word
            for name, value in networks.items()
            if value is not None
            for word in (name, str(value))
        ],
    }
    chosen = [arguments.dataset_name, str(arguments.pairs)]
    folder = name_folder(arguments.output_dir / "pairs", chosen)
    pairs = write_few(arguments.dataset_name, arguments.pairs, folder)
    steps = ["--max_train_steps", str(arguments.steps)]
    flags = ["--dataset_name", pairs, *steps, *SHARED, *flags]
    reports = {
        name: [
            train(arguments.output_dir / f"{name.split()[0]}-{seed}",
                  [*flags, *start, "--seed", str(seed)])
            for seed in arguments.seeds
        ]
        for name, start in starts.items()
    }  # fmt: skip
    base = reports["starter model"][0]["base_model"]["metrics"]["l1"]
    print(
        f"L1 on {reports['starter model'][0]['held_out_pairs']} held-out pairs after "
        f"{arguments.steps:,} steps on {arguments.pairs} pairs; the starter model before: "
        f"{base:.2f}\n"
    )
    seeds = [f"seed {seed}" for seed in arguments.seeds]
    print(f"| start | {' | '.join(seeds)} | mean | range |")
    print("|---" * (len(seeds) + 3) + "|")
    for name, results in reports.items():
        l1 = np.array([report["metrics"]["l1"] for report in results])
        cells = [*(f"{value:.2f}" for value in l1), f"{l1.mean():.2f}"]
        print(f"| {name} | {' | '.join(cells)} | {l1.min():.2f} to {l1.max():.2f} |")


def name_folder(path: Path, settings: list[str]) -> Path:
    """Returns `path` with an ending for the settings, so that others don't find its results."""
    digest = hashlib.sha256("\0".join(settings).encode()).hexdigest()
    return path.with_name(f"{path.name}-{digest[:8]}")


def train(path: Path, flags: list[str]) -> dict:
    """Trains into a folder named after `path` and the flags, unless it has the finished run.

    Returns the content of metrics.json.
    """
    folder = name_folder(path, flags)
    if not (folder / "README.md").exists():
        command = [sys.executable, "train_hub.py", *flags, "--output_dir", str(folder)]
        command += ["--resume_from_checkpoint", "latest"]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "train.log").open("a") as log:
            if subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode:
                raise SystemExit(f"The training failed; its output is in {log.name}.")
    return json.loads((folder / "metrics.json").read_text())


if __name__ == "__main__":
    main()
