"""One cell of the fault matrix: a publish over an earlier version, with one route made to fail.

Needs HF_ENDPOINT to name the test Hub before the client is imported, and HF_TOKEN to hold its
write token.
"""

import contextlib
import copy
import hashlib
import io
import itertools
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import train_hub
from benchmarks.measure import STARTER_MODEL
from tests.hub_server import USER, WRITE_TOKEN, Fault, HubServer
from tests.hub_server.store import Repo
from tests.hub_server.trees import Commit

# Seconds: the limit where the Hub is to be late and where it is not, and how late it is then.
SHORT, LONG, LATE = 2.0, 60.0, 3.0
OFTEN = 99
TOKEN = WRITE_TOKEN.encode()
OLD_TAG, NEW_TAG = "v1.0", "v2.0"
AFTER_A_SECOND = {"Retry-After": "1"}
# Name -> what the server does to a request of the route, and how often.
FAULTS: dict[str, Fault] = {
    "503 once": Fault("", "", 503),
    "503 always": Fault("", "", 503, OFTEN),
    "reset once": Fault("", "", "abort"),
    "reset always": Fault("", "", "abort", OFTEN),
    "answer lost": Fault("", "", "lost"),
    "time-out once": Fault("", "", "delay", seconds=LATE),
    "time-out always": Fault("", "", "delay", OFTEN, seconds=LATE),
    "401": Fault("", "", 401, OFTEN),
    "403": Fault("", "", 403, OFTEN),
    "409": Fault("", "", 409, OFTEN),
    "412": Fault("", "", 412, OFTEN),
    "429 once": Fault("", "", 429, headers=AFTER_A_SECOND),
    "429 always": Fault("", "", 429, OFTEN, headers=AFTER_A_SECOND),
}
# Name of a route -> method and pattern of its raw path.
ROUTES: dict[str, tuple[str, str]] = {
    "who am I": ("GET", "^/api/whoami-v2$"),
    "create": ("POST", "^/api/repos/create$"),
    "auth-check": ("GET", "/auth-check/write$"),
    "references": ("GET", "/refs$"),
    "tree": ("GET", "/tree/"),
    "validate card": ("POST", "^/api/validate-yaml$"),
    "preupload": ("POST", "/preupload/main$"),
    "LFS batch": ("POST", "/info/lfs/objects/batch$"),
    "LFS upload": ("PUT", "^/lfs-upload/"),
    "commit": ("POST", "/commit/main$"),
    "tag": ("POST", "/tag/"),
}


@dataclass(frozen=True)
class Cell:
    route: str
    fault: str


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: `said` in a word or two, the line it `told`, and what is bad."""

    said: str
    told: str
    problems: list[str]


@dataclass(frozen=True)
class Call:
    """One call of train_hub.py in this process, and all that it wrote."""

    code: int
    output: str
    last_line: str  # of stderr

    def must_succeed(self) -> None:
        if self.code:
            raise SystemExit(f"The publish without a fault failed:\n{self.output}")


class Bench:
    """A Hub with a published version of a run, and newer runs to publish over it."""

    def __init__(self, hub: HubServer, scratch: Path) -> None:
        self.hub, self.scratch = hub, scratch
        self.numbers = itertools.count()
        self.run = shutil.copytree(STARTER_MODEL, scratch / "run")
        earlier = f"{USER}/earlier-{scratch.name}".lower()
        publish(self.run, earlier, OLD_TAG).must_succeed()
        self.earlier = hub.store.repos["model", earlier]

    def newer(self) -> tuple[Path, Repo]:
        """A newer run, and a repository that holds the version before: large and small files
        differ, and one is gone."""
        name = f"{self.scratch.name}-{next(self.numbers)}"
        folder = shutil.copytree(self.run, self.scratch / name)
        for path in ("samples.png", "curves.png", "history.csv"):
            with (folder / path).open("ab") as file:
                file.write(name.encode())
        (folder / "samples" / "011-target.png").unlink()
        repo = replace(copy.deepcopy(self.earlier), id=f"{USER}/{name}".lower())
        self.hub.store.repos["model", repo.id] = repo
        return folder, repo

    def routes(self) -> list[str]:
        """The names of the routes that a good publish calls, in their order.

        Exits when it calls one that ROUTES does not know: it would go untested.
        """
        folder, repo = self.newer()
        first = len(self.hub.requests)
        publish(folder, repo.id, NEW_TAG).must_succeed()
        return list(dict.fromkeys(route_of(m, path) for m, path, _ in self.hub.requests[first:]))

    def try_cell(self, cell: Cell) -> Outcome:
        """Publishes with the cell's fault, then again without."""
        folder, repo = self.newer()
        before, old = digests(folder), repo.head
        method, path = ROUTES[cell.route]
        fault = replace(FAULTS[cell.fault], method=method, path=path)
        self.hub.faults.append(fault)
        late = fault.effect == "delay"
        first = publish(folder, repo.id, NEW_TAG, SHORT if late else LONG)
        self.hub.faults.clear()
        if late:
            time.sleep(LATE)  # what was asked for before the client gave up is done all the same
        met = fault.times < FAULTS[cell.fault].times
        problems = [] if met else ["the fault was not met"]
        problems += judged(first, folder, repo, old)
        said = "published" if not first.code else "failed, main old"
        if first.code and repo.head != old:
            said = "failed, main new"
        second = publish(folder, repo.id, NEW_TAG)
        if second.code:
            problems.append(f"--push_only did not complete it: {second.last_line}")
        problems += finished(folder, repo, old)
        if {**before, "README.md": ""} != {**digests(folder), "README.md": ""}:
            problems.append("a file of the run changed")
        problems += leaks(folder, repo, first.output + second.output)
        shutil.rmtree(folder)
        return Outcome(said, first.last_line, problems)


def judged(call: Call, folder: Path, repo: Repo, old: Commit) -> list[str]:
    """What is wrong after a publish that may have failed."""
    main, problems = contents(repo.head), []
    if main not in (contents(old), complete(folder, old)):
        problems.append("main is neither the old version nor the new one")
    if "Traceback" in call.output:
        problems.append("a traceback was printed")
    if not call.code:
        return problems + finished(folder, repo, old)
    if not call.last_line.startswith("train_hub.py: ") or "--push_only" not in call.last_line:
        problems.append("the message does not say what to type next")
    return problems


def finished(folder: Path, repo: Repo, old: Commit) -> list[str]:
    """What is missing to a complete publish of `folder`."""
    problems = []
    if contents(repo.head) != complete(folder, old):
        problems.append("main is not the new version")
    if repo.head.parent != old.oid:
        problems.append("main is not one commit on top of the old version")
    if repo.tags != {OLD_TAG: old.oid, NEW_TAG: repo.head.oid}:
        problems.append(f"the tags are {repo.tags}")
    return problems


def contents(commit: Commit) -> dict[str, str]:
    return {path: blob.sha256 for path, blob in commit.tree.items()}


def complete(folder: Path, old: Commit) -> dict[str, str]:
    """What main has to hold: the files of the run, and what the repository was created with."""
    return digests(folder) | {".gitattributes": old.tree[".gitattributes"].sha256}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leaks(folder: Path, repo: Repo, output: str) -> list[str]:
    """Where the token is that should be nowhere."""
    places = {"the output": output.encode()}
    places |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for commit in repo.commits.values():
        places[f"commit {commit.oid}"] = f"{commit.title} {commit.message}".encode()
    return [f"the token is in {place}" for place, text in places.items() if TOKEN in text]


def route_of(method: str, path: str) -> str:
    """The route's name. Exits when ROUTES does not know it: its faults would go untested."""
    for name, (known, pattern) in ROUTES.items():
        if method == known and re.search(pattern, path):
            return name
    raise SystemExit(f"A publish calls {method} {path}, which ROUTES does not list.")


def publish(folder: Path, repo_id: str, tag: str, timeout: float = LONG) -> Call:
    """`train_hub.py --push_only` in this process, which waits `timeout` seconds for an answer."""
    os.environ["PIX2PIX_HUB_TIMEOUT"] = str(timeout)
    out, err = io.StringIO(), io.StringIO()
    flags = ["--output_dir", str(folder), "--hub_model_id", repo_id, "--hub_tag", tag]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), logged(err):
        code = train_hub.main(["--push_only", *flags])
    lines = err.getvalue().strip().splitlines()
    return Call(code, out.getvalue() + err.getvalue(), lines[-1] if lines else "")


@contextlib.contextmanager
def logged(stream: io.StringIO) -> Iterator[None]:
    """Sends what any library logs to `stream`, but for the test Hub's own server."""
    handler, loggers = logging.StreamHandler(stream), [logging.getLogger()]
    handler.addFilter(lambda record: not record.name.startswith("uvicorn"))
    # The client's records do not reach the root.
    loggers.append(logging.getLogger("huggingface_hub"))
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
