"""The paper's networks (arXiv 1611.07004, section 6.1) from stock Keras layers only.

In the paper's notation C64-C128-..., Ck is a 4x4 convolution of stride 2 with k filters. Three
choices follow the authors' Torch code and erratum:

- Skip connections are taken before the activation; the decoder applies ReLU to the concatenation.
- The bottleneck is not normalized: at full depth it is one pixel, which would become zero.
- Batch normalization at batch size 1 is written as its equivalent, instance normalization.

Instance normalization subtracts each channel's mean over the picture, so a flat picture becomes
zero whatever its color was. `generator_norm` "layer" normalizes over all channels together, which
keeps the ratios of the channels. It also gives the first convolution a bias: without one, its
output would be proportional to the input's brightness, which the next normalization would remove.

Transposed convolutions leave a checkerboard (Odena et al., 2016, "Deconvolution and Checkerboard
Artifacts"). `upsampling` "nearest" trains the alternative of that article, nearest-neighbor
upsampling and a 3x3 convolution, which is a transposed convolution with a restricted kernel: the
published network is the paper's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from pix2pix.config import Config

KERNEL = 4
LEAKY_SLOPE = 0.2
DROPOUT_BLOCKS = 3
MAX_WIDENING = 8
# Number of channel groups that share a mean and a variance; -1 means one group per channel.
NORM_GROUPS = {"instance": -1, "layer": 1}
# Keras's dtype policies. Weights are always float32; the policy sets the type of the computation.
POLICIES = {"no": "float32", "fp16": "mixed_float16", "bf16": "mixed_bfloat16"}


def encoder_filters(filters: int, depth: int) -> list[int]:
    """Returns the filters of each encoder level: 64-128-256-512-512-... for `filters` 64."""
    return [filters * min(2**level, MAX_WIDENING) for level in range(depth)]


class ResizeConvolution(layers.Conv2DTranspose):
    """Upsamples by nearest neighbor and convolves with a 3x3 kernel, as one transposed convolution.

    `trained_kernel`, (3, 3, filters, channels), is the variable; `kernel`, (4, 4, filters,
    channels), is computed from it: the 3x3 kernel convolved with a 2x2 box. For 4x4 kernels,
    stride 2 and padding "same" only.
    """

    def build(self, input_shape):
        """Creates the 3x3 kernel and the bias."""
        shape = (KERNEL - 1, KERNEL - 1, self.filters, input_shape[-1])
        self.trained_kernel = self.add_weight(
            name="kernel", shape=shape, initializer=self.kernel_initializer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.filters,), initializer=self.bias_initializer
            )

    @property
    def kernel(self):
        """The 4x4 kernel of the same transposed convolution, computed from `trained_kernel`."""
        kernel = keras.ops.flip(self.trained_kernel, (0, 1))
        for pad_one in ([(1, 0), (0, 0), (0, 0), (0, 0)], [(0, 0), (1, 0), (0, 0), (0, 0)]):
            other = [pair[::-1] for pair in pad_one]
            kernel = keras.ops.pad(kernel, pad_one) + keras.ops.pad(kernel, other)
        return kernel


def recover_trained_kernel(kernel: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the `trained_kernel` of a `ResizeConvolution` that computes `kernel`, and the error.

    A least-squares solution: `kernel`, (4, 4, filters, channels), depends linearly on the 3x3 one,
    and is exact if a `ResizeConvolution` has computed it. The error is the largest difference
    between `kernel` and what the solution computes, relative to the largest weight.
    """
    # Along each axis, the weight at position n of the 3x3 kernel is added to positions n and n + 1.
    box = np.eye(KERNEL, KERNEL - 1) + np.eye(KERNEL, KERNEL - 1, -1)
    inverse = np.linalg.pinv(box)
    weights = np.asarray(kernel, np.float64)
    solution = np.einsum("ai,bj,ijfc->abfc", inverse, inverse, weights)
    computed = np.einsum("ia,jb,abfc->ijfc", box, box, solution)
    error = np.abs(computed - weights).max() / max(np.abs(weights).max(), np.finfo(float).tiny)
    return solution[::-1, ::-1].astype(np.float32), float(error)


UPSAMPLING = {"transposed": layers.Conv2DTranspose, "nearest": ResizeConvolution}


def _convolution(filters: int, name: str, strides: int = 2, use_bias: bool = False, **options):
    options = {"padding": "same", "layer": layers.Conv2D} | options
    return options.pop("layer")(
        filters, KERNEL, strides=strides, use_bias=use_bias, name=name,
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02), **options,
    )  # fmt: skip


def _normalization(name: str, kind: str = "instance") -> layers.Layer:
    return layers.GroupNormalization(
        groups=NORM_GROUPS[kind],
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        name=name,
    )


@contextmanager
def _mixed_precision(config: Config) -> Iterator[None]:
    """Sets the dtype policy of `config.mixed_precision` for the layers that are built inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[config.mixed_precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_generator(config: Config) -> keras.Model:
    """Builds the generator, a U-Net with `config.depth` levels.

    Input (B, H, W, input_channels), output (B, H, W, target_channels), float32 in [-1, 1], H and W
    multiples of 2**depth. Layers are named `down_<n>_conv`, `down_<n>_norm`, `up_<n>_conv`,
    `up_<n>_norm`, n from 1 at the picture's resolution to `depth` at the bottleneck.
    """
    with _mixed_precision(config):
        return _generator(config)


def published_copy(generator: keras.Model, config: Config) -> keras.Model:
    """Returns a copy of `generator` that computes in float32 and has stock Keras layers only."""
    copy = build_generator(replace(config, mixed_precision="no", upsampling="transposed"))
    for variable, weight in zip(copy.weights, published_weights(generator), strict=True):
        variable.assign(weight)
    return copy


def published_weights(generator: keras.Model) -> list:
    """Returns the weights of `published_copy` as tensors, in the order of its `weights`."""
    return [
        layer.kernel if weight is getattr(layer, "trained_kernel", None) else weight.value
        for layer in generator.layers
        for weight in layer.weights
    ]


def _generator(config: Config) -> keras.Model:
    depth = config.depth
    filters = encoder_filters(config.generator_filters, depth)
    image = x = keras.Input((None, None, config.input_channels), name="image")
    skips = []
    for level in range(1, depth + 1):
        if level > 1:
            x = layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=f"down_{level}_activation")(x)
        use_bias = level == 1 and config.generator_norm == "layer"
        x = _convolution(filters[level - 1], f"down_{level}_conv", use_bias=use_bias)(x)
        if 1 < level < depth:
            x = _normalization(f"down_{level}_norm", config.generator_norm)(x)
        skips.append(x)
    for level in range(depth, 0, -1):
        if level < depth:
            x = layers.Concatenate(name=f"up_{level}_skip")([x, skips[level - 1]])
        x = layers.ReLU(name=f"up_{level}_activation")(x)
        width = filters[level - 2] if level > 1 else config.target_channels
        transposed = {"layer": UPSAMPLING[config.upsampling], "use_bias": level == 1}
        x = _convolution(width, f"up_{level}_conv", **transposed)(x)
        if level > 1:
            x = _normalization(f"up_{level}_norm", config.generator_norm)(x)
        if config.dropout and depth - level < DROPOUT_BLOCKS and level > 1:
            x = layers.Dropout(config.dropout, name=f"up_{level}_dropout")(x)
    translation = layers.Activation("tanh", dtype="float32", name="translation")(x)
    return keras.Model(image, translation, name="generator")


def build_discriminator(config: Config) -> keras.Model:
    """Builds the discriminator, a 70x70 PatchGAN: C64-C128-C256-C512 and one logit per patch.

    Inputs: input and target picture, (B, H, W, input_channels) and (B, H, W, target_channels)
    float32 in [-1, 1]. Output: logits, (B, 30, 30, 1) float32 for 256x256.
    """
    with _mixed_precision(config):
        return _discriminator(config)


def _discriminator(config: Config) -> keras.Model:
    image = keras.Input((None, None, config.input_channels), name="image")
    candidate = keras.Input((None, None, config.target_channels), name="candidate")
    x = layers.Concatenate(name="pair")([image, candidate])
    for level, filters in enumerate(encoder_filters(config.discriminator_filters, 4), start=1):
        strides = 1 if level == 4 else 2
        if strides == 1:
            # Torch pads one pixel on each side; "same" at stride 1 would pad unevenly.
            x = layers.ZeroPadding2D(1, name=f"patch_{level}_pad")(x)
        padding = "same" if strides == 2 else "valid"
        name = f"patch_{level}_conv"
        x = _convolution(filters, name, strides, use_bias=level == 1, padding=padding)(x)
        if level > 1:
            x = _normalization(f"patch_{level}_norm")(x)
        x = layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=f"patch_{level}_activation")(x)
    x = layers.ZeroPadding2D(1, name="logits_pad")(x)
    x = _convolution(1, "logits", strides=1, use_bias=True, padding="valid", dtype="float32")(x)
    return keras.Model([image, candidate], x, name="discriminator")


def with_features(discriminator: keras.Model) -> keras.Model:
    """Returns a model of the same layers whose outputs are the activations and the logits.

    Outputs: the four `patch_<n>_activation`, (B, h, w, filters), and the logits.
    """
    features = [discriminator.get_layer(f"patch_{n}_activation").output for n in range(1, 5)]
    return keras.Model(discriminator.inputs, [*features, discriminator.output], name="features")
