"""The selection pairs of a run with validation: which rows they are, and what else changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pix2pix import UserError
from pix2pix.commands import resources
from pix2pix.commands.evaluate import apply_changes
from pix2pix.config import Config
from pix2pix.data import Rows, Source, describe_pairs, load_pairs
from pix2pix.data.identity import describe_changes, identify
from tests.builders import (
    InMemorySource,
    make_pair_array,
    make_pairs,
    open_dataset_folder,
    tiny_config,
    write_pairs,
)

CONFIG = tiny_config(
    validation_steps=10, selection_samples=3, validation_samples=2, load_size=64, dataset_name="x"
)
TRAIN, SELECTION, HELD_OUT = Rows("train", 0, 7), Rows("train", 7, 10), Rows("train", 10, 12)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    """Twelve pairs in one split, which can be streamed."""
    folder = tmp_path_factory.mktemp("twelve")
    write_pairs(folder, "train", make_pairs(12))
    return open_dataset_folder(folder)


def test_the_selection_rows_are_between_the_training_rows_and_the_held_out_ones(source):
    plan = source.plan(CONFIG)
    assert (plan.train, plan.selection, plan.held_out) == (TRAIN, SELECTION, HELD_OUT)
    assert list(plan.to_dict()) == ["train", "held_out", "selection"]
    assert "Selection pairs: 3, rows 7 to 9 of train." in describe_pairs(source, plan)
    assert not any("Not used" in sentence for sentence in describe_pairs(source, plan))


def test_the_selection_rows_are_the_last_of_the_rows_that_would_be_trained_on(source):
    plan = source.plan(replace(CONFIG, max_train_samples=5))
    assert (plan.train, plan.selection) == (Rows("train", 0, 2), Rows("train", 2, 5))
    assert plan.held_out == HELD_OUT


def test_without_validation_all_other_rows_are_trained_on(source):
    plan = source.plan(CONFIG.without_validation())
    assert (plan.train, plan.selection) == (Rows("train", 0, 10), None)
    assert list(plan.to_dict()) == ["train", "held_out"]


@pytest.mark.parametrize("samples", [10, 11, 64])
def test_a_selection_as_large_as_the_training_pairs_is_refused(source, samples):
    message = f"--selection_samples is {samples}, and only 10 pairs of .* are left .*such as 1, or"
    with pytest.raises(UserError, match=message):
        source.plan(replace(CONFIG, selection_samples=samples))


def test_the_only_training_pair_can_not_be_selected():
    single = InMemorySource(make_pairs(1))
    with pytest.raises(UserError, match="has 1 training pair.*leave out --validation_steps"):
        single.plan(replace(CONFIG, validation_samples=0, selection_samples=1))


@pytest.mark.parametrize("cache", ["disk", "memory", "none"])
def test_selection_pairs_are_loaded_and_never_trained_on(source, tmp_path, cache):
    loaded = load_pairs(source, CONFIG, cache, tmp_path)
    pairs = make_pair_array(12)
    np.testing.assert_array_equal(loaded.selection, pairs[7:10])
    np.testing.assert_array_equal(loaded.reference, pairs[:7])
    assert len(loaded.batches) == 7
    assert loaded.skipped == {"train": [], "selection": [], "held_out": []}
    batches = loaded.batches.batches()
    seen = {pair.tobytes() for _ in range(14) for pair in next(batches)[0]}
    either_way = [{p.tobytes(), np.ascontiguousarray(p[:, ::-1]).tobytes()} for p in pairs[:, 0]]
    assert [bool(seen & bits) for bits in either_way] == [True] * 7 + [False] * 5


@pytest.mark.parametrize("changes", [{}, {"load_size": 0}, {"aspect": "pad"}])
def test_selection_pairs_are_squares_of_the_training_size(changes):
    pairs = [tuple(image.resize((96, 72)) for image in pair) for pair in make_pairs(12)]
    loaded = load_pairs(InMemorySource(pairs), replace(CONFIG, **changes), "memory", Path())
    assert loaded.selection.shape == (3, 2, 64, 64, 3) and loaded.selection.std() > 10


def test_memory_is_planned_for_the_selection_pairs(source):
    plan = source.plan(CONFIG)
    assert resources.pair_bytes(CONFIG, plan) == 12 * 2 * 64 * 64 * 3


def test_a_changed_selection_is_a_change_of_the_data(source):
    recorded = identify(source, source.plan(CONFIG)).to_dict()
    now = identify(source, source.plan(CONFIG.without_validation()))
    changes = describe_changes(recorded, now, Path())
    assert changes == [
        "the training rows were 0 to 6 of train and would be 0 to 9 of train",
        "the selection rows were 7 to 9 of train and would be none",
    ]


def test_other_pairs_are_evaluated_without_a_selection():
    """They may be fewer than the selection pairs that the model was trained with."""
    own = replace(CONFIG, early_stopping_patience=3, publish="best")
    other = apply_changes(own, {"dataset_name": "y"})
    assert other.without_validation() == other and other.validation_steps == 0
    assert apply_changes(own, {"validation_samples": 1}).selection_samples == 3
    assert Config().without_validation() == Config()
