"""The version of the code that a model names: the package's version and git's commit."""

import subprocess
from pathlib import Path

import pytest

from pix2pix import version


def run_git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    return subprocess.run(
        ["git", "-C", str(folder), *author, *arguments],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def test_the_commit_is_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(version, "ROOT", tmp_path)
    run_git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1")
    run_git(tmp_path, "add", "code.py")
    run_git(tmp_path, "commit", "-q", "-m", "first")
    commit = run_git(tmp_path, "rev-parse", "HEAD")
    assert version.code_commit() == commit
    (tmp_path / "code.py").write_text("2")
    assert version.code_commit() == commit + version.CHANGED


def test_the_version_is_formatted_for_people():
    assert version.format_code_version({"pix2pix_version": "1.0"}) == "1.0"
    changed = {"pix2pix_version": "1.0", "pix2pix_commit": "a" * 40 + version.CHANGED}
    assert version.format_code_version(changed) == "1.0 (commit aaaaaaa with local changes)"
