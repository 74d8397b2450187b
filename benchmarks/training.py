"""How much time and memory does a training step take? Run `python -m benchmarks.training`.

Full-size networks, 256x256, batch 1, all cores. Our step is compared with a plain step (the same
networks, Keras's Adam, and the step of the TensorFlow tutorial: one graph, two tapes, G's loss from
D before its update) and, if PyTorch is installed, with the same networks and our step in PyTorch.
Each step has its own process, and the processes compute in turns. The floor is the time of the
step's floating-point operations at the rate of this machine's float32 matrix product. Memory is the
peak minus the memory before the networks are built. It is compared with the size of weights,
gradients, two moments and activations.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import time

import numpy as np

from benchmarks.measure import REST, ROOT, count_flops, measure_flops, memory

TARGET, MEMORY_TARGET = 0.88, 1.15
SIZES = {"generator_filters": 64, "discriminator_filters": 64}


def random_pair(settings: dict) -> tuple[np.ndarray, np.ndarray]:
    side = settings.get("image_size", 256)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 1, side, side, 3), np.uint8)
    return pictures[0], pictures[1]


def our_step(settings: dict):
    """Returns a function that builds the project's own step."""
    from pix2pix.runtime import prepare_tensorflow

    prepare_tensorflow()
    import tensorflow as tf

    from pix2pix.config import Config
    from pix2pix.training.devices import choose_devices
    from pix2pix.training.trainer import Trainer

    def build():
        config = Config(**settings)
        trainer = Trainer(config, 1000, choose_devices(config))
        inputs, targets = map(tf.constant, random_pair(settings))
        return lambda: float(trainer.step(inputs, targets)["l1_loss"])

    return build


def plain_step(settings: dict):
    """Returns a function that builds the step of TensorFlow's pix2pix tutorial."""
    import keras
    import tensorflow as tf

    from pix2pix.config import Config
    from pix2pix.networks import build_discriminator, build_generator

    def build():
        config = Config(**settings)
        generator, discriminator = build_generator(config), build_discriminator(config)
        adams = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)]
        cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        inputs, targets = (tf.cast(p, tf.float32) / 127.5 - 1.0 for p in random_pair(settings))

        @tf.function
        def step():
            with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
                generated = generator(inputs, training=True)
                real = discriminator([inputs, targets], training=True)
                fake = discriminator([inputs, generated], training=True)
                l1 = tf.reduce_mean(tf.abs(targets - generated))
                g_loss = cross_entropy(tf.ones_like(fake), fake) + 100.0 * l1
                d_loss = cross_entropy(tf.ones_like(real), real)
                d_loss += cross_entropy(tf.zeros_like(fake), fake)
            losses, tapes = (g_loss, d_loss), (g_tape, d_tape)
            networks = generator, discriminator
            for loss, tape, network, adam in zip(losses, tapes, networks, adams, strict=True):
                variables = network.trainable_variables
                adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return l1

        return lambda: float(step())

    return build


def torch_step(settings: dict):
    """Returns a function that builds the step in PyTorch."""
    from benchmarks.torch_step import build

    return lambda: build(settings, *random_pair(settings))


WORKERS = {"ours": our_step, "plain": plain_step, "torch": torch_step}


def work(name: str, settings: dict) -> None:
    """Reads numbers of steps from standard input; prints seconds per step and memory as JSON."""
    build = WORKERS[name](settings)
    before = memory("VmRSS")
    step = build()
    step(), step()
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            step()
        seconds = (time.perf_counter() - started) / int(line)
        print(json.dumps({"seconds": seconds, "growth": memory("VmHWM") - before}), flush=True)


class Worker:
    """A process with one contender, idle until it gets a number of steps."""

    def __init__(self, name: str, settings: dict):
        command = [sys.executable, "-m", "benchmarks.training", "--worker", name]
        command += ["--settings", json.dumps(settings)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"{' '.join(command)} failed.")
        self.measurements: list[dict] = []

    def run_steps(self, steps: int) -> None:
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.measurements.append(json.loads(self.process.stdout.readline()))

    @property
    def growth(self) -> int:
        return self.measurements[-1]["growth"]

    @property
    def seconds(self) -> float:
        return float(np.median([item["seconds"] for item in self.measurements]))


def count_costs(settings: dict) -> tuple[float, dict[str, int]]:
    """Returns the floating-point operations of a step, and its bytes of weights and activations.

    A backward pass costs twice a forward pass. D has a forward and a backward pass for the real
    and for the generated picture, and for G's loss one more, backward only to its input.
    """
    from pix2pix.config import Config
    from pix2pix.networks import build_discriminator, build_generator

    config = Config(**settings)
    g, d = build_generator(config), build_discriminator(config)
    bytes_ = {
        "weights": 4 * (g.count_params() + d.count_params()),
        "activations": count_activations(g, d),
    }
    return 3 * count_flops(g) + 8 * count_flops(d), bytes_


def count_activations(generator, discriminator) -> int:
    """Returns the bytes that the forward passes keep for the backward passes, from the graph."""
    import tensorflow as tf

    @tf.function
    def passes(inputs, targets):
        with tf.GradientTape() as tape:
            generated = generator(inputs, training=True)
            logits = [discriminator([inputs, x], training=True) for x in (targets, generated)]
            loss = sum(map(tf.reduce_sum, [*logits, discriminator([inputs, generated])]))
        forward.update(tf.compat.v1.get_default_graph().get_operations())
        return tape.gradient(loss, generator.trainable_variables)

    forward: set = set()
    pictures = [tf.TensorSpec((1, 256, 256, 3))] * 2
    graph = passes.get_concrete_function(*pictures).graph
    read = [x for op in graph.get_operations() if op not in forward for x in op.inputs]
    sources = {_source(x).ref(): _source(x) for x in read if x.op in forward}
    # Values of variables and constants are not activations.
    activations = [x for x in sources.values() if x.op.type not in ("ReadVariableOp", "Const")]
    return sum(x.dtype.size * (x.shape.num_elements() or 0) for x in activations)


def _source(tensor):
    """Returns the tensor whose memory this one shares."""
    while tensor.op.type in ("Reshape", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor


def report(workers: dict[str, Worker], operations: float, bytes_: dict[str, int]) -> bool:
    """Prints the table; returns whether the targets are met."""
    ours, plain = workers["ours"], workers["plain"]
    floor = operations / measure_flops()
    print(f"{operations / 1e9:.0f} GFLOP per step; floor {floor:.2f} s")
    print(
        "| step | s | relative to plain | relative to the floor | peak, MB |\n|---|---|---|---|---|"
    )
    for name, worker in workers.items():
        print(
            f"| {name} | {worker.seconds:.2f} | {worker.seconds / plain.seconds:.2f} "
            f"| {worker.seconds / floor:.2f} | {worker.growth / 1e6:.0f} |"
        )
    # Weights, gradients and Adam's two moments.
    needed = 4 * bytes_["weights"] + bytes_["activations"]
    print(
        f"Weights, gradients and two moments are 4 x {bytes_['weights'] / 1e6:.0f} MB, activations "
        f"{bytes_['activations'] / 1e6:.0f} MB: "
        f"our peak is {ours.growth / needed:.2f} times the sum."
    )
    return ours.seconds <= TARGET * plain.seconds and ours.growth <= MEMORY_TARGET * needed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3, help="steps per round")
    parser.add_argument(
        "--settings", type=json.loads, default={}, help="more settings of Config, as JSON"
    )
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.settings)
        return 0
    names = [n for n in WORKERS if n != "torch" or importlib.util.find_spec("torch")]
    settings = SIZES | arguments.settings
    workers = {name: Worker(name, settings) for name in names}
    for _ in range(arguments.rounds):
        for worker in workers.values():
            time.sleep(REST)
            worker.run_steps(arguments.steps)
    return 0 if report(workers, *count_costs(settings)) else 1


if __name__ == "__main__":
    sys.exit(main())
