"""The loop and its checkpoints: what a run leaves on disk, and that a kill loses nothing."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix import UserError
from pix2pix.data import TrainingPairs
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints, loop
from pix2pix.training.loop import Saving, Stopped
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


def assert_same_end(mine: loop.Result, theirs: loop.Result) -> None:
    """Bit by bit: weights, both optimizers, the average, the random state; and the log."""
    state, expected = mine.trainer.state(), theirs.trainer.state()
    assert state.keys() == expected.keys()
    for name, variable in state.items():
        assert variable.numpy().tobytes() == expected[name].numpy().tobytes(), name
    logs = [[row | {"seconds": 0} for row in run.history] for run in (mine, theirs)]
    assert logs[0] == logs[1]


def test_a_run_leaves_checkpoints_losses_and_progress_grids(straight):
    _, folder = straight
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == [
        "checkpoints/step-00000003.npz",
        "checkpoints/step-00000006.npz",
        "history.csv",
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
    assert_same_end(resumed, whole)
    assert resumed.seconds > halfway.log["seconds"] > 0
    # No grid and no checkpoint on the way were asked for: the one at the end is always there.
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["history.csv", "step-00000006.npz"]


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


def test_a_checkpoint_of_other_networks_is_refused(straight):
    _, folder = straight
    checkpoint = checkpoints.latest(folder / "checkpoints")
    with pytest.raises(UserError, match="another version"):
        checkpoints.restore(checkpoint, Trainer(tiny_config(), 6).state())


def test_a_loss_that_is_no_longer_finite_ends_the_run(fixed, tmp_path, eager):
    config = tiny_config(learning_rate=1e30, max_train_steps=20)
    before = checkpoints.save(tmp_path / "checkpoints", 0, config, {}, {})
    with pytest.raises(UserError, match="no longer finite at step .*--learning_rate"):
        loop.train(config, batches(config), fixed, Saving(tmp_path, 1, 30, 0))
    assert checkpoints.read(before).step == 0
    assert all(
        np.isfinite(checkpoints.read(p).arrays["generator/000"]).all()
        for p in checkpoints.listed(tmp_path / "checkpoints")
        if p != before
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops_and_the_resumed_run_ends_as_one_in_one_go(
    fixed, tmp_path, eager, number
):
    config = tiny_config(max_train_steps=9, ema_decay=0.999, lr_schedule="linear")
    whole = loop.train(config, batches(config), fixed, Saving(tmp_path / "whole", 0, 1, 0))
    saving = Saving(tmp_path / "stopped", 1, 50, 0)
    step = random.Random(number).randint(1, 6)
    awaited, over = saving.checkpoints / f"step-{step:08d}.npz", threading.Event()

    def kill() -> None:
        while not over.is_set():
            if awaited.exists():
                os.kill(os.getpid(), number)
                return
            time.sleep(0.001)

    handler, thread = signal.getsignal(number), threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(Stopped, match=f"{number.name} after step .*--resume_from_checkpoint"):
            loop.train(config, batches(config), fixed, saving)
    finally:
        over.set()
        thread.join()
    assert signal.getsignal(number) is handler
    stopped = checkpoints.latest(saving.checkpoints)
    assert step < stopped.step < 9 and stopped.log["rows"][-1]["step"] == stopped.step
    assert_same_end(loop.train(config, batches(config), fixed, saving, stopped), whole)
