"""The colors of the targets, their weights in the L1 loss, and the effect on a training step."""

from dataclasses import replace

import numpy as np
import pytest

from pix2pix.data.target_colors import TargetColors, find_target_colors
from pix2pix.losses import MAX_COLOR_RATIO, color_weights
from pix2pix.training.trainer import Trainer
from tests.builders import tiny_config
from tests.training_steps import batches

SIDE = 64
BLACK, RED = (0, 0, 0), (255, 0, 0)
BALANCED = tiny_config(color_balance=1.0, dropout=0.0)


def pairs_with(rare_rows: int) -> np.ndarray:
    """Returns one pair whose target is black, except for some red rows, (1, 2, 64, 64, 3) uint8."""
    pair = np.zeros((1, 2, SIDE, SIDE, 3), np.uint8)
    pair[0, 1, :rare_rows] = RED
    return pair


def find_shares(rare_rows: int, **settings) -> dict[tuple, float]:
    found = find_target_colors(pairs_with(rare_rows), replace(BALANCED, **settings))
    assert found is not None
    return {tuple(c): float(s) for c, s in zip(found.colors.tolist(), found.shares, strict=True)}


def test_colors_are_counted_only_if_the_loss_weights_by_them():
    pairs = pairs_with(8)
    assert find_target_colors(pairs, tiny_config()) is None
    assert find_target_colors(pairs, tiny_config(color_balance=0.5))


def test_each_color_has_its_share_of_the_pixels():
    """The grid of the histogram leaves out the last row: 12 of 63 rows are red."""
    shares = find_shares(12)
    assert shares == {BLACK: pytest.approx(51 / 63), RED: pytest.approx(12 / 63)}


def test_the_direction_chooses_the_targets():
    assert find_shares(12, direction="b_to_a") == {BLACK: 1.0}


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_rare_colors_count_more_by_a_power_of_their_rarity(balance):
    shares = np.float32([0.8, 0.2])
    common, rare = color_weights(shares, balance).numpy()
    assert rare / common == pytest.approx(4**balance, rel=1e-6)
    assert 0.8 * common + 0.2 * rare == pytest.approx(1, rel=1e-6)


def test_the_ratio_is_limited():
    common, rare = color_weights(np.float32([0.99, 0.01]), 1.0).numpy()
    assert rare / common == pytest.approx(MAX_COLOR_RATIO, rel=1e-6)


def test_the_balance_falls_linearly_in_the_second_half():
    config = replace(BALANCED, color_balance_decay=0.6)
    trainer = Trainer(config, 100, target_colors=find_target_colors(pairs_with(12), config))
    steps, found = trainer.generator_optimizer.iterations, []
    for step in (0, 50, 75, 99):
        steps.assign(step)
        found.append(float(trainer._color_balance()))
    assert found == pytest.approx([1.0, 1.0, 0.7, 0.412])


@pytest.mark.slow
def test_equal_shares_do_not_change_a_step_and_others_do():
    inputs, targets = (pictures[0] for pictures in batches())
    colors = np.uint8([BLACK, RED])
    results = []
    for shares in (None, np.float32([0.5, 0.5]), np.float32([0.8, 0.2])):
        found = None if shares is None else TargetColors(colors, shares)
        trainer = Trainer(BALANCED, 10, target_colors=found)
        trainer.step(inputs, targets)
        results.append(np.concatenate([np.ravel(v) for v in trainer.generator.weights]))
    np.testing.assert_allclose(results[1], results[0], atol=1e-6)
    assert np.abs(results[2] - results[0]).max() > 1e-5
