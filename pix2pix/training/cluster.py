"""Reads which of several machines this process is, without loading TensorFlow."""

import json
import os

from pix2pix.data import Worker
from pix2pix.errors import UserError


def read_worker() -> Worker:
    """Returns the index of this process among the machines of `TF_CONFIG`, 0 without it.

    Raises `UserError` when the variable can't be read.
    """
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}")
        machines = cluster.get("cluster", {}).get("worker", ["this machine"])
        return Worker(cluster.get("task", {}).get("index", 0), len(machines))
    except (ValueError, AttributeError, TypeError):
        raise UserError(
            "TF_CONFIG has a form that TensorFlow can't read; set it to "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
        ) from None
