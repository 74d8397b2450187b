"""An output folder belongs to one run at a time, and keeps the work of other runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix import UserError, output_folder
from tests.checkpoint_helpers import save_checkpoint, wait_until
from tests.commands import ROOT

HOLD = """
import sys, time
from pathlib import Path
from pix2pix import UserError, output_folder
try:
    with output_folder.lock(Path(sys.argv[1])):
        print("won", flush=True)
        time.sleep(float(sys.argv[2]))
except UserError as error:
    print(error, flush=True)
"""


def hold(folder: Path, seconds: float = 60) -> subprocess.Popen:
    """Starts a process that reserves the folder, if it can, for some seconds."""
    command = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def read_line(process: subprocess.Popen) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_second_process_is_refused_with_the_first_ones_id_until_that_is_killed(tmp_path: Path):
    first = hold(tmp_path)
    assert read_line(first) == "won"
    wait_until((tmp_path / output_folder.HOLDER_FILE).exists)
    expected = rf"{tmp_path} is in use by process {first.pid} since \d{{4}}-\d\d-\d\d \d\d:\d\d"
    with (
        pytest.raises(UserError, match=f"{expected}; .*--output_dir"),
        output_folder.lock(tmp_path),
    ):
        pass
    assert str(first.pid) in (output_folder.find_use(tmp_path) or "")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert output_folder.find_use(tmp_path) is None
    with output_folder.lock(tmp_path):
        holder = json.loads((tmp_path / output_folder.HOLDER_FILE).read_text())
        assert holder["pid"] == os.getpid()
    assert not (tmp_path / output_folder.HOLDER_FILE).exists()


def test_of_processes_that_start_together_one_wins(tmp_path: Path):
    processes = [hold(tmp_path) for _ in range(3)]
    lines = sorted(map(read_line, processes))
    for process in processes:
        process.kill()
        process.wait()
    assert lines[2] == "won"
    assert all(f"{tmp_path} is in use by" in line for line in lines[:2])


def test_a_process_on_another_machine_is_named_with_it(tmp_path: Path):
    first = hold(tmp_path)
    assert read_line(first) == "won"
    wait_until((tmp_path / output_folder.HOLDER_FILE).exists)
    holder = {"pid": 7, "host": "node-3", "started": "2026-11-28T10:03:00+00:00"}
    (tmp_path / output_folder.HOLDER_FILE).write_text(json.dumps(holder))
    try:
        assert output_folder.find_use(tmp_path) == (
            f"{tmp_path} is in use by process 7 on node-3 since 2026-11-28 10:03"
        )
    finally:
        first.kill()
        first.wait()


def test_an_empty_folder_is_free(tmp_path: Path):
    output_folder.check_unused(tmp_path)
    assert output_folder.find_use(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_and_models_of_another_run_are_not_replaced(tmp_path: Path):
    save_checkpoint(tmp_path / "checkpoints", 7)
    with pytest.raises(UserError, match=r"made 7 steps: .*--resume_from_checkpoint latest; .*over"):
        output_folder.check_unused(tmp_path)
    (tmp_path / "pix2pix.json").write_text('{"training": {"steps": 9}}')
    with pytest.raises(UserError, match="the finished model of a run of 9 steps"):
        output_folder.check_unused(tmp_path)


def test_a_model_without_checkpoints_can_only_be_kept_or_replaced(tmp_path: Path):
    (tmp_path / "pix2pix.json").write_text("cut sh")
    with pytest.raises(UserError, match="--overwrite_output_dir") as error:
        output_folder.check_unused(tmp_path)
    assert "--resume_from_checkpoint" not in str(error.value)
