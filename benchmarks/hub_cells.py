"""The cells of the fault matrix: each publishes a newer version while one route has one fault.

Before the Hub client is imported, HF_ENDPOINT must be the URL of the test Hub, and HF_TOKEN its
write token. The command is `python -m benchmarks.hub_faults`.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import train_hub
from benchmarks.measure import STARTER_MODEL
from pix2pix.output_folder import LOCK_FILE
from tests.hub_server import USER, WRITE_TOKEN, Fault, HubServer
from tests.hub_server.commits import Commit
from tests.hub_server.store import Repo

# In seconds: the client's timeout with and without a "delay" fault, and the delay.
SHORT_TIMEOUT, LONG_TIMEOUT, DELAY = 2.0, 60.0, 3.0
OFTEN = 99
TOKEN = WRITE_TOKEN.encode()
OLD_TAG, NEW_TAG = "v1.0", "v2.0"
AFTER_A_SECOND = {"Retry-After": "1"}
# Name -> the fault of a route and how often it occurs.
FAULTS: dict[str, Fault] = {
    "503 once": Fault("", "", 503),
    "503 always": Fault("", "", 503, OFTEN),
    "reset once": Fault("", "", "abort"),
    "reset always": Fault("", "", "abort", OFTEN),
    "response lost": Fault("", "", "lost"),
    "timeout once": Fault("", "", "delay", seconds=DELAY),
    "timeout always": Fault("", "", "delay", OFTEN, seconds=DELAY),
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
    "Spaces": ("GET", "^/api/spaces$"),
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
    """The outcome of a cell.

    Attributes:
        result: "published", or whether main has the old or the new version after a failure.
        message: the error message of the first publish, or empty.
        problems: the requirements that the cell does not meet.
    """

    result: str
    message: str
    problems: list[str]


@dataclass(frozen=True)
class Call:
    """The exit code and the output of one call of train_hub.py in this process."""

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

    def make_newer_run(self) -> tuple[Path, Repo]:
        """Returns a newer run, and a new repository with the earlier version.

        Large and small files differ between the two, and one is deleted.
        """
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
        """Returns the names of the routes that a publish without faults calls, in order.

        Exits if it calls a route that is missing from ROUTES and would not be tested.
        """
        folder, repo = self.make_newer_run()
        first = len(self.hub.requests)
        publish(folder, repo.id, NEW_TAG).must_succeed()
        return list(dict.fromkeys(route_of(m, path) for m, path, _ in self.hub.requests[first:]))

    def try_cell(self, cell: Cell) -> Outcome:
        """Publishes with the cell's fault, then again without it."""
        folder, repo = self.make_newer_run()
        before, old = digests(folder), repo.head
        method, path = ROUTES[cell.route]
        fault = replace(FAULTS[cell.fault], method=method, path=path)
        self.hub.faults.append(fault)
        is_delayed = fault.effect == "delay"
        timeout = SHORT_TIMEOUT if is_delayed else LONG_TIMEOUT
        first = publish(folder, repo.id, NEW_TAG, timeout)
        self.hub.faults.clear()
        if is_delayed:
            time.sleep(DELAY)  # the Hub executes the delayed request although the client timed out
        occurred = fault.times < FAULTS[cell.fault].times
        problems = [] if occurred else ["the fault did not occur"]
        problems += find_problems(first, folder, repo, old)
        result = "published" if not first.code else "failed, main old"
        if first.code and repo.head != old:
            result = "failed, main new"
        second = publish(folder, repo.id, NEW_TAG)
        if second.code:
            problems.append(f"--push_only did not complete it: {second.last_line}")
        problems += find_incomplete_parts(folder, repo, old)
        # Both name the repository and the tag.
        named = dict.fromkeys(("README.md", "notebook.ipynb"), "")
        if before | named != digests(folder) | named:
            problems.append("a file of the run changed")
        problems += find_leaks(folder, repo, first.output + second.output)
        shutil.rmtree(folder)
        return Outcome(result, first.last_line if first.code else "", problems)


def find_problems(call: Call, folder: Path, repo: Repo, old: Commit) -> list[str]:
    """Returns the problems after a publish that may have failed."""
    main, problems = contents(repo.head), []
    if main not in (contents(old), expected_contents(folder, old)):
        problems.append("main is neither the old version nor the new one")
    if "Traceback" in call.output:
        problems.append("a traceback was printed")
    if not call.code:
        return problems + find_incomplete_parts(folder, repo, old)
    if not call.last_line.startswith("train_hub.py: ") or "--push_only" not in call.last_line:
        problems.append("the message does not name the command to type next")
    return problems


def find_incomplete_parts(folder: Path, repo: Repo, old: Commit) -> list[str]:
    """Returns what is missing from a complete publish of `folder`."""
    problems = []
    if contents(repo.head) != expected_contents(folder, old):
        problems.append("main is not the new version")
    if repo.head.parent != old.oid:
        problems.append("main is not one commit on top of the old version")
    if repo.tags != {OLD_TAG: old.oid, NEW_TAG: repo.head.oid}:
        problems.append(f"the tags are {repo.tags}")
    return problems


def contents(commit: Commit) -> dict[str, str]:
    return {path: blob.sha256 for path, blob in commit.tree.items()}


def expected_contents(folder: Path, old: Commit) -> dict[str, str]:
    """Returns the expected files of main: those of the run and the repository's first file."""
    return digests(folder) | {".gitattributes": old.tree[".gitattributes"].sha256}


def digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file of a run, without the lock of its folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK_FILE
    }


def find_leaks(folder: Path, repo: Repo, output: str) -> list[str]:
    """Returns a problem for each output, file and commit message that contains the token."""
    texts = {"the output": output.encode()}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for commit in repo.commits.values():
        texts[f"commit {commit.oid}"] = f"{commit.title} {commit.message}".encode()
    return [f"the token is in {name}" for name, text in texts.items() if TOKEN in text]


def route_of(method: str, path: str) -> str:
    """Returns the name of a route; exits if ROUTES lacks it, since it would not be tested."""
    for name, (route_method, pattern) in ROUTES.items():
        if method == route_method and re.search(pattern, path):
            return name
    raise SystemExit(f"A publish calls {method} {path}, which ROUTES does not list.")


def publish(folder: Path, repo_id: str, tag: str, timeout: float = LONG_TIMEOUT) -> Call:
    """Runs `train_hub.py --push_only` in this process."""
    flags = ["--output_dir", str(folder), "--hub_model_id", repo_id, "--hub_tag", tag]
    return call_command(train_hub.main, ["--push_only", *flags], timeout)


def call_command(main: Callable[[list[str]], int], flags: list[str], timeout: float) -> Call:
    """Runs a command in this process; each of its requests may take `timeout` seconds."""
    os.environ["PIX2PIX_HUB_TIMEOUT"] = str(timeout)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), log_to(err):
        code = main(flags)
    lines = err.getvalue().strip().splitlines()
    return Call(code, out.getvalue() + err.getvalue(), lines[-1] if lines else "")


@contextlib.contextmanager
def log_to(stream: io.StringIO) -> Iterator[None]:
    """Writes the log messages of all libraries, except the test Hub's server, to `stream`."""
    handler, loggers = logging.StreamHandler(stream), [logging.getLogger()]
    handler.addFilter(lambda record: not record.name.startswith("uvicorn"))
    # The client's logger does not propagate to the root logger.
    loggers.append(logging.getLogger("huggingface_hub"))
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
