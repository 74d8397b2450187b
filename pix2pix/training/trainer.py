"""The networks with their optimizers, and one training step (arXiv 1611.07004, section 3.3)."""

import keras
import tensorflow as tf

from pix2pix import losses
from pix2pix.config import Config
from pix2pix.data.target_colors import TargetColors
from pix2pix.networks import (
    build_discriminator,
    build_generator,
    published_copy,
    published_weights,
    with_features,
)
from pix2pix.runtime import free_variables
from pix2pix.training.cpu_kernels import use_cpu_kernels
from pix2pix.training.devices import Devices

# The scalars that a step returns, in the order of history.csv.
SCALARS = ("discriminator_loss", "generator_gan_loss", "l1_loss", "d_real", "d_fake")


def _decay(step: tf.Tensor, total_steps: int) -> tf.Tensor:
    """Returns 1 in the first half of a run; in the second half, it falls linearly to 0."""
    return tf.clip_by_value(2.0 * (1.0 - step / total_steps), 0.0, 1.0)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that can rise linearly at the start and fall linearly to zero at the end."""

    def __init__(self, learning_rate: float, warmup_steps: int = 0, decay_steps: int | None = None):
        """Starts at `learning_rate`, or at zero with a warm-up.

        Args:
            learning_rate: the highest rate.
            warmup_steps: the number of first steps in which the rate rises from zero.
            decay_steps: the length of the run, in whose second half the rate falls; None: it stays.
        """
        self.learning_rate = learning_rate
        self.warmup_steps, self.decay_steps = warmup_steps, decay_steps

    def __call__(self, step):
        """Returns the learning rate of `step` as a float32 scalar."""
        step, rate = tf.cast(step, tf.float32), self.learning_rate
        if self.warmup_steps:
            rate *= tf.minimum(step / self.warmup_steps, 1.0)
        if self.decay_steps:
            rate *= _decay(step, self.decay_steps)
        return tf.convert_to_tensor(rate, tf.float32)

    def get_config(self):
        """Returns the constructor's arguments, as Keras expects."""
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
        }


class Trainer:
    """Generator, discriminator, their Adam optimizers and the averaged generator.

    `step(inputs, targets)` trains on one batch: two (B, S, S, 3) uint8 tensors, as
    `devices.split_batch` returns them. It returns a dict of scalar float32 tensors named in
    `SCALARS`. `step_many(inputs, targets)` trains on K batches, (K, B, S, S, 3), in one call of
    the compiled graph, and returns the means of the scalars.
    """

    def __init__(
        self,
        config: Config,
        total_steps: int,
        devices: Devices = Devices(),  # noqa: B008
        target_colors: TargetColors | None = None,
    ):
        """Builds networks and optimizers.

        Args:
            config: the run's settings.
            total_steps: the length of the run; learning rate and color balance may change in its
                second half.
            devices: where to train.
            target_colors: the colors whose pixels the L1 loss weights, with `config.color_balance`.
        """
        keras.utils.set_random_seed(config.seed)
        self.config, self.devices, self.strategy = config, devices, devices.strategy
        self.total_steps, self.target_colors = total_steps, target_colors
        with self.strategy.scope():
            self.generator = build_generator(config)
            for layer in self.generator.layers:
                layer.trainable = not (config.freeze_encoder and layer.name.startswith("down_"))
            self.discriminator = build_discriminator(config)
            self.features = with_features(self.discriminator) if config.feature_weight else None
            rate = config.learning_rate
            self.generator_optimizer = self._build_adam(self.generator, rate, total_steps)
            rate = config.discriminator_learning_rate or rate
            self.discriminator_optimizer = self._build_adam(self.discriminator, rate, total_steps)
            self.averaged = None
            if config.ema_decay is not None:
                self.averaged = published_copy(self.generator, config)
        xla = _use_xla(config.jit_compile, devices)
        if not devices.has_gpu:
            use_cpu_kernels(
                [self.generator, self.discriminator],
                [self.generator_optimizer, self.discriminator_optimizer],
                has_plain_convolutions=config.mixed_precision == "no" and not xla,
            )
        self.step = tf.function(self._step, jit_compile=xla)
        self.step_many = tf.function(self._step_many, jit_compile=xla)

    def _build_adam(self, model: keras.Model, rate: float, total_steps: int):
        decay_steps = total_steps if self.config.lr_schedule == "linear" else None
        if self.config.warmup_steps or decay_steps:
            rate = Schedule(rate, self.config.warmup_steps, decay_steps)
        adam = keras.optimizers.Adam(rate, beta_1=self.config.adam_beta1, epsilon=1e-8)
        if self.config.mixed_precision == "fp16":
            # Without loss scaling, small gradients would be zero in float16.
            adam = keras.mixed_precision.LossScaleOptimizer(adam)
        adam.build(model.trainable_variables)
        return adam

    @property
    def published(self) -> keras.Model:
        """The generator to evaluate and publish, in float32 and of stock Keras layers.

        It is the averaged one if there is one.
        """
        if self.averaged is not None:
            return self.averaged
        if self.config.mixed_precision == "no" and self.config.upsampling == "transposed":
            return self.generator
        return published_copy(self.generator, self.config)

    def finish(self) -> keras.Model:
        """Returns the `published` generator and frees the memory of everything else.

        The trainer can't be used afterwards.
        """
        networks = self.generator, self.averaged
        generators = {id(v) for network in networks if network for v in network.variables}
        free_variables(v for v in self.state().values() if id(v) not in generators)
        published = self.published
        for layer in published.layers:
            layer.trainable = True  # for whoever trains the published network further
        if published is not self.generator:
            free_variables(self.generator.variables)
        return published

    def state(self) -> dict[str, tf.Variable]:
        """Returns every variable that a resumed run needs, random states of dropout included."""
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

    def train_on(self, batches: list[tuple[tf.Tensor, tf.Tensor]]) -> dict[str, tf.Tensor]:
        """Trains one step on each batch, in one call of the graph, and returns the mean scalars.

        Raises `UserError` when another machine of the run has failed.
        """
        with self.devices.machine_errors_as_user_errors():
            if len(batches) == 1:
                return self.step(*map(self.devices.split_batch, batches[0]))
            stacked = (tf.stack(pictures) for pictures in zip(*batches, strict=True))
            return self.step_many(*(self.devices.split_batch(x, axis=1) for x in stacked))

    def _step_many(self, inputs: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        count = self.strategy.experimental_local_results(inputs)[0].shape[0]
        totals = tf.zeros(len(SCALARS))
        for index in tf.range(count):
            totals += tf.stack(list(self._step(inputs, targets, index).values()))
        return dict(zip(SCALARS, tf.unstack(totals / count), strict=True))

    def _step(self, inputs, targets, index: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        per_replica = self.strategy.run(self._replica_step, (inputs, targets, index))
        self._update_average()
        mean = tf.distribute.ReduceOp.MEAN
        return {name: self.strategy.reduce(mean, per_replica[name], None) for name in SCALARS}

    def _replica_step(self, inputs, targets, index: tf.Tensor | None) -> dict[str, tf.Tensor]:
        if index is not None:
            inputs, targets = inputs[index], targets[index]
        inputs = _to_tensor(inputs, self.config.input_channels)
        targets = _to_tensor(targets, self.config.target_channels)
        with tf.GradientTape() as generator_tape:
            generated = self.generator(inputs, training=True)
            d_loss, d_real, d_fake = self._step_discriminator(inputs, targets, generated)
            # The discriminator is updated before it scores the generator, as in the authors' code.
            fake_logits, matching = self._score(inputs, targets, generated)
            gan = losses.generator_gan_loss(fake_logits, self.config.gan_loss)
            l1 = losses.l1_loss(generated, targets)
            weighted = self._weighted_l1(generated, targets)
            total = gan + self.config.l1_weight * weighted + self.config.feature_weight * matching
            total = self._scale_loss(total, self.generator_optimizer)
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(generator_tape.gradient(total, variables), variables)
        return dict(zip(SCALARS, (d_loss, gan, l1, d_real, d_fake), strict=True))

    def _weighted_l1(self, generated: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Returns the L1 loss, with the weights of the target's colors if there are any."""
        if self.target_colors is None:
            return losses.l1_loss(generated, targets)
        colors = _to_tensor(self.target_colors.colors, self.config.target_channels)
        weights = losses.color_weights(self.target_colors.shares, self._color_balance())
        weights = losses.pixel_weights(targets, colors, weights)
        return losses.l1_loss(generated, targets, weights)

    def _color_balance(self) -> tf.Tensor | float:
        """Returns the exponent of this step, which may fall in the second half of the run."""
        first, decay = self.config.color_balance, self.config.color_balance_decay
        if not decay:
            return first
        step = tf.cast(self.generator_optimizer.iterations.value, tf.float32)
        return first * (1.0 - decay * (1.0 - _decay(step, self.total_steps)))

    def _score(self, inputs, targets, generated):
        """Returns the discriminator's logits for the generated pair, and the feature loss."""
        if self.features is None:
            return self.discriminator([inputs, generated], training=True), 0.0
        *generated_features, logits = self.features([inputs, generated], training=True)
        *real_features, _ = self.features([inputs, targets], training=True)
        return logits, losses.feature_loss(generated_features, real_features)

    def _step_discriminator(self, inputs, targets, generated):
        generated = tf.stop_gradient(generated)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            # Two passes, since in one pass real and generated would share normalization statistics.
            real = self.discriminator([inputs, targets], training=True)
            fake = self.discriminator([inputs, generated], training=True)
            loss = losses.discriminator_loss(real, fake, self.config.gan_loss)
            scaled = self._scale_loss(loss, self.discriminator_optimizer)
        self.discriminator_optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))

    def _scale_loss(self, loss: tf.Tensor, optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
        # Gradients are summed over the replicas, so each loss is divided by their number.
        return optimizer.scale_loss(loss) / self.strategy.num_replicas_in_sync

    def _update_average(self) -> None:
        if self.averaged is None:
            return
        # The decay starts small, so that the average forgets the initial weights quickly.
        steps = tf.cast(self.generator_optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1.0 + steps) / (10.0 + steps))

        def move_average(average, weight, decay):
            average.assign(decay * average + (1.0 - decay) * weight)

        weights = published_weights(self.generator)
        for average, weight in zip(self.averaged.weights, weights, strict=True):
            arguments = (weight, decay)
            self.strategy.extended.update(average.value, move_average, arguments, group=False)


def _to_tensor(images: tf.Tensor, channels: int) -> tf.Tensor:
    """Converts uint8 in [0, 255] to float32 in [-1, 1] inside the compiled step.

    All three channels of a gray picture are equal, so the first of them is enough.
    """
    return tf.cast(images[..., :channels], tf.float32) / 127.5 - 1.0


def _use_xla(choice: str, devices: Devices) -> bool:
    # XLA can't compile the exchange of gradients between devices.
    if devices.strategy.num_replicas_in_sync > 1:
        return False
    return choice == "on" or (choice == "auto" and devices.has_gpu)
