"""Translates pictures in threads of this process, or in processes of their own."""

import io
import multiprocessing
import os
import signal
import threading
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass
from multiprocessing.connection import wait
from types import TracebackType
from typing import TypeVar

from pix2pix.errors import UserError
from pix2pix.translate import Translator

# A map of 256x256 pixels takes 5.4 ms and 65 kB with zlib's run-length encoding, 7.8 ms and 74 kB
# with its usual strategy at the same level.
PNG_OPTIONS = {"compress_level": 3, "compress_type": zlib.Z_RLE}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Translated:
    """The result of one picture: a PNG, or the reason why there is none."""

    png: bytes | None
    problem: str = ""


def translate_file(translator: Translator, mode: str, file: bytes) -> Translated:
    """Translates the content of a picture file."""
    if not file:
        return Translated(None, "The row has no picture.")
    try:
        result = translator(file, mode=mode)
    except (UserError, MemoryError) as error:
        return Translated(None, str(error) or "out of memory")
    png = io.BytesIO()
    result.save(png, "PNG", **PNG_OPTIONS)
    return Translated(png.getvalue())


class Workers:
    """Translates on all cores, in threads of this process or in several other processes.

    With one process, each core has a picture of its own. That is faster than all cores on one
    picture, where each waits for the slowest after every layer. Other processes share the cores.
    Used in a `with` block.
    """

    def __init__(self, load: Callable[..., Translator], mode: str, processes: int):
        """Loads the model, unless processes do that when they get their first picture.

        Args:
            load: returns the model for the keyword `threads`, the threads of one translation; it
                can be pickled if there are several processes.
            mode: how to translate.
            processes: the number of processes.
        """
        cores = len(os.sched_getaffinity(0))
        self._mode = mode
        self._executor: Executor
        self._translator: Translator | None = None
        if processes > 1:
            threads = max(1, cores // processes)
            # A forked process could inherit a lock that a thread of this one holds.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                processes, context, _start_process, (load, threads)
            )
        else:
            self._translator = load(threads=1)
            self._executor = ThreadPoolExecutor(cores)
        self.parallel = processes if processes > 1 else cores

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def map_files(
        self, items: Iterable[tuple[Item, list[bytes]]]
    ) -> Iterator[tuple[Item, list[Translated]]]:
        """Yields each item with the results of its files, in order.

        Reads ahead only as many items as keep all workers busy, so memory stays constant. Raises
        `UserError` when a process ends, as it does when memory runs out.
        """
        waiting: deque[tuple[Item, list[Future[Translated]]]] = deque()
        for item, files in items:
            waiting.append((item, [self._submit(file) for file in files]))
            # The oldest item may be nearly finished, so only the others keep the workers busy.
            while sum(len(futures) for _, futures in waiting) - len(waiting[0][1]) > self.parallel:
                yield _finish(*waiting.popleft())
        while waiting:
            yield _finish(*waiting.popleft())

    def _submit(self, file: bytes) -> Future[Translated]:
        try:
            if self._translator:
                return self._executor.submit(translate_file, self._translator, self._mode, file)
            return self._executor.submit(_translate_here, self._mode, file)
        except BrokenExecutor:
            raise _broken() from None


def _finish(item: Item, futures: list[Future[Translated]]) -> tuple[Item, list[Translated]]:
    try:
        return item, [future.result() for future in futures]
    except BrokenExecutor:
        raise _broken() from None


def _broken() -> UserError:
    return UserError(
        "A process of --num_proc ended, perhaps because memory ran out: use fewer; finished files "
        "are kept."
    )


# The model of a worker process.
_translators: list[Translator] = []


def _start_process(load: Callable[..., Translator], threads: int) -> None:
    """Prepares a worker process."""
    # Ctrl-C reaches all processes of a terminal, and the parent reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", module="PIL")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _translators.append(load(threads=threads))


def _end_with_parent() -> None:
    """Ends this process when its parent was killed; the executor's queue would wait forever."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _translate_here(mode: str, file: bytes) -> Translated:
    return translate_file(_translators[0], mode, file)
