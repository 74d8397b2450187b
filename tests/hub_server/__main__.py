"""Runs a test Hub for manual trials: python -m tests.hub_server --root DIR --port N."""

import argparse
import contextlib
import threading
from pathlib import Path

from . import FREE_TOKEN, READ_TOKEN, WRITE_TOKEN, YOUNG_TOKEN, HubServer


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Runs a Hub on loopback that forgets its repositories when it stops."
    )
    parser.add_argument(
        "--root", type=Path, required=True, help="folder for the content of the files"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on; 0 (the default) picks a free one"
    )
    args = parser.parse_args()
    with HubServer(args.root, args.port) as hub, contextlib.suppress(KeyboardInterrupt):
        print(f"export HF_ENDPOINT={hub.endpoint} HF_HUB_DISABLE_XET=1")
        print(f"write token: {WRITE_TOKEN}")
        print(f"read token:  {READ_TOKEN}")
        print(f"free account's token: {FREE_TOKEN}, young account's: {YOUNG_TOKEN}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
