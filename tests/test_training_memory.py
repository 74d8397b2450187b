"""What a finished run gives back, so that export and evaluation need no more than training did."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pix2pix.training.trainer import Trainer
from tests.builders import pair_array, tiny_config
from tests.commands import ROOT


def size(variable) -> int:
    """Numbers in it now: its static shape does not tell."""
    return int(tf.reduce_prod(tf.raw_ops.VariableShape(input=variable.value.handle)))


@pytest.mark.parametrize(
    "changes",
    [{}, {"ema_decay": 0.9}, {"mixed_precision": "bf16"}],
    ids=["plain", "averaged", "mixed precision"],
)
def test_a_finished_trainer_keeps_the_published_network_alone(changes):
    trainer = Trainer(tiny_config(**changes), 100)
    trainer.step(*map(tf.constant, pair_array(1).swapaxes(0, 1)))
    expected = trainer.published.get_weights()
    published = trainer.finish()
    for mine, theirs in zip(published.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    kept = {id(variable) for variable in published.variables}
    others = [v for v in trainer.state().values() if id(v) not in kept]
    assert len(others) > 50 and not any(map(size, others))


FULL = """
import json
from pix2pix.runtime import give_up, prepare_tensorflow
prepare_tensorflow()
import tensorflow as tf
from benchmarks.measure import memory
from pix2pix.config import Config
from pix2pix.training.trainer import Trainer
from tests.builders import pair_array
trainer = Trainer(Config(generator_filters=32, discriminator_filters=32), 100)
inputs, targets = map(tf.constant, pair_array(1, 256).swapaxes(0, 1))
trainer.step(inputs, targets)
states = 4 * sum(v.value.shape.num_elements() for v in trainer.state().values())
weights = 4 * trainer.generator.count_params()
held = [memory("VmRSS")]
published = trainer.finish()
held.append(memory("VmRSS"))
give_up(published.variables)
held.append(memory("VmRSS"))
print(json.dumps([weights, states, *held]))
"""


def test_memory_goes_back_to_the_system():
    command = [sys.executable, "-c", FULL]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    weights, states, trained, finished, done = json.loads(said.splitlines()[-1])
    assert states > 150e6
    assert trained - finished > 0.9 * (states - weights)
    assert trained - done > 0.9 * states
