"""Reads how much memory this machine, or the container around the process, has left."""

import contextlib
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
# Limit and use of a container: version 2 of Linux control groups, then version 1.
CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_memory() -> int | None:
    """Returns the bytes that can be used without swapping; None where the system does not tell."""
    free = []
    with contextlib.suppress(OSError, StopIteration, ValueError, IndexError):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        free.append(int(line.split()[1]) * 1024)
    for limit, used in CGROUP_FILES:
        # The limit of a group without one is "max", or a number above any machine's memory.
        with contextlib.suppress(OSError, ValueError):
            limit_bytes = int(Path(limit).read_text(encoding="ascii"))
            free.append(max(0, limit_bytes - int(Path(used).read_text(encoding="ascii"))))
    return min(free, default=None)
