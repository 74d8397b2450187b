"""How near is serving to what the processor can do? `python -m benchmarks.inference`

One 256x256 picture through the full-size generator on all cores: the Keras graph in TensorFlow,
ONNX Runtime on tf2onnx's export and OpenVINO on ours (where these two are installed), and the
Translator, called in turns. The floor is the network's multiplications and additions at the rate
of this machine's float32 matrix product, timed in the same turns. Largest differences from Keras
are on real photos, in grey levels of 255. Then, in a process of its own, how long loading the graph
takes and what it holds, beside the size of its weights as float32.
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
    in_turns,
    matrix_product,
    memory,
    multiply_adds,
    real_pictures,
    save_generator,
)
from pix2pix.runtime import prepare_tensorflow

PRODUCT = "float32 matrix product"
# Of TensorFlow's time, of the floor, in grey levels, in seconds, of the weights' size.
TARGETS = {"tensorflow": 0.45, "floor": 1.25, "difference": 1.0, "loading": 1.0, "peak": 2.2}


def contenders(generator, folder: Path) -> dict:
    """Functions (1, 256, 256, 3) float32 -> same, by name."""
    import tensorflow as tf

    from pix2pix import Translator

    graph = tf.function(lambda x: generator(x, training=False))
    session = Translator(folder)._session
    found = {
        "Keras in TensorFlow": lambda x: graph(x).numpy(),
        "Translator": lambda x: session.run(["translation"], {"image": x})[0],
    }
    if importlib.util.find_spec("tf2onnx"):
        found["ONNX Runtime, tf2onnx's export"] = _tf2onnx(generator, folder)
    if importlib.util.find_spec("openvino"):
        import openvino

        compiled = openvino.compile_model(folder / "generator.onnx", "CPU")
        found["OpenVINO, our export"] = lambda x: compiled(x)[0]
    return found


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


def loading(folder: Path) -> None:
    """Prints, as JSON, seconds and memory that loading the model in `folder` takes."""
    from pix2pix.translate import Translator

    picture = real_pictures(1)
    (folder / "generator.onnx").read_bytes()
    before, started = memory("VmRSS"), time.perf_counter()
    translator = Translator(folder)
    seconds, peak = time.perf_counter() - started, memory("VmHWM") - before
    translator.generate(picture)
    print(json.dumps({"seconds": seconds, "peak": peak, "held": memory("VmRSS") - before}))


def compare(folder: Path, settings: dict, rounds: int) -> tuple[dict[str, float], int]:
    """Prints the table; the Translator's figures by the names of `TARGETS`, the weights' bytes."""
    generator = save_generator(folder, **settings)
    photos = real_pictures(6) / np.float32(127.5) - np.float32(1)
    calls = contenders(generator, folder)
    product, operations = matrix_product()
    timed = {name: lambda call=call: call(photos[:1]) for name, call in calls.items()}
    seconds = in_turns(timed | {PRODUCT: product}, rounds)
    floor = seconds[PRODUCT] * multiply_adds(generator) / operations
    keras_first = [calls["Keras in TensorFlow"](photo[None]) for photo in photos]
    print(f"{multiply_adds(generator) / 1e9:.1f} GFLOP; floor {1e3 * floor:.0f} ms")
    print("| | ms | of TensorFlow | of the floor | largest difference |\n|---|---|---|---|---|")
    for name, call in calls.items():
        others = [call(photo[None]) for photo in photos]
        found = {
            "tensorflow": seconds[name] / seconds["Keras in TensorFlow"],
            "floor": seconds[name] / floor,
            "difference": float(127.5 * np.abs(np.array(others) - keras_first).max()),
        }
        print(
            f"| {name} | {1e3 * seconds[name]:.0f} | {found['tensorflow']:.2f} "
            f"| {found['floor']:.2f} | {found['difference']:.4f} |"
        )
        if name == "Translator":
            translator = found
    return translator, 4 * generator.count_params()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--generator_norm", default="instance")
    parser.add_argument("--loading", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loading:
        loading(arguments.loading)
        return 0
    prepare_tensorflow()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = {"generator_norm": arguments.generator_norm}
        found, weights = compare(folder, settings, arguments.rounds)
        size = (folder / "generator.onnx").stat().st_size
        command = [sys.executable, "-m", "benchmarks.inference", "--loading", str(folder)]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    load = json.loads(output.stdout.splitlines()[-1])
    found |= {"loading": load["seconds"], "peak": load["peak"] / weights}
    print(
        f"Loading {weights / 1e6:.0f} MB of weights from a file of {size / 1e6:.0f} MB: "
        f"{found['loading']:.2f} s; {found['peak']:.2f} times their size at the peak, "
        f"{load['held'] / weights:.2f} times when it has translated once."
    )
    return 0 if all(found[name] <= target for name, target in TARGETS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
