"""What several benchmarks need: timing in turns, memory, a Hub, and a generator of full size."""

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


# Seconds between contenders: ONNX Runtime's threads, and others', look for work for a while after
# they have run, on the next one's cores.
REST = 0.05


def in_turns(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of a call of each, called in turns: a busy machine is so for all of them."""
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            time.sleep(REST)
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(measured)) for name, measured in seconds.items()}


def memory(name: str, process: int | str = "self") -> int:
    """Bytes: VmRSS is what a process holds now, VmHWM the most it ever held."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {name}; this benchmark needs Linux.")


@contextmanager
def hub_of_its_own(folder: Path) -> Iterator[None]:
    """A test Hub in another process, which the clients that are imported from now on talk to.

    It and their caches lie in `folder`.
    """
    command = [sys.executable, "-m", "tests.hub_server", "--root", str(folder / "hub")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        said = "".join(process.stdout.readline() for _ in range(2))
        os.environ |= dict(re.findall(r"(HF_\w+)=(\S+)", said))
        os.environ |= {
            "HF_TOKEN": re.search(r"write token: (\S+)", said)[1],
            "HF_HOME": str(folder / "home"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
        }
        yield
    finally:
        process.terminate()
        process.wait(30)


def save_generator(folder: Path, **settings):
    """Writes what serving needs of an untrained generator, of full size unless `settings` say
    otherwise, and returns it. Needs TensorFlow."""
    import keras

    from pix2pix.config import Config
    from pix2pix.export import save_onnx
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


def save_generator_apart(folder: Path) -> Path:
    """`save_generator` of full size in a process of its own; returns `folder`.

    TensorFlow's threads and memory would stay beside what is measured.
    """
    code = f"from benchmarks.measure import *; save_generator(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return folder


def real_pictures(count: int, side: int = 256) -> np.ndarray:
    """(count, side, side, 3) uint8 held-out photos of the embedded set."""

    from pix2pix.images import open_image, resize

    paths = sorted((STARTER_MODEL / "samples").glob("*-input.png"))
    photos = [open_image(paths[number % len(paths)]) for number in range(count)]
    return np.stack([np.asarray(resize(photo, side, side), np.uint8) for photo in photos])


def outputs(network, side: int = 256) -> list:
    """Symbolic outputs of a Keras network's layers on one square picture, with the layers."""
    import keras

    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    inputs = [keras.Input((side, side, x.shape[-1]), batch_size=1) for x in network.inputs]
    found = keras.Model(network.inputs, [layer.output for layer in layers])(inputs)
    return list(zip(layers, found, strict=True))


def multiply_adds(network, side: int = 256) -> int:
    """Multiplications and additions of a network's convolutions on one square picture."""
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
    """NumPy's product of two float32 matrices, and how many operations it is."""
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    return lambda: a @ b, 2 * size**3


def sgemm_flops(rounds: int = 7) -> float:
    """Operations a second of `matrix_product`, the best of `rounds`."""
    product, operations = matrix_product()
    return operations / min(_seconds(product) for _ in range(rounds))


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
