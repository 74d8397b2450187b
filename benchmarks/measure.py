"""Measuring tools of the benchmarks: timing in turns, memory, a test Hub, a full-size generator."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
STARTER_MODEL = ROOT / "assets" / "starter_model"

# Seconds of rest between two contenders. Worker threads, such as those of ONNX Runtime, spin for a
# while after their last task and would take CPU time from the next contender.
REST = 0.05


def in_turns(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Returns the median seconds of each call; calling in turns spreads a busy machine over all."""
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            time.sleep(REST)
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(times)) for name, times in seconds.items()}


def memory(name: str, process: int | str = "self") -> int:
    """Returns the memory of a process in bytes: now (VmRSS) or at its peak (VmHWM)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/{process}/status has no {name}; run this benchmark on Linux.")


@contextmanager
def running_hub(folder: Path) -> Iterator[None]:
    """Runs a test Hub in another process and points all clients imported afterwards to it.

    The Hub and the caches of the clients use `folder`.
    """
    command = [sys.executable, "-m", "tests.hub_server", "--root", str(folder / "hub")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        output = "".join(process.stdout.readline() for _ in range(2))
        os.environ |= dict(re.findall(r"(HF_\w+)=(\S+)", output))
        os.environ |= {
            "HF_TOKEN": re.search(r"write token: (\S+)", output)[1],
            "HF_HOME": str(folder / "home"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
        }
        yield
    finally:
        process.terminate()
        process.wait(30)


def save_generator(folder: Path, **settings):
    """Writes the graph and the config of an untrained generator; returns the Keras network.

    It has full size unless `settings` of `Config` change that. Needs TensorFlow.
    """
    import keras

    from pix2pix.config import Config
    from pix2pix.export.onnx_graph import save_onnx
    from pix2pix.files import sha256, write_json
    from pix2pix.networks import build_generator

    keras.utils.set_random_seed(0)
    config = Config(**settings)
    generator = build_generator(config)
    folder.mkdir(parents=True, exist_ok=True)
    save_onnx(generator, folder / "generator.onnx")
    digests = {"generator.onnx": sha256(folder / "generator.onnx")}
    write_json(folder / "pix2pix.json", {"config": config.to_dict(), "sha256": digests})
    return generator


def save_generator_apart(folder: Path, **settings) -> Path:
    """Calls `save_generator` in another process; returns `folder`.

    In this process, TensorFlow's threads and memory would add to the measurement.
    """
    arguments = f"Path({str(folder)!r}), **{settings!r}"
    code = f"from benchmarks.measure import *; save_generator({arguments})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return folder


def real_pictures(count: int, side: int = 256) -> np.ndarray:
    """Returns held-out photos of the sample maps as (count, side, side, 3) uint8."""
    from pix2pix.images import resize
    from pix2pix.pixels.gate import open_image

    paths = sorted((STARTER_MODEL / "samples").glob("*-input.png"))
    photos = [open_image(paths[number % len(paths)]) for number in range(count)]
    return np.stack([np.asarray(resize(photo, side, side), np.uint8) for photo in photos])


def outputs(network, side: int = 256) -> list:
    """Returns (layer, symbolic output) for each layer of a Keras network on one square picture."""
    import keras

    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    inputs = [keras.Input((side, side, x.shape[-1]), batch_size=1) for x in network.inputs]
    tensors = keras.Model(network.inputs, [layer.output for layer in layers])(inputs)
    return list(zip(layers, tensors, strict=True))


def count_flops(network, side: int = 256) -> int:
    """Returns the floating-point operations of a network's convolutions on one square picture."""
    import keras

    total = 0
    for layer, output in outputs(network, side):
        if hasattr(layer, "kernel"):
            positions = output.shape[1] * output.shape[2]
            if isinstance(layer, keras.layers.Conv2DTranspose):
                positions //= layer.strides[0] ** 2
            total += 2 * int(np.prod(layer.kernel.shape)) * positions
    return total


def matrix_product(size: int = 2048) -> tuple[Callable[[], object], int]:
    """Returns a function that multiplies two float32 matrices, and its number of operations."""
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    return lambda: a @ b, 2 * size**3


def measure_flops(rounds: int = 7) -> float:
    """Returns the operations per second of `matrix_product`, the best of `rounds`."""
    product, operations = matrix_product()
    return operations / min(_seconds(product) for _ in range(rounds))


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
