"""pix2pix (Isola et al., 2017, arXiv 1611.07004) for the Hugging Face Hub.

The public API is `Translator` and `UserError`; everything else may change between versions.

Example:
    >>> from pix2pix import Translator
    >>> translator = Translator.from_pretrained("assets/starter_model")
    >>> translator("aerial.jpg").save("map.png")
"""

import os

from pix2pix.errors import UserError

# ONNX Runtime reports to Microsoft from each process that loads a graph, unless this variable is
# set when it is imported; calling its `disable_telemetry_events` afterwards is too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Translator", "UserError", "__version__"]


def __getattr__(name: str):
    # Imported on first use, so that `import pix2pix` and `--help` do not wait for NumPy and Pillow.
    if name == "Translator":
        from pix2pix.translate import Translator

        return Translator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
