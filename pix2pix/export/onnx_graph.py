"""Exports the Keras generator to Keras's Hub layout and to an equivalent ONNX graph.

The ONNX graph is built directly from the weights. It computes in NCHW, with one
InstanceNormalization node per normalization layer, and transposes only at input and output. N, H
and W are variable (H and W are multiples of 2**depth). Input and output are NHWC float32 in
[-1, 1]. Kernels are stored as float16, which halves the file, and are cast to float32 when the
graph runs.
"""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pix2pix.artifacts import KERAS_FILES
from pix2pix.errors import UserError
from pix2pix.files import write_atomically
from pix2pix.images import to_tensor
from pix2pix.networks import KERNEL, LEAKY_SLOPE
from pix2pix.runtime import release_free_memory

INPUT, OUTPUT = "image", "translation"
# A generator that some runtime has loaded: (B, H, W, input channels) float32 in [-1, 1] ->
# (B, H, W, target channels).
Run = Callable[[np.ndarray], np.ndarray]
OPSET = 17
# Largest allowed difference from Keras, in units of [-1, 1]. For float16 kernels it is half a gray
# level of 255 on the four compared pictures, so that other pictures differ by less than one level.
MAX_DIFFERENCE: dict[type, float] = {np.float16: 1 / 255, np.float32: 1e-4}
# The transposed convolutions of the innermost levels are not split into four: they spend their time
# on reading weights, and ONNX Runtime holds two copies of weights that it rearranges on loading.
INNERMOST_LEVELS = 3


def save_keras(generator: keras.Model, folder: Path) -> None:
    """Writes config.json, metadata.json and model.weights.h5, which Keras loads from `hf://`."""
    archive = folder / "model.keras"
    write_atomically(archive, generator.save)
    try:
        _unpack(archive, folder)
    finally:
        archive.unlink()


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for name in KERAS_FILES:
            write_atomically(folder / name, partial(Path.write_bytes, data=zipped.read(name)))


def export_onnx(generator: keras.Model, path: Path, pictures: np.ndarray) -> float:
    """Writes the ONNX graph and returns its largest difference from Keras on `pictures`.

    Kernels are stored as float16, or as float32 if float16 differs too much; see `check_parity`.
    Raises `UserError` when the float32 graph differs too.
    """
    try:
        save_onnx(generator, path)
        release_free_memory()
        return check_parity(generator, path, pictures)
    except UserError:
        save_onnx(generator, path, np.float32)
        return check_parity(generator, path, pictures, np.float32)


def save_onnx(generator: keras.Model, path: Path, kernels: type = np.float16) -> None:
    """Writes the ONNX graph of `generator` to `path`, with kernels of the NumPy type `kernels`."""

    def write(temporary: Path) -> None:
        onnx.save(build_onnx(generator, kernels), temporary)
        onnx.checker.check_model(temporary)

    write_atomically(path, write)


def build_onnx(generator: keras.Model, kernels: type = np.float16) -> onnx.ModelProto:
    """Converts a generator of `networks.build_generator` to an ONNX model."""
    graph = _Graph(generator, kernels)
    depth = sum(layer.name.endswith("_conv") for layer in generator.layers) // 2
    x = graph.node("Transpose", [INPUT], perm=[0, 3, 1, 2])
    skips = {}
    for level in range(1, depth + 1):
        if level > 1:
            x = graph.node("LeakyRelu", [x], alpha=LEAKY_SLOPE)
        x = graph.convolution(x, f"down_{level}_conv")
        x = skips[level] = graph.normalization(x, f"down_{level}_norm")
    for level in range(depth, 0, -1):
        if level < depth:
            x = graph.node("Concat", [x, skips[level]], axis=1)
        x = graph.node("Relu", [x])
        split = 1 < level <= depth - INNERMOST_LEVELS
        x = graph.four_convolutions(x, level) if split else graph.convolution(x, f"up_{level}_conv")
        x = graph.normalization(x, f"up_{level}_norm")
    x = graph.node("Tanh", [x])
    graph.node("Transpose", [x], output=OUTPUT, perm=[0, 2, 3, 1])
    return graph.model


class _Graph:
    """An ONNX model under construction; each method adds a tensor and returns its name."""

    def __init__(self, generator: keras.Model, kernels: type):
        self.kernels = kernels
        self.layers = {layer.name: layer for layer in generator.layers}
        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "H", "W", shape[-1]])
            for name, shape in ((INPUT, generator.input_shape), (OUTPUT, generator.output_shape))
        ]
        # Created empty, because these functions copy their arguments, and the weights are large.
        graph = helper.make_graph([], "generator", values[:1], values[1:])
        opset = [helper.make_opsetid("", OPSET)]
        self.model = helper.make_model(
            graph, opset_imports=opset, ir_version=8, producer_name="pix2pix"
        )
        self.nodes, self.weights = self.model.graph.node, self.model.graph.initializer

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def shared(self, name: str, array: np.ndarray) -> str:
        """Adds a constant that several nodes read, unless it is there already."""
        return name if any(w.name == name for w in self.weights) else self.weight(name, array)

    def kernel(self, name: str, array: np.ndarray) -> str:
        if self.kernels is np.float32:
            return self.weight(name, array)
        with np.errstate(over="ignore"):  # overflow gives infinity, which `check_parity` detects
            stored = self.weight(f"{name}.{self.kernels.__name__}", array.astype(self.kernels))
        return self.node("Cast", [stored], name, to=TensorProto.FLOAT)

    def convolution(self, x: str, name: str) -> str:
        layer = self.layers[name]
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        # Keras: (H, W, in, out), transposed (H, W, out, in).
        # ONNX: (out, in, H, W), transposed (in, out, H, W).
        kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
        inputs = [x, self.kernel(f"{name}.kernel", kernel)]
        if layer.use_bias:
            inputs.append(self.weight(f"{name}.bias", np.asarray(layer.bias)))
        # Keras's padding "same" is one pixel on each side for even sizes and stride 2.
        return self.node(
            "ConvTranspose" if transposed else "Conv", inputs,
            kernel_shape=[KERNEL] * 2, strides=[2, 2], pads=[1, 1, 1, 1],
        )  # fmt: skip

    def four_convolutions(self, x: str, level: int) -> str:
        """Adds a transposed convolution as four plain ones, one per pixel of each 2x2 block.

        The sums are the same; ONNX Runtime's kernels for plain convolutions are faster.
        """
        name = f"up_{level}_conv"
        kernel = np.asarray(self.layers[name].kernel)
        last = self.shared("last", np.array([-1], np.int64))
        lines = []
        for row in (0, 1):
            pixels = []
            for column in (0, 1):
                # Per axis, two of the kernel's four taps contribute to this row and column.
                taps = kernel[[3 - row, 1 - row]][:, [3 - column, 1 - column]].transpose(2, 3, 0, 1)
                inputs = [x, self.kernel(f"{name}.kernel_{row}{column}", taps)]
                pads = [1 - row, 1 - column, row, column]
                pixel = self.node("Conv", inputs, kernel_shape=[2, 2], pads=pads)
                pixels.append(self.node("Unsqueeze", [pixel, last]))
            line = self.node("Concat", pixels, axis=-1)  # (N, C, H, W, 2)
            joined = self.shared("joined", np.array([0, 0, 0, -1], np.int64))
            lines.append(self.node("Reshape", [line, joined]))
        pairs = self.node("Concat", lines, axis=-1)  # (N, C, H, 4W): two output lines per row
        twice = self.shared("twice", np.array([1, 1, 2, 2], np.int64))
        return self.node("Reshape", [pairs, self.node("Mul", [self.node("Shape", [pixel]), twice])])

    def normalization(self, x: str, name: str) -> str:
        layer = self.layers.get(name)
        if layer is None:
            return x
        gain, offset = np.asarray(layer.gamma), np.asarray(layer.beta)
        if layer.groups == 1:
            return self.layer_normalization(x, name, gain, offset, layer.epsilon)
        weights = self.weight(f"{name}.gain", gain), self.weight(f"{name}.offset", offset)
        return self.node("InstanceNormalization", [x, *weights], epsilon=layer.epsilon)

    def layer_normalization(self, x: str, name: str, gain, offset, epsilon: float) -> str:
        """Normalizes all channels together, by flattening them to one channel.

        ONNX's LayerNormalization needs a gain per pixel, and so a fixed picture size.
        """
        rows = self.shared("rows", np.array([0, 1, -1], np.int64))
        unit = [self.shared("one", np.ones(1, np.float32))]
        unit.append(self.shared("zero", np.zeros(1, np.float32)))
        flat = self.node("Reshape", [x, rows])
        flat = self.node("InstanceNormalization", [flat, *unit], epsilon=epsilon)
        x = self.node("Reshape", [flat, self.node("Shape", [x])])
        x = self.node("Mul", [x, self.weight(f"{name}.gain", gain[:, None, None])])
        return self.node("Add", [x, self.weight(f"{name}.offset", offset[:, None, None])])


def check_parity(
    generator: keras.Model, path: Path, pictures: np.ndarray, kernels: type = np.float16
) -> float:
    """Returns the largest difference between Keras and ONNX on (K, S, S, 3) uint8 pictures.

    The difference is in units of [-1, 1]. Raises `UserError` when it reaches the `MAX_DIFFERENCE`
    of `kernels`.
    """
    difference = largest_difference(generator, load_onnx(path), pictures)
    limit = MAX_DIFFERENCE[kernels]
    if not difference < limit:
        raise UserError(
            f"The ONNX graph differs from the Keras generator by {difference:.2g}, more than "
            f"{limit:.2g}; nothing was published. Please report this with the versions "
            "in pix2pix.json."
        )
    return difference


def load_onnx(path: Path) -> Run:
    """Returns the function that an ONNX graph computes."""
    from pix2pix.translate import load_session

    session = load_session(path)
    return lambda tensor: session.run([OUTPUT], {INPUT: tensor})[0]


def largest_difference(generator: keras.Model, run: Run, pictures: np.ndarray) -> float:
    """Returns the largest difference between Keras and `run` on (K, S, S, 3) uint8 pictures.

    It is in units of [-1, 1], and NaN if either of them gives NaN.
    """
    difference = 0.0
    for picture in pictures:
        tensor = to_tensor(picture[None], generator.input_shape[-1])
        expected = np.asarray(generator(tensor, training=False))
        # np.maximum returns NaN if either value is NaN.
        difference = float(np.maximum(difference, np.abs(run(tensor) - expected).max()))
    return difference
