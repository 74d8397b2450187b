"""Registers a function with ZeroGPU, which stops a Space that has none.

ZeroGPU is hardware of the Hub that lends a GPU to functions decorated with `spaces.GPU`, for
seconds of the visitor's own quota. The Space translates on the CPU and uses it as free hosting.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any

import gradio as gr

logger = logging.getLogger(__name__)

VARIABLE = "SPACES_ZERO_GPU"


def register_function(environ: Mapping[str, str] = os.environ) -> None:
    """Registers one function that is never called, if this Space runs on ZeroGPU.

    Called before the interface is built. The package `spaces` comes with the Hub's ZeroGPU
    machines, and is imported nowhere else.
    """
    if environ.get(VARIABLE, "").lower() not in ("1", "t", "true"):  # as the package reads it
        return
    try:
        import spaces
    except (ImportError, AssertionError) as error:  # the latter without a URL of the device API
        logger.warning("This Space does not register with ZeroGPU: %s.", error)
        return
    # The package warns of a machine without Nvidia's driver, which this Space does not need.
    warnings.filterwarnings("ignore", "Error while reading infos from Nvidia driver")
    spaces.GPU(_do_nothing)
    _launch_even_without_zero_gpu()


def _do_nothing() -> None:
    """Counts as the Space's GPU function, of which ZeroGPU demands at least one."""


def _launch_even_without_zero_gpu() -> None:
    """Makes the Space start even if its functions can't be reported to ZeroGPU.

    On import, `spaces` has replaced `gr.Blocks.launch` by a function that reports first, restores
    Gradio's launch and calls it. A report that fails would end the program.
    """
    report_and_launch = gr.Blocks.launch
    gradio_launch = getattr(report_and_launch, "__wrapped__", None)
    if gradio_launch is None:
        return

    def launch(blocks: gr.Blocks, *args: Any, **kwargs: Any) -> Any:
        try:
            return report_and_launch(blocks, *args, **kwargs)
        except Exception as error:
            if gr.Blocks.launch is not launch:  # restored: the report was sent, and Gradio failed
                raise
            logger.warning("The Space starts, but can't report this to ZeroGPU: %s.", error)
        gr.Blocks.launch = gradio_launch  # type: ignore[method-assign]
        return blocks.launch(*args, **kwargs)

    gr.Blocks.launch = launch  # type: ignore[assignment, method-assign]
