"""Checkpoint files: how they are read back, verified, refused and deleted."""

import io
import json
import logging
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pix2pix import UserError
from pix2pix.files import write_text
from pix2pix.training import checkpoints, same_run
from pix2pix.training.trainer import SCALARS
from tests.builders import tiny_config

CONFIG = tiny_config(max_train_steps=6, lr_schedule="linear", ema_decay=0.9, train_batch_size=2)
LOG = {
    "rows": [{"step": 1, "seconds": 0.5} | dict.fromkeys(SCALARS, 0.1)],
    "seconds": 12.5,
    "sums": [0.1, 1 / 3, 0.0, 1e-30, 7.0],
    "count": 2,
}


def small_state() -> dict[str, tf.Variable]:
    return {f"weights/{n:03d}": tf.Variable(np.full((3, n + 1), n, np.float32)) for n in range(3)}


def save(folder: Path, *steps: int, config=CONFIG) -> list[Path]:
    return [checkpoints.save(folder, s, config, LOG, small_state()) for s in steps]


def rewrite(path: Path, **changes) -> Path:
    """Rewrites a checkpoint as another version might have written it, with a valid checksum."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(str(arrays.pop("about"))) | changes
    about = {name: value for name, value in about.items() if value is not None}
    file = io.BytesIO()
    np.savez(file, about=np.array(json.dumps(about)), **arrays)
    data = file.getvalue()
    path.write_bytes(data + checkpoints._digest(io.BytesIO(data), len(data)))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_is_read_back_as_it_was_save(tmp_path):
    (path,) = save(tmp_path, 7)
    read = checkpoints.read_checkpoint(path)
    assert (read.path, read.step, read.config, read.log) == (path, 7, CONFIG, LOG)
    variables = {name: tf.Variable(tf.zeros_like(v)) for name, v in small_state().items()}
    checkpoints.restore(read, variables)
    for name, variable in small_state().items():
        np.testing.assert_array_equal(variables[name], variable)
    assert names(tmp_path) == ["step-00000007.npz"]


def test_any_flipped_bit_is_detected(tmp_path):
    (path,) = save(tmp_path, 1)
    intact, dice = path.read_bytes(), random.Random(0)
    # Half of the bits are in the archive's directory and the checksum, at the end of the file.
    offsets = [dice.randrange(len(intact)) for _ in range(300)]
    offsets += [len(intact) - 1 - dice.randrange(400) for _ in range(300)]
    for offset in offsets:
        damaged = bytearray(intact)
        damaged[offset] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(checkpoints.DamagedCheckpointError, match="damaged"):
            checkpoints.read_checkpoint(path)
    path.write_bytes(intact)
    assert checkpoints.read_checkpoint(path).step == 1


def test_a_file_cut_short_at_any_length_is_detected(tmp_path):
    (path,) = save(tmp_path, 1)
    intact, dice = path.read_bytes(), random.Random(0)
    lengths = [0, 1, 31, 32, 33, len(intact) - 1]
    for length in lengths + [dice.randrange(len(intact)) for _ in range(99)]:
        path.write_bytes(intact[:length])
        with pytest.raises(checkpoints.DamagedCheckpointError, match="damaged"):
            checkpoints.read_checkpoint(path)
    path.write_bytes(intact + b"\0")
    with pytest.raises(checkpoints.DamagedCheckpointError, match="damaged"):
        checkpoints.read_checkpoint(path)


def test_damaged_checkpoints_are_skipped_with_a_warning(tmp_path, caplog):
    _, middle, newer, newest = save(tmp_path, 1, 20, 300, 400)
    newer.write_bytes(b"")
    newest.write_bytes(newest.read_bytes()[:-200])
    assert checkpoints.find_latest(tmp_path).path == middle
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    skipped = [message.split(" is skipped: The checkpoint")[0] for message in caplog.messages]
    assert skipped == ["step-00000400.npz", "step-00000300.npz"]


def test_if_all_checkpoints_are_damaged_no_new_run_replaces_them(tmp_path):
    paths = save(tmp_path, 1, 20)
    for path in paths:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"step-00000001.npz, step-00000020.npz.*--output_dir"):
        checkpoints.find_latest(tmp_path)
    assert all(path.exists() for path in paths)


def test_without_checkpoints_the_latest_is_none_and_other_files_are_ignored(tmp_path):
    assert checkpoints.find_latest(tmp_path / "nowhere") is None
    (tmp_path / "step-00000009.tmp").write_bytes(b"half")
    (tmp_path / "step-best.npz").write_bytes(b"not ours")
    assert checkpoints.find_latest(tmp_path) is None


def test_the_error_for_a_missing_checkpoint_names_the_flag(tmp_path):
    with pytest.raises(UserError, match="--resume_from_checkpoint"):
        checkpoints.read_checkpoint(tmp_path / "step-00000001.npz")


def test_only_the_last_checkpoints_are_kept(tmp_path):
    save(tmp_path, 5, 30, 200, 1000)
    (tmp_path / "notes.txt").touch()
    checkpoints.prune(tmp_path, 1000, 2)
    assert names(tmp_path) == ["notes.txt", "step-00000200.npz", "step-00001000.npz"]


def test_a_run_from_an_earlier_step_warns_and_replaces_later_checkpoints(tmp_path, caplog):
    save(tmp_path, 10, 20, 30)
    checkpoints.warn_of_later_checkpoints(tmp_path, 30)
    assert caplog.messages == []
    checkpoints.warn_of_later_checkpoints(tmp_path, 10)
    (warning,) = caplog.messages
    assert "step-00000020.npz, step-00000030.npz" in warning and "latest" in warning
    save(tmp_path, 15)
    checkpoints.prune(tmp_path, 15, 3)
    assert names(tmp_path) == ["step-00000010.npz", "step-00000015.npz"]


def test_unfinished_files_of_killed_processes_are_deleted(tmp_path):
    (path,) = save(tmp_path, 1)
    (tmp_path / ".4711.step-00000002.npz").write_bytes(path.read_bytes()[:99])
    (tmp_path / ".hidden").touch()
    checkpoints.prune(tmp_path, 1, 3)
    assert names(tmp_path) == [".hidden", "step-00000001.npz"]


def test_writing_a_file_deletes_its_unfinished_versions(tmp_path):
    for name in (".4711.card.txt", ".4711.other.txt", ".other.card.txt"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "card.txt", "whole")
    assert names(tmp_path) == [".4711.other.txt", ".other.card.txt", "card.txt"]


def test_a_changed_config_is_refused_and_the_changes_are_named(tmp_path):
    checkpoint = checkpoints.read_checkpoint(save(tmp_path, 3)[0])
    changed = replace(CONFIG, seed=9, gan_loss="hinge")
    with pytest.raises(UserError, match=r"gan_loss \(vanilla -> hinge\), seed \(0 -> 9\)"):
        same_run.check_same_run(changed, checkpoint)
    same_run.check_same_run(CONFIG, checkpoint)
    same_run.check_same_run(replace(CONFIG, steps_per_execution=8), checkpoint)


def test_a_checkpoint_of_a_later_version_is_refused_and_not_skipped(tmp_path):
    _, newest = save(tmp_path, 1, 2)
    rewrite(newest, config=CONFIG.to_dict() | {"warp_drive": 9})
    with pytest.raises(
        UserError, match=r"step-00000002.npz was written by another version.*warp_drive"
    ):
        checkpoints.find_latest(tmp_path)


def test_a_checkpoint_of_an_earlier_version_is_refused_and_not_skipped(tmp_path):
    _, newest = save(tmp_path, 1, 2)
    rewrite(newest, log=None)
    with pytest.raises(UserError, match=r"step-00000002.npz was written by another version.*'log'"):
        checkpoints.find_latest(tmp_path)


def test_missing_variables_and_different_shapes_are_named(tmp_path):
    checkpoint = checkpoints.read_checkpoint(save(tmp_path, 1)[0])
    state = small_state() | {
        "weights/001": tf.Variable(tf.zeros((9, 9))),
        "new/000": tf.Variable(1),
    }
    before = {name: variable.numpy() for name, variable in state.items()}
    with pytest.raises(UserError, match=r"another version.*\(new/000, weights/001\)"):
        checkpoints.restore(checkpoint, state)
    for name, variable in state.items():
        np.testing.assert_array_equal(variable.numpy(), before[name])
