"""The weights of rare target colors, computed by hand, and their effect on a training step."""

import numpy as np
import pytest

from pix2pix.data.color_weights import MAX_RATIO, find_color_weights
from pix2pix.training.trainer import Trainer
from tests.builders import tiny_config
from tests.training_steps import batches

SIDE = 64
BLACK, RED = (0, 0, 0), (255, 0, 0)


def pairs_with(rare_rows: int) -> np.ndarray:
    """Returns one pair whose target is black, except for some red rows, (1, 2, 64, 64, 3) uint8."""
    pair = np.zeros((1, 2, SIDE, SIDE, 3), np.uint8)
    pair[0, 1, :rare_rows] = RED
    return pair


def weights_of(pairs: np.ndarray, exponent: float, **settings) -> dict[tuple, float]:
    found = find_color_weights(pairs, tiny_config(color_balance=exponent, **settings))
    assert found is not None
    return {tuple(c): float(w) for c, w in zip(found.colors.tolist(), found.weights, strict=True)}


def test_without_balance_there_are_no_weights():
    assert find_color_weights(pairs_with(8), tiny_config()) is None


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_rare_colors_count_more_by_a_power_of_their_rarity(exponent):
    """The grid of the histogram leaves out the last row: 12 of 63 rows are red."""
    weights = weights_of(pairs_with(12), exponent)
    assert weights[RED] / weights[BLACK] == pytest.approx((51 / 12) ** exponent, rel=1e-6)
    assert weights[RED] * 12 + weights[BLACK] * 51 == pytest.approx(63, rel=1e-6)


def test_the_ratio_is_limited():
    weights = weights_of(pairs_with(2), 1.0)
    assert weights[RED] / weights[BLACK] == pytest.approx(MAX_RATIO)


def test_the_direction_chooses_the_targets():
    assert weights_of(pairs_with(12), 1.0, direction="b_to_a") == {BLACK: 1.0}


@pytest.mark.slow
def test_equal_weights_do_not_change_a_step_and_others_do():
    config = tiny_config(dropout=0.0)
    found = find_color_weights(pairs_with(12), tiny_config(color_balance=1.0))
    assert found is not None
    inputs, targets = (pictures[0] for pictures in batches())
    results = []
    for weights in (None, np.ones(2, np.float32), found.weights):
        colors = None if weights is None else type(found)(found.colors, weights)
        trainer = Trainer(config, 10, color_weights=colors)
        trainer.step(inputs, targets)
        results.append(np.concatenate([np.ravel(v) for v in trainer.generator.weights]))
    np.testing.assert_allclose(results[1], results[0], atol=1e-6)
    assert np.abs(results[2] - results[0]).max() > 1e-5
