"""Validation while a run trains: what it keeps, when it stops the run, and what it leaves alone."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pix2pix import UserError
from pix2pix.commands import selection, train
from pix2pix.commands.base_model import Start
from pix2pix.config import Config
from pix2pix.data import LoadedPairs, TrainingPairs, load_pairs
from pix2pix.data.identity import identify
from pix2pix.options import Options
from pix2pix.training import checkpoints, loop
from pix2pix.training.devices import Devices
from pix2pix.training.loop import SaveSettings
from pix2pix.training.trainer import Trainer
from pix2pix.training.validation import Validation, ValidationPlan, compile_generator
from pix2pix.validation_settings import SELECTION_METRICS
from tests.builders import (
    InMemorySource,
    make_pair_array,
    make_pairs,
    running_eagerly,
    tiny_config,
)

# 8 training pairs, then 3 selection pairs, then 2 held-out pairs.
CONFIG = tiny_config(
    max_train_steps=6, validation_steps=1, selection_samples=3, validation_samples=2, load_size=72,
    generator_depth=4,
)  # fmt: skip
SCORED = replace(CONFIG, max_train_steps=2, ema_decay=0.9, upsampling="nearest")


@pytest.fixture(scope="module", autouse=True)
def eager():
    with running_eagerly():
        yield


def load(config: Config = CONFIG, poison: bool = False) -> LoadedPairs:
    pairs = make_pairs(13, 72)
    if poison:
        pairs[-2:] = make_pairs(2, 72, seed=666)
    return load_pairs(InMemorySource(pairs), config, "memory", Path())


def scripted(*values: float, patience: int | None = None, steps: int = 1) -> ValidationPlan:
    """Returns a plan whose validations have the given scores, by the step of the run."""

    def score(predict) -> dict[str, float]:
        assert predict(make_pair_array(1)[:, 0]).shape == (1, 64, 64, 3)
        return {"l1": remaining.pop(0)}

    remaining = list(values)
    return ValidationPlan(steps, "l1", lambda a, b: a < b, score, patience)


def run(
    folder: Path,
    plan: ValidationPlan,
    config: Config = CONFIG,
    resumed: checkpoints.Checkpoint | None = None,
    saving_steps: int = 1,
    tracker: str = "none",
) -> loop.Result:
    pairs = make_pair_array(5, 72)
    samples = pairs[:1, 0, :64, :64], pairs[:1, 1, :64, :64]
    settings = SaveSettings(folder, saving_steps, 2, 0, tracker, validation=plan)
    return loop.train(config, TrainingPairs(pairs, config), samples, settings, resumed)


def saved_steps(folder: Path) -> list[int]:
    return [
        checkpoints.parse_step(path)
        for path in checkpoints.list_checkpoints(folder / "checkpoints")
    ]


def read(folder: Path, step: int) -> checkpoints.Checkpoint:
    return checkpoints.read_checkpoint(checkpoints.path_of(folder / "checkpoints", step))


def assert_same_arrays(arrays: dict, expected: dict) -> None:
    assert arrays.keys() == expected.keys()
    for name, array in arrays.items():
        assert np.asarray(array).tobytes() == np.asarray(expected[name]).tobytes(), name


def without_seconds(rows: list[dict]) -> list[dict]:
    return [row | {"seconds": 0} for row in rows]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> tuple[Path, loop.Result]:
    """A run of up to 6 steps that stops after step 4, because step 2 was the best."""
    folder = tmp_path_factory.mktemp("stopped")
    return folder, run(folder, scripted(3, 1, 2, 2, patience=2), saving_steps=3)


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[Path, loop.Result]:
    """A run of 2 steps with real scores, of an average and layers that are published otherwise."""
    folder = tmp_path_factory.mktemp("scored")
    plan = selection.plan_validation(SCORED, load(SCORED))
    return folder, run(folder, plan, SCORED, tracker="tensorboard")


def test_the_best_checkpoint_stays_beside_the_newest_and_each_names_it(stopped):
    folder, result = stopped
    assert saved_steps(folder) == [2, 3, 4], "best, due after 3 steps, end of the run"
    assert [read(folder, step).best_step for step in (2, 3, 4)] == [2, 2, 2]
    assert (result.validation.best_step, result.validation.best["l1"]) == (2, 1)
    lines = (folder / "validation.csv").read_text().splitlines()
    assert lines[0] == "step,seconds,l1" and len(lines) == 5 and lines[2].startswith("2,")


def test_without_improvement_the_run_ends_early_and_resumes_to_no_or_more_steps(
    stopped, tmp_path, caplog
):
    caplog.set_level(logging.INFO, "pix2pix")
    folder, result = stopped
    assert (result.step, result.validation.stops) == (4, True)
    latest = checkpoints.find_latest(folder / "checkpoints")
    again = run(tmp_path, scripted(patience=2), resumed=latest)
    assert again.step == 4
    assert (
        "stopped early after step 4 of 6: 2 validations in a row were not better than step 2"
        in caplog.text
    )
    assert_same_arrays(again.trainer.state(), latest.arrays)
    longer = run(tmp_path, scripted(0.5, patience=4), replace(CONFIG, max_train_steps=5), latest)
    assert (longer.step, longer.validation.stops, longer.validation.best_step) == (5, False, 5)
    assert "Validation after step 5 (the best so far): l1 0.5; " in caplog.text


def test_the_last_step_is_scored_although_it_is_no_multiple():
    validation = Validation(scripted(steps=4), 6)
    assert [step for step in range(7) if validation.is_due(step)] == [4, 6]
    assert not any(map(Validation(ValidationPlan(), 6).is_due, range(7)))
    validation = Validation(scripted(steps=4), 6, [{"step": 4}])
    assert [step for step in range(7) if validation.is_due(step)] == [6]


def test_a_run_that_reaches_its_last_step_has_not_stopped_early():
    rows = [{"step": step, "seconds": 1, "l1": 1} for step in (1, 2, 3)]
    plan = scripted(patience=2)
    assert not Validation(plan, 3, rows, best_step=1).stops
    assert Validation(plan, 4, rows, best_step=1).stops
    assert not Validation(plan, 4, rows, best_step=2).stops


def test_validation_changes_no_bit_of_the_training(scored, tmp_path):
    _, result = scored
    plain = run(tmp_path, ValidationPlan(), SCORED)
    assert len(result.validation.rows) == 2 and not plain.validation.rows
    assert_same_arrays(result.trainer.state(), plain.trainer.state())
    assert without_seconds(result.history) == without_seconds(plain.history)
    assert "validation" not in read(tmp_path, 2).log
    assert not (tmp_path / "validation.csv").exists()


def test_scores_are_reported_beside_the_losses(scored):
    folder, result = scored
    events = EventAccumulator(str(folder / "runs"))
    events.Reload()
    for key in SELECTION_METRICS:
        read = [float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(f"selection/{key}")]
        assert read == pytest.approx([row[key] for row in result.validation.rows], rel=1e-5), key
    assert [e.step for e in events.Tensors("l1_loss")] == [1, 2]


def test_a_generator_whose_output_is_not_finite_ends_the_run():
    trainer = Trainer(CONFIG, 6)
    predict, inputs = compile_generator(trainer), make_pair_array(1)[:, 0]
    assert predict(inputs).dtype == np.uint8
    trainer.generator.weights[0].assign(np.full(trainer.generator.weights[0].shape, np.nan))
    with pytest.raises(UserError, match="output is no longer finite; earlier checkpoints are kept"):
        predict(inputs)


@pytest.mark.slow
def test_a_run_that_was_saved_before_it_was_scored_is_scored_when_it_resumes(scored, tmp_path):
    """A signal saves at once, because a preempted machine has little time left."""
    folder, whole = scored
    checkpoint = read(folder, 1)
    unscored = {"rows": [], "best_step": None, "seconds": 0}
    checkpoint = replace(checkpoint, log=checkpoint.log | {"validation": unscored})
    plan = whole.validation.plan
    resumed = run(tmp_path, plan, SCORED, checkpoint).validation
    assert without_seconds(resumed.rows) == without_seconds(whole.validation.rows)
    assert_same_arrays(read(tmp_path, 1).arrays, checkpoint.arrays)
    assert read(tmp_path, 1).log["validation"]["rows"] == resumed.rows[:1]


def train_with_command(folder: Path, poison: bool) -> loop.Result:
    config = replace(CONFIG, max_train_steps=2, selection_metric="ms_ssim")
    loaded = load(config, poison)
    options = Options(output_dir=folder, sample_steps=2, checkpointing_steps=1)
    identity = identify(loaded.source, loaded.plan)
    return train.train(config, options, loaded, identity, Start(), Devices())


def test_no_held_out_pair_has_an_influence_on_training_or_on_the_choice(tmp_path):
    """The held-out pairs of one of the two runs are other pictures."""
    clean, poisoned = (train_with_command(tmp_path / n, n == "poisoned") for n in ("a", "poisoned"))
    pictures = [tmp_path / n / "progress" / "step-00000002.png" for n in ("a", "poisoned")]
    assert pictures[0].read_bytes() != pictures[1].read_bytes(), "the held-out pairs differ"
    assert_same_arrays(clean.trainer.state(), poisoned.trainer.state())
    rows, expected = (without_seconds(r.validation.rows) for r in (poisoned, clean))
    assert rows == expected and len(rows) == 2
    best = [read(tmp_path / n, clean.validation.best_step) for n in ("a", "poisoned")]
    assert_same_arrays(best[0].arrays, best[1].arrays)
    assert saved_steps(tmp_path / "a") == saved_steps(tmp_path / "poisoned")


def test_the_weights_to_publish_are_those_of_the_best_step_or_the_last(stopped, tmp_path, caplog):
    saved, result = stopped
    for key in SELECTION_METRICS[1:]:
        result.validation.best[key] = 0.5
    folder = Path(shutil.copytree(saved / "checkpoints", tmp_path / "checkpoints"))
    state = result.trainer.state()
    last, best = (read(saved, step).arrays for step in (4, 2))
    about = selection.use_best(replace(CONFIG, publish="last"), result, folder)
    assert (about["published_step"], about["best_step"], about["scores"]["l1"]) == (4, 2, 1)
    assert_same_arrays(state, last)
    assert "the last weights; step 2 is the best of 4" in selection.describe(about)
    about = selection.use_best(CONFIG, result, folder)
    assert about["published_step"] == 2 and json.loads(json.dumps(about)) == about
    assert "the weights of step 2, the best of 4 validations (L1 1.00)" in selection.describe(about)
    networks = [name for name in state if "optimizer" not in name]
    assert {name.split("/")[0] for name in networks} == {"generator", "discriminator"}
    assert_same_arrays(state, last | {name: best[name] for name in networks})
    checkpoints.path_of(folder, 2).write_bytes(b"damaged")
    assert selection.use_best(CONFIG, result, folder)["published_step"] == 4
    assert "The last weights are published, not the best ones" in caplog.text


def test_a_run_that_is_resumed_from_another_folder_takes_the_best_checkpoint_along(
    stopped, tmp_path, caplog
):
    folder, _ = stopped
    latest = checkpoints.find_latest(folder / "checkpoints")
    selection.keep_best(latest, tmp_path / "checkpoints")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002.npz"]
    assert_same_arrays(read(tmp_path, 2).arrays, read(folder, 2).arrays)
    assert not caplog.messages
    selection.keep_best(replace(latest, path=tmp_path / "latest.npz"), tmp_path / "other")
    assert "The best checkpoint so far, step-00000002.npz, is missing" in caplog.text


def test_a_costly_validation_is_one_warning_with_a_number_of_steps():
    validation = Validation(scripted(), 1000)
    assert validation.find_problem() is None
    validation._recent_share = 0.2
    warning = validation.find_problem()
    assert warning.startswith("Validation takes 20% of the time; --validation_steps 5 or")
    assert validation.find_problem() is None


def test_a_short_interval_before_the_last_step_is_not_called_costly():
    """Steps take no time here, so validation takes all of it."""
    problems = {}
    for last in (7, 9):
        validation = Validation(scripted(*range(4), steps=3), last)
        validation._predict = lambda pictures: pictures
        for step in filter(validation.is_due, range(last + 1)):
            validation.run(None, step, 0)
        problems[last] = validation.find_problem()
    assert problems[7] is None and "of the time" in problems[9]
