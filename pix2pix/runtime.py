"""How TensorFlow runs in this project's programs: called before anything imports it."""

import os


def prepare_tensorflow() -> None:
    """Sets what TensorFlow reads at its import, unless the user has."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Left off by TensorFlow where a processor has no AVX-512; oneDNN is faster there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
