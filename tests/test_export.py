"""The generator as files: Keras's own layout, and the ONNX graph that must equal it."""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from pix2pix import UserError
from pix2pix.export import check_parity, onnx_model, save_keras, save_onnx
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
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    save_onnx(generator, path)
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
    save_onnx(model, tmp_path / "g.onnx")
    assert check_parity(model, tmp_path / "g.onnx", pictures(2, size, size)) < 1e-4


@pytest.mark.parametrize(("inputs", "targets"), [(1, 3), (3, 1), (1, 1)])
def test_channels_follow_the_generator(tmp_path, inputs, targets):
    model = trained(input_channels=inputs, target_channels=targets)
    save_onnx(model, tmp_path / "g.onnx")
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, inputs)).astype(np.float32)
    found = served(tmp_path / "g.onnx", tensor)
    assert np.abs(found - model(tensor, training=False).numpy()).max() < 1e-4


def test_layer_normalisation_equals_keras_too_for_any_batch_and_size(tmp_path):
    model = trained(generator_norm="layer")
    save_onnx(model, tmp_path / "g.onnx")
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
    kinds = Counter(node.op_type for node in onnx_model(generator).graph.node)
    norms = sum(isinstance(x, layers.GroupNormalization) for x in generator.layers)
    assert kinds == {
        "Transpose": 2, "Conv": 6, "ConvTranspose": 6, "InstanceNormalization": norms,
        "LeakyRelu": 5, "Relu": 6, "Concat": 5, "Tanh": 1,
    }  # fmt: skip


def test_the_graph_holds_every_weight_of_the_generator_once(generator):
    sizes = sorted(int(np.prod(w.dims)) for w in onnx_model(generator).graph.initializer)
    assert sizes == sorted(int(np.prod(w.shape)) for w in generator.trainable_weights)


def test_parity_is_the_largest_difference_found(generator, graph):
    assert 0 <= check_parity(generator, graph, pair_array(2)[:, 0]) < 1e-4


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
    assert check_parity(generator, tmp_path / "generator.onnx", pair_array(1)[:, 0]) < 1e-4
