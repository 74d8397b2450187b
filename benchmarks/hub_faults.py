"""Does publishing survive every fault on every route? Run `python -m benchmarks.hub_faults`.

A publish without faults shows which routes of the Hub it calls. Then, for each route and each of
hub_cells.FAULTS, train_hub.py --push_only publishes a newer version over a complete earlier one
while that route has that fault; a second call without it must complete the publish. A cell of the
matrix is good if

- after each call, main is completely the old version or completely the new one; after the second
  call, it is the new one, made by one commit and tagged;
- the files of the run are complete and unchanged (except the card, which each call writes again);
- a failure is one line on stderr with the command to type next, and a success is not a failure;
- the token is in no output, file or log, although the injected error responses repeat it.

A second and a third matrix do the same with `pix2pix deploy` and each kind of Space: after each
call, the Space is completely the old version or the new one, and a second call completes it.

Prints each matrix (route x fault -> outcome) and exits with 1 if a cell is bad. Takes about three
minutes. Most of it is the client's wait between retries, so several processes share the cells.
"""

import argparse
import os
import socket
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from tests.hub_server import WRITE_TOKEN, HubServer

PROCESSES = 12
KINDS = ("publish", "gradio", "static")
_hub_and_folder = None


def start(scratch: str) -> None:
    """Starts a Hub for this process, before anything imports the client."""
    global _hub_and_folder
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(dir=scratch))
    os.environ |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(folder / "home"),
        "HF_TOKEN": WRITE_TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    hub = HubServer(folder / "hub", port)
    hub.start()
    _hub_and_folder = hub, folder


@cache
def get_bench(kind: str):
    """Returns this process's bench of a matrix: that of `publish`, or of a kind of Space."""
    from benchmarks.hub_cells import Bench
    from benchmarks.hub_space_cells import SpaceBench

    return Bench(*_hub_and_folder) if kind == "publish" else SpaceBench(*_hub_and_folder, kind)


def list_routes(kind: str) -> list[str]:
    return get_bench(kind).routes()


def try_cell(kind: str, route: str, fault: str):
    from benchmarks.hub_cells import Cell

    return get_bench(kind).try_cell(Cell(route, fault))


def run_matrix(kind: str, only: str, messages: bool, processes: int) -> bool:
    """Prints one matrix, and optionally the messages; returns whether all cells are good."""
    from benchmarks import hub_cells, hub_space_cells

    faults = list(hub_cells.FAULTS) if kind == "publish" else hub_space_cells.SPACE_FAULTS
    context = get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="hub-faults-") as scratch,
        ProcessPoolExecutor(processes, context, start, (scratch,)) as pool,
    ):
        rows = [name for name in pool.submit(list_routes, kind).result() if only in name]
        # The slow cells first: the client retries a lasting fault for half a minute.
        slow = sorted(faults, key=lambda fault: "always" not in fault)
        pending = {(r, f): pool.submit(try_cell, kind, r, f) for f in slow for r in rows}
        cells = {key: future.result() for key, future in pending.items()}
    print(f"\n| {kind} | {' | '.join(faults)} |\n|{'---|' * (len(faults) + 1)}")
    for row in rows:
        outcomes = [format_outcome(cells[row, fault]) for fault in faults]
        print(f"| {row} | {' | '.join(outcomes)} |")
    different = {outcome.message for outcome in cells.values() if outcome.message}
    print(f"\n{len(different)} different messages")
    bad = {key: outcome for key, outcome in cells.items() if outcome.problems}
    for (route, fault), outcome in bad.items():
        problems = "; ".join(outcome.problems)
        print(f"{route}, {fault}: {problems}\n  {outcome.message}", file=sys.stderr)
    if messages:
        for (route, fault), outcome in cells.items():
            print(f"{route}, {fault}: {outcome.message or 'no failure'}")
    print(f"{len(cells) - len(bad)} of {len(cells)} cells of {kind} are good.")
    return not bad


def format_outcome(outcome) -> str:
    return outcome.result + " (BAD)" * bool(outcome.problems)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--route", default="", help="only routes whose name contains this text")
    parser.add_argument(
        "--messages", action="store_true", help="also print the message of each failure"
    )
    parser.add_argument(
        "--space", choices=KINDS, help="only this matrix: publishing, or this kind of Space"
    )
    parser.add_argument("--processes", type=int, default=PROCESSES)
    arguments = parser.parse_args()
    kinds = [arguments.space] if arguments.space else KINDS
    options = arguments.route, arguments.messages, arguments.processes
    results = [run_matrix(kind, *options) for kind in kinds]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
