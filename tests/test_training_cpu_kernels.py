"""The CPU kernels compute what Keras's layers and Adam compute, and leave files unchanged."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix import networks
from pix2pix.images import to_tensor
from pix2pix.training import cpu_kernels, trainer
from pix2pix.training.trainer import Schedule, Trainer
from tests.builders import make_pair_array, tiny_config

CONFIG = tiny_config(learning_rate=2e-3)
ADAM_STEPS = 5
VARIABLE_SHAPES = [(4, 4, 3, 8), (8,), ()]
# (B, H, W, C) image, (B, h, w, K) errors, stride, padding.
CONVOLUTIONS = [
    ((1, 8, 8, 5), (1, 4, 4, 7), 2, "SAME"),
    ((1, 2, 2, 6), (1, 1, 1, 4), 2, "SAME"),
    ((3, 4, 8, 2), (3, 2, 4, 1), 2, "SAME"),
    ((2, 9, 6, 3), (2, 6, 3, 4), 1, "VALID"),
]


@pytest.fixture
def products(monkeypatch) -> None:
    """Uses matrix products wherever possible; in networks this small they are never faster."""
    monkeypatch.setattr(cpu_kernels, "FILTER_RATIO", 0)
    monkeypatch.setattr(cpu_kernels, "IMAGE_RATIO", 0)


def batches(count: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    return [tuple(tf.constant(side[None]) for side in pair) for pair in make_pair_array(count)]


def trainer_without_products(monkeypatch) -> Trainer:
    with monkeypatch.context() as patch:
        patch.setattr(cpu_kernels, "use_matrix_products", lambda network: None)
        return Trainer(CONFIG, total_steps=100)


def operations(step) -> set[str]:
    """Returns the operation types in the graph of a step."""
    return {op.type for op in step.get_concrete_function(*batches(1)[0]).graph.get_operations()}


# The switch.


@pytest.mark.slow
@pytest.mark.usefixtures("products")
def test_one_environment_variable_turns_all_kernels_off(monkeypatch):
    kernels = {"ResourceApplyAdam", "ExtractImagePatches"}
    assert kernels <= operations(Trainer(CONFIG, 100).step)
    monkeypatch.setenv(cpu_kernels.SWITCH, "off")
    assert not kernels & operations(Trainer(CONFIG, 100).step)


# Adam.


def stepped(fused: bool, rate) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns weights and optimizer variables after a few steps with seeded gradients."""
    random = np.random.default_rng(0)
    weights = [
        keras.Variable(random.normal(size=shape), dtype="float32") for shape in VARIABLE_SHAPES
    ]
    adam = keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-8)
    adam.build(weights)
    if fused:
        cpu_kernels.use_fused_adam(adam)
    step = tf.function(lambda gradients: adam.apply(gradients, weights))
    for _ in range(ADAM_STEPS):
        # From tiny to large, as in a network.
        scales = 10.0 ** random.uniform(-6, 2, len(VARIABLE_SHAPES))
        step([
            tf.constant(random.normal(size=shape) * scale, tf.float32)
            for shape, scale in zip(VARIABLE_SHAPES, scales, strict=True)
        ])  # fmt: skip
    return [np.array(w) for w in weights], [np.array(v) for v in adam.variables]


@pytest.mark.parametrize(
    "rate", [2e-4, Schedule(2e-4, decay_steps=ADAM_STEPS)], ids=["constant", "linear"]
)
def test_adam_moves_weights_and_moments_like_keras(rate):
    (weights, variables), (keras_weights, keras_variables) = (
        stepped(fused, rate) for fused in (True, False)
    )
    assert len(variables) == len(keras_variables)
    for weight, expected in zip(weights, keras_weights, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-6, atol=1e-8)
    for variable, expected in zip(variables, keras_variables, strict=True):
        # The operation computes 1 - beta2 in float32, with a relative error of 1.3e-5.
        np.testing.assert_allclose(variable, expected, rtol=3e-5, atol=1e-8)


def test_the_first_step_of_adam_has_the_length_of_the_rate():
    """Algorithm 1: with both bias corrections, the first step is the rate times the sign."""
    weight = keras.Variable(np.zeros(3), dtype="float32")
    adam = keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-8)
    cpu_kernels.use_fused_adam(adam)
    adam.apply([tf.constant([5.0, -0.1, 0.0])], [weight])
    np.testing.assert_allclose(weight, [-1e-3, 1e-3, 0.0], rtol=1e-4)


# Convolutions.


@pytest.mark.parametrize(("image", "errors", "strides", "padding"), CONVOLUTIONS)
def test_gradients_equal_those_of_tensorflow(image, errors, strides, padding, monkeypatch):
    random = np.random.default_rng(0)
    kernel = (4, 4, image[-1], errors[-1])
    x, e, k = (tf.constant(random.normal(size=s), tf.float32) for s in (image, errors, kernel))

    def gradients(ratio: int) -> list[np.ndarray]:
        monkeypatch.setattr(cpu_kernels, "FILTER_RATIO", ratio)
        monkeypatch.setattr(cpu_kernels, "IMAGE_RATIO", ratio)
        return [
            cpu_kernels.filter_gradient(x, e, k.shape, strides, padding).numpy(),
            cpu_kernels.image_gradient(e, k, x.shape, strides, padding).numpy(),
        ]

    for product, expected in zip(gradients(ratio=0), gradients(ratio=10**9), strict=True):
        np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1, 5), (2, 3, 4, 5), (1, 16, 8, 5)])
def test_a_resize_convolution_equals_the_transposed_one_with_its_gradients(shape):
    layer = networks.ResizeConvolution(6, 4, strides=2, padding="same")
    image = tf.random.stateless_normal(shape, seed=(1, 2))
    layer.build(shape)
    weights = [layer.trained_kernel.value, layer.bias.value]
    for number, weight in enumerate(weights):
        weight.assign(tf.random.stateless_normal(weight.shape, seed=(3, number)))
    errors = tf.random.stateless_normal((shape[0], 2 * shape[1], 2 * shape[2], 6), seed=(4, 5))

    def compute(call) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            outputs = call(image)
        return [outputs, *tape.gradient(outputs, [image, *weights], output_gradients=errors)]

    expected = compute(layer.call)
    fast = partial(cpu_kernels.call_resize, layer)
    for value, stock in zip(compute(fast), expected, strict=True):
        np.testing.assert_allclose(value, stock, rtol=1e-5, atol=2e-5 * np.abs(stock).max())


@pytest.mark.usefixtures("products")
def test_a_network_with_products_computes_the_same_and_saves_the_same_file(tmp_path):
    stock = networks.build_generator(CONFIG)
    fast = networks.published_copy(stock, CONFIG)
    cpu_kernels.use_matrix_products(fast)
    image = to_tensor(make_pair_array(1)[0, :1])
    np.testing.assert_allclose(fast(image), stock(image), atol=1e-6)
    assert fast.get_config() == stock.get_config()
    fast.save(tmp_path / "fast.keras")
    loaded = keras.saving.load_model(tmp_path / "fast.keras")
    np.testing.assert_array_equal(loaded(image), stock(image))


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_pictures_of_unknown_size_are_translated(upsampling):
    generator = networks.build_generator(replace(CONFIG, upsampling=upsampling))
    image = to_tensor(make_pair_array(1)[0, :1])
    expected = generator(image).numpy()
    cpu_kernels.use_matrix_products(generator)
    any_size = tf.function(generator, [tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(any_size(image), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("products")
def test_gradients_and_updates_agree_during_a_run(monkeypatch):
    """Each tensor's difference is below 2e-3 of its norm, at five states of the run.

    The difference is float32 rounding, which depends on the CPU: at most 5.2e-4 was seen. Adam's
    first update is the sign of the gradient, so that a gradient near zero counts fully.
    """
    fast, stock = Trainer(CONFIG, total_steps=100), trainer_without_products(monkeypatch)
    assert "ExtractImagePatches" in operations(fast.step) - operations(stock.step)
    for number, batch in enumerate(batches(25)):
        if number % 5:
            fast.step(*batch)
            continue
        before = {name: np.array(value) for name, value in fast.state().items()}
        for name, variable in stock.state().items():
            variable.assign(before[name])
        fast.step(*batch), stock.step(*batch)
        stock_state = stock.state()
        for name, variable in fast.state().items():
            # The change of a weight is its update, that of a first moment shows the gradient.
            change = np.array(variable) - before[name]
            expected = np.array(stock_state[name]) - before[name]
            assert np.linalg.norm(change - expected) <= 2e-3 * np.linalg.norm(expected), name


@pytest.mark.slow
@pytest.mark.usefixtures("products")
def test_fifty_steps_in_float64_give_the_same_weights(monkeypatch):
    """Without float32 rounding, both ways of computing agree to 1e-6 after fifty steps."""
    monkeypatch.setattr(
        trainer, "_to_tensor", lambda images, _channels: tf.cast(images, tf.float64) / 127.5 - 1.0
    )
    fast = in_float64(Trainer(CONFIG, total_steps=100))
    stock = in_float64(trainer_without_products(monkeypatch))
    cpu_kernels.use_matrix_products(fast.generator)
    cpu_kernels.use_matrix_products(fast.discriminator)
    assert "ExtractImagePatches" in operations(fast.step)
    for batch in batches(50):
        fast.step(*batch), stock.step(*batch)
    for name, variable in fast.state().items():
        np.testing.assert_allclose(variable, stock.state()[name], rtol=1e-6, atol=1e-6)


def in_float64(trained: Trainer) -> Trainer:
    """Rebuilds networks and optimizers in float64; no step may have been traced before."""

    def convert(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float64"})

    for name in ("generator", "discriminator"):
        network = getattr(trained, name)
        copy = keras.models.clone_model(network, clone_function=convert)
        copy.set_weights(network.get_weights())
        adam = trained._build_adam(copy, CONFIG.learning_rate, 100)
        cpu_kernels.use_fused_adam(adam)
        setattr(trained, name, copy)
        setattr(trained, f"{name}_optimizer", adam)
    return trained
