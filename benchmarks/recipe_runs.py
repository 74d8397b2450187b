"""The runs of `benchmarks.recipes`: equal time, training, scores, and the file of results."""

import argparse
import base64
import functools
import io
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.pair_subsets import write_selection
from pix2pix.files import write_json, write_text

ROUNDS, TIMED_STEPS = 5, 20
SHEET_PICTURES = 12
KEYS = ("task", "split", "flags", "seed", "steps")
LOCK = threading.Lock()


def run_all(
    arguments: argparse.Namespace, split: str, variants: dict[str, list[str]], steps: int
) -> None:
    """Trains and scores each variant with each seed, `arguments.jobs` of them at a time."""
    folder = arguments.output_dir / arguments.task / split
    dataset = arguments.dataset_name
    if split == "selection":
        dataset = write_selection(dataset, arguments.output_dir / arguments.task / "pairs")
    planned = dict.fromkeys(variants, steps)
    if not arguments.same_steps:
        planned = plan_steps(variants, steps, folder)
    cores, shares = sorted(os.sched_getaffinity(0)), queue.Queue()
    for job in range(arguments.jobs):
        shares.put(cores[job :: arguments.jobs])
    # Processes that a thread starts inherit the thread's cores.
    with ThreadPoolExecutor(
        arguments.jobs, initializer=lambda: os.sched_setaffinity(0, shares.get())
    ) as pool:
        runs = []
        for seed, name in itertools.product(arguments.seeds, variants):
            description = {
                "task": arguments.task, "split": split, "variant": name,
                "flags": variants[name], "seed": seed, "steps": planned[name],
            }  # fmt: skip
            path = folder / f"{name}-{seed}-{planned[name]}"
            runs.append(pool.submit(run, description, path, dataset, arguments))
        for run_ in runs:
            print(run_.result(), flush=True)


def plan_steps(variants: dict[str, list[str]], paper_steps: int, folder: Path) -> dict[str, int]:
    """Returns the steps of each variant in the paper's time; a file keeps them for resumed runs."""
    path = folder / f"steps-{paper_steps}.json"
    steps = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: flags for name, flags in variants.items() if name not in steps}
    if missing.keys() - {"paper"}:
        # The flags that all variants share are those of the paper's recipe.
        shared = os.path.commonprefix(list(variants.values()))
        seconds = time_steps({"paper": shared} | missing)
        planned = {name: round(paper_steps * seconds["paper"] / s) for name, s in seconds.items()}
        steps = planned | steps
        write_json(path, steps)
    return {"paper": paper_steps} | steps


def time_steps(variants: dict[str, list[str]]) -> dict[str, float]:
    """Returns the median seconds per step of each variant, timed in turns."""
    from pix2pix.runtime import prepare_tensorflow

    prepare_tensorflow()
    import tensorflow as tf

    from pix2pix.data.target_colors import TargetColors
    from pix2pix.flags import parse
    from pix2pix.training.trainer import Trainer

    random, trainers = np.random.default_rng(0), {}
    shares = np.full(12, 1 / 12, np.float32)
    colors = TargetColors(random.integers(0, 256, (12, 3), np.uint8), shares)
    for name, flags in variants.items():
        config, _ = parse("", flags)
        shape = (config.train_batch_size, config.image_size, config.image_size, 3)
        batch = [tf.constant(random.integers(0, 256, shape, np.uint8)) for _ in range(2)]
        target_colors = colors if config.color_balance else None
        trainers[name] = Trainer(config, 1000, target_colors=target_colors), batch
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


def run(description: dict, folder: Path, dataset: str, arguments: argparse.Namespace) -> str:
    """Trains and scores one variant, unless the results have it; returns a line about it."""
    name = f"{description['variant']}, seed {description['seed']}"
    if find(read_results(arguments.results), description):
        return f"{name}: in {arguments.results} already"
    run_python = functools.partial(_run_python, folder.with_name(f"{folder.name}.log"))
    if not (folder / "README.md").exists():
        run_python(
            ["train_hub.py", "--dataset_name", dataset, *description["flags"]]
            + ["--seed", str(description["seed"]), "--max_train_steps", str(description["steps"])]
            + ["--output_dir", str(folder), "--resume_from_checkpoint", "latest"]
        )
    legend = ["--legend", arguments.legend] if arguments.legend else []
    run_python(["-m", "benchmarks.recipe_runs", str(folder), *legend])
    result = description | json.loads((folder / "recipe.json").read_text())
    with LOCK:
        results = read_results(arguments.results)
        text = "".join(json.dumps(row) + "\n" for row in [*results, result])
        write_text(arguments.results, text)
    return f"{name}: L1 {result['scores']['l1']:.2f}"


def _run_python(log: Path, arguments: list[str]) -> None:
    """Runs Python with `arguments` on the cores of this thread; appends its output to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        command = [sys.executable, *arguments]
        if subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode:
            raise SystemExit(f"{' '.join(command)} failed; its output is in {log}.")


def read_results(path: Path) -> list[dict]:
    """Returns the lines of the file of results; none if it does not exist."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def find(results: list[dict], description: dict) -> dict | None:
    """Returns the result of the same run, or None."""
    for result in results:
        if all(result[key] == description[key] for key in KEYS):
            return result
    return None


def pack(measured: dict[str, np.ndarray]) -> str:
    """Returns what each metric measured on each picture as text, about 30 kB for 131 pictures."""
    data = io.BytesIO()
    np.savez_compressed(data, **{key: x.astype(np.float32) for key, x in measured.items()})
    return base64.b64encode(data.getvalue()).decode()


def unpack(text: str) -> dict[str, np.ndarray]:
    """Returns what `pack` was given, in float64."""
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
        return {key: arrays[key].astype(np.float64) for key in arrays.files}


def score(folder: Path, legend_text: str | None) -> None:
    """Scores a trained model; writes recipe.json and the pictures of the sheet into its folder."""
    from PIL import Image

    from pix2pix.commands import evaluate
    from pix2pix.evaluation import Legend, find_training_legend, fit_baselines, score_all
    from pix2pix.images import orient_pair
    from pix2pix.translate import Translator

    translator = Translator.from_pretrained(folder)
    settings = evaluate.EvaluateSettings(model=str(folder))
    config, loaded = evaluate.load(settings, translator.config, translator.rule)
    legend = Legend.parse(legend_text) if legend_text else None
    legend = legend or find_training_legend(loaded.reference, config)
    lookup = fit_baselines(loaded.reference, config)["color_lookup"]
    scores, lookup_scores = (
        score_all(predict, loaded.held_out, config.direction, legend)
        for predict in (translator.predict, lookup)
    )
    chosen = np.linspace(0, len(loaded.held_out) - 1, SHEET_PICTURES).round().astype(int)
    for number, index in enumerate(dict.fromkeys(chosen.tolist())):
        picture, target = orient_pair(loaded.held_out[index], config.direction)
        strip = np.concatenate([picture, target, translator.predict(picture[None])[0]], axis=1)
        Image.fromarray(strip).save(folder / f"sheet-{number:02d}.png")
    training = json.loads((folder / "pix2pix.json").read_text())["training"]
    result = {
        "commit": subprocess.check_output(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, text=True
        ).strip(),
        "device": training["device"],
        "seconds": training["seconds"],
        "discriminator_gap": measure_gap(folder / "history.csv"),
        "legend": [bytes(color).hex() for color in legend.colors],
        "scores": scores.summary(),
        "color_lookup": lookup_scores.summary(),
        "measured": pack(scores.measured),
    }
    write_json(folder / "recipe.json", result)


def measure_gap(history: Path) -> float:
    """Returns the mean of D(real) - D(fake) in the second half of a run."""
    rows = np.genfromtxt(history, delimiter=",", names=True)
    rows = np.atleast_1d(rows)[len(np.atleast_1d(rows)) // 2 :]
    return round(float(np.mean(rows["d_real"] - rows["d_fake"])), 4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Scores one model of `benchmarks.recipes`.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--legend")
    parsed = parser.parse_args()
    score(parsed.folder, parsed.legend)
