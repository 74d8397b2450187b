"""How the learning rate changes over a run."""

import keras
import tensorflow as tf


class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant over the first half of `steps`, then linear to zero."""

    def __init__(self, learning_rate: float, steps: int):
        self.learning_rate, self.steps = learning_rate, steps

    def __call__(self, step):
        remaining = 2.0 * (1.0 - tf.cast(step, tf.float32) / self.steps)
        return self.learning_rate * tf.clip_by_value(remaining, 0.0, 1.0)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps}
