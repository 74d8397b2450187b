"""Finds the version of the running code: the package's version and, where known, its commit."""

import json
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGED = " with local changes"
GIT_TIMEOUT_SECONDS = 10


def code_commit() -> str | None:
    """Returns the git commit of this checkout, or of the package's installation, or None."""
    if (ROOT / ".git").exists():
        commit = _git("rev-parse", "HEAD")
        return commit and commit + (CHANGED if _git("status", "--porcelain", "-uno") else "")
    try:
        # In this file pip records the commit that a package was installed from (PEP 610).
        origin = json.loads(distribution("pix2pix-hub").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return None
    return origin.get("vcs_info", {}).get("commit_id")


def _git(*arguments: str) -> str | None:
    """Returns the output of a git command, or None when it fails or git is not installed."""
    try:
        process = subprocess.run(  # noqa: S603
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607
            capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def format_code_version(about: dict) -> str:
    """Returns the code version in pix2pix.json as text: `0.1.0 (commit 0123456)`."""
    commit = about.get("pix2pix_commit")
    if not commit:
        return about["pix2pix_version"]
    oid, space, rest = commit.partition(" ")
    return f"{about['pix2pix_version']} (commit {oid[:7]}{space}{rest})"
