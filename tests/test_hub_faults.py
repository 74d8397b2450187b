"""Publishing while the Hub fails: some cells of the benchmark's matrix, and all in slow tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.hub_cells import (
    FAULTS,
    NEW_TAG,
    ROUTES,
    Bench,
    Cell,
    find_leaks,
    find_problems,
    publish,
)
from benchmarks.hub_space_cells import ROUTES as SPACE_ROUTES
from benchmarks.hub_space_cells import SPACE_FAULTS, SpaceBench
from tests.commands import ROOT
from tests.hub_server import WRITE_TOKEN, HubServer


@pytest.fixture(scope="module")
def bench(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", WRITE_TOKEN)
        patch.setenv("PIX2PIX_HUB_TIMEOUT", "60")
        yield Bench(hub, tmp_path_factory.mktemp("faults"))


@pytest.fixture
def cell(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    return lambda route, fault: bench.try_cell(Cell(route, fault))


def test_every_route_that_a_publish_calls_is_in_the_matrix(bench: Bench, cell):
    assert bench.routes() == list(ROUTES)


@pytest.mark.parametrize(
    ("route", "fault", "result", "reason"),
    [
        ("who am I", "503 always", "failed, main old", "server error of the Hub (503)"),
        ("who am I", "401", "failed, main old", "does not accept this token (401)"),
        pytest.param(
            "auth-check",
            "403",
            "failed, main old",
            "may not write there (403)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "create",
            "409",
            "failed, main old",
            "the Hub sent an unexpected response (KeyError)",
            marks=pytest.mark.slow,
        ),
        pytest.param("validate card", "503 once", "published", "", marks=pytest.mark.slow),
        ("LFS upload", "reset once", "published", ""),
        pytest.param("LFS upload", "403", "failed, main old", "(403)", marks=pytest.mark.slow),
        ("commit", "response lost", "published", ""),
        ("commit", "412", "failed, main old", "somebody else changed it meanwhile (412)"),
        ("commit", "429 once", "published", ""),
        ("tag", "409", "failed, main new", "is complete, but not tagged v2.0"),
        pytest.param("tag", "timeout once", "published", "", marks=pytest.mark.slow),
    ],
)
def test_a_fault_loses_nothing(cell, route: str, fault: str, result: str, reason: str):
    outcome = cell(route, fault)
    assert (outcome.result, outcome.problems) == (result, [])
    assert reason in outcome.message


@pytest.fixture(scope="module", params=["gradio", "static"])
def space_bench(
    request: pytest.FixtureRequest, bench: Bench, ort_files: Path, tmp_path_factory
) -> SpaceBench:
    return SpaceBench(bench.hub, tmp_path_factory.mktemp("faults"), request.param)


@pytest.mark.parametrize(
    ("route", "fault", "result", "reason"),
    [
        # The client retries for 20 s.
        pytest.param("Space: list", "503 always", "deployed", "", marks=pytest.mark.slow),
        ("Space: commit", "412", "failed, Space old", "somebody else changed it meanwhile (412)"),
        ("Space: commit", "response lost", "failed, Space new", "the Hub can't be reached"),
    ],
)
def test_a_fault_leaves_the_old_space_or_the_new_one(
    space_bench: SpaceBench, monkeypatch: pytest.MonkeyPatch, route: str, fault: str, result: str,
    reason: str,
):  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    outcome = space_bench.try_cell(Cell(route, fault))
    assert (outcome.result, outcome.problems) == (result, [])
    assert reason in outcome.message


def test_the_benchmark_notices_a_lost_tag_a_lost_file_and_a_leaked_token(
    bench: Bench, cell, hub: HubServer
):
    folder, repo = bench.make_newer_run()
    old = repo.head
    call = publish(folder, repo.id, NEW_TAG)
    assert find_problems(call, folder, repo, old) == []
    repo.tags.pop(NEW_TAG)
    assert "the tags are" in find_problems(call, folder, repo, old)[0]
    (folder / "history.csv").write_text("step\n")
    assert "main is neither the old version nor the new one" in find_problems(
        call, folder, repo, old
    )
    (folder / "history.csv").write_text(WRITE_TOKEN)
    assert find_leaks(folder, repo, "") == [f"the token is in {folder / 'history.csv'}"]
    assert find_leaks(folder, repo, f"Bearer {WRITE_TOKEN}")[0] == "the token is in the output"


@pytest.mark.slow
def test_no_fault_on_any_route_loses_anything():
    command = [sys.executable, "-m", "benchmarks.hub_faults"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert process.returncode == 0, process.stdout + process.stderr
    numbers = {"publish": len(ROUTES) * len(FAULTS)}
    numbers |= {"gradio": len(SPACE_ROUTES) * len(SPACE_FAULTS)}
    for kind, cells in numbers.items():
        assert f"{cells} of {cells} cells of {kind} are good." in process.stdout
    assert "cells of static are good." in process.stdout


@pytest.mark.slow
def test_publishing_a_full_size_generator_needs_little_memory():
    command = [sys.executable, "-m", "benchmarks.hub_publish"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "2 x 218 MB" in process.stdout
