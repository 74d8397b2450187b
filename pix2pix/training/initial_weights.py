"""The weights of a published model that a run starts from, instead of random ones.

Only arrays are read, from Keras's weight files: the networks are built by `pix2pix.networks` from
the settings in the model's pix2pix.json, and nothing that the files contain is executed.
"""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pix2pix.config import Config
from pix2pix.errors import UserError, first_line
from pix2pix.networks import (
    ResizeConvolution,
    build_discriminator,
    build_generator,
    published_weights,
    recover_trained_kernel,
)
from pix2pix.runtime import release_free_memory
from pix2pix.training.trainer import Trainer

# The settings that the shapes of each network's weights depend on.
GENERATOR_SETTINGS: tuple[str, ...] = (
    "generator_filters", "generator_depth", "generator_norm", "input_channels", "target_channels",
)  # fmt: skip
DISCRIMINATOR_SETTINGS: tuple[str, ...] = (
    "discriminator_filters",
    "input_channels",
    "target_channels",
)
# Largest relative error of a recovered kernel. Kernels that float32 networks have published have
# one of 1e-7; a kernel that was trained as 4x4 has one of 0.3 and more.
MAX_KERNEL_ERROR = 1e-4

# The weights of a network by the names of their layer and variable.
Weights = dict[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class InitialWeights:
    """The weight files of a published model, checked against the settings of a run.

    Attributes:
        model: the model's name, for messages.
        config: the settings that the model was trained with.
        generator: its model.weights.h5.
        discriminator: its discriminator.weights.h5, or None.
    """

    model: str
    config: Config
    generator: Path
    discriminator: Path | None = None

    def check(self, config: Config) -> None:
        """Raises `UserError` unless the networks of `config` have the shapes of the weights.

        The networks are built only for the message.
        """
        networks = [("generator", build_generator, GENERATOR_SETTINGS)]
        if self.discriminator:
            networks += [("discriminator", build_discriminator, DISCRIMINATOR_SETTINGS)]
        for kind, build, names in networks:
            different = [
                name for name in names if _value(self.config, name) != _value(config, name)
            ]
            if different:
                theirs, here = (_shapes(build(_published(c))) for c in (self.config, config))
                key = next(key for key in theirs | here if theirs.get(key) != here.get(key))
                flags = (f"--{name} {_value(self.config, name)}" for name in different)
                raise UserError(
                    f"The {kind} of {self.model} does not fit these settings: the {key[1]} of its "
                    f"layer {key[0]} is {_format(theirs.get(key))} in the model and "
                    f"{_format(here.get(key))} here. Set {' and '.join(flags)}, as in the model, "
                    "or leave the flags out."
                )

    def assign(self, trainer: Trainer) -> None:
        """Sets the weights of the trainer's networks; the optimizers stay as they are.

        Raises `UserError` when a file can't be read or does not fit.
        """
        self.check(trainer.config)
        weights = self._read(build_generator(_published(self.config)), self.generator)
        for layer in trainer.generator.layers:
            for variable in layer.weights:
                value = weights[layer.name, variable.name]
                if isinstance(layer, ResizeConvolution) and variable is layer.trained_kernel:
                    value = self._recover(value, layer.name)
                variable.assign(value)
        if trainer.averaged is not None:
            initial = published_weights(trainer.generator)
            for average, weight in zip(trainer.averaged.weights, initial, strict=True):
                average.assign(weight)
        if self.discriminator:
            weights = self._read(build_discriminator(_published(self.config)), self.discriminator)
            for layer in trainer.discriminator.layers:
                for variable in layer.weights:
                    variable.assign(weights[layer.name, variable.name])
        release_free_memory()

    def load_generator(self) -> keras.Model:
        """Returns the published generator, with its weights.

        Raises `UserError` when the file can't be read or does not fit.
        """
        generator = build_generator(_published(self.config))
        self._read(generator, self.generator)
        return generator

    def _read(self, network: keras.Model, path: Path) -> Weights:
        """Returns the weights in the file, which are those of `network`."""
        # Keras skips some parts of a damaged file with a warning; then the NaN stays, and is found.
        for variable in network.weights:
            variable.assign(np.full(variable.shape, np.nan, np.float32))
        try:
            with warnings.catch_warnings(action="ignore"):
                network.load_weights(path)
        except Exception as error:  # h5py and Keras raise errors of many classes
            raise UserError(
                f"{path} is damaged, or not of the network that pix2pix.json describes "
                f"({first_line(error)}); use another model, or another revision of {self.model}."
            ) from None
        weights = {
            (layer.name, variable.name): np.asarray(variable)
            for layer in network.layers
            for variable in layer.weights
        }
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise UserError(
                f"{path} has weights that are missing or not finite; use another model, or another "
                f"revision of {self.model}."
            )
        return weights

    def _recover(self, kernel: np.ndarray, layer: str) -> np.ndarray:
        trained, error = recover_trained_kernel(kernel)
        if not error < MAX_KERNEL_ERROR:
            raise UserError(
                f"{layer} of {self.model} was not trained with --upsampling nearest, so its "
                "kernel can't be converted; leave out --upsampling, or set it to transposed."
            )
        return trained


def _published(config: Config) -> Config:
    """Returns the settings whose network has the layers and shapes of the published files."""
    return replace(config, mixed_precision="no", upsampling="transposed")


def _value(config: Config, name: str) -> Any:
    # Without --generator_depth, the depth follows from the image size.
    return config.depth if name == "generator_depth" else getattr(config, name)


def _shapes(network: keras.Model) -> dict[tuple[str, str], tuple[int, ...]]:
    return {
        (layer.name, variable.name): tuple(variable.shape)
        for layer in network.layers
        for variable in layer.weights
    }


def _format(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape)) if shape else "missing"
