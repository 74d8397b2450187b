"""The paper's networks: sizes, connections, initial weights and behavior."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pix2pix.config import Config
from pix2pix.networks import (
    ResizeConvolution,
    build_discriminator,
    build_generator,
    encoder_filters,
    published_copy,
)
from tests.builders import randomize_weights, tiny_config


@pytest.fixture(scope="module")
def paper():
    """The full-size networks, which are inspected but never run."""
    keras.utils.set_random_seed(0)
    return build_generator(Config()), build_discriminator(Config())


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(1)
    return build_generator(tiny_config())


@pytest.fixture(scope="module")
def discriminator():
    keras.utils.set_random_seed(2)
    return build_discriminator(tiny_config())


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (*shape, 3))
    return tf.constant(values, tf.float32)


def inputs_of(layer: keras.Layer) -> list[str]:
    """Returns the names of the layers whose outputs `layer` reads."""
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in inputs]


def layer_names(model: keras.Model, kind: type) -> list[str]:
    return [layer.name for layer in model.layers if isinstance(layer, kind)]


def test_parameter_counts_equal_the_authors(paper):
    generator, discriminator = paper
    assert generator.count_params() == 54_413_955
    assert discriminator.count_params() == 2_768_705


def test_every_parameter_is_trainable(paper):
    for model in paper:
        assert model.count_params() == sum(w.numpy().size for w in model.trainable_weights)


def test_encoder_filters():
    assert encoder_filters(64, 8) == [64, 128, 256, 512, 512, 512, 512, 512]
    assert encoder_filters(4, 6) == [4, 8, 16, 32, 32, 32]


def test_a_generator_with_fewer_levels_has_a_larger_bottleneck_and_takes_smaller_pictures():
    generator = build_generator(tiny_config(generator_depth=4))
    bottleneck = keras.Model(generator.input, generator.get_layer("down_4_conv").output)
    assert bottleneck(noise(1, 64, 64)).shape == (1, 4, 4, 32)
    assert generator(noise(1, 48, 16)).shape == (1, 48, 16, 3)
    assert generator.count_params() < build_generator(tiny_config()).count_params() / 2


def test_the_filters_of_the_generator_are_those_of_the_paper(paper):
    generator, _ = paper
    down = [generator.get_layer(f"down_{n}_conv").filters for n in range(1, 9)]
    up = [generator.get_layer(f"up_{n}_conv").filters for n in range(8, 0, -1)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [512, 512, 512, 512, 256, 128, 64, 3]


def test_convolutions_are_4x4_with_stride_2_except_the_discriminators_last_two(paper):
    for model in paper:
        for name in layer_names(model, layers.Conv2D) + layer_names(model, layers.Conv2DTranspose):
            layer = model.get_layer(name)
            assert layer.kernel_size == (4, 4)
            assert layer.strides == ((1, 1) if name in ("patch_4_conv", "logits") else (2, 2))


def test_the_first_layer_and_the_bottleneck_are_not_normalized(paper):
    """Normalizing one pixel gives zero, as the paper's erratum explains."""
    generator, discriminator = paper
    normalized = layer_names(generator, layers.GroupNormalization)
    down = [f"down_{n}_norm" for n in range(2, 8)]
    assert normalized == down + [f"up_{n}_norm" for n in range(8, 1, -1)]
    assert layer_names(discriminator, layers.GroupNormalization) == [
        f"patch_{n}_norm" for n in (2, 3, 4)
    ]


def test_normalization_is_per_instance_and_channel(paper):
    for model in paper:
        for name in layer_names(model, layers.GroupNormalization):
            layer = model.get_layer(name)
            assert layer.epsilon == 1e-5 and layer.scale and layer.center
            assert layer.groups == layer.gamma.shape[0]


def test_layer_normalization_keeps_the_color_of_a_flat_picture():
    """With instance normalization, a flat picture becomes zero whatever its color was."""
    flat = tf.ones((1, 8, 8, 1)) * tf.linspace(-3.0, 5.0, 8)
    levels = {}
    for norm in ("instance", "layer"):
        model = build_generator(tiny_config(generator_norm=norm))
        levels[norm] = model.get_layer("down_2_norm")(flat).numpy()[0, 4, 4]
    assert np.abs(levels["instance"]).max() < 1e-3
    assert levels["layer"].std() == pytest.approx(1, abs=0.1)
    assert levels["layer"].mean() == pytest.approx(0, abs=0.1)


def test_with_layer_normalization_brightness_reaches_the_second_level():
    """If the first level were proportional to brightness, normalization would remove it."""
    half = tf.ones((1, 64, 64, 3)) * 0.4
    changed = {}
    for norm in ("instance", "layer"):
        model = build_generator(tiny_config(generator_norm=norm))
        randomize_weights(model)
        second = keras.Model(model.input, model.get_layer("down_2_norm").output)
        changed[norm] = np.abs(second(2 * half) - second(half)).max()
    assert changed["instance"] < 0.02 < 0.1 < changed["layer"]


def test_only_first_and_last_layers_without_normalization_have_a_bias(paper):
    generator, discriminator = paper
    convolutions = (layers.Conv2D, layers.Conv2DTranspose)
    for model, expected in (
        (generator, ["up_1_conv"]),
        (discriminator, ["patch_1_conv", "logits"]),
    ):
        biased = [x.name for x in model.layers if isinstance(x, convolutions) and x.use_bias]
        assert biased == expected


def test_dropout_is_one_half_and_only_in_the_first_three_decoder_blocks(paper):
    generator, discriminator = paper
    assert layer_names(generator, layers.Dropout) == [
        "up_8_dropout",
        "up_7_dropout",
        "up_6_dropout",
    ]
    assert {generator.get_layer(n).rate for n in layer_names(generator, layers.Dropout)} == {0.5}
    assert layer_names(discriminator, layers.Dropout) == []


def test_the_slope_of_leaky_relu_is_a_fifth(paper):
    for model in paper:
        leaky = layer_names(model, layers.LeakyReLU)
        assert len(leaky) == {"generator": 7, "discriminator": 4}[model.name]
        assert {model.get_layer(name).negative_slope for name in leaky} == {0.2}


def test_the_encoder_is_activation_then_convolution_then_normalization(generator):
    assert inputs_of(generator.get_layer("down_1_conv")) == ["image"]
    for level in range(2, 7):
        previous = f"down_{level - 1}_norm" if level > 2 else "down_1_conv"
        assert inputs_of(generator.get_layer(f"down_{level}_activation")) == [previous]
        assert inputs_of(generator.get_layer(f"down_{level}_conv")) == [f"down_{level}_activation"]


def test_the_decoder_is_relu_of_the_concatenation_convolution_normalization_dropout(generator):
    """As in the authors' Torch code; skips are taken before the encoder's activation."""
    for level in range(6, 0, -1):
        if level < 6:
            above = f"up_{level + 1}_dropout" if level + 1 > 3 else f"up_{level + 1}_norm"
            skip = f"down_{level}_norm" if level > 1 else "down_1_conv"
            assert inputs_of(generator.get_layer(f"up_{level}_skip")) == [above, skip]
        previous = f"up_{level}_skip" if level < 6 else "down_6_conv"
        assert inputs_of(generator.get_layer(f"up_{level}_activation")) == [previous]
        assert isinstance(generator.get_layer(f"up_{level}_activation"), layers.ReLU)
        assert inputs_of(generator.get_layer(f"up_{level}_conv")) == [f"up_{level}_activation"]
        if level > 1:
            assert inputs_of(generator.get_layer(f"up_{level}_norm")) == [f"up_{level}_conv"]
        if level > 3:
            assert inputs_of(generator.get_layer(f"up_{level}_dropout")) == [f"up_{level}_norm"]


def test_initial_weights_are_the_papers(paper):
    """Section 6.2: N(0, 0.02); gains N(1, 0.02) as in the authors' code."""
    for model in paper:
        for weight in model.trainable_weights:
            values, kind = weight.numpy(), weight.name
            if kind in ("bias", "beta"):
                assert not values.any(), weight.path
                continue
            center, error = float(kind == "gamma"), 0.02 * 5 / values.size**0.5
            assert values.mean() == pytest.approx(center, abs=error), weight.path
            assert values.std() == pytest.approx(0.02, abs=error), weight.path


def test_all_layers_have_different_initial_weights(paper):
    for model in paper:
        drawn = [w.numpy() for w in model.trainable_weights if w.name in ("kernel", "gamma")]
        assert len({values.ravel()[:32].tobytes() for values in drawn}) == len(drawn)


def test_all_layers_are_stock_keras_so_that_models_load_without_this_package(
    generator, discriminator
):
    for model in (generator, discriminator):
        for layer in model.layers:
            assert type(layer).__module__.startswith("keras."), layer.name
            assert not isinstance(layer, layers.Lambda)
        rebuilt = keras.Model.from_config(model.get_config())
        rebuilt.set_weights(model.get_weights())
        assert rebuilt.count_params() == model.count_params()


@pytest.mark.parametrize(
    ("size", "height", "width"),
    [(64, 64, 64), (64, 128, 64), (64, 64, 192), (128, 128, 256), (256, 256, 256), (512, 512, 512)],
)
def test_the_generator_keeps_the_size_of_its_input(size, height, width):
    model = build_generator(tiny_config(image_size=size, generator_filters=2))
    out = model(noise(1, height, width), training=False)
    assert out.shape == (1, height, width, 3) and out.dtype == tf.float32
    assert 0 < float(tf.reduce_max(tf.abs(out))) <= 1


def test_pictures_of_a_batch_do_not_influence_each_other(generator):
    """Normalization statistics are per picture."""
    batch = noise(3, 64, 64)
    together = generator(batch, training=False)
    for number in range(3):
        alone = generator(batch[number : number + 1], training=False)[0]
        np.testing.assert_allclose(together[number], alone, atol=1e-5)


def test_inference_is_deterministic_and_training_is_not(generator):
    image = noise(1, 64, 64)
    first, second = (generator(image, training=False).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    first, second = (generator(image, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-4


def test_training_and_inference_differ_only_by_dropout():
    model = build_generator(tiny_config())
    for name in layer_names(model, layers.Dropout):
        model.get_layer(name).rate = 0
    image = noise(2, 64, 64)
    np.testing.assert_array_equal(model(image, training=True), model(image, training=False))


def test_predicting_changes_no_variable(generator):
    """There are no moving statistics, as batch normalization would have."""
    held = [variable.numpy().copy() for variable in generator.variables]
    generator.predict_on_batch(noise(2, 64, 64))
    for variable, value in zip(generator.variables, held, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert not generator.non_trainable_weights


@pytest.mark.parametrize(("size", "patches"), [(256, 30), (128, 14), (64, 6)])
def test_the_discriminator_returns_one_logit_per_patch(discriminator, size, patches):
    out = discriminator([noise(1, size, size), noise(1, size, size, seed=1)])
    assert out.shape == (1, patches, patches, 1) and out.dtype == tf.float32


def test_the_discriminator_reads_the_input_before_the_candidate(discriminator):
    assert inputs_of(discriminator.get_layer("pair")) == ["image", "candidate"]


def test_a_logit_depends_on_70_by_70_pixels(discriminator):
    """Computed without normalization, whose statistics depend on the whole picture."""
    picture = tf.Variable(tf.ones((1, 256, 256, 6)))
    with tf.GradientTape() as tape:
        x = picture
        for layer in discriminator.layers:
            if isinstance(layer, (layers.Conv2D, layers.ZeroPadding2D, layers.LeakyReLU)):
                x = layer(x)
        logit = x[0, 15, 15, 0]
    seen = np.abs(tape.gradient(logit, picture).numpy()[0]).sum(-1) > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert rows[-1] - rows[0] + 1 == columns[-1] - columns[0] + 1 == 70


@pytest.mark.parametrize(("inputs", "targets"), [(1, 3), (3, 1), (1, 1)])
def test_input_and_target_can_be_gray(inputs, targets):
    config = tiny_config(input_channels=inputs, target_channels=targets)
    generator, discriminator = build_generator(config), build_discriminator(config)
    image = noise(1, 64, 64)[..., :inputs]
    translation = generator(image)
    assert translation.shape == (1, 64, 64, targets)
    assert discriminator([image, translation]).shape == (1, 6, 6, 1)


def test_without_dropout_training_equals_inference():
    generator = build_generator(tiny_config(dropout=0.0))
    assert not layer_names(generator, layers.Dropout)
    image = noise(1, 64, 64)
    np.testing.assert_array_equal(generator(image, training=True), generator(image))


@pytest.mark.parametrize(("precision", "dtype"), [("fp16", "float16"), ("bf16", "bfloat16")])
def test_mixed_precision_keeps_weights_and_outputs_in_float32(precision, dtype):
    config = tiny_config(mixed_precision=precision)
    for model, end in (
        (build_generator(config), "translation"),
        (build_discriminator(config), "logits"),
    ):
        inside = [layer for layer in model.layers if layer.weights and layer.name != end]
        assert {layer.compute_dtype for layer in inside} == {dtype}
        assert model.get_layer(end).compute_dtype == "float32"
        assert {weight.dtype for weight in model.weights} == {"float32"}
    assert build_generator(tiny_config()).layers[-2].compute_dtype == "float32", (
        "the policy must not leak"
    )


def test_the_published_copy_computes_in_float32_with_the_same_weights():
    config = tiny_config(mixed_precision="bf16")
    generator = build_generator(config)
    copy, image = published_copy(generator, config), noise(1, 64, 64)
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    for weight, same in zip(generator.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(weight, same)
    np.testing.assert_allclose(copy(image), generator(image), atol=0.03)


def test_nearest_upsampling_is_an_upsampling_and_a_3x3_convolution_up_to_the_borders():
    image = tf.random.stateless_normal((2, 5, 7, 6), seed=(1, 2))
    normal = keras.initializers.RandomNormal(0.0, 1.0, seed=3)
    resize = ResizeConvolution(
        3, 4, strides=2, padding="same", kernel_initializer=normal, bias_initializer=normal
    )
    found = resize(image)
    convolution = layers.Conv2D(3, 3, padding="same")
    upsampled = layers.UpSampling2D(interpolation="nearest")(image)
    convolution.build(upsampled.shape)
    # Keras's transposed kernels are (H, W, out, in).
    convolution.kernel.assign(tf.transpose(resize.trained_kernel, (0, 1, 3, 2)))
    convolution.bias.assign(resize.bias)
    assert found.shape == (2, 10, 14, 3) and found.numpy().std() > 1
    np.testing.assert_allclose(found, convolution(upsampled), atol=2e-5)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_nearest_upsampling_is_published_as_stock_transposed_convolutions(precision):
    config = tiny_config(upsampling="nearest", mixed_precision=precision)
    generator = build_generator(config)
    assert len(layer_names(generator, ResizeConvolution)) == config.depth
    randomize_weights(generator)
    copy, image = published_copy(generator, config), noise(1, 64, 64)
    assert copy.get_config() == build_generator(tiny_config()).get_config()
    expected = generator(image).numpy()
    assert expected.std() > 0.1, "a flat picture would be a weak test"
    np.testing.assert_allclose(copy(image), expected, atol=1e-6 if precision == "no" else 0.2)
