"""A finished run frees its memory, so that export and evaluation need no more than training."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pix2pix.training.trainer import Trainer
from tests.builders import make_pair_array, tiny_config
from tests.commands import ROOT


def count_elements(variable) -> int:
    """Counts the elements now in memory; the static shape does not show that it was emptied."""
    return int(tf.reduce_prod(tf.raw_ops.VariableShape(input=variable.value.handle)))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"ema_decay": 0.9},
        pytest.param({"mixed_precision": "bf16"}, marks=pytest.mark.slow),
    ],
    ids=["plain", "averaged", "mixed precision"],
)
def test_a_finished_trainer_keeps_only_the_published_network(changes):
    trainer = Trainer(tiny_config(**changes), 100)
    trainer.step(*map(tf.constant, make_pair_array(1).swapaxes(0, 1)))
    expected = trainer.published.get_weights()
    published = trainer.finish()
    for weight, expected_weight in zip(published.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, expected_weight)
    kept = {id(variable) for variable in published.variables}
    others = [v for v in trainer.state().values() if id(v) not in kept]
    assert len(others) > 50 and not any(map(count_elements, others))


HALF_SIZE_RUN = """
import json
from pix2pix.runtime import free_variables, prepare_tensorflow
prepare_tensorflow()
import tensorflow as tf
from benchmarks.measure import memory
from pix2pix.config import Config
from pix2pix.training.trainer import Trainer
from tests.builders import make_pair_array
trainer = Trainer(Config(generator_filters=32, discriminator_filters=32), 100)
inputs, targets = map(tf.constant, make_pair_array(1, 256).swapaxes(0, 1))
trainer.step(inputs, targets)
states = 4 * sum(v.value.shape.num_elements() for v in trainer.state().values())
weights = 4 * trainer.generator.count_params()
used = [memory("VmRSS")]
published = trainer.finish()
used.append(memory("VmRSS"))
free_variables(published.variables)
used.append(memory("VmRSS"))
print(json.dumps([weights, states, *used]))
"""


@pytest.mark.slow
def test_memory_is_returned_to_the_system():
    command = [sys.executable, "-c", HALF_SIZE_RUN]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    weights, states, trained, finished, done = json.loads(output.splitlines()[-1])
    assert states > 150e6
    assert trained - finished > 0.9 * (states - weights)
    assert trained - done > 0.9 * states
