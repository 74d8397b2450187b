"""Options that change how a step is computed do not change what is learned."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pix2pix.training.trainer import Trainer
from tests.builders import tiny_config
from tests.commands import ROOT, run_train_hub
from tests.training_steps import PLAIN, batches


def trained(**changes) -> tuple[Trainer, list[dict]]:
    """Returns a trainer after the steps, and the scalars of each step."""
    trainer = Trainer(tiny_config(**(PLAIN.to_dict() | changes)), 100)
    scalars = [trainer.step(*batch) for batch in zip(*batches(), strict=True)]
    return trainer, [{name: float(value) for name, value in s.items()} for s in scalars]


@pytest.fixture(scope="module")
def plain() -> tuple[Trainer, list[dict]]:
    return trained()


@pytest.mark.slow
def test_several_steps_per_call_equal_single_steps(plain):
    trainer, scalars = plain
    other = Trainer(PLAIN, 100)
    means = other.step_many(*batches())
    for name, value in means.items():
        assert float(value) == pytest.approx(np.mean([s[name] for s in scalars]), abs=1e-6)
    for name, variable in other.state().items():
        np.testing.assert_array_equal(variable, trainer.state()[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_like_float32(plain, precision):
    trainer, scalars = trained(mixed_precision=precision)
    for step_scalars, expected in zip(scalars, plain[1], strict=True):
        for name, value in step_scalars.items():
            assert value == pytest.approx(expected[name], abs=0.02), name
    assert trainer.published.layers[-2].compute_dtype == "float32"


@pytest.mark.slow
def test_loss_scaling_keeps_small_gradients_and_is_saved():
    """Without loss scaling, gradients below the smallest float16 number would be zero."""
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
    trainer, scalars = trained(jit_compile="on")
    for step_scalars, expected in zip(scalars, plain[1], strict=True):
        assert step_scalars == pytest.approx(expected, abs=1e-4)
    assert trainer.step.experimental_get_tracing_count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_mixed_precision_stays_finite_for_100_steps(precision, tmp_path):
    """On the embedded pairs; a loss or weight that is not finite would end the run."""
    run_train_hub(
        "--dataset_name", "assets/sample_maps", "--image_size", "64", "--generator_filters", "16",
        "--discriminator_filters", "16", "--max_train_steps", "100", "--validation_samples", "2",
        "--mixed_precision", precision,
        "--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"),
    )  # fmt: skip
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == [str(n) for n in range(1, 101)]


TWO_DEVICES = """
import json, sys
import tensorflow as tf
from tests.training_steps import PLAIN, batches
from pix2pix.training.devices import Devices
from pix2pix.training.trainer import Trainer
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
devices = Devices(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
trainer = Trainer(PLAIN, 100, devices)
inputs, targets = batches()
scalars = [trainer.train_on([batch]) for batch in zip(inputs, targets)]
print(json.dumps([{name: float(value) for name, value in s.items()} for s in scalars]))
print(json.dumps([float(tf.reduce_sum(tf.abs(v))) for v in trainer.finish().weights]))
copies = [part for v in trainer.generator.variables for part in v.value.values]
assert len(copies) == 2 * len(trainer.generator.variables)
assert not any(tf.reduce_prod(tf.raw_ops.VariableShape(input=part.handle)) for part in copies)
"""


@pytest.mark.slow
def test_two_devices_train_like_one_with_the_same_batch_size(plain):
    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], cwd=ROOT, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-2000:]
    losses, averages = map(json.loads, process.stdout.strip().splitlines()[-2:])
    for step_scalars, expected in zip(losses, plain[1], strict=True):
        assert step_scalars == pytest.approx(expected, abs=1e-4)
    expected_averages = [float(tf.reduce_sum(tf.abs(v))) for v in plain[0].averaged.weights]
    assert averages == pytest.approx(expected_averages, rel=1e-3)
