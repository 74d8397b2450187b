"""The training loop: the files a run writes, and runs that are stopped and resumed."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.data import TrainingPairs
from pix2pix.images import to_tensor, to_uint8
from pix2pix.training import checkpoints, loop
from pix2pix.training.loop import RunStopped, SaveSettings
from pix2pix.training.stop_signals import collect_stop_signals
from pix2pix.training.trainer import SCALARS, Trainer
from tests.builders import make_pair_array, running_eagerly, tiny_config

CONFIG = tiny_config(
    max_train_steps=6, lr_schedule="linear", ema_decay=0.9, train_batch_size=2, generator_depth=4
)


def batches(config=CONFIG) -> TrainingPairs:
    return TrainingPairs(make_pair_array(5, 72), config)


@pytest.fixture(scope="module")
def samples() -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = make_pair_array(2, seed=3).swapaxes(0, 1)
    return inputs, targets


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, samples) -> tuple[loop.Result, Path]:
    """Six steps without a stop: checkpoints at 3 and 6, progress grids at 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    with running_eagerly():
        return loop.train(CONFIG, batches(), samples, SaveSettings(folder, 3, 3, 2)), folder


def assert_same_result(result: loop.Result, expected_result: loop.Result) -> None:
    """Asserts that all variables have the same bits and the histories the same rows."""
    state, expected = result.trainer.state(), expected_result.trainer.state()
    assert state.keys() == expected.keys()
    for name, variable in state.items():
        assert variable.numpy().tobytes() == expected[name].numpy().tobytes(), name
    rows, expected_rows = (
        [row | {"seconds": 0} for row in run.history] for run in (result, expected_result)
    )
    assert rows == expected_rows


def test_a_run_leaves_checkpoints_losses_and_progress_grids(uninterrupted):
    _, folder = uninterrupted
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "checkpoints/step-00000003.npz",
        "checkpoints/step-00000006.npz",
        "history.csv",
        *(f"progress/step-0000000{n}.png" for n in (2, 4, 6)),
    ]


def test_a_progress_grid_shows_input_generated_and_target(uninterrupted, samples):
    result, folder = uninterrupted
    sheet = np.asarray(Image.open(folder / "progress" / "step-00000006.png"))
    assert sheet.shape == (2 * 64 + 4, 3 * 64 + 8, 3)
    columns = [sheet[:64, left : left + 64] for left in (0, 68, 136)]
    np.testing.assert_array_equal(columns[0], samples[0][0])
    np.testing.assert_array_equal(columns[1], loop.generate(result.trainer, samples[0])[0])
    np.testing.assert_array_equal(columns[2], samples[1][0])


def test_grids_show_the_published_generator_without_dropout(uninterrupted, samples):
    trainer = uninterrupted[0].trainer
    expected = to_uint8(trainer.averaged(to_tensor(samples[0][:1]), training=False).numpy())
    np.testing.assert_array_equal(loop.generate(trainer, samples[0][:1]), expected)


def test_the_history_of_a_short_run_has_a_row_per_step(uninterrupted):
    result, _ = uninterrupted
    assert [row["step"] for row in result.history] == [1, 2, 3, 4, 5, 6]
    assert all(tuple(row) == ("step", "seconds", *SCALARS) for row in result.history)
    seconds = [row["seconds"] for row in result.history]
    assert seconds == sorted(seconds) and seconds[-1] <= result.seconds
    assert result.step == 6


def test_the_learning_rate_is_zero_at_the_end(uninterrupted):
    assert float(uninterrupted[0].trainer.generator_optimizer.learning_rate) == 0


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(samples, tmp_path):
    """Covers weights, optimizers, average, schedule, batches and random states of dropout.

    Both runs compile their steps, which the other runs of this module don't.
    """
    folder, resumed_folder = tmp_path / "whole", tmp_path / "resumed"
    whole = loop.train(CONFIG, batches(), samples, SaveSettings(folder, 3, 3, 2))
    halfway = checkpoints.read_checkpoint(folder / "checkpoints" / "step-00000003.npz")
    settings = SaveSettings(resumed_folder, 0, 1, 0)
    resumed = loop.train(CONFIG, batches(), samples, settings, halfway)
    assert_same_result(resumed, whole)
    assert resumed.seconds > halfway.log["seconds"] > 0
    # Even with both intervals 0, the last step is saved.
    names = sorted(path.name for path in resumed_folder.rglob("*") if path.is_file())
    assert names == ["history.csv", "step-00000006.npz"]


def test_resuming_a_finished_run_trains_no_step(uninterrupted, samples, tmp_path):
    whole, folder = uninterrupted
    done = checkpoints.find_latest(folder / "checkpoints")
    result = loop.train(CONFIG, batches(), samples, SaveSettings(tmp_path), done)
    assert result.step == 6 and result.history == whole.history
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_needs_no_pickle(uninterrupted):
    _, folder = uninterrupted
    with np.load(folder / "checkpoints" / "step-00000006.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_a_checkpoint_of_other_networks_is_refused(uninterrupted):
    _, folder = uninterrupted
    checkpoint = checkpoints.find_latest(folder / "checkpoints")
    with pytest.raises(UserError, match="another version"):
        checkpoints.restore(checkpoint, Trainer(tiny_config(), 6).state())


def test_a_loss_that_is_not_finite_ends_the_run(samples, tmp_path, eager):
    config = tiny_config(learning_rate=1e30, max_train_steps=20)
    before = checkpoints.save(tmp_path / "checkpoints", 0, config, {}, {})
    with pytest.raises(UserError, match="no longer finite at step .*--learning_rate"):
        loop.train(config, batches(config), samples, SaveSettings(tmp_path, 1, 30, 0))
    assert checkpoints.read_checkpoint(before).step == 0
    assert all(
        np.isfinite(checkpoints.read_checkpoint(p).arrays["generator/000"]).all()
        for p in checkpoints.list_checkpoints(tmp_path / "checkpoints")
        if p != before
    )


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_after_a_signal_the_run_is_saved_and_ends_like_an_uninterrupted_one_once_resumed(
    samples, tmp_path, eager, number
):
    config = tiny_config(
        max_train_steps=6, ema_decay=0.999, lr_schedule="linear", generator_depth=4
    )
    whole = loop.train(config, batches(config), samples, SaveSettings(tmp_path / "whole", 0, 1, 0))
    saving = SaveSettings(tmp_path / "stopped", 1, 50, 0)
    step = random.Random(number).randint(1, 3)
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
        with pytest.raises(
            RunStopped, match=f"{number.name} after step .*--resume_from_checkpoint"
        ):
            loop.train(config, batches(config), samples, saving)
    finally:
        over.set()
        thread.join()
    assert signal.getsignal(number) is handler
    stopped = checkpoints.find_latest(saving.checkpoints)
    assert step < stopped.step < 6 and stopped.log["rows"][-1]["step"] == stopped.step
    assert_same_result(loop.train(config, batches(config), samples, saving, stopped), whole)


def test_a_run_started_with_nohup_ignores_the_end_of_its_terminal():
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with collect_stop_signals() as received:
            os.kill(os.getpid(), signal.SIGHUP)
            assert received == [] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, handler)
