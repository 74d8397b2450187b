"""Several machines with TF_CONFIG; to TensorFlow, two processes on loopback are two machines."""

import csv
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pix2pix.errors import UserError
from pix2pix.training import checkpoints, devices
from tests.builders import tiny_config
from tests.commands import ROOT, start_train_hub

LIMIT = 240
FLAGS = (
    "--dataset_name", "assets/sample_maps", "--image_size", "64", "--generator_filters", "4",
    "--discriminator_filters", "4", "--train_batch_size", "2", "--dropout", "0",
    "--validation_samples", "2", "--sample_steps", "0",
)  # fmt: skip


CORES = """
import os, tensorflow as tf
from pix2pix.training import devices
for cores, variables in (
    (devices.FEW_CORES + 1, {}), (2, {"TF_NUM_INTEROP_THREADS": "0"}), (2, {})
):
    os.cpu_count = lambda: cores
    os.environ |= variables
    devices._limit_parallel_operations()
    [os.environ.pop(name) for name in variables]
    print(tf.config.threading.get_inter_op_parallelism_threads())
"""


@pytest.mark.slow
def test_one_operation_runs_at_a_time_only_on_few_cores():
    command = [sys.executable, "-c", CORES]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.split() == ["0", "0", "1"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for bound in sockets:
        bound.bind(("127.0.0.1", 0))
    ports = [bound.getsockname()[1] for bound in sockets]
    for bound in sockets:
        bound.close()
    return ports


def start(*flags: str, **environment: str) -> subprocess.Popen:
    return start_train_hub(*FLAGS, *map(str, flags), **environment)


def start_two(*flags: str) -> list[subprocess.Popen]:
    """Starts the same command on two machines."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    configs = [json.dumps({"cluster": cluster, "task": task}) for task in tasks]
    return [start(*flags, TF_CONFIG=config) for config in configs]


def wait(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, output[-3000:]
    return output


def losses(folder: Path) -> np.ndarray:
    rows = list(csv.DictReader((folder / "history.csv").open()))
    return np.array([[float(v) for k, v in row.items() if k != "seconds"] for row in rows])


@pytest.mark.slow
def test_two_machines_train_like_one(tmp_path):
    # In its first steps, the accuracy of this network does not change, so the run stops early.
    flags = ["--max_train_steps", 7, "--validation_steps", 2, "--selection_samples", 4]
    flags += ["--selection_metric", "class_accuracy", "--early_stopping_patience", 1]
    wait(start("--output_dir", tmp_path / "alone", *flags))
    chief, other = map(wait, start_two("--output_dir", tmp_path / "two", *flags))
    expected = losses(tmp_path / "alone")
    assert len(expected) == 4
    np.testing.assert_allclose(losses(tmp_path / "two"), expected, atol=1e-4)
    assert all("The run has stopped early after step 4" in output for output in (chief, other))
    assert "Validation after step 4" in chief and "Validation after step" not in other
    assert "Everything is in" in chief and "the first machine in TF_CONFIG writes" in other


@pytest.mark.slow
def test_if_a_machine_is_killed_the_other_one_stops_with_an_error_and_the_run_resumes(tmp_path):
    run = ("--output_dir", tmp_path, "--checkpointing_steps", 10, "--max_train_steps")
    chief, other = start_two(*run, 100_000)
    started = time.monotonic()
    while not checkpoints.list_checkpoints(tmp_path / "checkpoints"):
        assert chief.poll() is None and time.monotonic() - started < LIMIT
        time.sleep(0.2)
    other.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    output, _ = chief.communicate(timeout=LIMIT)
    other.communicate()
    assert time.monotonic() - killed < 120
    assert chief.returncode == 1 and "Traceback" not in output, output[-3000:]
    assert "Another machine of this run has stopped or can't be reached; start all" in output
    last_step = checkpoints.find_latest(tmp_path / "checkpoints").step
    for process in start_two(*run, last_step + 5, "--resume_from_checkpoint", "latest"):
        assert f"after step {last_step}." in wait(process)
    assert checkpoints.find_latest(tmp_path / "checkpoints").step == last_step + 5


@pytest.mark.parametrize("content", ["{", "[]", '{"cluster": 3}', '{"cluster": {"worker": 1}}'])
def test_an_invalid_tf_config_is_a_user_error(monkeypatch, content):
    monkeypatch.setenv("TF_CONFIG", content)
    with pytest.raises(
        UserError, match="TF_CONFIG has a form that TensorFlow can't read; set it to"
    ):
        devices.choose_devices(tiny_config())


def test_a_batch_that_can_not_be_split_equally_is_refused(monkeypatch):
    task = {"type": "worker", "index": 0}
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UserError, match="is 3; it must be a multiple of the 2 machines"):
        devices.choose_devices(tiny_config(train_batch_size=3))


def test_without_tf_config_and_gpus_one_device_is_used(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    chosen = devices.choose_devices(tiny_config())
    assert chosen.strategy.num_replicas_in_sync == 1 and chosen.is_chief
