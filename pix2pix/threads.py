"""Reads numbers from environment variables, such as the CPU threads of a translation."""

import logging
import os
from collections.abc import Mapping

from pix2pix.errors import UserError

THREADS_VARIABLE = "PIX2PIX_THREADS"
MAX_THREADS = 1024

logger = logging.getLogger(__name__)


def read_threads(environ: Mapping[str, str] = os.environ) -> int:
    """Returns PIX2PIX_THREADS, the CPU threads of a translation; 0 lets ONNX Runtime choose.

    `Translator` uses at most one thread per core.

    Raises:
        UserError: when the value is not a whole number from 0 to MAX_THREADS.
    """
    return read_number(environ, THREADS_VARIABLE, 0, (0, MAX_THREADS))


def read_number(
    environ: Mapping[str, str], variable: str, default: int, limits: tuple[int, int]
) -> int:
    """Returns the whole number in an environment variable; `default` where it is not set.

    Raises:
        UserError: when the value is not a whole number within `limits`, which are included.
    """
    text, (least, greatest) = environ.get(variable, str(default)), limits
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= greatest:
        raise UserError(
            f"{variable} is {text[:40]!r}, which is not a whole number from {least} to {greatest}: "
            f"the default of {default} is used."
        )
    return number


def read_threads_or_default() -> int:
    """Returns PIX2PIX_THREADS; a wrong value is logged, and 0 returned."""
    try:
        return read_threads()
    except UserError as error:
        logger.warning("%s", error)
        return 0
