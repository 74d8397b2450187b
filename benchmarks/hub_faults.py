"""Does publishing survive every fault of every route? `python -m benchmarks.hub_faults`

A good publish over an earlier version shows which routes of the Hub it calls. Then each of them is
made to fail in each way of hub_cells.FAULTS, in a repository of its own that holds a complete
earlier version, while train_hub.py --push_only publishes a newer one over HTTP; a second call has
to complete it. A cell is good when

- main is the old version or the new one, whole, after each call, and the new one in the end, by
  one commit, with its tag;
- the files of the run are as they were, and all there (the card is written anew each time);
- a failure is one line on stderr that says what to type next, and success is no failure;
- the token is in no output, no file and no log, though the faults' answers repeat it.

Prints the matrix (route x fault -> outcome) and exits with 1 when a cell is bad. About two minutes,
most of it waiting for the client's own retries, which is why several processes share the cells.
"""

import argparse
import os
import socket
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.hub_server import WRITE_TOKEN, HubServer

PROCESSES = 12
_bench = None


def start(scratch: str) -> None:
    """Gives this process a Hub of its own, before anything imports the client."""
    global _bench
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Path(tempfile.mkdtemp(dir=scratch))
    os.environ |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(place / "home"),
        "HF_TOKEN": WRITE_TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    from benchmarks import hub_cells

    hub = HubServer(place / "hub", port)
    hub.start()
    _bench = hub_cells.Bench(hub, place)


def routes() -> list[str]:
    return _bench.routes()


def try_cell(route: str, fault: str):
    from benchmarks.hub_cells import Cell

    return _bench.try_cell(Cell(route, fault))


def matrix(only: str, messages: bool, processes: int) -> bool:
    """Prints the table, and what each message said; returns whether all cells are good."""
    from benchmarks.hub_cells import FAULTS

    context = get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="hub-faults-") as scratch,
        ProcessPoolExecutor(processes, context, start, (scratch,)) as pool,
    ):
        rows = [name for name in pool.submit(routes).result() if only in name]
        # The slow ones first: where the client itself retries, for half a minute each time.
        slow = sorted(FAULTS, key=lambda fault: "always" not in fault)
        pending = {(r, f): pool.submit(try_cell, r, f) for f in slow for r in rows}
        cells = {place: future.result() for place, future in pending.items()}
    print(f"| route | {' | '.join(FAULTS)} |\n|{'---|' * (len(FAULTS) + 1)}")
    for row in rows:
        words = [word(cells[row, fault]) for fault in FAULTS]
        print(f"| {row} | {' | '.join(words)} |")
    told = {outcome.told for outcome in cells.values() if outcome.told}
    print(f"\n{len(told)} different messages")
    bad = {place: outcome for place, outcome in cells.items() if outcome.problems}
    for (route, fault), outcome in bad.items():
        print(f"{route}, {fault}: {'; '.join(outcome.problems)}\n  {outcome.told}", file=sys.stderr)
    if messages:
        for (route, fault), outcome in cells.items():
            print(f"{route}, {fault}: {outcome.told or 'no failure'}")
    print(f"{len(cells) - len(bad)} of {len(cells)} cells are good.")
    return not bad


def word(outcome) -> str:
    return outcome.said + " (BAD)" * bool(outcome.problems)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--route", default="", help="only routes whose name has this in it")
    parser.add_argument("--messages", action="store_true", help="also what each failure said")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    arguments = parser.parse_args()
    return 0 if matrix(arguments.route, arguments.messages, arguments.processes) else 1


if __name__ == "__main__":
    sys.exit(main())
