"""The loop and its checkpoints: what a run leaves on disk, and that a kill loses nothing."""

import os
import random
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from pix2pix import UserError
from pix2pix.data import TrainingPairs
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints, loop
from pix2pix.training.loop import Log, Saving, Stopped
from pix2pix.training.trainer import SCALARS, Trainer
from tests.builders import pair_array, tiny_config

CONFIG = tiny_config(max_train_steps=6, lr_schedule="linear", ema_decay=0.9, train_batch_size=2)


def batches(config=CONFIG) -> TrainingPairs:
    return TrainingPairs(pair_array(5, 72), config)


@pytest.fixture(scope="module")
def fixed() -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = pair_array(2, seed=3).swapaxes(0, 1)
    return inputs, targets


@pytest.fixture(scope="module")
def straight(tmp_path_factory, fixed) -> tuple[loop.Result, Path]:
    """Six steps in one go: a checkpoint at 3 and at 6, a grid at 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("straight")
    return loop.train(CONFIG, batches(), fixed, Saving(folder, 3, 3, 2)), folder


@pytest.fixture
def eager():
    """Steps that run at once: for runs of a few steps, cheaper than to compile the step."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def small_state() -> dict[str, tf.Variable]:
    return {f"weights/{n:03d}": tf.Variable(np.full((3, n + 1), n, np.float32)) for n in range(3)}


def saved(folder: Path, *steps: int, config=CONFIG) -> list[Path]:
    return [checkpoints.save(folder, s, config, [], 1.0, small_state()) for s in steps]


def test_a_run_leaves_checkpoints_and_progress_grids(straight):
    _, folder = straight
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == [
        "checkpoints/step-00000003.npz",
        "checkpoints/step-00000006.npz",
        *(f"progress/step-0000000{n}.png" for n in (2, 4, 6)),
    ]


def test_a_progress_grid_shows_input_generated_and_target(straight, fixed):
    result, folder = straight
    sheet = np.asarray(Image.open(folder / "progress" / "step-00000006.png"))
    assert sheet.shape == (2 * 64 + 4, 3 * 64 + 8, 3)
    columns = [sheet[:64, left : left + 64] for left in (0, 68, 136)]
    np.testing.assert_array_equal(columns[0], fixed[0][0])
    np.testing.assert_array_equal(columns[1], loop.generate(result.trainer, fixed[0])[0])
    np.testing.assert_array_equal(columns[2], fixed[1][0])


def test_grids_are_drawn_by_the_published_generator_without_dropout(straight, fixed):
    trainer = straight[0].trainer
    expected = to_uint8(trainer.averaged(to_tensor(fixed[0][:1]), training=False).numpy())
    np.testing.assert_array_equal(loop.generate(trainer, fixed[0][:1]), expected)


def test_the_history_has_a_row_a_step_in_a_short_run(straight):
    result, _ = straight
    assert [row["step"] for row in result.history] == [1, 2, 3, 4, 5, 6]
    assert all(tuple(row) == ("step", "seconds", *SCALARS) for row in result.history)
    seconds = [row["seconds"] for row in result.history]
    assert seconds == sorted(seconds) and seconds[-1] <= result.seconds
    assert result.step == 6


def test_the_learning_rate_has_fallen_to_zero_at_the_end(straight):
    assert float(straight[0].trainer.generator_optimizer.learning_rate) == 0


def test_three_steps_and_a_resumed_run_are_the_run_in_one_go_bit_by_bit(straight, fixed, tmp_path):
    """Weights, both Adams, the average, the schedule, the batches and dropout's random state."""
    whole, folder = straight
    halfway = checkpoints.read(folder / "checkpoints" / "step-00000003.npz")
    resumed = loop.train(CONFIG, batches(), fixed, Saving(tmp_path, 0, 1, 0), halfway)
    mine, theirs = resumed.trainer.state(), whole.trainer.state()
    assert mine.keys() == theirs.keys()
    for name, variable in mine.items():
        np.testing.assert_array_equal(variable.numpy(), theirs[name].numpy(), err_msg=name)
    for row, expected in zip(resumed.history, whole.history, strict=True):
        assert {n: row[n] for n in SCALARS} == {n: expected[n] for n in SCALARS}
    assert resumed.seconds > halfway.seconds > 0
    # No grid and no checkpoint on the way were asked for: the one at the end is always there.
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["step-00000006.npz"]


def test_a_finished_run_is_resumed_without_a_step(straight, fixed, tmp_path):
    whole, folder = straight
    done = checkpoints.latest(folder / "checkpoints")
    result = loop.train(CONFIG, batches(), fixed, Saving(tmp_path), done)
    assert result.step == 6 and result.history == whole.history
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_needs_no_pickle(straight):
    _, folder = straight
    with np.load(folder / "checkpoints" / "step-00000006.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_a_checkpoint_is_read_back_as_it_was_saved(tmp_path):
    history = [{"step": 1, "seconds": 0.5} | dict.fromkeys(SCALARS, 0.1)]
    path = checkpoints.save(tmp_path, 7, CONFIG, history, 12.5, small_state())
    back = checkpoints.read(path)
    assert (back.path, back.step, back.config) == (path, 7, CONFIG)
    assert (back.history, back.seconds) == (history, 12.5)
    fresh = {name: tf.Variable(tf.zeros_like(v)) for name, v in small_state().items()}
    checkpoints.restore(back, fresh)
    for name, variable in small_state().items():
        np.testing.assert_array_equal(fresh[name], variable)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000007.npz"]


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(tmp_path, capsys):
    _, middle, newest = saved(tmp_path, 1, 20, 300)
    newest.write_bytes(newest.read_bytes()[:-200])
    assert checkpoints.latest(tmp_path).path == middle
    assert f"Warning: The checkpoint {newest} is damaged" in capsys.readouterr().err


def test_no_checkpoint_is_none_and_other_files_are_ignored(tmp_path):
    assert checkpoints.latest(tmp_path / "nowhere") is None
    (tmp_path / "step-00000009.tmp").write_bytes(b"half")
    (tmp_path / "step-best.npz").write_bytes(b"mine")
    assert checkpoints.latest(tmp_path) is None


def test_a_missing_checkpoint_names_the_flag(tmp_path):
    with pytest.raises(UserError, match="--resume_from_checkpoint"):
        checkpoints.read(tmp_path / "step-00000001.npz")


def test_whatever_bit_is_hit_a_checkpoint_is_whole_or_refused(tmp_path):
    (path,) = saved(tmp_path, 1)
    good, whole, dice = path.read_bytes(), checkpoints.read(path), random.Random(0)
    for _ in range(600):
        bad = bytearray(good)
        # The archive's directory is at the end: hit it as often as the rest.
        bad[-1 - dice.randrange(dice.choice((len(bad), 300)))] ^= 1 << dice.randrange(8)
        path.write_bytes(bad)
        try:
            read = checkpoints.read(path)
        except UserError:
            continue
        # A hit in a member's name shows when the checkpoint is restored.
        for name in read.arrays.keys() & whole.arrays.keys():
            np.testing.assert_array_equal(read.arrays[name], whole.arrays[name])


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    saved(tmp_path, 5, 30, 200, 1000)
    (tmp_path / "notes.txt").touch()
    checkpoints.prune(tmp_path, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "notes.txt", "step-00000200.npz", "step-00001000.npz",
    ]  # fmt: skip


def test_a_changed_config_is_refused_by_name(tmp_path):
    checkpoint = checkpoints.read(saved(tmp_path, 3)[0])
    changed = replace(CONFIG, seed=9, gan_loss="hinge")
    with pytest.raises(UserError, match=r"gan_loss \(vanilla -> hinge\), seed \(0 -> 9\)"):
        checkpoints.check_same_run(changed, checkpoint)
    checkpoints.check_same_run(CONFIG, checkpoint)


def test_a_run_may_be_made_longer_unless_its_rate_depends_on_the_length(tmp_path):
    constant = replace(CONFIG, lr_schedule="constant")
    checkpoint = checkpoints.read(saved(tmp_path, 3, config=constant)[0])
    checkpoints.check_same_run(
        replace(constant, max_train_steps=99, num_train_epochs=9), checkpoint
    )
    checkpoint = checkpoints.read(saved(tmp_path, 3)[0])
    with pytest.raises(UserError, match=r"max_train_steps \(6 -> 99\)"):
        checkpoints.check_same_run(replace(CONFIG, max_train_steps=99), checkpoint)


def test_a_checkpoint_of_other_networks_is_refused(straight):
    _, folder = straight
    checkpoint = checkpoints.latest(folder / "checkpoints")
    with pytest.raises(UserError, match="another version"):
        checkpoints.restore(checkpoint, Trainer(tiny_config(), 6).state())


def test_a_loss_that_is_no_longer_finite_ends_the_run(fixed, tmp_path, eager):
    config = tiny_config(learning_rate=1e30, max_train_steps=20)
    (before,) = saved(tmp_path / "checkpoints", 0, config=config)
    with pytest.raises(UserError, match="no longer finite at step .*--learning_rate"):
        loop.train(config, batches(config), fixed, Saving(tmp_path, 1, 30, 0))
    assert checkpoints.read(before).step == 0
    assert all(
        np.isfinite(checkpoints.read(p).arrays["generator/000"]).all()
        for p in checkpoints.listed(tmp_path / "checkpoints")
        if p != before
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(fixed, tmp_path, eager, number):
    first = tmp_path / "checkpoints" / "step-00000001.npz"
    over = threading.Event()

    def kill() -> None:
        while not over.is_set():
            if first.exists():
                os.kill(os.getpid(), number)
                return
            time.sleep(0.01)

    config = tiny_config(max_train_steps=40)
    handler, thread = signal.getsignal(number), threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(Stopped, match=f"{number.name} after step .*--resume_from_checkpoint"):
            loop.train(config, batches(config), fixed, Saving(tmp_path, 1, 50, 0))
    finally:
        over.set()
        thread.join()
    assert signal.getsignal(number) is handler
    stopped = checkpoints.latest(tmp_path / "checkpoints")
    assert 1 < stopped.step < 40 and stopped.history[-1]["step"] == stopped.step


def test_the_log_of_a_long_run_is_means_over_equal_stretches():
    log = Log([], total=1000, seconds=7.0)
    with tqdm(total=1000, disable=True) as progress:
        for step in range(1, 1001):
            log.add(step, dict.fromkeys(SCALARS, float(step)), progress)
    assert len(log.rows) == 500
    assert log.rows[0]["l1_loss"] == 1.5 and log.rows[-1]["l1_loss"] == 999.5
    assert log.rows[-1]["step"] == 1000 and log.rows[0]["seconds"] >= 7.0
