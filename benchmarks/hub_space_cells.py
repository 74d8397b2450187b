"""The cells of the fault matrix for Spaces: each deploys a newer model while one route has a fault.

As in `benchmarks.hub_cells`, HF_ENDPOINT and HF_TOKEN must be set before the client is imported.
"""

import copy
import itertools
import json
import re
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.hub_cells import (
    DELAY,
    FAULTS,
    LONG_TIMEOUT,
    SHORT_TIMEOUT,
    TOKEN,
    Call,
    Cell,
    Outcome,
    call_command,
    contents,
)
from benchmarks.measure import STARTER_MODEL
from pix2pix.commands import deploy
from tests.hub_server import USER, HubServer
from tests.hub_server.commits import AddFile
from tests.hub_server.store import Repo

# Those after which a Space could be half updated; the client's own retries are tested without one.
SPACE_FAULTS = ("503 always", "response lost", "timeout once", "403", "412")
ROUTES: dict[str, tuple[str, str]] = {
    "Space: information": ("GET", "^/api/spaces/[^/]+/[^/]+$"),
    "Space: list": ("GET", "^/api/spaces$"),
    "Space: auth-check": ("GET", "^/api/spaces/.*/auth-check/write$"),
    "Space: runtime": ("GET", "^/api/spaces/.*/runtime$"),
    "Space: download": ("GET", "^/spaces/.*/resolve/"),
    "Space: preupload": ("POST", "^/api/spaces/.*/preupload/main$"),
    "Space: LFS batch": ("POST", "^/spaces/.*/info/lfs/objects/batch$"),
    "Space: commit": ("POST", "^/api/spaces/.*/commit/main$"),
    "Space: read variables": ("GET", "^/api/spaces/.*/variables$"),
    "Space: set variables": ("POST", "^/api/spaces/.*/variables$"),
}


class SpaceBench:
    """A Hub with a Space of one kind that serves the first of two commits of a model."""

    def __init__(self, hub: HubServer, scratch: Path, sdk: str) -> None:
        self.hub, self.sdk, self.numbers = hub, sdk, itertools.count()
        self.name = f"{sdk}-{scratch.name}".lower()
        self.model = hub.store.create("model", f"{USER}/{self.name}")
        self._commit_model({path.name: path.read_bytes() for path in STARTER_MODEL.glob("*.*")})
        space_id = f"{USER}/{self.name}-earlier"
        self._deploy(space_id, "--space_sdk", sdk).must_succeed()
        self.earlier = hub.store.repos.pop(("space", space_id))
        self._commit_model({"history.csv": b"step\n"})

    def _commit_model(self, files: dict[str, bytes]) -> None:
        edits = [AddFile(path, self.hub.store.write_blob(data)) for path, data in files.items()]
        self.model.commit("main", edits, title="A version of the model")

    def _deploy(self, space_id: str, *flags: str, timeout: float = LONG_TIMEOUT) -> Call:
        names = ["--space_id", space_id, "--hub_model_id", self.model.id]
        return call_command(deploy.main, [*names, *flags], timeout)

    def make_space(self) -> Repo:
        """Returns a new Space that is a copy of the earlier one."""
        space_id = f"{USER}/{self.name}-{next(self.numbers)}"
        space = replace(copy.deepcopy(self.earlier), id=space_id)
        self.hub.store.repos["space", space_id] = space
        return space

    def routes(self) -> list[str]:
        """Returns the names of the Space's routes that a deployment calls, in order."""
        space, first = self.make_space(), len(self.hub.requests)
        self._deploy(space.id).must_succeed()
        requests = [request for request in self.hub.requests[first:] if "/spaces" in request[1]]
        return list(dict.fromkeys(filter(None, (route_of(m, path) for m, path, _ in requests))))

    def try_cell(self, cell: Cell) -> Outcome:
        """Deploys with the cell's fault, then again without it."""
        space = self.make_space()
        old = space.head
        method, path = ROUTES[cell.route]
        fault = replace(FAULTS[cell.fault], method=method, path=path)
        self.hub.faults.append(fault)
        is_delayed = fault.effect == "delay"
        first = self._deploy(space.id, timeout=SHORT_TIMEOUT if is_delayed else LONG_TIMEOUT)
        self.hub.faults.clear()
        if is_delayed:
            time.sleep(DELAY)  # the Hub executes the delayed request although the client timed out
        problems = [] if fault.times < FAULTS[cell.fault].times else ["the fault did not occur"]
        problems += self.find_problems(first, space, old.oid)
        result = "deployed"
        if first.code:
            result = "failed, Space old" if space.head == old else "failed, Space new"
        second = self._deploy(space.id)
        if second.code:
            problems.append(f"a second deployment did not complete it: {second.last_line}")
        problems += self.find_problems(second, space, old.oid)
        del self.hub.store.repos["space", space.id]
        return Outcome(result, first.last_line if first.code else "", problems)

    def find_problems(self, call: Call, space: Repo, old: str) -> list[str]:
        """Returns the problems after a deployment that may have failed."""
        problems = []
        served = self.read_served_revision(space)
        if space.head.oid != old and space.head.parent != old:
            problems.append("the Space is not one commit on top of the old version")
        if not call.code and served != self.model.head.oid:
            problems.append(f"the Space serves {served}, not the model's newest commit")
        if call.code and not call.last_line.startswith("pix2pix deploy: "):
            problems.append("the failure is not one line")
        if "Traceback" in call.output or TOKEN.decode() in call.output:
            problems.append("a traceback or the token was printed")
        if contents(self.earlier.head).keys() != contents(space.head).keys():
            problems.append("the Space has other files than before")
        return problems

    def read_served_revision(self, space: Repo) -> str:
        """Returns the commit of the model that the Space loads."""
        if self.sdk == "gradio":
            return str(space.variables["PIX2PIX_MODEL"]["value"]).partition("@")[2]
        return json.loads(self.hub.store.read_blob(space.head.tree["model.json"]))["revision"]


def route_of(method: str, path: str) -> str | None:
    """Returns the name of a route of a Space; exits if ROUTES lacks it."""
    for name, (route_method, pattern) in ROUTES.items():
        if method == route_method and re.search(pattern, path):
            return name
    if method == "HEAD" or "/tree/" in path:
        return None
    raise SystemExit(f"A deployment calls {method} {path}, which ROUTES does not list.")
