"""Collects the signals that stop a run, so that it can save a checkpoint first."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Sent when the terminal or the SSH connection is closed; Windows has no such signal.
HANGUP = getattr(signal, "SIGHUP", None)


@contextmanager
def collect_stop_signals() -> Iterator[list[int]]:
    """Collects SIGTERM, SIGINT and SIGHUP in a list, which the loop checks after each step."""
    received: list[int] = []
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def receive(number: int, _frame: object) -> None:
        received.append(number)
        if number == HANGUP:
            _discard_output(terminals)

    numbers = [signal.SIGTERM, signal.SIGINT]
    # nohup starts its command with the signal ignored.
    if HANGUP is not None and signal.getsignal(HANGUP) != signal.SIG_IGN:
        numbers.append(HANGUP)
    handlers = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _discard_output(descriptors: list[int]) -> None:
    """Discards what is written to a terminal that is gone, where each write would be an error."""
    with Path(os.devnull).open("w") as null:
        for descriptor in descriptors:
            os.dup2(null.fileno(), descriptor)
