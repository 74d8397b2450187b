"""What a run says: rows of history.csv, the progress line, warnings, TensorBoard and trackio."""

import json

import pytest

from pix2pix import UserError
from pix2pix.training.log import FETCHED_EVERY, ROWS_IN_TROUBLE, Log, Progress
from pix2pix.training.reporting import PROJECT, reporting
from pix2pix.training.trainer import SCALARS
from tests.builders import tiny_config


def scalars(value: float = 0.5, **changes: float) -> dict[str, float]:
    return dict.fromkeys(SCALARS, value) | changes


def test_the_log_of_a_long_run_is_means_over_equal_stretches():
    log = Log(1000, seconds=7.0)
    for step in range(1, 1001):
        row = log.add(step, 1, scalars(float(step)))
        assert (row is None) == (step % 2 == 1), "every second step completes a row"
    assert len(log.rows) == 500
    assert log.rows[0]["l1_loss"] == 1.5 and log.rows[-1]["l1_loss"] == 999.5
    assert log.rows[-1]["step"] == 1000 and log.rows[0]["seconds"] >= 7.0


def test_means_of_several_steps_count_as_many():
    log = Log(5 * 500)
    log.add(1, 1, scalars(1.0))
    row = log.add(5, 4, scalars(2.0))
    assert row["l1_loss"] == pytest.approx((1 + 4 * 2) / 5)


def test_a_log_that_is_stopped_in_a_stretch_and_goes_on_is_the_log_in_one_go():
    whole, parts = Log(5000), Log(5000)
    for step in range(1, 5001):
        whole.add(step, 1, scalars(1 / step))
        if step % 777 == 0:
            # As through a checkpoint, which holds it as JSON.
            parts = Log(5000, **json.loads(json.dumps(parts.state())))
        parts.add(step, 1, scalars(1 / step))
    assert len(whole.rows) == 500
    assert [r | {"seconds": 0} for r in parts.rows] == [r | {"seconds": 0} for r in whole.rows]
    assert parts.seconds > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_says_what_to_try(value):
    with pytest.raises(UserError, match="step 3; the checkpoints before it are kept.*--learning_r"):
        Log(10).add(3, 1, scalars(l1_loss=value))


class OnDevice:
    """A scalar that counts how often a run waits for it."""

    fetched = 0

    def __float__(self) -> float:
        OnDevice.fetched += 1
        return 0.5


def test_scalars_are_fetched_every_so_many_steps_and_for_a_checkpoint():
    log = Log(500 * 1000)
    for step in range(1, FETCHED_EVERY):
        log.add(step, 1, dict.fromkeys(SCALARS, OnDevice()))
    assert OnDevice.fetched == 0
    log.add(FETCHED_EVERY, 1, dict.fromkeys(SCALARS, OnDevice()))
    assert OnDevice.fetched == FETCHED_EVERY * len(SCALARS)
    log.add(FETCHED_EVERY + 1, 1, dict.fromkeys(SCALARS, OnDevice()))
    assert log.state()["count"] == FETCHED_EVERY + 1


def test_a_loss_that_was_not_finite_some_steps_ago_names_its_step():
    log = Log(500 * 1000)
    with pytest.raises(UserError, match="step 3;"):
        for step in range(1, FETCHED_EVERY + 1):
            log.add(step, 1, scalars(l1_loss=float("nan") if step == 3 else 0.5))


@pytest.mark.parametrize(
    ("d_real", "d_fake", "what"), [(0.995, 0.004, "has won"), (0.5, 0.5, "is dead")]
)
@pytest.mark.parametrize("good", [0, 3])
def test_a_discriminator_past_help_is_reported_once(d_real, d_fake, what, good):
    log, said = Log(100), []
    for step in range(1, 80):
        bad = step > good
        log.add(step, 1, scalars(d_real=d_real if bad else 0.7, d_fake=d_fake if bad else 0.2))
        said.append(log.trouble())
    assert [place for place, message in enumerate(said) if message] == [good + ROWS_IN_TROUBLE - 1]
    assert what in said[good + ROWS_IN_TROUBLE - 1] and "Try --" in said[good + ROWS_IN_TROUBLE - 1]


def test_a_fair_game_is_not_reported():
    log = Log(100)
    for step in range(1, 101):
        log.add(step, 1, scalars(d_real=0.6 + step % 2 * 0.38, d_fake=0.02))
        assert log.trouble() is None


def test_the_progress_line_shows_steps_epoch_speed_and_scalars(capsys):
    progress = Progress(tiny_config(train_batch_size=4), 0, 50, pairs=20)
    progress._bar.mininterval = 0
    for _ in range(10):
        progress.show(1, scalars(0.25, d_real=0.75))
    progress.warn("Look here.")
    progress.close()
    line = capsys.readouterr()
    assert "Look here." in line.out
    for shown in (
        "10/50",
        "step/s",
        "epoch 2.0",
        "images/s",
        "D=0.250",
        "L1=0.250",
        "D(real)=0.75",
    ):
        assert shown in line.err, shown


def test_only_one_of_several_machines_shows_a_line(capsys):
    progress = Progress(tiny_config(), 0, 50, 20, shown=False)
    progress.show(1, scalars())
    progress.close()
    assert capsys.readouterr().err == ""


def test_tensorboard_gets_the_rows_under_the_same_names(tmp_path):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with reporting("tensorboard", tmp_path, tiny_config()) as report:
        for step in (10, 20):
            report(step, scalars(step / 100))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for name in SCALARS:
        read = [(e.step, float(tf.make_ndarray(e.tensor_proto))) for e in events.Tensors(name)]
        assert read == [(10, pytest.approx(0.1)), (20, pytest.approx(0.2))]


def test_trackio_gets_the_rows_and_the_config(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    import trackio

    with reporting("trackio", tmp_path / "my-run", tiny_config()) as report:
        report(10, scalars(0.125))
    (run,) = trackio.Api().runs(PROJECT)
    assert run.name == "my-run" and run.config["generator_filters"] == 4
    (stored,) = trackio.sqlite_storage.SQLiteStorage.get_logs(PROJECT, "my-run")
    assert stored["step"] == 10 and stored["l1_loss"] == 0.125
