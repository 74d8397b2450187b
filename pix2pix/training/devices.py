"""What a run computes on: one device, all local GPUs, or several machines (`TF_CONFIG`)."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from pix2pix.config import Config
from pix2pix.data import Worker
from pix2pix.errors import UserError
from pix2pix.runtime import share_heap

FEW_CORES = 4


@dataclass(frozen=True)
class Devices:
    """The devices that share each batch, and which machine of the run this process is.

    The gradients of all are summed, so that they train as one device would on the whole batch.
    """

    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)
    worker: Worker = Worker()

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints and artifacts: one of the machines does."""
        return self.worker.index == 0

    @property
    def has_gpu(self) -> bool:
        return bool(tf.config.list_physical_devices("GPU"))

    @property
    def name(self) -> str:
        """The first GPU's name, or the processor's with its cores; how many, where several."""
        count = self.strategy.num_replicas_in_sync
        several = f"{count} x " if count > 1 else ""
        for gpu in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpu)
            return several + details.get("device_name", "GPU")
        return f"{several}{processor()} ({os.cpu_count()} cores)"

    def spread(self, pictures: tf.Tensor, axis: int = 0):
        """This machine's pictures, in equal parts along `axis`, one a local device."""
        count = self.strategy.num_replicas_in_sync // self.worker.count
        if count == 1:
            return pictures
        parts = tf.split(pictures, count, axis)
        return self.strategy.experimental_distribute_values_from_function(
            lambda replica: parts[replica.replica_id_in_sync_group % count]
        )

    def check_agreed(self, step: int) -> None:
        """Raises `UserError` when the machines would go on from different steps."""
        if self.worker.count == 1:
            return
        mine = tf.constant(float(step))
        with self.watched():
            mean = tf.function(lambda: self.strategy.run(_mean_of_replicas, (mine,)))()
        if any(float(m) != step for m in self.strategy.experimental_local_results(mean)):
            raise UserError(
                f"This machine starts after step {step}, another one elsewhere; --output_dir must "
                "be a folder that all of them share."
            )

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Turns TensorFlow's errors about a lost machine into one sentence."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
            if self.worker.count == 1:
                raise
            raise UserError(
                "Another machine of this run has stopped or can't be reached; start all of them "
                "again with --resume_from_checkpoint latest."
            ) from None


def _mean_of_replicas(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)


def choose(config: Config) -> Devices:
    """Every device that this machine has and `TF_CONFIG` names, as far as the batch can be shared.

    With several machines, this must come before anything else that uses TensorFlow. Raises
    `UserError` when `TF_CONFIG` can't be read or the batch can't be shared by its machines.
    """
    worker = _worker()
    _check_shared(config, worker)
    _take_turns()
    if worker.count > 1:
        return Devices(tf.distribute.MultiWorkerMirroredStrategy(), worker)
    gpus = tf.config.list_logical_devices("GPU")
    count = max((n for n in range(1, len(gpus) + 1) if not config.train_batch_size % n), default=0)
    if count < len(gpus):
        print(f"Using {count} of {len(gpus)} GPUs: --train_batch_size shares among no more.")
    if count > 1:
        return Devices(tf.distribute.MirroredStrategy([gpu.name for gpu in gpus[:count]]))
    return Devices()


def _take_turns() -> None:
    """Has one operation run at a time where few cores are all there is: each can use them all.

    Side by side they would hold a quarter more memory, and a step take up to a tenth less time.
    A heap for each thread would hold more, too.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus or (os.cpu_count() or 1) > FEW_CORES or "TF_NUM_INTEROP_THREADS" in os.environ:
        return
    share_heap()
    with contextlib.suppress(RuntimeError):  # TensorFlow has begun to work already
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _worker() -> Worker:
    """This process's place among the machines that `TF_CONFIG` lists."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}")
        machines = cluster.get("cluster", {}).get("worker", ["here"])
        return Worker(cluster.get("task", {}).get("index", 0), len(machines))
    except (ValueError, AttributeError, TypeError):
        raise UserError(
            "TF_CONFIG is not what TensorFlow reads; give it as "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
        ) from None


def _check_shared(config: Config, worker: Worker) -> None:
    if config.train_batch_size % worker.count:
        raise UserError(
            f"--train_batch_size is {config.train_batch_size}; it must be a multiple of the "
            f"{worker.count} machines that TF_CONFIG names."
        )


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":", 1)[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "CPU"
