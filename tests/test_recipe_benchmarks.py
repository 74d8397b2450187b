"""The experiments that compare recipes: their file of results, their intervals, a tiny run."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.finetune import name_folder, train
from benchmarks.gpu import CONTENDERS
from benchmarks.recipe_report import (
    format_range,
    group_results,
    measure_recalls,
    pair_by_seed,
    relative_difference,
)
from benchmarks.recipe_runs import find, measure_gap, pack, read_results, unpack
from benchmarks.recipes import RESULTS, SMALL, TASKS, VARIANTS
from pix2pix.config import Config
from pix2pix.evaluation import METRICS
from pix2pix.flags import parse
from tests.commands import ROOT

TINY = {
    "image_size": 64, "load_size": 72, "generator_filters": 4, "discriminator_filters": 4,
    "max_train_samples": 40, "validation_samples": 3,
}  # fmt: skip


# The colors of map-synth's classes.
ROADS, BUILDINGS, SAND, WATER = "7f7f7f", "ff0000", "ffff00", "007fff"


def result_with(seed: int, l1: np.ndarray) -> dict:
    return {"seed": seed, "measured": pack({"l1": l1})}


def test_packed_measurements_are_those_that_were_packed():
    measured = {"l1": np.array([1.5, 2.25]), "mean_iou": np.arange(12.0).reshape(2, 3, 2)}
    unpacked = unpack(pack(measured))
    assert unpacked.keys() == measured.keys()
    assert all(np.array_equal(unpacked[key], measured[key]) for key in measured)


def test_a_difference_that_all_pictures_and_seeds_share_has_a_narrow_interval():
    """Each picture is 20 % better; pictures differ among themselves by much more."""
    l1 = np.linspace(10, 90, 40)
    pairs = [(result_with(s, 0.8 * (l1 + s)), result_with(s, l1 + s)) for s in range(3)]
    assert relative_difference(pairs, "l1") == pytest.approx((-0.2, -0.2, -0.2), abs=1e-6)


def test_seeds_that_disagree_widen_the_interval():
    l1 = np.full(40, 50.0)
    pairs = [(result_with(s, l1 * share), result_with(s, l1)) for s, share in enumerate((0.7, 1.3))]
    value, low, high = relative_difference(pairs, "l1")
    assert value == pytest.approx(0, abs=1e-6)
    assert (low, high) == pytest.approx((-0.3, 0.3), abs=1e-6)


def test_the_same_run_is_found_whatever_its_name():
    run = {"task": "maps", "split": "selection", "flags": ["--seed"], "seed": 0, "steps": 9}
    assert find([run | {"variant": "paper"}], run | {"variant": "other"})
    assert not find([run], run | {"seed": 1})
    assert read_results(Path("missing.jsonl")) == []


def test_the_gap_is_that_of_the_second_half(tmp_path: Path):
    path = tmp_path / "history.csv"
    path.write_text("step,d_real,d_fake\n1,0.5,0.5\n2,0.5,0.5\n3,0.9,0.1\n4,0.7,0.3\n")
    assert measure_gap(path) == pytest.approx(0.6)


def test_fine_tuning_uses_only_results_of_the_same_flags(tmp_path: Path):
    flags = ["--dataset_name", "pairs"]
    finished = name_folder(tmp_path / "starter-0", flags)
    finished.mkdir()
    (finished / "README.md").touch()
    (finished / "metrics.json").write_text('{"metrics": {"l1": 1}}')
    assert train(tmp_path / "starter-0", flags) == {"metrics": {"l1": 1}}
    with pytest.raises(SystemExit, match="The training failed"):
        train(tmp_path / "starter-0", [*flags, "--seed", "one"])


def test_the_results_are_those_of_the_variants_that_have_their_names():
    for result in read_results(RESULTS):
        flags = [*SMALL, *TASKS[result["task"]].flags, *VARIANTS[result["variant"]]]
        assert result["flags"] == flags, result["variant"]


def test_the_recipe_photo_has_the_settings_of_the_variant_in_the_docs():
    measured, _ = parse("", VARIANTS["photo"])
    assert replace(measured, recipe="photo") == Config.of_recipe("photo")


@pytest.mark.parametrize(
    ("section", "task", "split"),
    [
        ("Land-cover maps", "maps", "held-out"),
        ("Sketches to photos", "sketch-to-photo", "held-out"),
        ("Photos to maps", "photo-to-map", "held-out"),
        ("What was tried", "maps", "selection"),
        ("What was tried on photos", "sketch-to-photo", "selection"),
        ("What was tried for the starter map", "starter-map", "selection"),
    ],
)
def test_the_figures_in_the_docs_are_those_of_the_results(section: str, task: str, split: str):
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    text = re.search(rf"^## {section}$(.*?)^## ", page, re.MULTILINE | re.DOTALL)[1]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    header, *rows = lines
    groups = group_results(RESULTS, task, split)
    lookup = next(iter(groups.values()))[0]["color_lookup"]
    if "steps" not in header:
        groups = {(name, None): results for (name, _), results in groups.items()}
    keys = {metric.name: key for key, metric in METRICS.items()}
    for name, *cells in rows:
        row = dict(zip(header[1:], cells, strict=True))
        if name == "color lookup":
            measured = {
                label: METRICS[keys[label]].format_value(lookup[keys[label]])
                for label in row
                if label in keys
            }
        else:
            steps = row.pop("steps", "").replace(",", "")
            results = groups.pop((name.strip("`"), int(steps) if steps else None))
            measured = {label: format_range(results, keys[label]) for label in row if label in keys}
            if "roads" in row:
                recalls = dict(zip(results[0]["legend"], measure_recalls(results), strict=True))
                measured["roads"] = f"{recalls[ROADS]:.2f}"
        assert {label: row[label] for label in measured} == measured, name
    assert not groups, "not in the docs"


def test_the_sentences_in_the_docs_have_the_figures_of_the_results():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    page = re.sub(r"\s+", " ", page)
    sentences = {
        ("maps", 11_230, "best"): ("l1", "ms_ssim", "mean_iou", "boundary_f1"),
        ("sketch-to-photo", 2_000, "best"): ("l1", "ms_ssim", "boundary_f1"),
        ("sketch-to-photo", 2_000, "photo"): ("l1", "ms_ssim", "boundary_f1"),
        ("photo-to-map", 2_000, "best"): ("l1", "ms_ssim", "mean_iou", "boundary_f1"),
    }
    for (task, steps, name), keys in sentences.items():
        groups = group_results(RESULTS, task, "held-out")
        pairs = pair_by_seed(groups[name, steps], groups["paper", steps])
        for key in keys:
            value, low, high = (
                f"{100 * share:+.0f}".replace("-", "\N{MINUS SIGN}")
                for share in relative_difference(pairs, key)
            )
            assert f"{METRICS[key].name} by {value} % [{low}, {high}]" in page
    groups = group_results(RESULTS, "maps", "held-out")
    best, paper = groups["best", 11_230], groups["paper", 11_230]
    less = -100 * relative_difference(pair_by_seed(best, paper), "l1")[0]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{less:.0f} % less L1 than the paper's on land-cover maps" in readme
    l1 = [result["scores"]["l1"] for result in best]
    assert f"differ by up to {max(l1) - min(l1):.1f} gray levels" in page
    recalls = [dict(zip(r[0]["legend"], measure_recalls(r), strict=True)) for r in (best, paper)]
    road, building, sand, water = (
        [f"{100 * recall[color]:.0f} %" for recall in recalls]
        for color in (ROADS, BUILDINGS, SAND, WATER)
    )
    assert f"`best` finds {road[0]} of their pixels" in page and road[1] == "0 %"
    assert f"buildings, it finds {building[0]} instead of {building[1]}" in page
    assert f"from {sand[1]} to {sand[0]} for sand" in page
    assert f"from {water[1]} to {water[0]} for water" in page


def run_recipes(action: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.recipes", action, "--variants", "paper", "nearest"]
    command += ["--results", folder / "results.jsonl", "--output_dir", folder / "runs", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_variants_are_trained_scored_and_reported(tmp_path: Path):
    flags = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]
    arguments = ["--steps", "4", "--seeds", "0", "--jobs", "2", *flags]
    assert run_recipes("run", tmp_path, *arguments).count("L1 ") == 2
    rows = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(row)["split"] for row in rows] == ["selection"] * 2
    assert run_recipes("run", tmp_path, *arguments).count("already") == 2
    assert (tmp_path / "results.jsonl").read_text().splitlines() == rows
    report = run_recipes("report", tmp_path, "--sheet", str(tmp_path / "sheet.png"))
    for text in ("| paper | 0 | 4 |", "| nearest | 0 |", "| color lookup |", "Recall"):
        assert text in report
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_gpu_benchmark_runs_on_a_cpu_with_tiny_networks():
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in CONTENDERS:
        if name != "torch" or importlib.util.find_spec("torch"):
            assert re.search(rf"^\| {name} \| [\d.]+ \| [\d.]+ \|", output, re.MULTILINE), output
    assert output.count("| paper |") == output.count("| best |") == 1


@pytest.mark.slow
def test_the_fine_tuning_benchmark_compares_both_starts(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks.finetune", "--dataset_name", "assets/sample_maps"]
    command += ["--pairs", "4", "--steps", "2", "--seeds", "0", "--validation_samples", "2"]
    command += ["--output_dir", tmp_path / "runs", "--cache_dir", tmp_path / "cache"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^\| (starter model|random weights) \| ([\d.]+) \|", output, re.MULTILINE)
    figures = {name: float(l1) for name, l1 in rows}
    # The starter was trained on such pairs, and two steps from random weights teach little: 12 and
    # 23 gray levels on one CPU.
    assert figures["starter model"] < 0.75 * figures["random weights"]
