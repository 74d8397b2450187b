"""Builds a cache in a separate process, so that tests can kill it or limit its disk space."""

import multiprocessing
import os
import resource
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from pix2pix import UserError
from pix2pix.data import Rows, cache_pairs, open_source
from tests.builders import tiny_config

# Each process is forked from a server that has imported everything once, which takes seconds.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "pix2pix.data.streamed"])


@dataclass(frozen=True)
class Build:
    """A process that builds a cache, and the file that its output goes to."""

    process: multiprocessing.Process
    log: Path

    def wait(self) -> str:
        """Waits for the end of the process; returns its output."""
        self.process.join(120)
        assert self.process.exitcode is not None, "the build did not end"
        return self.log.read_text()


def start(dataset: Path, size: int, rows: int, folder: Path, file_limit: int = 0) -> Build:
    """Starts a build; `file_limit` bounds the size of files in bytes, as a full disk does.

    The last line of the output is the peak of anonymous memory in MB, or the `UserError`.
    """
    folder.mkdir(exist_ok=True)
    log = folder / f"{len(list(folder.glob('*.log')))}.log"
    log.touch()
    arguments = (dataset, size, rows, folder, file_limit, log)
    process = _FORKS.Process(target=_build, args=arguments, daemon=True)
    process.start()
    return Build(process, log)


def _build(dataset: Path, size: int, rows: int, folder: Path, file_limit: int, log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    source = open_source(tiny_config(dataset_name=str(dataset)))
    if file_limit:
        # With the signal ignored, writing too much raises an error, as on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    start = _anonymous_mb()
    peak, done = start, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, _anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        cache_pairs(source, Rows("train", 0, rows), size, folder)
        last_line, code = f"{peak - start:.1f}", 0
    except UserError as error:
        last_line, code = f"UserError: {error}", 1
    finally:
        done.set()
        watcher.join()
    os.write(1, f"\n{last_line}".encode())
    os._exit(code)


def _anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024
