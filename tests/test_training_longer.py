"""Runs that go on for longer than planned: the same weights as one long run, or a clear refusal."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pix2pix import UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.commands import dry_run, resume, train
from pix2pix.config import Config
from pix2pix.data import TrainingPairs
from pix2pix.fields import settings_of
from pix2pix.options import Options
from pix2pix.training import checkpoints, loop, same_run
from pix2pix.training.history import MAX_ROWS, History
from pix2pix.training.loop import SaveSettings
from pix2pix.training.trainer import SCALARS
from tests.builders import make_pair_array, make_pairs, tiny_config, write_joined_pairs
from tests.published_run import TINY_FLAGS

PAIRS = 5


def run(config: Config, folder: Path, resumed: checkpoints.Checkpoint | None = None) -> loop.Result:
    """Trains on a few pairs, with a checkpoint after every step."""
    pairs = make_pair_array(PAIRS, 72)
    samples = pairs[:1, 0, :64, :64], pairs[:1, 1, :64, :64]
    settings = SaveSettings(folder, 1, 9, 0)
    return loop.train(config, TrainingPairs(pairs, config), samples, settings, resumed)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("schedule", "planned", "made"),
    [
        pytest.param("constant", 2, 2, id="constant, after its end", marks=pytest.mark.slow),
        pytest.param("linear", 2, 1, id="linear, at half of its length"),
    ],
)
def test_a_run_that_goes_on_ends_with_the_bits_of_a_long_run(schedule, planned, made, tmp_path):
    short = tiny_config(
        max_train_steps=planned, lr_schedule=schedule, ema_decay=0.9, generator_depth=4
    )
    long = replace(short, max_train_steps=2 * planned)
    run(short, tmp_path / "short")
    path = tmp_path / "short" / "checkpoints" / f"step-{made:08d}.npz"
    checkpoint = checkpoints.read_checkpoint(path)
    same_run.check_same_run(long, checkpoint)
    resume.check_length(long, Options(), checkpoint, PAIRS)
    resumed, whole = run(long, tmp_path / "resumed", checkpoint), run(long, tmp_path / "whole")
    assert resumed.step == whole.step == 2 * planned
    expected = whole.trainer.state()
    for name, variable in resumed.trainer.state().items():
        assert variable.numpy().tobytes() == expected[name].numpy().tobytes(), name
    rows, expected_rows = ([r | {"seconds": 0} for r in x.history] for x in (resumed, whole))
    assert rows == expected_rows


def checkpoint_of(config: Config, step: int) -> checkpoints.Checkpoint:
    return checkpoints.Checkpoint(Path("run/checkpoints/step.npz"), step, config, {}, {})


@pytest.mark.parametrize(
    ("schedule", "old", "new", "step", "is_possible"),
    [
        ("constant", 200, 400, 1000, True),
        ("constant", 200, 100, 300, True),
        ("linear", 200, 400, 500, True),
        ("linear", 200, 400, 501, False),
        ("linear", 200, 400, 1000, False),
        ("linear", 400, 200, 500, True),
        ("linear", 400, 200, 501, False),
        ("linear", 200, 200, 1000, True),
    ],
)
def test_the_length_may_change_while_the_learning_rate_agrees(
    schedule, old, new, step, is_possible
):
    """The lengths are in epochs of 5 pairs."""
    config = Config(lr_schedule=schedule, num_train_epochs=old)
    longer, checkpoint = replace(config, num_train_epochs=new), checkpoint_of(config, step)
    same_run.check_same_run(longer, checkpoint)
    options = Options(output_dir=Path("runs/maps"))
    if is_possible:
        resume.check_length(longer, options, checkpoint, PAIRS)
        return
    with pytest.raises(UserError) as caught:
        resume.check_length(longer, options, checkpoint, PAIRS)
    message = str(caught.value)
    assert f"planned for {old * PAIRS:,} steps and can't go on to {new * PAIRS:,}" in message
    assert "with --lr_schedule linear, the learning rates of the two lengths differ" in message
    assert "--init_from runs/maps" in message


def test_the_length_may_not_change_after_the_color_balance_has():
    config = Config(color_balance=1.0, color_balance_decay=0.5, max_train_steps=1000)
    longer = replace(config, max_train_steps=2000)
    options = Options(output_dir=Path("runs/maps"))
    resume.check_length(longer, options, checkpoint_of(config, 500), PAIRS)
    message = "with --color_balance_decay, the color balances of the two lengths differ"
    with pytest.raises(UserError, match=message):
        resume.check_length(longer, options, checkpoint_of(config, 501), PAIRS)


def test_the_learning_rate_agrees_exactly_up_to_half_of_the_shorter_length():
    from pix2pix.training.trainer import Schedule

    for steps in (7, 1000, 219_200):
        config = Config(lr_schedule="linear", max_train_steps=steps)
        flat = config.steps_before_decay(PAIRS)
        rates = [Schedule(2e-4, decay_steps=length) for length in (steps, 2 * steps)]
        assert len({float(rate(flat - 1)) for rate in rates}) == 1
        assert len({float(rate(flat + 1)) for rate in rates}) == 2
    assert Config().steps_before_decay(PAIRS) == math.inf


def test_the_settings_that_a_resumed_run_may_change_are_marked_at_their_fields():
    changeable = {spec.name: spec for spec in settings_of(Config) if spec.resumable}
    assert changeable.keys() == {
        "num_train_epochs", "max_train_steps", "steps_per_execution", "init_from",
        "validation_steps", "early_stopping_patience", "publish",
    }  # fmt: skip
    config = tiny_config(validation_steps=5)
    for name, spec in changeable.items():
        changed = replace(config, **{name: spec.choices[-1] if spec.choices else spec.type(77)})
        assert changed != config
        same_run.check_same_run(changed, checkpoint_of(config, 3))


@pytest.mark.parametrize(
    ("old", "new", "remedy"), [(0, 5, "without .* leave out"), (5, 0, "with .* set")]
)
def test_validation_can_not_be_switched_on_or_off_because_that_changes_the_training_pairs(
    old, new, remedy
):
    checkpoint = checkpoint_of(tiny_config(validation_steps=old), 3)
    with pytest.raises(UserError, match=f"of a run {remedy} --validation_steps, or start a new"):
        same_run.check_same_run(tiny_config(validation_steps=new), checkpoint)


@pytest.mark.parametrize("changes", [{"selection_samples": 9}, {"selection_metric": "ssim"}])
def test_the_selection_stays_what_it_was(changes):
    config = tiny_config(validation_steps=5)
    with pytest.raises(UserError, match=rf"of another run: {next(iter(changes))} \("):
        same_run.check_same_run(replace(config, **changes), checkpoint_of(config, 3))


def add_steps(history: History, first: int, last: int) -> History:
    for step in range(first, last + 1):
        history.add(step, 1, dict.fromkeys(SCALARS, float(step)))
    return history


def test_the_history_of_a_longer_run_has_the_rows_of_one_long_run():
    before = add_steps(History(1000), 1, 1000).state()
    resumed = add_steps(History(2000, **before), 1001, 2000)
    whole = add_steps(History(2000), 1, 2000)
    assert len(resumed.rows) == len(whole.rows) == MAX_ROWS
    for row, expected in zip(resumed.rows, whole.rows, strict=True):
        assert row | {"seconds": 0} == expected | {"seconds": 0}


@pytest.mark.parametrize("stops", [(7, 1300, 2600), (999, 1001, 5000), (500, 501, 777)])
def test_however_a_run_is_prolonged_no_step_is_lost_from_its_history(stops):
    history, done = History(500), 0
    for step in stops:
        history = add_steps(History(2 * step, **history.state()), done + 1, step)
        done = step
    rows, state = history.rows, history.state()
    assert len(rows) <= MAX_ROWS + len(stops)
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps)) and done - steps[-1] == state["count"]
    weights = np.diff([0, *steps])
    total = sum(row["l1_loss"] * weight for row, weight in zip(rows, weights, strict=True))
    assert total + state["sums"][0] == pytest.approx(done * (done + 1) / 2)


@pytest.mark.slow
def test_a_finished_run_goes_on_from_its_folder(tmp_path, capsys):
    write_joined_pairs(tmp_path / "set", "train", make_pairs(4), "png")
    folder = tmp_path / "run"
    flags = [
        "--dataset_name", str(tmp_path / "set"), "--output_dir", str(folder), "--cache", "memory",
        "--validation_samples", "1", *TINY_FLAGS,
    ]  # fmt: skip
    assert train.main([*flags, "--num_train_epochs", "1"]) == 0
    longer = [*flags, "--resume_from_checkpoint", "latest", "--num_train_epochs", "2"]
    linear = [*longer, "--lr_schedule", "linear"]
    assert dry_run.main(longer) == 0
    capsys.readouterr()
    assert train.main(longer) == 0
    assert "The run ends after step 6 instead of 3." in capsys.readouterr().out
    artifacts = ArtifactFolder(folder)
    about = artifacts.read_description()
    assert about["training"]["steps"] == 6 and about["config"]["num_train_epochs"] == 2
    assert [row["step"] for row in artifacts.read_history()] == [1, 2, 3, 4, 5, 6]
    assert train.main(linear) == 1
    assert "lr_schedule (constant -> linear)" in capsys.readouterr().err
