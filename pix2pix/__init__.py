"""pix2pix (Isola et al., 2017, arXiv 1611.07004) for the Hugging Face Hub.

The public API is `Translator` and `UserError`; everything else may change between versions.

Example:
    >>> from pix2pix import Translator
    >>> translator = Translator.from_pretrained("assets/starter_model")
    >>> translator("aerial.jpg").save("map.png")
"""

import os

from pix2pix.errors import UserError

# ONNX Runtime reports to Microsoft from each process that opens a graph, unless this says no when
# it is imported; its `disable_telemetry_events` comes too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Translator", "UserError", "__version__"]


def __getattr__(name: str):
    # Lazy, so that `import pix2pix` and `train_hub.py --help` do not wait for ONNX Runtime.
    if name == "Translator":
        from pix2pix.translate import Translator

        return Translator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
