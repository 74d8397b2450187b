"""The Space starts fast and keeps its throughput under load, as its two benchmarks measure it."""

import subprocess
import sys

import pytest

from benchmarks.space_start import LIMIT, import_ratio, measure
from tests.commands import ROOT

pytestmark = pytest.mark.slow
EXACT = "48 of 48 results equal the Translator's, bit for bit."


@pytest.fixture(autouse=True)
def time_without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps `pytest --cov` from slowing down the processes that are timed."""
    for variable in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(variable, raising=False)


def test_the_space_responds_soon_after_gradio_is_imported():
    # The better of two measurements: another process may slow one down, a slow start slows both.
    assert any(import_ratio(measure(3, keras=False)) <= LIMIT for _ in range(2))


def test_the_space_keeps_its_throughput_under_load():
    # The benchmark demands a larger share, of 640 calls; the slow first calls are many of these.
    flags = ["--clients", "16", "--calls", "3", "--share", "0.5"]
    command = [sys.executable, "-m", "benchmarks.space_load", *flags]
    outputs = []
    for _ in range(2):  # for the same reason
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
        assert run.stdout.count(EXACT) == 2, run.stdout
        outputs.append(run.stdout)
        if run.returncode == 0:
            break
    assert run.returncode == 0, "\n".join(outputs)
