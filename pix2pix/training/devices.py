"""Chooses the devices of a run: one device, all local GPUs, or several machines (`TF_CONFIG`)."""

import contextlib
import logging
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from pix2pix.config import Config
from pix2pix.data import Worker
from pix2pix.errors import UserError
from pix2pix.runtime import use_one_malloc_arena
from pix2pix.training.cluster import read_worker

LOGGER = logging.getLogger(__name__)
FEW_CORES = 4


@dataclass(frozen=True)
class Devices:
    """The devices that share each batch, and the index of this machine among those of the run.

    The gradients of all devices are summed, so that a step has the result of one device with the
    whole batch.
    """

    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)
    worker: Worker = Worker()

    @property
    def is_chief(self) -> bool:
        """Whether this machine writes checkpoints and artifacts; only the first one does."""
        return self.worker.index == 0

    @property
    def has_gpu(self) -> bool:
        """Whether TensorFlow sees a GPU."""
        return bool(tf.config.list_physical_devices("GPU"))

    @property
    def name(self) -> str:
        """The name of the GPU or CPU for the model card, with the number of devices if several."""
        count = self.strategy.num_replicas_in_sync
        prefix = f"{count} x " if count > 1 else ""
        for gpu in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpu)
            return prefix + details.get("device_name", "GPU")
        return f"{prefix}{cpu_name()} ({os.cpu_count()} cores)"

    def split_batch(self, pictures: tf.Tensor, axis: int = 0):
        """Splits this machine's pictures along `axis` into equal parts, one per local device."""
        count = self.strategy.num_replicas_in_sync // self.worker.count
        if count == 1:
            return pictures
        parts = tf.split(pictures, count, axis)
        return self.strategy.experimental_distribute_values_from_function(
            lambda replica: parts[replica.replica_id_in_sync_group % count]
        )

    def check_same_step(self, step: int) -> None:
        """Raises `UserError` unless all machines of the run start after the same step."""
        if self._mean_over_machines(step) != step:
            raise UserError(
                f"This machine starts after step {step} and another one after a different step; "
                "--output_dir must be a folder that all machines share."
            )

    def any_machine(self, condition: bool) -> bool:
        """Returns whether the condition holds on any machine of the run; all must ask for it."""
        return self._mean_over_machines(float(condition)) > 0

    def _mean_over_machines(self, value: float) -> float:
        if self.worker.count == 1:
            return value
        own = tf.constant(float(value))
        with self.machine_errors_as_user_errors():
            mean = tf.function(lambda: self.strategy.run(_mean_over_replicas, (own,)))()
        return float(self.strategy.experimental_local_results(mean)[0])

    @contextlib.contextmanager
    def machine_errors_as_user_errors(self) -> Iterator[None]:
        """Turns TensorFlow's errors about another machine into a `UserError`."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
            if self.worker.count == 1:
                raise
            raise UserError(
                "Another machine of this run has stopped or can't be reached; start all of them "
                "again with --resume_from_checkpoint latest."
            ) from None


def _mean_over_replicas(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)


def choose_devices(config: Config) -> Devices:
    """Returns all devices of this machine and of `TF_CONFIG` that can share the batch equally.

    With several machines, this must come before anything else that uses TensorFlow. Raises
    `UserError` when `TF_CONFIG` can't be read or its machines can't share the batch equally.
    """
    worker = read_worker()
    _check_batch_size(config, worker)
    _limit_parallel_operations()
    if worker.count > 1:
        return Devices(tf.distribute.MultiWorkerMirroredStrategy(), worker)
    gpus = tf.config.list_logical_devices("GPU")
    count = max((n for n in range(1, len(gpus) + 1) if not config.train_batch_size % n), default=0)
    if count < len(gpus):
        LOGGER.info(
            "Using %d of %d GPUs: --train_batch_size %d can't be split equally among more.",
            count, len(gpus), config.train_batch_size,
        )  # fmt: skip
    if count > 1:
        return Devices(tf.distribute.MirroredStrategy([gpu.name for gpu in gpus[:count]]))
    return Devices()


def _limit_parallel_operations() -> None:
    """Makes TensorFlow run one operation at a time on a CPU with few cores.

    One operation already uses all cores. Parallel operations make a step up to a tenth faster, but
    need a quarter more memory; so does a malloc arena per thread.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus or (os.cpu_count() or 1) > FEW_CORES or "TF_NUM_INTEROP_THREADS" in os.environ:
        return
    use_one_malloc_arena()
    with contextlib.suppress(RuntimeError):  # TensorFlow has already started its threads
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _check_batch_size(config: Config, worker: Worker) -> None:
    if config.train_batch_size % worker.count:
        raise UserError(
            f"--train_batch_size is {config.train_batch_size}; it must be a multiple of the "
            f"{worker.count} machines in TF_CONFIG."
        )


def cpu_name() -> str:
    """Returns the CPU's model name, or a generic name where the system does not know it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":", 1)[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "CPU"
