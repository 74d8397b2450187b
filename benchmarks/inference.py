"""How close is inference to the speed of the CPU? Run `python -m benchmarks.inference`.

Translates one 256x256 picture with the full-size generator on all cores, in turns with: Keras on
TensorFlow, the Translator, and, if they are installed, ONNX Runtime on the export of tf2onnx and
OpenVINO on our export. The floor is the time of the network's floating-point operations at the rate
of this machine's float32 matrix product, measured in the same turns. The largest differences from
Keras are measured on real photos, in gray levels of 255. Then another process measures the seconds
and the memory of loading the graph, relative to the size of its weights as float32.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import (
    ROOT,
    count_flops,
    in_turns,
    matrix_product,
    memory,
    real_pictures,
    save_generator,
)
from pix2pix.runtime import prepare_tensorflow

PRODUCT = "float32 matrix product"
# Largest values. Units: times TensorFlow, times the floor, gray levels, seconds, times the weights.
TARGETS = {"tensorflow": 0.45, "floor": 1.25, "difference": 1.0, "loading": 1.0, "peak": 2.2}


def contenders(generator, folder: Path) -> dict:
    """Returns functions from (1, 256, 256, 3) float32 to the same shape, by name."""
    import tensorflow as tf

    from pix2pix import Translator

    graph = tf.function(lambda x: generator(x, training=False))
    session = Translator(folder)._session
    functions = {
        "Keras in TensorFlow": lambda x: graph(x).numpy(),
        "Translator": lambda x: session.run(["translation"], {"image": x})[0],
    }
    if importlib.util.find_spec("tf2onnx"):
        functions["ONNX Runtime, tf2onnx's export"] = _tf2onnx(generator, folder)
    if importlib.util.find_spec("openvino"):
        import openvino

        compiled = openvino.compile_model(folder / "generator.onnx", "CPU")
        functions["OpenVINO, our export"] = lambda x: compiled(x)[0]
    return functions


def _tf2onnx(generator, folder: Path):
    import tensorflow as tf
    import tf2onnx

    from pix2pix.translate import load_session

    signature = [tf.TensorSpec((1, 256, 256, 3), tf.float32, name="image")]
    call = tf.function(lambda image: generator(image, training=False), signature)
    path = folder / "tf2onnx.onnx"
    tf2onnx.convert.from_function(call, signature, opset=17, output_path=str(path))
    session = load_session(path)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def measure_loading(folder: Path) -> None:
    """Prints the seconds and the memory of loading the model in `folder`, as JSON."""
    from pix2pix.translate import Translator

    picture = real_pictures(1)
    (folder / "generator.onnx").read_bytes()
    before, started = memory("VmRSS"), time.perf_counter()
    translator = Translator(folder)
    seconds, peak = time.perf_counter() - started, memory("VmHWM") - before
    translator.generate(picture)
    print(json.dumps({"seconds": seconds, "peak": peak, "held": memory("VmRSS") - before}))


def compare(folder: Path, settings: dict, rounds: int) -> tuple[dict[str, float], int]:
    """Prints the table; returns the Translator's figures, as in TARGETS, and bytes of weights."""
    generator = save_generator(folder, **settings)
    photos = real_pictures(6) / np.float32(127.5) - np.float32(1)
    calls = contenders(generator, folder)
    product, operations = matrix_product()
    timed = {name: lambda call=call: call(photos[:1]) for name, call in calls.items()}
    seconds = in_turns(timed | {PRODUCT: product}, rounds)
    floor = seconds[PRODUCT] * count_flops(generator) / operations
    keras_results = [calls["Keras in TensorFlow"](photo[None]) for photo in photos]
    print(f"{count_flops(generator) / 1e9:.1f} GFLOP; floor {1e3 * floor:.0f} ms")
    print("| | ms | relative to TensorFlow | relative to the floor | largest difference |")
    print("|---|---|---|---|---|")
    for name, call in calls.items():
        results = [call(photo[None]) for photo in photos]
        figures = {
            "tensorflow": seconds[name] / seconds["Keras in TensorFlow"],
            "floor": seconds[name] / floor,
            "difference": float(127.5 * np.abs(np.array(results) - keras_results).max()),
        }
        print(
            f"| {name} | {1e3 * seconds[name]:.0f} | {figures['tensorflow']:.2f} "
            f"| {figures['floor']:.2f} | {figures['difference']:.4f} |"
        )
        if name == "Translator":
            translator = figures
    return translator, 4 * generator.count_params()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--generator_norm", default="instance")
    parser.add_argument("--loading", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loading:
        measure_loading(arguments.loading)
        return 0
    prepare_tensorflow()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = {"generator_norm": arguments.generator_norm}
        figures, weights = compare(folder, settings, arguments.rounds)
        size = (folder / "generator.onnx").stat().st_size
        command = [sys.executable, "-m", "benchmarks.inference", "--loading", str(folder)]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    load = json.loads(output.stdout.splitlines()[-1])
    figures |= {"loading": load["seconds"], "peak": load["peak"] / weights}
    print(
        f"Loading {weights / 1e6:.0f} MB of weights from a file of {size / 1e6:.0f} MB: "
        f"{figures['loading']:.2f} s; memory is {figures['peak']:.2f} times their size at the "
        f"peak, {load['held'] / weights:.2f} times after the first translation."
    )
    return 0 if all(figures[name] <= target for name, target in TARGETS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
