"""The export to Keras's layout and to an ONNX graph that computes the same pictures."""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from pix2pix import UserError
from pix2pix.export.onnx_graph import build_onnx, check_parity, export_onnx, save_keras, save_onnx
from pix2pix.images import to_tensor
from pix2pix.networks import build_generator
from pix2pix.translate import load_session
from tests.builders import make_pair_array, make_picture, randomize_weights, tiny_config


def make_generator(**changes) -> keras.Model:
    """Builds a generator with random values in all weights, as after training."""
    generator = build_generator(tiny_config(**changes))
    randomize_weights(generator)
    return generator


@pytest.fixture(scope="module")
def generator() -> keras.Model:
    return make_generator()


@pytest.fixture(scope="module")
def graph(generator, tmp_path_factory) -> Path:
    """A graph with float32 kernels, which must equal Keras up to rounding."""
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    save_onnx(generator, path, np.float32)
    return path


def run_graph(path: Path, tensor: np.ndarray) -> np.ndarray:
    return load_session(path).run(["translation"], {"image": tensor})[0]


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.stack([np.asarray(make_picture(width, height, seed)) for seed in range(count)])


@pytest.mark.parametrize(
    ("count", "height", "width"), [(1, 64, 64), (3, 64, 64), (2, 128, 64), (1, 64, 256)]
)
def test_onnx_equals_keras_for_any_batch_and_multiple_of_the_size(
    generator, graph, count, height, width
):
    tensor = to_tensor(pictures(count, height, width))
    expected = generator(tensor, training=False).numpy()
    translation = run_graph(graph, tensor)
    assert translation.shape == expected.shape and translation.dtype == np.float32
    assert expected.std() > 0.1, "a flat picture would be a weak test"
    assert np.abs(translation - expected).max() < 1e-4


@pytest.mark.parametrize("size", [128, 256])
def test_onnx_equals_keras_at_every_depth(tmp_path, size):
    model = make_generator(image_size=size, generator_filters=2)
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    photos = pictures(2, size, size)
    assert check_parity(model, tmp_path / "g.onnx", photos, np.float32) < 1e-4


@pytest.mark.parametrize(("inputs", "targets"), [(1, 3), (3, 1), (1, 1)])
def test_the_graph_has_the_channels_of_the_generator(tmp_path, inputs, targets):
    model = make_generator(input_channels=inputs, target_channels=targets)
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, inputs)).astype(np.float32)
    translation = run_graph(tmp_path / "g.onnx", tensor)
    assert np.abs(translation - model(tensor, training=False).numpy()).max() < 1e-4


def test_layer_normalization_equals_keras_for_any_batch_and_size(tmp_path):
    model = make_generator(generator_norm="layer")
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    for count, height, width in [(1, 64, 64), (2, 128, 64)]:
        tensor = to_tensor(pictures(count, height, width))
        translation = run_graph(tmp_path / "g.onnx", tensor)
        assert np.abs(translation - model(tensor, training=False).numpy()).max() < 1e-4
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "g.onnx").graph.node)
    assert kinds["Transpose"] == 2 and "ReduceMean" not in kinds


def test_batch_height_and_width_of_the_graph_are_variable(graph):
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    (image,), (translation,) = model.graph.input, model.graph.output
    for value, name in ((image, "image"), (translation, "translation")):
        assert value.name == name
        shape = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        assert shape == ["N", "H", "W", 3]
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_graph_has_no_superfluous_nodes(generator):
    """One normalization node per layer, transposes only at both ends, and no dropout."""
    kinds = Counter(node.op_type for node in build_onnx(generator, np.float32).graph.node)
    norms = sum(isinstance(x, layers.GroupNormalization) for x in generator.layers)
    # In the decoder, levels 2 and 3 are four convolutions each and the nodes that join them.
    assert kinds == {
        "Transpose": 2, "Conv": 6 + 2 * 4, "ConvTranspose": 6 - 2, "InstanceNormalization": norms,
        "LeakyRelu": 5, "Relu": 6, "Concat": 5 + 2 * 3, "Tanh": 1,
        "Unsqueeze": 2 * 4, "Reshape": 2 * 3, "Shape": 2, "Mul": 2,
    }  # fmt: skip


@pytest.mark.parametrize("kernels", [np.float16, np.float32])
def test_the_graph_stores_every_weight_once(generator, kernels):
    stored = build_onnx(generator, kernels).graph.initializer
    weights = [w for w in stored if w.data_type != onnx.TensorProto.INT64]
    assert sum(int(np.prod(w.dims)) for w in weights) == generator.count_params()
    types = {len(w.dims) == 4: w.data_type for w in weights}
    kind = onnx.TensorProto.FLOAT16 if kernels is np.float16 else onnx.TensorProto.FLOAT
    assert types == {True: kind, False: onnx.TensorProto.FLOAT}


def test_the_exported_graph_is_half_as_large_and_gives_the_same_pictures(generator, tmp_path):
    photos = make_pair_array(3)[:, 0]
    difference = export_onnx(generator, tmp_path / "g.onnx", photos)
    assert 1e-4 < difference < 1 / 255
    assert difference == check_parity(generator, tmp_path / "g.onnx", photos)
    kernels = sum(4 * int(np.prod(layer.kernel.shape)) for layer in convolutions(generator))
    save_onnx(generator, tmp_path / "whole.onnx", np.float32)
    saved = (tmp_path / "whole.onnx").stat().st_size - (tmp_path / "g.onnx").stat().st_size
    assert saved == pytest.approx(kernels / 2, rel=0.05)


def convolutions(model: keras.Model) -> list[layers.Layer]:
    return [layer for layer in model.layers if hasattr(layer, "kernel")]


def test_weights_too_large_for_float16_are_stored_as_float32(tmp_path):
    """The next normalization cancels the factor, so the picture does not change."""
    model = make_generator(generator_filters=2)
    kernel = model.get_layer("up_3_conv").kernel
    kernel.assign(kernel * 1e6)
    assert export_onnx(model, tmp_path / "g.onnx", make_pair_array(1)[:, 0]) < 1e-4
    stored = onnx.load(tmp_path / "g.onnx").graph.initializer
    assert onnx.TensorProto.FLOAT16 not in {weights.data_type for weights in stored}


def test_parity_is_small_for_float32_kernels(generator, graph):
    assert 0 <= check_parity(generator, graph, make_pair_array(2)[:, 0], np.float32) < 1e-4


def test_parity_refuses_a_graph_with_other_weights(tmp_path):
    model = make_generator(generator_filters=2)
    save_onnx(model, tmp_path / "g.onnx")
    gain = model.get_layer("up_3_norm").gamma
    gain.assign(gain + 0.05)
    with pytest.raises(UserError, match="differs from the Keras generator by"):
        check_parity(model, tmp_path / "g.onnx", make_pair_array(1)[:, 0])


def test_parity_refuses_a_graph_that_outputs_nan(tmp_path):
    model = make_generator(generator_filters=2)
    broken = make_generator(generator_filters=2)
    bias = broken.get_layer("up_1_conv").bias
    bias.assign(bias * np.nan)
    save_onnx(broken, tmp_path / "g.onnx")
    with pytest.raises(UserError, match="differs from the Keras generator"):
        check_parity(model, tmp_path / "g.onnx", make_pair_array(1)[:, 0])


def test_the_keras_folder_loads_the_same_bits_without_this_package(generator, tmp_path):
    save_keras(generator, tmp_path)
    names = {"config.json", "metadata.json", "model.weights.h5"}
    assert {path.name for path in tmp_path.iterdir()} == names
    loaded = keras.saving.load_model(str(tmp_path), compile=False)
    for weight, expected in zip(loaded.weights, generator.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy(), err_msg=expected.path)
    tensor = to_tensor(pictures(1, 64, 128))
    np.testing.assert_array_equal(loaded(tensor, training=False), generator(tensor, training=False))


def test_no_temporary_file_is_left_and_an_old_export_is_replaced(generator, tmp_path):
    for name in ("generator.onnx", "config.json", "model.weights.h5"):
        (tmp_path / name).write_bytes(b"old")
    save_keras(generator, tmp_path)
    save_onnx(generator, tmp_path / "generator.onnx")
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    }  # fmt: skip
    assert check_parity(generator, tmp_path / "generator.onnx", make_pair_array(1)[:, 0]) < 1 / 255
