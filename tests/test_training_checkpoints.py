"""Checkpoint files: what is read back, what is refused, and what is left in the folder."""

import io
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pix2pix import UserError
from pix2pix.files import write_text
from pix2pix.training import checkpoints
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


def saved(folder: Path, *steps: int, config=CONFIG) -> list[Path]:
    return [checkpoints.save(folder, s, config, LOG, small_state()) for s in steps]


def rewritten(path: Path, **changes) -> Path:
    """The checkpoint at `path` as another version would have written it, with a valid checksum."""
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


def test_a_checkpoint_is_read_back_as_it_was_saved(tmp_path):
    (path,) = saved(tmp_path, 7)
    back = checkpoints.read(path)
    assert (back.path, back.step, back.config, back.log) == (path, 7, CONFIG, LOG)
    fresh = {name: tf.Variable(tf.zeros_like(v)) for name, v in small_state().items()}
    checkpoints.restore(back, fresh)
    for name, variable in small_state().items():
        np.testing.assert_array_equal(fresh[name], variable)
    assert names(tmp_path) == ["step-00000007.npz"]


def test_whatever_bit_is_hit_the_damage_is_found(tmp_path):
    (path,) = saved(tmp_path, 1)
    good, dice = path.read_bytes(), random.Random(0)
    # The archive's directory and the checksum are at the end: hit them as often as the rest.
    places = [dice.randrange(len(good)) for _ in range(300)]
    places += [len(good) - 1 - dice.randrange(400) for _ in range(300)]
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << dice.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(checkpoints.Unreadable, match="damaged"):
            checkpoints.read(path)
    path.write_bytes(good)
    assert checkpoints.read(path).step == 1


def test_wherever_it_is_cut_short_the_damage_is_found(tmp_path):
    (path,) = saved(tmp_path, 1)
    good, dice = path.read_bytes(), random.Random(0)
    for length in (
        0,
        1,
        31,
        32,
        33,
        len(good) - 1,
        *(dice.randrange(len(good)) for _ in range(99)),
    ):
        path.write_bytes(good[:length])
        with pytest.raises(checkpoints.Unreadable, match="damaged"):
            checkpoints.read(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(checkpoints.Unreadable, match="damaged"):
        checkpoints.read(path)


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(tmp_path, capsys):
    _, middle, newer, newest = saved(tmp_path, 1, 20, 300, 400)
    newer.write_bytes(b"")
    newest.write_bytes(newest.read_bytes()[:-200])
    assert checkpoints.latest(tmp_path).path == middle
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(" is passed over")[0] for line in warnings] == [
        "Warning: step-00000400.npz", "Warning: step-00000300.npz",
    ]  # fmt: skip


def test_when_all_are_damaged_none_is_replaced_by_a_run_from_the_start(tmp_path):
    paths = saved(tmp_path, 1, 20)
    for path in paths:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"step-00000001.npz, step-00000020.npz.*--output_dir"):
        checkpoints.latest(tmp_path)
    assert all(path.exists() for path in paths)


def test_no_checkpoint_is_none_and_other_files_are_ignored(tmp_path):
    assert checkpoints.latest(tmp_path / "nowhere") is None
    (tmp_path / "step-00000009.tmp").write_bytes(b"half")
    (tmp_path / "step-best.npz").write_bytes(b"mine")
    assert checkpoints.latest(tmp_path) is None


def test_a_missing_checkpoint_names_the_flag(tmp_path):
    with pytest.raises(UserError, match="--resume_from_checkpoint"):
        checkpoints.read(tmp_path / "step-00000001.npz")


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    saved(tmp_path, 5, 30, 200, 1000)
    (tmp_path / "notes.txt").touch()
    checkpoints.prune(tmp_path, 1000, 2)
    assert names(tmp_path) == ["notes.txt", "step-00000200.npz", "step-00001000.npz"]


def test_a_run_that_is_started_over_replaces_the_later_checkpoints(tmp_path, capsys):
    saved(tmp_path, 10, 20, 30)
    checkpoints.warn_of_others(tmp_path, 30)
    assert capsys.readouterr().err == ""
    checkpoints.warn_of_others(tmp_path, 10)
    warning = capsys.readouterr().err
    assert "step-00000020.npz, step-00000030.npz" in warning and "latest" in warning
    saved(tmp_path, 15)
    checkpoints.prune(tmp_path, 15, 3)
    assert names(tmp_path) == ["step-00000010.npz", "step-00000015.npz"]


def test_what_a_killed_process_had_not_finished_writing_is_deleted(tmp_path):
    (path,) = saved(tmp_path, 1)
    (tmp_path / ".4711.step-00000002.npz").write_bytes(path.read_bytes()[:99])
    (tmp_path / ".hidden").touch()
    checkpoints.prune(tmp_path, 1, 3)
    assert names(tmp_path) == [".hidden", "step-00000001.npz"]


def test_a_file_written_again_takes_its_unfinished_forerunner_away(tmp_path):
    for name in (".4711.card.txt", ".4711.other.txt", ".other.card.txt"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "card.txt", "whole")
    assert names(tmp_path) == [".4711.other.txt", ".other.card.txt", "card.txt"]


def test_a_changed_config_is_refused_by_name(tmp_path):
    checkpoint = checkpoints.read(saved(tmp_path, 3)[0])
    changed = replace(CONFIG, seed=9, gan_loss="hinge")
    with pytest.raises(UserError, match=r"gan_loss \(vanilla -> hinge\), seed \(0 -> 9\)"):
        checkpoints.check_same_run(changed, checkpoint)
    checkpoints.check_same_run(CONFIG, checkpoint)
    checkpoints.check_same_run(replace(CONFIG, steps_per_execution=8), checkpoint)


def test_a_run_may_be_made_longer_unless_its_rate_depends_on_the_length(tmp_path):
    constant = replace(CONFIG, lr_schedule="constant")
    checkpoint = checkpoints.read(saved(tmp_path, 3, config=constant)[0])
    checkpoints.check_same_run(
        replace(constant, max_train_steps=99, num_train_epochs=9), checkpoint
    )
    checkpoint = checkpoints.read(saved(tmp_path, 3)[0])
    with pytest.raises(UserError, match=r"max_train_steps \(6 -> 99\)"):
        checkpoints.check_same_run(replace(CONFIG, max_train_steps=99), checkpoint)


def test_one_of_a_later_version_is_refused_by_name_and_not_passed_over(tmp_path):
    _, newest = saved(tmp_path, 1, 2)
    rewritten(newest, config=CONFIG.to_dict() | {"warp_drive": 9})
    with pytest.raises(UserError, match=r"step-00000002.npz is of another version.*warp_drive"):
        checkpoints.latest(tmp_path)


def test_one_of_an_earlier_version_is_refused_by_name_and_not_passed_over(tmp_path):
    _, newest = saved(tmp_path, 1, 2)
    rewritten(newest, log=None)
    with pytest.raises(UserError, match=r"step-00000002.npz is of another version.*'log'"):
        checkpoints.latest(tmp_path)


def test_variables_that_are_missing_or_of_another_shape_are_named(tmp_path):
    checkpoint = checkpoints.read(saved(tmp_path, 1)[0])
    state = small_state() | {
        "weights/001": tf.Variable(tf.zeros((9, 9))),
        "new/000": tf.Variable(1),
    }
    before = {name: variable.numpy() for name, variable in state.items()}
    with pytest.raises(UserError, match=r"another version.*\(new/000, weights/001\)"):
        checkpoints.restore(checkpoint, state)
    for name, variable in state.items():
        np.testing.assert_array_equal(variable.numpy(), before[name])
