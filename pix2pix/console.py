"""Shows the package's log messages and errors in a terminal; only commands use this module."""

import io
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pix2pix import environment
from pix2pix.errors import UserError

if TYPE_CHECKING:
    from tqdm import tqdm

LOGGER = logging.getLogger("pix2pix")


class _TerminalHandler(logging.Handler):
    """Writes messages above a running progress bar: warnings to stderr, the others to stdout."""

    def emit(self, record: logging.LogRecord) -> None:
        # Imported here, so that a command can report missing packages, of which tqdm may be one.
        from tqdm import tqdm

        is_warning = record.levelno >= logging.WARNING
        # The streams are looked up for each message, since tests and notebooks replace them.
        stream = sys.stderr if is_warning else sys.stdout
        tqdm.write(f"{'Warning: ' if is_warning else ''}{self.format(record)}", file=stream)
        stream.flush()


def show_log_messages() -> None:
    """Prints every message of the package from now on: INFO to stdout, warnings to stderr."""
    if not any(isinstance(handler, _TerminalHandler) for handler in LOGGER.handlers):
        LOGGER.addHandler(_TerminalHandler())
    LOGGER.setLevel(logging.INFO)


def write_any_character() -> None:
    """Makes stdout and stderr escape what they can't encode, such as an accent in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        # Streams that replace them, as in notebooks, take any text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run_command(program: str, work: Callable[[], int | None], recovery_hint: str = "") -> int:
    """Runs a command and returns its exit code: that of `work`, or 1 for a failure.

    A `UserError`, an `OSError` and Ctrl-C are reported in one line on stderr.

    Args:
        program: name of the command, at the start of the line.
        work: runs the command and returns its exit code; None counts as 0.
        recovery_hint: what stays on disk after a failure, such as "checkpoints are kept".
    """
    write_any_character()
    show_log_messages()
    try:
        for note in environment.prepare_folders():
            LOGGER.warning(note)
        return work() or 0
    except UserError as error:
        message = str(error)
    except KeyboardInterrupt:
        message = "; ".join(filter(None, ["interrupted", recovery_hint]))
    except OSError as error:
        message = "; ".join(filter(None, [str(error), recovery_hint]))
    print(f"{program}: {message}", file=sys.stderr)
    return 1


def progress_bar(**options: Any) -> "tqdm":
    """Returns tqdm's bar, with "0.25 images/s" where tqdm would write "4.00s/ images"."""
    from tqdm import tqdm

    numbers = "{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
    return tqdm(bar_format=f"{{l_bar}}{{bar}}| {numbers}", **options)
