"""Convolutions as products: the gradients, steps and files of TensorFlow's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix import networks
from pix2pix.images import to_tensor
from pix2pix.training import convolutions, trainer
from pix2pix.training.trainer import Trainer
from tests.builders import pair_array, tiny_config

CONFIG = tiny_config(learning_rate=2e-3)
# (B, H, W, C) image, (B, h, w, K) errors, stride, padding.
SHAPES = [
    ((1, 8, 8, 5), (1, 4, 4, 7), 2, "SAME"),
    ((1, 2, 2, 6), (1, 1, 1, 4), 2, "SAME"),
    ((3, 4, 8, 2), (3, 2, 4, 1), 2, "SAME"),
    ((2, 9, 6, 3), (2, 6, 3, 4), 1, "VALID"),
]


@pytest.fixture
def always(monkeypatch) -> None:
    """Products wherever they can be, which in so small networks never are quicker."""
    monkeypatch.setattr(convolutions, "FILTER_RATIO", 0)
    monkeypatch.setattr(convolutions, "IMAGE_RATIO", 0)


def batches(count: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    return [tuple(tf.constant(side[None]) for side in pair) for pair in pair_array(count)]


def stock_trainer(monkeypatch) -> Trainer:
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "use_products", lambda network: None)
        return Trainer(CONFIG, steps=100)


def operations(step) -> set[str]:
    return {op.type for op in step.get_concrete_function(*batches(1)[0]).graph.get_operations()}


@pytest.mark.parametrize(("image", "errors", "strides", "padding"), SHAPES)
def test_gradients_are_those_of_tensorflow(image, errors, strides, padding, monkeypatch):
    random = np.random.default_rng(0)
    kernel = (4, 4, image[-1], errors[-1])
    x, e, k = (tf.constant(random.normal(size=s), tf.float32) for s in (image, errors, kernel))

    def both() -> list[np.ndarray]:
        return [
            convolutions.filter_gradient(x, e, k.shape, strides, padding).numpy(),
            convolutions.image_gradient(e, k, x.shape, strides, padding).numpy(),
        ]

    monkeypatch.setattr(convolutions, "FILTER_RATIO", 10**9)
    monkeypatch.setattr(convolutions, "IMAGE_RATIO", 10**9)
    expected = both()
    monkeypatch.setattr(convolutions, "FILTER_RATIO", 0)
    monkeypatch.setattr(convolutions, "IMAGE_RATIO", 0)
    for found, wanted in zip(both(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_network_with_products_is_the_same_function_and_the_same_file(always, tmp_path):
    stock = networks.build_generator(CONFIG)
    quick = networks.published_copy(stock, CONFIG)
    convolutions.use_products(quick)
    image = to_tensor(pair_array(1)[0, :1])
    np.testing.assert_allclose(quick(image), stock(image), atol=1e-6)
    assert quick.get_config() == stock.get_config()
    quick.save(tmp_path / "quick.keras")
    loaded = keras.saving.load_model(tmp_path / "quick.keras")
    np.testing.assert_array_equal(loaded(image), stock(image))


def test_pictures_of_a_size_that_is_known_late_are_translated_too(always):
    generator = networks.build_generator(CONFIG)
    image = to_tensor(pair_array(1)[0, :1])
    expected = generator(image).numpy()
    convolutions.use_products(generator)
    late = tf.function(generator, [tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(late(image), expected, atol=1e-6)


@pytest.mark.slow
def test_gradients_and_updates_agree_along_a_run(always, monkeypatch):
    """Within 1e-4 of each tensor's length, at five states of the run."""
    quick, stock = Trainer(CONFIG, steps=100), stock_trainer(monkeypatch)
    assert "ExtractImagePatches" in operations(quick.step) - operations(stock.step)
    run = batches(25)
    for number, batch in enumerate(run):
        if number % 5:
            quick.step(*batch)
            continue
        before = {name: np.array(value) for name, value in quick.state().items()}
        for name, variable in stock.state().items():
            variable.assign(before[name])
        quick.step(*batch), stock.step(*batch)
        theirs = stock.state()
        for name, variable in quick.state().items():
            # Of weights their update, of the first moments the gradient.
            mine, wanted = np.array(variable) - before[name], np.array(theirs[name]) - before[name]
            assert np.linalg.norm(mine - wanted) <= 1e-4 * np.linalg.norm(wanted), name


@pytest.mark.slow
def test_fifty_steps_in_float64_end_alike(always, monkeypatch):
    """Without rounding in the way, the two steps are one: 1e-6 after fifty."""
    monkeypatch.setattr(
        trainer, "_to_tensor", lambda images, _channels: tf.cast(images, tf.float64) / 127.5 - 1.0
    )
    quick, stock = in_float64(Trainer(CONFIG, steps=100)), in_float64(stock_trainer(monkeypatch))
    convolutions.use_products(quick.generator)
    convolutions.use_products(quick.discriminator)
    assert "ExtractImagePatches" in operations(quick.step)
    for batch in batches(50):
        quick.step(*batch), stock.step(*batch)
    for name, variable in quick.state().items():
        np.testing.assert_allclose(variable, stock.state()[name], rtol=1e-6, atol=1e-6)


def in_float64(trained: Trainer) -> Trainer:
    """The same networks and optimizers, all in float64; nothing may have been traced yet."""

    def converted(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float64"})

    for name in ("generator", "discriminator"):
        network = getattr(trained, name)
        copy = keras.models.clone_model(network, clone_function=converted)
        copy.set_weights(network.get_weights())
        setattr(trained, name, copy)
        setattr(trained, f"{name}_optimizer", trained._adam(copy, CONFIG.learning_rate, 100))
    return trained
