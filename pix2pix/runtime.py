"""Configures TensorFlow, and returns memory that it no longer needs to the operating system.

Freeing memory serves one purpose: the end of a run (export and evaluation) needs no more memory
than its steps. A fresh process for the end, started from the saved Keras files, was measured as an
alternative, with full-size networks on two cores:

| end of the run                          | peak RSS, GB | CPU time, s |
|-----------------------------------------|--------------|-------------|
| in the same process, memory freed       | 1.72         | 32          |
| in a fresh process, which loads again   | 1.73         | 46          |

The steps before need 1.75 GB. A child process would add its 1.73 GB to what its parent still holds.
Replacing the process (`os.execv`) saves nothing, takes longer, and can't be used by callers that
train within their own process, such as notebooks.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterable

# Parameters of glibc's mallopt.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
# Free memory at the end of the heap is returned to the system from TRIM_THRESHOLD bytes on, and a
# block of MMAP_THRESHOLD bytes is mapped separately, so that freeing it returns it. glibc starts
# with these values and raises them while a program runs.
INITIAL_THRESHOLDS = {TRIM_THRESHOLD: 2**17, MMAP_THRESHOLD: 2**17}


def prepare_tensorflow() -> None:
    """Sets TensorFlow's environment variables, except those the user has set.

    Must be called before TensorFlow is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow disables oneDNN on CPUs without AVX-512, but it is faster there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # oneDNN's own allocator never returns memory, so `free_variables` would free nothing. The
    # system's allocator makes a full-size step on two cores about 4 % slower.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def free_variables(variables: Iterable) -> None:
    """Empties Keras variables that are no longer needed and returns their memory to the system.

    Deleting the references is not enough: TensorFlow 2.21 keeps what an optimizer has updated in a
    `tf.function` until the process ends, and the C library keeps freed memory.
    """
    import tensorflow as tf

    for parameter, value in INITIAL_THRESHOLDS.items():
        _call_glibc("mallopt", parameter, value)
    release_free_memory()  # before, because emptying variables needs some memory
    for variable in variables:
        empty = tf.zeros([0], variable.value.dtype)
        for part in getattr(variable.value, "values", [variable.value]):  # one per device
            tf.raw_ops.AssignVariableOp(resource=part.handle, value=empty, validate_shape=False)
    release_free_memory()


def release_free_memory() -> None:
    """Returns freed memory to the system."""
    _call_glibc("malloc_trim", 0)


def use_one_malloc_arena() -> None:
    """Makes all threads allocate from one malloc arena, so that none holds idle memory of its own.

    Must be called before TensorFlow starts its threads.
    """
    _call_glibc("mallopt", ARENA_MAX, 1)


def _call_glibc(function: str, *arguments: int) -> None:
    # Other C libraries do not have these functions.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)
