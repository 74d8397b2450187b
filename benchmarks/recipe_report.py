"""The report of `benchmarks.recipes`: means over seeds, differences from paper, and a sheet."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.recipe_runs import SHEET_PICTURES, read_results, unpack
from pix2pix.evaluation import METRICS, Scores

RESAMPLES = 2000
# Metrics of the table, and those whose difference from the paper's recipe gets an interval.
TABLE = (
    "l1", "psnr", "ms_ssim", "class_accuracy", "mean_iou", "boundary_f1", "classes_found",
    "spectrum_distance", "sharpness", "checkerboard",
)  # fmt: skip
COMPARED = ("l1", "ms_ssim", "mean_iou", "boundary_f1")


def print_report(arguments: argparse.Namespace, split: str) -> None:
    """Prints the tables of one task and split, and draws the sheet if one was asked for."""
    groups = group_results(arguments.results, arguments.task, split, arguments.variants)
    if not groups:
        raise SystemExit(f"{arguments.results} has no results of {arguments.task}, {split}.")
    print(f"{arguments.task}, {split} pairs: the mean over the seeds, and their range\n")
    print_means(groups)
    baseline = next((results for (name, _), results in groups.items() if name == "paper"), None)
    if baseline:
        print_differences(groups, baseline)
    print_recalls(groups)
    if arguments.sheet:
        folder = arguments.output_dir / arguments.task / split
        draw_sheet(groups, folder).save(arguments.sheet)
        print(f"\nThe sheet is {arguments.sheet}.")


def group_results(
    path: Path, task: str, split: str, variants: list[str] | None = None
) -> dict[tuple[str, int], list[dict]]:
    """Returns the results of each variant and number of steps, sorted by seed."""
    groups: dict[tuple[str, int], list[dict]] = {}
    for result in read_results(path):
        is_wanted = not variants or result["variant"] in variants
        if result["task"] == task and result["split"] == split and is_wanted:
            groups.setdefault((result["variant"], result["steps"]), []).append(result)
    for results in groups.values():
        results.sort(key=lambda result: result["seed"])
    return groups


def print_means(groups: dict[tuple[str, int], list[dict]]) -> None:
    """Prints one row for each variant, and one for the color lookup."""
    names = [METRICS[key].name for key in TABLE]
    print(f"| variant | seeds | steps | minutes | D gap | {' | '.join(names)} |")
    print("|---" * (5 + len(names)) + "|")
    for (variant, steps), results in groups.items():
        minutes = np.mean([result["seconds"] for result in results]) / 60
        gap = np.mean([result["discriminator_gap"] for result in results])
        cells = [format_range(results, key) for key in TABLE]
        seeds = ", ".join(str(result["seed"]) for result in results)
        row = [variant, seeds, f"{steps:,}", f"{minutes:.0f}", f"{gap:.2f}", *cells]
        print(f"| {' | '.join(row)} |")
    lookup = next(iter(groups.values()))[0]["color_lookup"]
    cells = [METRICS[key].format_value(lookup[key]) for key in TABLE]
    print(f"| color lookup | | | | | {' | '.join(cells)} |")


def format_range(results: list[dict], key: str) -> str:
    """Returns the mean of a metric over the seeds, and the range if there are several."""
    values = [result["scores"][key] for result in results]
    text = METRICS[key].format_value(float(np.mean(values)))
    if len(values) == 1:
        return text
    low, high = (METRICS[key].format_value(value) for value in (min(values), max(values)))
    return f"{text} ({low} to {high})"


def print_differences(groups: dict[tuple[str, int], list[dict]], baseline: list[dict]) -> None:
    """Prints each variant's difference from the paper's recipe, in percent of the latter."""
    print("\nDifference from paper, with its 95 % interval (paired: same pictures, same seeds)\n")
    print(f"| variant | {' | '.join(METRICS[key].name for key in COMPARED)} |")
    print("|---" * (1 + len(COMPARED)) + "|")
    for (variant, _), results in groups.items():
        pairs = pair_by_seed(results, baseline)
        if variant != "paper" and pairs:
            cells = [_format_difference(*relative_difference(pairs, key)) for key in COMPARED]
            print(f"| {variant} | {' | '.join(cells)} |")


def pair_by_seed(results: list[dict], baseline: list[dict]) -> list[tuple[dict, dict]]:
    """Returns (result, baseline) for each seed that both have."""
    by_seed = {result["seed"]: result for result in baseline}
    return [(r, by_seed[r["seed"]]) for r in results if r["seed"] in by_seed]


def relative_difference(
    pairs: list[tuple[dict, dict]], key: str
) -> tuple[float, float, float]:  # fmt: skip
    """Returns the relative difference of a metric's means over the seeds, and its 95 % interval.

    Bootstrap: the pictures and the seeds are drawn with replacement, the same for both sides.
    """
    measured = [[unpack(side["measured"]) for side in pair] for pair in pairs]
    count, seeds = len(measured[0][0][key]), len(pairs)
    random = np.random.default_rng(0)
    drawn = random.multinomial(count, [1 / count] * count, RESAMPLES)
    weights = random.multinomial(seeds, [1 / seeds] * seeds, RESAMPLES) / seeds
    counts = np.concatenate([np.ones((1, count)), drawn])
    weights = np.concatenate([np.full((1, seeds), 1 / seeds), weights])
    own, other = (
        sum(
            weights[:, seed] * Scores({key: measured[seed][side][key]}).compute(counts)[key]
            for seed in range(seeds)
        )
        for side in (0, 1)
    )
    ratios = own / other - 1
    low, high = np.percentile(ratios[1:], [2.5, 97.5])
    return float(ratios[0]), float(low), float(high)


def _format_difference(value: float, low: float, high: float) -> str:
    return f"{value:+.0%} [{low:+.0%}, {high:+.0%}]"


def print_recalls(groups: dict[tuple[str, int], list[dict]]) -> None:
    """Prints the share of each class's pixels that have the right class, as a mean over seeds."""
    print("\nRecall of each legend class\n")
    legend = next(iter(groups.values()))[0]["legend"]
    print(f"| variant | {' | '.join(legend)} |")
    print("|---" * (1 + len(legend)) + "|")
    for (variant, _), results in groups.items():
        cells = [f"{value:.2f}" for value in measure_recalls(results)]
        print(f"| {variant} | {' | '.join(cells)} |")


def measure_recalls(results: list[dict]) -> np.ndarray:
    """Returns the recall of each legend class, (classes,), as a mean over the seeds."""
    recalls = []
    for result in results:
        both, target, _ = unpack(result["measured"])["mean_iou"].sum(axis=0)
        recalls.append(both / np.maximum(target, 1))
    return np.mean(recalls, axis=0)


def draw_sheet(groups: dict[tuple[str, int], list[dict]], folder: Path) -> Image.Image:
    """Draws the same pictures for each variant, by its first seed, between input and target."""
    columns: dict[str, list[np.ndarray]] = {}
    for (variant, steps), results in groups.items():
        run = folder / f"{variant}-{results[0]['seed']}-{steps}"
        strips = [run / f"sheet-{number:02d}.png" for number in range(SHEET_PICTURES)]
        pictures = [np.asarray(Image.open(path)) for path in strips if path.exists()]
        if pictures:
            thirds = [np.split(picture, 3, axis=1) for picture in pictures]
            columns |= {"input": [a for a, _, _ in thirds], "target": [b for _, b, _ in thirds]}
            columns[variant] = [c for _, _, c in thirds]
    if not columns:
        raise SystemExit(f"{folder} has no pictures; run the variants on this machine.")
    names = ["input", *(name for name in columns if name not in ("input", "target")), "target"]
    body = np.concatenate([np.concatenate(columns[name]) for name in names], axis=1)
    side = columns["input"][0].shape[1]
    sheet = Image.new("RGB", (body.shape[1], body.shape[0] + 20), "white")
    sheet.paste(Image.fromarray(body), (0, 20))
    for number, name in enumerate(names):
        ImageDraw.Draw(sheet).text((number * side + 4, 4), name, fill="black")
    return sheet
