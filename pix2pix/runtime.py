"""How TensorFlow runs in this project's programs, and how they get its memory back."""

import contextlib
import ctypes
import os
from collections.abc import Iterable


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

    for variable in variables:
        nothing = tf.zeros([0], variable.value.dtype)
        for part in getattr(variable.value, "values", [variable.value]):  # one a device
            tf.raw_ops.AssignVariableOp(resource=part.handle, value=nothing, validate_shape=False)
    with contextlib.suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)
