"""Which settings learn more in the same time? `python -m benchmarks.recipes run`, then `report`.

`run` trains variants of the paper's recipe on the same pairs, from the same seeds, two at a time
on two cores, and appends one line with the scores to benchmarks/recipes.jsonl. A stopped run is
resumed, a finished one is not repeated. Variants are chosen on four blocks of the training
pairs; only with --final are they scored on the held-out pairs.

`report` prints the means over the seeds, the differences from the paper's recipe with their 95 %
intervals, and draws the same twelve pictures for each variant.

`time` prints how long a training step of each variant takes, timed in turns.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import recipe_report, recipe_runs
from benchmarks.measure import ROOT

RESULTS = Path(__file__).with_name("recipes.jsonl")
SMALL = ["--image_size", "128", "--load_size", "143"]
SMALL += ["--generator_filters", "32", "--discriminator_filters", "32"]
SAMPLE_MAPS = str(ROOT / "assets" / "sample_maps")
LAYER = "--generator_norm layer --lr_schedule linear --learning_rate 4e-4"
NEAREST = f"{LAYER} --upsampling nearest"
FEATURES = "--feature_weight 10"
BALANCE = f"{NEAREST} --color_balance"
SLOW_D = f"{NEAREST} --learning_rate 8e-4 --discriminator_learning_rate 5e-5"
# The size, crops and dropout of the starter map model.
STARTER = "--image_size 256 --load_size 272 --augmentation transpose --generator_filters 16"
STARTER += " --generator_depth 6 --discriminator_filters 16 --dropout 0 --ema_decay 0.999"


@dataclass(frozen=True)
class Task:
    """Pairs to learn, and how long: the steps of the paper's recipe.

    `dataset` is None where --dataset_name has to name it.
    """

    steps: int
    dataset: str | None = None
    flags: list[str] = field(default_factory=list)


TASKS = {
    "maps": Task(11_230),
    "photo-to-map": Task(8_000, SAMPLE_MAPS),
    "sketch-to-photo": Task(
        8_000, SAMPLE_MAPS, ["--input_column", "imageC", "--target_column", "imageA"]
    ),
    "starter-map": Task(9_000, SAMPLE_MAPS, STARTER.split()),
}
# Each changes what the end of its name says in the recipe that the name begins with; "balance" is
# "nearest" with a color balance, "slow-d" is "nearest" with a slow discriminator.
_FLAGS = {
    "paper": "",
    "paper-layer-norm": "--generator_norm layer",
    "paper-linear": "--lr_schedule linear",
    "paper-fast": "--learning_rate 4e-4",
    "paper-nearest": "--upsampling nearest",
    "paper-ema": "--ema_decay 0.999",
    "paper-lsgan": "--gan_loss lsgan",
    "paper-hinge": "--gan_loss hinge",
    "paper-dihedral": "--augmentation dihedral",
    "paper-no-dropout": "--dropout 0",
    "paper-small-d": "--discriminator_filters 16",
    "paper-slow-d": "--discriminator_learning_rate 1e-4",
    "paper-features": FEATURES,
    "paper-batch-4": "--train_batch_size 4",
    "best": "--recipe best",
    "best-l1-25": "--recipe best --l1_weight 25",
    "photo": f"{NEAREST} {FEATURES} --l1_weight 25",  # the settings of --recipe photo
    "photo-l1-10": f"{NEAREST} {FEATURES} --l1_weight 10",
    "layer": LAYER,
    "layer-dihedral": f"{LAYER} --augmentation dihedral",
    "nearest": NEAREST,
    "nearest-features": f"{NEAREST} {FEATURES}",
    "nearest-no-dropout": f"{NEAREST} --dropout 0",
    "nearest-l1-300": f"{NEAREST} --l1_weight 300",
    "nearest-lsgan": f"{NEAREST} --gan_loss lsgan",
    "nearest-depth-5": f"{NEAREST} --generator_depth 5",
    "nearest-slow": f"{NEAREST} --learning_rate 2e-4",
    "nearest-slow-d": f"{NEAREST} --discriminator_learning_rate 1e-4",
    "nearest-dihedral": f"{NEAREST} --augmentation dihedral",
    "nearest-ema": f"{NEAREST} --ema_decay 0.999",
    "slow-d-l1-1000": f"{SLOW_D} --l1_weight 1000",
    "slow-d-l1-1000-features-30": f"{SLOW_D} --l1_weight 1000 --feature_weight 30",
    "slow-d-l1-1000-features-100": f"{SLOW_D} --l1_weight 1000 --feature_weight 100",
    "slow-d-l1-300-features-10": f"{SLOW_D} --l1_weight 300 {FEATURES}",
    "balance-0.5": f"{BALANCE} 0.5",
    "balance-0.5-features": f"{BALANCE} 0.5 {FEATURES}",
    "balance-0.5-features-dihedral": f"{BALANCE} 0.5 {FEATURES} --augmentation dihedral",
    "balance-0.7-features": f"{BALANCE} 0.7 {FEATURES}",
    "balance-0.8-features-dihedral": f"{BALANCE} 0.8 {FEATURES} --augmentation dihedral",
    "balance-0.85-features": f"{BALANCE} 0.85 {FEATURES}",
    "balance-0.85-features-l1-50": f"{BALANCE} 0.85 {FEATURES} --l1_weight 50",
    "balance-0.85-features-no-dropout": f"{BALANCE} 0.85 {FEATURES} --dropout 0",
    "balance-0.85-features-depth-5": f"{BALANCE} 0.85 {FEATURES} --generator_depth 5",
    "balance-0.85-features-small-d": f"{BALANCE} 0.85 {FEATURES} --discriminator_filters 16",
    "balance-0.9-features": f"{BALANCE} 0.9 {FEATURES}",
    "balance-1-features": f"{BALANCE} 1 {FEATURES}",
    "balance-1-to-0.5-features": f"{BALANCE} 1 {FEATURES} --color_balance_decay 0.5",
    "balance-1.5-features": f"{BALANCE} 1.5 {FEATURES}",
}
VARIANTS = {name: flags.split() for name, flags in _FLAGS.items()}


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Returns the parsed command line, and the flags that go to train_hub.py."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["run", "report", "time"])
    parser.add_argument("--task", choices=TASKS, default="photo-to-map")
    parser.add_argument("--dataset_name", help="the pairs of the task maps, a Hub id or folder")
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, help="default: paper best; report: all"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="steps of the paper's recipe")
    parser.add_argument(
        "--same_steps",
        action="store_true",
        help="the same number of steps, not the same time",
    )
    parser.add_argument(
        "--final", action="store_true", help="train on all pairs and score on the held-out ones"
    )
    parser.add_argument("--legend", help="colors of the map's classes, such as ffff00,007fff")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, at most one per core")
    parser.add_argument("--output_dir", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of JSON lines")
    parser.add_argument("--sheet", type=Path, help="report: picture to draw")
    arguments, flags = parser.parse_known_args()
    if arguments.dataset_name is None:
        arguments.dataset_name = TASKS[arguments.task].dataset
    if arguments.action == "run" and arguments.dataset_name is None:
        parser.error(f"--task {arguments.task} needs --dataset_name")
    return arguments, flags


def main() -> None:
    arguments, flags = parse()
    task = TASKS[arguments.task]
    split = "held-out" if arguments.final else "selection"
    if arguments.action == "report":
        recipe_report.print_report(arguments, split)
        return
    names = arguments.variants or ["paper", "best"]
    variants = {name: [*SMALL, *task.flags, *VARIANTS[name], *flags] for name in names}
    if arguments.action == "time":
        seconds = recipe_runs.time_steps(variants)
        for name in names:
            ratio = seconds[name] / seconds[names[0]]
            print(f"{name}: {1e3 * seconds[name]:.0f} ms a step, {ratio:.2f} of {names[0]}")
        return
    recipe_runs.run_all(arguments, split, variants, arguments.steps or task.steps)


if __name__ == "__main__":
    main()
