"""The generator as files: Keras's own layout, and the ONNX graph that must equal it."""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from pix2pix import UserError
from pix2pix.export import check_parity, export_onnx, onnx_model, save_keras, save_onnx
from pix2pix.images import to_tensor
from pix2pix.networks import build_generator
from pix2pix.translate import load_session
from tests.builders import pair_array, picture, randomise, tiny_config


def trained(**changes) -> keras.Model:
    """A generator whose every weight has left its initial value."""
    generator = build_generator(tiny_config(**changes))
    randomise(generator)
    return generator


@pytest.fixture(scope="module")
def generator() -> keras.Model:
    return trained()


@pytest.fixture(scope="module")
def graph(generator, tmp_path_factory) -> Path:
    """With float32 kernels: equal to the last bits, or something else is wrong."""
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    save_onnx(generator, path, np.float32)
    return path


def served(path: Path, tensor: np.ndarray) -> np.ndarray:
    return load_session(path).run(["translation"], {"image": tensor})[0]


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.stack([np.asarray(picture(width, height, seed)) for seed in range(count)])


@pytest.mark.parametrize(
    ("count", "height", "width"), [(1, 64, 64), (3, 64, 64), (2, 128, 64), (1, 64, 256)]
)
def test_onnx_equals_keras_for_any_batch_and_multiple_of_the_size(
    generator, graph, count, height, width
):
    tensor = to_tensor(pictures(count, height, width))
    expected = generator(tensor, training=False).numpy()
    found = served(graph, tensor)
    assert found.shape == expected.shape and found.dtype == np.float32
    assert expected.std() > 0.1  # else agreeing would be easy
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("size", [128, 256])
def test_onnx_equals_keras_at_every_depth(tmp_path, size):
    model = trained(image_size=size, generator_filters=2)
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    photos = pictures(2, size, size)
    assert check_parity(model, tmp_path / "g.onnx", photos, np.float32) < 1e-4


@pytest.mark.parametrize(("inputs", "targets"), [(1, 3), (3, 1), (1, 1)])
def test_channels_follow_the_generator(tmp_path, inputs, targets):
    model = trained(input_channels=inputs, target_channels=targets)
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, inputs)).astype(np.float32)
    found = served(tmp_path / "g.onnx", tensor)
    assert np.abs(found - model(tensor, training=False).numpy()).max() < 1e-4


def test_layer_normalisation_equals_keras_too_for_any_batch_and_size(tmp_path):
    model = trained(generator_norm="layer")
    save_onnx(model, tmp_path / "g.onnx", np.float32)
    for count, height, width in [(1, 64, 64), (2, 128, 64)]:
        tensor = to_tensor(pictures(count, height, width))
        found = served(tmp_path / "g.onnx", tensor)
        assert np.abs(found - model(tensor, training=False).numpy()).max() < 1e-4
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "g.onnx").graph.node)
    assert kinds["Transpose"] == 2 and "ReduceMean" not in kinds


def test_the_graph_is_named_and_open_in_batch_height_and_width(graph):
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    (image,), (translation,) = model.graph.input, model.graph.output
    for value, name in ((image, "image"), (translation, "translation")):
        assert value.name == name
        shape = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        assert shape == ["N", "H", "W", 3]
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_graph_is_what_a_person_would_draw(generator):
    """One normalisation node a layer, transposes at the two ends alone, and no dropout."""
    kinds = Counter(node.op_type for node in onnx_model(generator, np.float32).graph.node)
    norms = sum(isinstance(x, layers.GroupNormalization) for x in generator.layers)
    # Of the six levels up, the second and third are each four convolutions and what joins them.
    assert kinds == {
        "Transpose": 2, "Conv": 6 + 2 * 4, "ConvTranspose": 6 - 2, "InstanceNormalization": norms,
        "LeakyRelu": 5, "Relu": 6, "Concat": 5 + 2 * 3, "Tanh": 1,
        "Unsqueeze": 2 * 4, "Reshape": 2 * 3, "Shape": 2, "Mul": 2,
    }  # fmt: skip


@pytest.mark.parametrize("kernels", [np.float16, np.float32])
def test_the_graph_holds_every_weight_of_the_generator_once(generator, kernels):
    stored = onnx_model(generator, kernels).graph.initializer
    weights = [w for w in stored if w.data_type != onnx.TensorProto.INT64]
    assert sum(int(np.prod(w.dims)) for w in weights) == generator.count_params()
    types = {len(w.dims) == 4: w.data_type for w in weights}
    kind = onnx.TensorProto.FLOAT16 if kernels is np.float16 else onnx.TensorProto.FLOAT
    assert types == {True: kind, False: onnx.TensorProto.FLOAT}


def test_the_published_graph_is_half_as_large_and_shows_the_same_picture(generator, tmp_path):
    photos = pair_array(3)[:, 0]
    difference = export_onnx(generator, tmp_path / "g.onnx", photos)
    assert 1e-4 < difference < 1 / 255
    assert difference == check_parity(generator, tmp_path / "g.onnx", photos)
    kernels = sum(4 * int(np.prod(layer.kernel.shape)) for layer in convolutions(generator))
    save_onnx(generator, tmp_path / "whole.onnx", np.float32)
    saved = (tmp_path / "whole.onnx").stat().st_size - (tmp_path / "g.onnx").stat().st_size
    assert saved == pytest.approx(kernels / 2, rel=0.05)


def convolutions(model: keras.Model) -> list[layers.Layer]:
    return [layer for layer in model.layers if hasattr(layer, "kernel")]


def test_weights_that_float16_can_not_hold_are_written_as_float32(tmp_path):
    """Normalisation takes the factor away again, in Keras and in float32."""
    model = trained(generator_filters=2)
    kernel = model.get_layer("up_3_conv").kernel
    kernel.assign(kernel * 1e6)
    assert export_onnx(model, tmp_path / "g.onnx", pair_array(1)[:, 0]) < 1e-4
    stored = onnx.load(tmp_path / "g.onnx").graph.initializer
    assert onnx.TensorProto.FLOAT16 not in {weights.data_type for weights in stored}


def test_parity_is_the_largest_difference_found(generator, graph):
    assert 0 <= check_parity(generator, graph, pair_array(2)[:, 0], np.float32) < 1e-4


def test_parity_refuses_a_graph_of_other_weights(tmp_path):
    model = trained(generator_filters=2)
    save_onnx(model, tmp_path / "g.onnx")
    gain = model.get_layer("up_3_norm").gamma
    gain.assign(gain + 0.05)
    with pytest.raises(UserError, match="differs from the Keras generator by"):
        check_parity(model, tmp_path / "g.onnx", pair_array(1)[:, 0])


def test_parity_refuses_a_graph_that_gives_no_numbers(tmp_path):
    model = trained(generator_filters=2)
    broken = trained(generator_filters=2)
    bias = broken.get_layer("up_1_conv").bias
    bias.assign(bias * np.nan)
    save_onnx(broken, tmp_path / "g.onnx")
    with pytest.raises(UserError, match="differs from the Keras generator"):
        check_parity(model, tmp_path / "g.onnx", pair_array(1)[:, 0])


def test_the_keras_folder_loads_without_this_package_bit_by_bit(generator, tmp_path):
    save_keras(generator, tmp_path)
    names = {"config.json", "metadata.json", "model.weights.h5"}
    assert {path.name for path in tmp_path.iterdir()} == names
    loaded = keras.saving.load_model(str(tmp_path), compile=False)
    for mine, theirs in zip(loaded.weights, generator.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy(), err_msg=theirs.path)
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
    assert check_parity(generator, tmp_path / "generator.onnx", pair_array(1)[:, 0]) < 1 / 255
