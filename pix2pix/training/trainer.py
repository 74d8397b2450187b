"""The networks with their optimizers, and one training step (arXiv 1611.07004, section 3.3)."""

import keras
import tensorflow as tf

from pix2pix import losses
from pix2pix.config import Config
from pix2pix.networks import build_discriminator, build_generator, published_copy
from pix2pix.runtime import give_up
from pix2pix.training.adam import FusedAdam
from pix2pix.training.convolutions import use_products
from pix2pix.training.devices import Devices
from pix2pix.training.schedule import LinearDecay

# What a step reports, in the order of history.csv.
SCALARS = ("discriminator_loss", "generator_gan_loss", "l1_loss", "d_real", "d_fake")


class Trainer:
    """Generator, discriminator, both Adams and the averaged generator, advanced by `step`.

    `step(inputs, targets)` takes two (B, S, S, 3) uint8 tensors, as `devices.spread` gives them,
    and returns a dict of scalar float32 tensors named in `SCALARS`. `steps(inputs, targets)` takes
    (K, B, S, S, 3), advances by K steps in one call of the graph, and returns the means.
    """

    def __init__(self, config: Config, steps: int, devices: Devices = Devices()):  # noqa: B008
        """`steps` is the length of the whole run: the linear schedule needs it."""
        keras.utils.set_random_seed(config.seed)
        self.config, self.devices, self.strategy = config, devices, devices.strategy
        with self.strategy.scope():
            self.generator = build_generator(config)
            self.discriminator = build_discriminator(config)
            rate = config.learning_rate
            self.generator_optimizer = self._adam(self.generator, rate, steps)
            rate = config.discriminator_learning_rate or rate
            self.discriminator_optimizer = self._adam(self.discriminator, rate, steps)
            self.averaged = None
            if config.ema_decay is not None:
                self.averaged = published_copy(self.generator, config)
        xla = _use_xla(config.jit_compile, devices)
        if not (xla or devices.has_gpu) and config.mixed_precision == "no":
            use_products(self.generator)
            use_products(self.discriminator)
        self.step = tf.function(self._step, jit_compile=xla)
        self.steps = tf.function(self._steps, jit_compile=xla)

    def _adam(self, model: keras.Model, rate: float, steps: int) -> keras.optimizers.Optimizer:
        if self.config.lr_schedule == "linear":
            rate = LinearDecay(rate, steps)
        adam = FusedAdam(rate, beta_1=self.config.adam_beta1, epsilon=1e-8)
        if self.config.mixed_precision == "fp16":
            # Small gradients would be zero in float16.
            adam = keras.mixed_precision.LossScaleOptimizer(adam)
        adam.build(model.trainable_variables)
        return adam

    @property
    def published(self) -> keras.Model:
        """The float32 generator to measure and publish: the averaged one where there is one."""
        if self.averaged is not None:
            return self.averaged
        if self.config.mixed_precision == "no":
            return self.generator
        return published_copy(self.generator, self.config)

    def finish(self) -> keras.Model:
        """`published`; all else gives up its memory, and the trainer is of no more use."""
        networks = self.generator, self.averaged
        generators = {id(v) for network in networks if network for v in network.variables}
        give_up(v for v in self.state().values() if id(v) not in generators)
        published = self.published
        if published is not self.generator:
            give_up(self.generator.variables)
        return published

    def state(self) -> dict[str, tf.Variable]:
        """Every variable a resumed run needs, dropout's random state included."""
        owners = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "averaged": self.averaged,
        }
        return {
            f"{name}/{index:03d}": variable
            for name, owner in owners.items()
            if owner is not None
            for index, variable in enumerate(owner.variables)
        }

    def advance(self, batches: list[tuple[tf.Tensor, tf.Tensor]]) -> dict[str, tf.Tensor]:
        """A step on each of `batches`, in one call of the graph; returns the scalars' means.

        Raises `UserError` when another machine of the run has gone.
        """
        with self.devices.watched():
            if len(batches) == 1:
                return self.step(*map(self.devices.spread, batches[0]))
            stacked = (tf.stack(pictures) for pictures in zip(*batches, strict=True))
            return self.steps(*(self.devices.spread(pictures, 1) for pictures in stacked))

    def _steps(self, inputs: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        count = self.strategy.experimental_local_results(inputs)[0].shape[0]
        totals = tf.zeros(len(SCALARS))
        for place in tf.range(count):
            totals += tf.stack(list(self._step(inputs, targets, place).values()))
        return dict(zip(SCALARS, tf.unstack(totals / count), strict=True))

    def _step(self, inputs, targets, place: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        of_replicas = self.strategy.run(self._replica_step, (inputs, targets, place))
        self._update_average()
        mean = tf.distribute.ReduceOp.MEAN
        return {name: self.strategy.reduce(mean, of_replicas[name], None) for name in SCALARS}

    def _replica_step(self, inputs, targets, place: tf.Tensor | None) -> dict[str, tf.Tensor]:
        if place is not None:
            inputs, targets = inputs[place], targets[place]
        inputs = _to_tensor(inputs, self.config.input_channels)
        targets = _to_tensor(targets, self.config.target_channels)
        with tf.GradientTape() as generator_tape:
            generated = self.generator(inputs, training=True)
            d_loss, d_real, d_fake = self._step_discriminator(inputs, targets, generated)
            # D was updated first, so G is scored by the new one, as in the authors' code.
            fake_logits = self.discriminator([inputs, generated], training=True)
            gan = losses.generator_gan_loss(fake_logits, self.config.gan_loss)
            l1 = losses.l1_loss(generated, targets)
            total = self._scaled(gan + self.config.l1_weight * l1, self.generator_optimizer)
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(generator_tape.gradient(total, variables), variables)
        return dict(zip(SCALARS, (d_loss, gan, l1, d_real, d_fake), strict=True))

    def _step_discriminator(self, inputs, targets, generated):
        generated = tf.stop_gradient(generated)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            # Two passes: together, real and generated would share normalisation statistics.
            real = self.discriminator([inputs, targets], training=True)
            fake = self.discriminator([inputs, generated], training=True)
            loss = losses.discriminator_loss(real, fake, self.config.gan_loss)
            scaled = self._scaled(loss, self.discriminator_optimizer)
        self.discriminator_optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))

    def _scaled(self, loss: tf.Tensor, optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
        """Of a replica's loss: the gradients of all replicas are summed."""
        return optimizer.scale_loss(loss) / self.strategy.num_replicas_in_sync

    def _update_average(self) -> None:
        if self.averaged is None:
            return
        # Early on the average follows quickly, or the initial weights would linger in it.
        steps = tf.cast(self.generator_optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1.0 + steps) / (10.0 + steps))

        def follow(average, weight, decay):
            average.assign(decay * average + (1.0 - decay) * weight)

        for average, weight in zip(self.averaged.weights, self.generator.weights, strict=True):
            arguments = (weight.value, decay)
            self.strategy.extended.update(average.value, follow, arguments, group=False)


def _to_tensor(images: tf.Tensor, channels: int) -> tf.Tensor:
    """uint8 in [0, 255] -> float32 in [-1, 1], inside the compiled step; grey is in any channel."""
    return tf.cast(images[..., :channels], tf.float32) / 127.5 - 1.0


def _use_xla(choice: str, devices: Devices) -> bool:
    # The exchange of gradients between devices can't be compiled by XLA.
    if devices.strategy.num_replicas_in_sync > 1:
        return False
    return choice == "on" or (choice == "auto" and devices.has_gpu)
