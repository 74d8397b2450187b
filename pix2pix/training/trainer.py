"""The networks with their optimizers, and one training step (arXiv 1611.07004, section 3.3)."""

import keras
import tensorflow as tf

from pix2pix import losses
from pix2pix.config import Config
from pix2pix.networks import build_discriminator, build_generator

# What a step reports, in the order of history.csv.
SCALARS = ("discriminator_loss", "generator_gan_loss", "l1_loss", "d_real", "d_fake")


class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant over the first half of `steps`, then linear to zero."""

    def __init__(self, learning_rate: float, steps: int):
        self.learning_rate, self.steps = learning_rate, steps

    def __call__(self, step):
        remaining = 2.0 * (1.0 - tf.cast(step, tf.float32) / self.steps)
        return self.learning_rate * tf.clip_by_value(remaining, 0.0, 1.0)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps}


class Trainer:
    """Generator, discriminator, both Adams and the averaged generator, advanced by `step`.

    `step(inputs, targets)` takes two (B, S, S, 3) uint8 tensors and returns a dict of scalar
    float32 tensors named in `SCALARS`.
    """

    def __init__(self, config: Config, steps: int):
        """`steps` is the length of the whole run: the linear schedule needs it."""
        keras.utils.set_random_seed(config.seed)
        self.config = config
        self.generator = build_generator(config)
        self.discriminator = build_discriminator(config)
        self.generator_optimizer = self._adam(steps, self.generator)
        self.discriminator_optimizer = self._adam(steps, self.discriminator)
        self.averaged = None
        if config.ema_decay is not None:
            self.averaged = keras.models.clone_model(self.generator)
            self.averaged.set_weights(self.generator.get_weights())
        self.step = tf.function(self._step, jit_compile=_use_xla(config.jit_compile))

    def _adam(self, steps: int, model: keras.Model) -> keras.optimizers.Adam:
        rate = self.config.learning_rate
        if self.config.lr_schedule == "linear":
            rate = LinearDecay(rate, steps)
        adam = keras.optimizers.Adam(rate, beta_1=self.config.adam_beta1, epsilon=1e-8)
        adam.build(model.trainable_variables)
        return adam

    @property
    def published(self) -> keras.Model:
        """The generator to measure and publish: the averaged one where there is one."""
        return self.averaged or self.generator

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

    def _step(self, inputs: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs, targets = _to_tensor(inputs), _to_tensor(targets)
        with tf.GradientTape() as generator_tape:
            generated = self.generator(inputs, training=True)
            d_loss, d_real, d_fake = self._step_discriminator(inputs, targets, generated)
            # D was updated first, so G is scored by the new one, as in the authors' code.
            fake_logits = self.discriminator([inputs, generated], training=True)
            gan = losses.generator_gan_loss(fake_logits, self.config.gan_loss)
            l1 = losses.l1_loss(generated, targets)
            total = gan + self.config.l1_weight * l1
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(generator_tape.gradient(total, variables), variables)
        self._update_average()
        return dict(zip(SCALARS, (d_loss, gan, l1, d_real, d_fake), strict=True))

    def _step_discriminator(self, inputs, targets, generated):
        generated = tf.stop_gradient(generated)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            # Two passes: together, real and generated would share normalisation statistics.
            real = self.discriminator([inputs, targets], training=True)
            fake = self.discriminator([inputs, generated], training=True)
            loss = losses.discriminator_loss(real, fake, self.config.gan_loss)
        self.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))

    def _update_average(self) -> None:
        if self.averaged is None:
            return
        # Early on the average follows quickly, or the initial weights would linger in it.
        steps = tf.cast(self.generator_optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1.0 + steps) / (10.0 + steps))
        pairs = zip(self.averaged.weights, self.generator.weights, strict=True)
        for average, weight in pairs:
            average.assign(decay * average + (1.0 - decay) * weight)


def _to_tensor(images: tf.Tensor) -> tf.Tensor:
    """uint8 in [0, 255] -> float32 in [-1, 1], inside the compiled step."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _use_xla(choice: str) -> bool:
    return choice == "on" or (choice == "auto" and bool(tf.config.list_physical_devices("GPU")))
