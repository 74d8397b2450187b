"""Hundreds of mutated files and calls; see benchmarks/space_fuzz.py for what is good."""

from pathlib import Path

import pytest

from benchmarks.space_fuzz import GROWTH_MB, fuzz


@pytest.mark.slow
def test_the_space_survives_mutated_files_and_calls(tmp_path: Path):
    notes, sent, growth = fuzz(tmp_path, rounds=40, seed=0)
    assert notes.problems == []
    assert sent > 1000 and notes.said["sentence"] > 300 and notes.said["picture"] > 100
    assert growth < GROWTH_MB
