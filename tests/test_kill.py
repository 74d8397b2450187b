"""A run that is killed at random moments and resumed ends like an undisturbed one."""

from pathlib import Path

import pytest

from benchmarks.kill import compare

pytestmark = pytest.mark.slow


def test_four_kills_do_not_change_the_result(tmp_path: Path, capsys):
    assert compare(tmp_path, kills=4, seed=1), capsys.readouterr()
    assert "4 kills in" in capsys.readouterr().out
