"""How TensorFlow runs in this project's programs, and how they get its memory back."""

import contextlib
import ctypes
import os
from collections.abc import Iterable

# Settings of glibc's mallopt: blocks from a size on are asked of the system one by one, so many at
# most, and given back as soon as they are freed, as is the end of the heap.
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -3, -4, -8
DEFAULTS = {TRIM_THRESHOLD: 2**17, MMAP_THRESHOLD: 2**17, MMAP_MAX: 2**16}


def prepare_tensorflow() -> None:
    """Sets what TensorFlow reads at its import, unless the user has; to be called before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Left off by TensorFlow where a processor has no AVX-512; oneDNN is faster there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Its own allocator never gives memory back, which `give_up` is for.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def give_up(variables: Iterable) -> None:
    """Empties Keras variables that are of no more use: their memory goes back to the system.

    Forgetting them is not enough. TensorFlow 2.21 holds what an optimizer has updated in a
    `tf.function` for as long as the process lives, and the C library holds what was freed.
    """
    import tensorflow as tf

    for setting, value in DEFAULTS.items():
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


def hold_freed_memory() -> None:
    """Has the C library keep what is freed, until `give_up`, so that the next step finds it there.

    To ask the system for it again costs a full-size step on two cores 5 % of its time. To be
    called before TensorFlow starts its threads: each would have a heap of its own.
    """
    for setting, value in ((TRIM_THRESHOLD, 2**31 - 1), (MMAP_MAX, 0), (ARENA_MAX, 1)):
        _glibc("mallopt", setting, value)


def _glibc(function: str, *arguments: int) -> None:
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system's C library
        getattr(ctypes.CDLL(None), function)(*arguments)
