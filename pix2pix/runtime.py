"""How TensorFlow runs in this project's programs, and how they get its memory back."""

import contextlib
import ctypes
import os
from collections.abc import Iterable

# Settings of glibc's mallopt. From so many bytes on, the free end of the heap is given back, and a
# block is asked of the system by itself and given back when it is freed; both grow in use.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
FROM_THE_START = {TRIM_THRESHOLD: 2**17, MMAP_THRESHOLD: 2**17}


def prepare_tensorflow() -> None:
    """Sets what TensorFlow reads at its import, unless the user has; to be called before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Left off by TensorFlow where a processor has no AVX-512; oneDNN is faster there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Its own allocator never gives memory back, which `give_up` is for; this one costs a full-size
    # step on two cores about 4 % of its time.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def give_up(variables: Iterable) -> None:
    """Empties Keras variables that are of no more use: their memory goes back to the system.

    Forgetting them is not enough. TensorFlow 2.21 holds what an optimizer has updated in a
    `tf.function` for as long as the process lives, and the C library holds what was freed.
    """
    import tensorflow as tf

    for setting, value in FROM_THE_START.items():
        _glibc("mallopt", setting, value)
    trim()  # before, for emptying takes some memory too
    for variable in variables:
        nothing = tf.zeros([0], variable.value.dtype)
        for part in getattr(variable.value, "values", [variable.value]):  # one a device
            tf.raw_ops.AssignVariableOp(resource=part.handle, value=nothing, validate_shape=False)
    trim()


def trim() -> None:
    """Hands what was freed back to the system."""
    _glibc("malloc_trim", 0)


def share_heap() -> None:
    """Has all threads take their memory from one heap; of one each, parts would lie idle.

    To be called before TensorFlow starts its threads.
    """
    _glibc("mallopt", ARENA_MAX, 1)


def _glibc(function: str, *arguments: int) -> None:
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system's C library
        getattr(ctypes.CDLL(None), function)(*arguments)
