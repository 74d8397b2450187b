"""Hundreds of mutated files and calls; benchmarks/space_fuzz.py defines the accepted responses."""

from pathlib import Path

import pytest

from benchmarks.space_fuzz import GROWTH_MB, fuzz


@pytest.mark.slow
def test_the_space_survives_mutated_files_and_calls(tmp_path: Path):
    notes, sent, growth = fuzz(tmp_path, rounds=40, seed=0)
    assert notes.problems == []
    assert sent > 1000 and notes.responses["sentence"] > 300 and notes.responses["picture"] > 100
    assert growth < GROWTH_MB
