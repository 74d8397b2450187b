"""Killed at random moments and resumed, a run ends as one that was not: the benchmark, smaller."""

from pathlib import Path

import pytest

from benchmarks.kill import compare

pytestmark = pytest.mark.slow


def test_four_kills_change_nothing(tmp_path: Path, capsys):
    assert compare(tmp_path, kills=4, seed=1), capsys.readouterr()
    assert "4 kills in" in capsys.readouterr().out
