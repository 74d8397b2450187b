"""Rows of history.csv, the progress bar, warnings, TensorBoard and trackio."""

import json

import pytest

from pix2pix import UserError
from pix2pix.training.history import (
    ROWS_BEFORE_WARNING,
    STEPS_BETWEEN_READS,
    History,
    ProgressBar,
)
from pix2pix.training.reporting import PROJECT, open_report
from pix2pix.training.trainer import SCALARS
from tests.builders import tiny_config


def scalars(value: float = 0.5, **changes: float) -> dict[str, float]:
    return dict.fromkeys(SCALARS, value) | changes


def test_rows_of_a_long_run_are_means_over_equal_intervals():
    history = History(1000, seconds=7.0)
    for step in range(1, 1001):
        row = history.add(step, 1, scalars(float(step)))
        assert (row is None) == (step % 2 == 1), "every second step completes a row"
    assert len(history.rows) == 500
    assert history.rows[0]["l1_loss"] == 1.5 and history.rows[-1]["l1_loss"] == 999.5
    assert history.rows[-1]["step"] == 1000 and history.rows[0]["seconds"] >= 7.0


def test_a_mean_of_several_steps_is_weighted_by_their_number():
    history = History(5 * 500)
    history.add(1, 1, scalars(1.0))
    row = history.add(5, 4, scalars(2.0))
    assert row["l1_loss"] == pytest.approx((1 + 4 * 2) / 5)


def test_a_history_resumed_within_an_interval_equals_an_uninterrupted_one():
    whole, parts = History(5000), History(5000)
    for step in range(1, 5001):
        whole.add(step, 1, scalars(1 / step))
        if step % 777 == 0:
            # A checkpoint stores the state as JSON.
            parts = History(5000, **json.loads(json.dumps(parts.state())))
        parts.add(step, 1, scalars(1 / step))
    assert len(whole.rows) == 500
    assert [r | {"seconds": 0} for r in parts.rows] == [r | {"seconds": 0} for r in whole.rows]
    assert parts.seconds > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error_with_suggestions(value):
    with pytest.raises(UserError, match="step 3; earlier checkpoints are kept.*--learning_rate"):
        History(10).add(3, 1, scalars(l1_loss=value))


class DeviceScalar:
    """A scalar that counts how often it is read."""

    reads = 0

    def __float__(self) -> float:
        DeviceScalar.reads += 1
        return 0.5


def test_scalars_are_read_every_twenty_steps_and_for_a_checkpoint():
    history = History(500 * 1000)
    for step in range(1, STEPS_BETWEEN_READS):
        history.add(step, 1, dict.fromkeys(SCALARS, DeviceScalar()))
    assert DeviceScalar.reads == 0
    history.add(STEPS_BETWEEN_READS, 1, dict.fromkeys(SCALARS, DeviceScalar()))
    assert DeviceScalar.reads == STEPS_BETWEEN_READS * len(SCALARS)
    history.add(STEPS_BETWEEN_READS + 1, 1, dict.fromkeys(SCALARS, DeviceScalar()))
    assert history.state()["count"] == STEPS_BETWEEN_READS + 1


def test_the_error_names_the_step_of_a_loss_that_is_read_later():
    history = History(500 * 1000)
    with pytest.raises(UserError, match="step 3;"):
        for step in range(1, STEPS_BETWEEN_READS + 1):
            history.add(step, 1, scalars(l1_loss=float("nan") if step == 3 else 0.5))


@pytest.mark.parametrize(
    ("d_real", "d_fake", "problem"), [(0.995, 0.004, "has won"), (0.5, 0.5, "is dead")]
)
@pytest.mark.parametrize("good_rows", [0, 3])
def test_a_failed_discriminator_is_reported_once(d_real, d_fake, problem, good_rows):
    history, warnings = History(100), {}
    for step in range(1, 80):
        values = {"d_real": d_real, "d_fake": d_fake} if step > good_rows else {"d_fake": 0.2}
        history.add(step, 1, scalars(**{"d_real": 0.7} | values))
        if warning := history.find_problem():
            warnings[step] = warning
    assert list(warnings) == [good_rows + ROWS_BEFORE_WARNING]
    (warning,) = warnings.values()
    assert problem in warning and "Try --" in warning


def test_a_working_discriminator_is_not_reported():
    history = History(100)
    for step in range(1, 101):
        history.add(step, 1, scalars(d_real=0.6 + step % 2 * 0.38, d_fake=0.02))
        assert history.find_problem() is None


def test_the_progress_bar_shows_steps_epoch_speed_and_scalars(capsys):
    progress = ProgressBar(tiny_config(train_batch_size=4), 0, 50, pairs=20)
    progress._bar.mininterval = 0
    for _ in range(10):
        progress.update(1, scalars(0.25, d_real=0.75))
    progress.close()
    bar = capsys.readouterr().err
    texts = ("10/50", "step/s", "epoch 2.0", "images/s", "D=0.250", "L1=0.250", "D(real)=0.75")
    for text in texts:
        assert text in bar, text


def test_only_one_of_several_machines_shows_a_bar(capsys):
    progress = ProgressBar(tiny_config(), 0, 50, 20, is_visible=False)
    progress.update(1, scalars())
    progress.close()
    assert capsys.readouterr().err == ""


def test_tensorboard_receives_the_rows_under_the_same_names(tmp_path):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with open_report("tensorboard", tmp_path, tiny_config()) as report:
        for step in (10, 20):
            report(step, scalars(step / 100))
    events = EventAccumulator(str(tmp_path / "runs"))
    events.Reload()
    for name in SCALARS:
        read = [(e.step, float(tf.make_ndarray(e.tensor_proto))) for e in events.Tensors(name)]
        assert read == [(10, pytest.approx(0.1)), (20, pytest.approx(0.2))]


def test_trackio_receives_the_rows_and_the_config(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    import trackio

    with open_report("trackio", tmp_path / "my-run", tiny_config()) as report:
        report(10, scalars(0.125))
    (run,) = trackio.Api().runs(PROJECT)
    assert run.name == "my-run" and run.config["generator_filters"] == 4
    (stored,) = trackio.sqlite_storage.SQLiteStorage.get_logs(PROJECT, "my-run")
    assert stored["step"] == 10 and stored["l1_loss"] == 0.125
