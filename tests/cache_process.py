"""Builds a cache in a process of its own, so that tests can kill it or take its disk away."""

import multiprocessing
import os
import resource
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from pix2pix import UserError
from pix2pix.data import Rows, cached_pairs, open_source
from tests.builders import tiny_config

# Each process is forked from one that has imported everything once, which takes seconds.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "pix2pix.data.streamed"])


@dataclass(frozen=True)
class Build:
    """A process that builds a cache, and the file with what it prints."""

    process: multiprocessing.Process
    log: Path

    def end(self) -> str:
        """Waits for the end of the process; returns what it printed."""
        self.process.join(120)
        assert self.process.exitcode is not None, "the build did not end"
        return self.log.read_text()


def start(dataset: Path, size: int, rows: int, folder: Path, file_limit: int = 0) -> Build:
    """Starts a build; with `file_limit`, no file may get larger, as on a disk that is full.

    Its last line is the anonymous memory in MB that it took at most, or the `UserError`.
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
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full disk raises an error, kills nobody
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    before = _anonymous_mb()
    peak, done = before, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, _anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        cached_pairs(source, Rows("train", 0, rows), size, folder)
        said, code = f"{peak - before:.1f}", 0
    except UserError as error:
        said, code = f"UserError: {error}", 1
    finally:
        done.set()
        watcher.join()
    os.write(1, f"\n{said}".encode())
    os._exit(code)


def _anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024
