"""What changes how a step is computed must not change what is learned."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pix2pix.training.trainer import Trainer
from tests.builders import pair_array, tiny_config
from tests.commands import ROOT, run_train_hub

STEPS = 4
PLAIN = tiny_config(train_batch_size=2, dropout=0.0, ema_decay=0.9)


def batches() -> tuple[tf.Tensor, tf.Tensor]:
    """Inputs and targets, each (STEPS, 2, 64, 64, 3) uint8."""
    pairs = pair_array(2 * STEPS).reshape(STEPS, 2, 2, 64, 64, 3)
    return tf.constant(pairs[:, :, 0]), tf.constant(pairs[:, :, 1])


def trained(**changes) -> tuple[Trainer, list[dict]]:
    trainer = Trainer(tiny_config(**(PLAIN.to_dict() | changes)), 100)
    reported = [trainer.step(*batch) for batch in zip(*batches(), strict=True)]
    return trainer, [{name: float(value) for name, value in r.items()} for r in reported]


@pytest.fixture(scope="module")
def plain() -> tuple[Trainer, list[dict]]:
    return trained()


def test_several_steps_a_call_are_the_same_steps(plain):
    trainer, reported = plain
    together = Trainer(PLAIN, 100)
    means = together.steps(*batches())
    for name, value in means.items():
        assert float(value) == pytest.approx(np.mean([r[name] for r in reported]), abs=1e-6)
    for name, variable in together.state().items():
        np.testing.assert_array_equal(variable, trainer.state()[name], err_msg=name)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_alike(plain, precision):
    trainer, reported = trained(mixed_precision=precision)
    for mine, theirs in zip(reported, plain[1], strict=True):
        for name, value in mine.items():
            assert value == pytest.approx(theirs[name], abs=0.02), name
    assert trainer.published.layers[-2].compute_dtype == "float32"


def test_loss_scaling_keeps_small_gradients_and_is_saved():
    """fp16 alone, with gradients below its smallest number, would learn nothing."""
    trainer = Trainer(tiny_config(mixed_precision="fp16", l1_weight=0.0), 100)
    before = trainer.generator.get_weights()
    inputs, targets = batches()
    trainer.step(inputs[0], targets[0])
    moved = [np.any(a != b) for a, b in zip(before, trainer.generator.get_weights(), strict=True)]
    assert all(moved)
    scales = [np.asarray(v) for v in trainer.generator_optimizer.variables if v.shape == ()]
    assert 2.0**15 in scales
    saved = {id(variable) for variable in trainer.state().values()}
    assert {id(v) for v in trainer.generator_optimizer.variables} <= saved


@pytest.mark.slow
def test_xla_gives_the_same_losses(plain):
    trainer, reported = trained(jit_compile="on")
    for mine, theirs in zip(reported, plain[1], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)
    assert trainer.step.experimental_get_tracing_count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_mixed_precision_trains_for_long(precision, tmp_path):
    """200 steps on the embedded pairs; a loss or a weight that is not finite would end the run."""
    run_train_hub(
        "--dataset_name", "assets/sample_maps", "--image_size", "64", "--generator_filters", "16",
        "--discriminator_filters", "16", "--max_train_steps", "200", "--validation_samples", "2",
        "--mixed_precision", precision,
        "--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"),
    )  # fmt: skip
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == [str(n) for n in range(1, 201)]


MIRRORED = """
import json, sys
import tensorflow as tf
from tests.test_training_options import PLAIN, batches
from pix2pix.training.devices import Devices
from pix2pix.training.trainer import Trainer
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
devices = Devices(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
trainer = Trainer(PLAIN, 100, devices)
inputs, targets = batches()
reported = [trainer.advance([batch]) for batch in zip(inputs, targets)]
print(json.dumps([{name: float(value) for name, value in r.items()} for r in reported]))
print(json.dumps([float(tf.reduce_sum(tf.abs(v))) for v in trainer.finish().weights]))
copies = [part for v in trainer.generator.variables for part in v.value.values]
assert len(copies) == 2 * len(trainer.generator.variables)
assert not any(tf.reduce_prod(tf.raw_ops.VariableShape(input=part.handle)) for part in copies)
"""


def test_two_devices_train_as_one_at_the_same_batch(plain):
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED], cwd=ROOT, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    losses, averages = map(json.loads, done.stdout.strip().splitlines()[-2:])
    for mine, theirs in zip(losses, plain[1], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)
    expected = [float(tf.reduce_sum(tf.abs(v))) for v in plain[0].averaged.weights]
    assert averages == pytest.approx(expected, rel=1e-3)
