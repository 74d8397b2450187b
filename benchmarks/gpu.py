"""How fast is training on this GPU, and what do its minutes give? Run `python -m benchmarks.gpu`.

First, the speed and memory of the paper's full-size training step, 256x256, batch 1: with and
without mixed precision and XLA, with several steps per call, and, if PyTorch is installed, in
PyTorch. Each has its own process. Then the recipes `paper` and `best` are trained for equal times
and scored. The whole takes --minutes, eight by default; what no longer fits is left out.
`--tiny` tries the script on a CPU.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, memory

SIZES = {"generator_filters": 64, "discriminator_filters": 64}
TINY = {"generator_filters": 4, "discriminator_filters": 4, "image_size": 64}
# Settings of each step that is timed. "plain" and "torch" are those of benchmarks.training.
CONTENDERS = {
    "float32": {},
    "float32, without XLA": {"jit_compile": "off"},
    "fp16": {"mixed_precision": "fp16"},
    "bf16": {"mixed_precision": "bf16"},
    "bf16, without XLA": {"mixed_precision": "bf16", "jit_compile": "off"},
    "float32, 10 steps per call": {"steps_per_execution": 10},
    "float32, 50 steps per call": {"steps_per_execution": 50},
    "plain": {},
    "torch": {},
}
# Each contender is timed for at least this many seconds, after its first call.
TIMED_SECONDS, TINY_SECONDS = 4.0, 0.2
# Parts of the time: for the steps; the rest is for the two trained recipes.
SHARE_OF_STEPS = 0.5
# Seconds of a trained recipe besides its steps: starting, exporting, scoring.
OVERHEAD_SECONDS = 40
METRICS = ("l1", "ms_ssim", "class_accuracy", "mean_iou", "sharpness")


def time_contender(name: str, settings: dict, seconds: float) -> dict:
    """Returns steps per second, seconds of the first call, and the peak of memory in bytes."""
    from pix2pix.runtime import prepare_tensorflow

    prepare_tensorflow()
    from benchmarks import training

    before = memory("VmRSS")
    started = time.perf_counter()
    if name == "torch":
        step, steps = training.torch_step(settings)(), 1
    else:
        step, steps = (_plain_steps if name == "plain" else _our_steps)(settings)
    step()
    first = time.perf_counter() - started
    step()
    calls, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        step()
        calls += 1
    rate = calls * steps / (time.perf_counter() - started)
    return {"rate": rate, "first": first, "memory": _peak_memory(before)}


def _our_steps(settings: dict):
    """Returns a function that makes one call of the project's own step, and its steps."""
    import numpy as np
    import tensorflow as tf

    from pix2pix.config import Config
    from pix2pix.training.devices import choose_devices
    from pix2pix.training.trainer import Trainer

    config = Config(**settings)
    _grow_memory()
    shape = (2, 1, config.image_size, config.image_size, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    batches = [tuple(map(tf.constant, pictures))] * config.steps_per_execution
    trainer = Trainer(config, 1000, choose_devices(config))
    return lambda: float(trainer.train_on(batches)["l1_loss"]), config.steps_per_execution


def _plain_steps(settings: dict):
    from benchmarks import training

    _grow_memory()
    return training.plain_step(settings)(), 1


def _grow_memory() -> None:
    """Makes TensorFlow take GPU memory as it needs it, instead of all at the start."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def _peak_memory(before: int) -> int:
    """Returns the peak of the GPU's memory, or without a GPU that of the process."""
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
        return sys.modules["torch"].cuda.max_memory_allocated()
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return memory("VmHWM") - before


def describe_device() -> str:
    """Returns the name of the GPU, or of the CPU."""
    code = "from pix2pix.training.devices import Devices; print(Devices().name)"
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, cwd=ROOT, text=True, stderr=subprocess.DEVNULL).strip()


def print_steps(arguments: argparse.Namespace, deadline: float) -> float:
    """Prints the table of the steps; returns the steps per second of our own in float32."""
    print("| step | images/s | relative to float32 | first call, s | peak memory, MB |")
    print("|---|---|---|---|---|")
    base = 0.0
    for name, settings in CONTENDERS.items():
        if name == "torch" and not importlib.util.find_spec("torch"):
            continue
        if time.monotonic() > deadline and base:
            print(f"| {name} | no time left | | | |")
            continue
        command = [sys.executable, "-m", "benchmarks.gpu", "--worker", name]
        command += ["--settings", json.dumps((TINY if arguments.tiny else SIZES) | settings)]
        command += ["--tiny"] if arguments.tiny else []
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            print(f"| {name} | failed: {run.stderr.strip().splitlines()[-1]} | | | |", flush=True)
            continue
        result = json.loads(run.stdout.splitlines()[-1])
        base = base or result["rate"]
        print(
            f"| {name} | {result['rate']:.1f} | {result['rate'] / base:.2f} "
            f"| {result['first']:.0f} | {result['memory'] / 1e6:.0f} |",
            flush=True,
        )
    return base


def print_recipes(arguments: argparse.Namespace, steps: int) -> None:
    """Trains both recipes for so many steps and prints their scores."""
    size = "tiny" if arguments.tiny else "256x256, full size"
    print(f"\nTrained on {arguments.dataset_name}, {steps:,} steps, {size}:\n")
    print(f"| recipe | minutes | {' | '.join(METRICS)} |")
    print("|---" * (2 + len(METRICS)) + "|")
    sizes = TINY | {"validation_samples": 2} if arguments.tiny else SIZES
    flags = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        for recipe in ("paper", "best"):
            output = Path(folder) / recipe
            command = [sys.executable, "train_hub.py", "--dataset_name", arguments.dataset_name]
            command += ["--recipe", recipe, *flags, "--max_train_steps", str(steps)]
            command += ["--checkpointing_steps", "0", "--sample_steps", "0"]
            subprocess.run(
                [*command, "--output_dir", str(output)], cwd=ROOT, check=True, stderr=sys.stderr,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            scores = json.loads((output / "metrics.json").read_text())["metrics"]
            seconds = json.loads((output / "pix2pix.json").read_text())["training"]["seconds"]
            cells = [f"{scores[name]:.3f}" for name in METRICS]
            print(f"| {recipe} | {seconds / 60:.1f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_name", default="assets/sample_maps", help="pairs to train on")
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything together")
    parser.add_argument("--tiny", action="store_true", help="tiny networks and few steps")
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=json.loads, default={}, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        seconds = TINY_SECONDS if arguments.tiny else TIMED_SECONDS
        print(json.dumps(time_contender(arguments.worker, arguments.settings, seconds)))
        return
    started = time.monotonic()
    print(f"On {describe_device()}.\n")
    rate = print_steps(arguments, started + 60 * arguments.minutes * SHARE_OF_STEPS)
    if not rate:
        raise SystemExit("The training step failed.")
    left = 60 * arguments.minutes - (time.monotonic() - started)
    steps = int(rate * (left / 2 - OVERHEAD_SECONDS))
    if arguments.tiny:
        print_recipes(arguments, 4)
    elif steps < 1:
        print("\nNo time is left to train the recipes; give more --minutes.")
    else:
        print_recipes(arguments, steps)


if __name__ == "__main__":
    main()
