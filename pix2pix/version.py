"""Which code made a model: the package's version and, where it is known, its commit."""

import json
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGED = " with local changes"
GIT_SECONDS = 10


def code_commit() -> str | None:
    """The git commit of this checkout, or the one that pip installed from; None without either."""
    if (ROOT / ".git").exists():
        commit = _git("rev-parse", "HEAD")
        return commit and commit + (CHANGED if _git("status", "--porcelain", "-uno") else "")
    try:
        # PEP 610: pip notes there where a package that came from git was taken from.
        origin = json.loads(distribution("pix2pix-hub").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return None
    return origin.get("vcs_info", {}).get("commit_id")


def _git(*arguments: str) -> str | None:
    """What git says, or None when it can't be asked."""
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607
            capture_output=True, text=True, check=True, timeout=GIT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def told(about: dict) -> str:
    """The code version that pix2pix.json names, for people: `0.1.0 (commit 0123456)`."""
    commit = about.get("pix2pix_commit")
    if not commit:
        return about["pix2pix_version"]
    oid, space, rest = commit.partition(" ")
    return f"{about['pix2pix_version']} (commit {oid[:7]}{space}{rest})"
