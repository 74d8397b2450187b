"""Three predictors that see no shape, on pairs whose map is a function of the colour."""

import numpy as np
import pytest
from PIL import Image

from pix2pix.evaluation import Legend, fit_baselines, score_all
from tests.builders import pair_array, tiny_config
from tests.test_evaluation import SIZE, photo, plain

# The map's colour for each of the photo's.
COLOURS = {(0, 0, 0): (10, 20, 30), (200, 8, 96): (250, 128, 7), (64, 64, 64): (90, 90, 90)}
BLACK, RED, GREY = COLOURS


def coloured_pairs(*halves: tuple) -> np.ndarray:
    """(N, 2, S, S, 3): a left and a right colour a pair, each with its map's colour."""
    rows = []
    for left, right in halves:
        a = np.concatenate([plain(*left)[:, : SIZE // 2], plain(*right)[:, SIZE // 2 :]], axis=1)
        b = np.concatenate(
            [plain(*COLOURS[left])[:, : SIZE // 2], plain(*COLOURS[right])[:, SIZE // 2 :]], axis=1
        )
        rows.append(np.stack([a, b]))
    return np.stack(rows)


TRAINING = coloured_pairs((BLACK, RED), (RED, GREY), (BLACK, GREY))


@pytest.fixture(scope="module")
def baselines() -> dict:
    return fit_baselines(TRAINING, tiny_config())


def test_mean_map_is_the_average_target(baselines):
    expected = np.rint(TRAINING[:, 1].astype(float).mean(0))
    np.testing.assert_array_equal(baselines["mean_map"](photo()[None])[0], expected)


def test_mean_map_is_averaged_at_the_load_size_and_then_resized():
    pairs = pair_array(3, 72)
    mean = np.rint(pairs[:, 1].astype(float).mean(0)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(mean).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    found = fit_baselines(pairs, tiny_config())["mean_map"](photo()[None])
    np.testing.assert_array_equal(found[0], expected)


def test_best_constant_is_the_median_of_each_channel(baselines):
    found = baselines["best_constant"](photo()[None])
    expected = np.median(TRAINING[:, 1].reshape(-1, 3), axis=0)
    assert found.shape == (1, SIZE, SIZE, 3)
    np.testing.assert_array_equal(found[0, 0, 0], expected)
    assert (found == found[0, 0, 0]).all()


def test_no_constant_has_a_lower_l1(baselines):
    found = int(baselines["best_constant"](photo()[None])[0, 0, 0, 0])
    reds = TRAINING[:, 1, ..., 0].ravel().astype(int)
    error = [np.abs(reds - value).mean() for value in range(256)]
    assert error[found] == min(error)


def test_colour_lookup_is_exact_where_the_map_is_a_function_of_the_colour(baselines):
    held_out = coloured_pairs((GREY, RED), (GREY, BLACK))
    l1 = {
        name: score_all(predict, held_out, "a_to_b", Legend([BLACK])).summary()["l1"]
        for name, predict in baselines.items()
    }
    assert l1["colour_lookup"] == 0 < l1["best_constant"]


def test_a_colour_never_seen_takes_its_neighbours_answer_else_the_constant(baselines):
    """32 levels a channel, then 8: (72, 80, 88) has no bin of its own, and lies beside grey."""
    beside, far = plain(72, 80, 88)[None], plain(0, 255, 0)[None]
    assert baselines["colour_lookup"](beside)[0, 0, 0].tolist() == list(COLOURS[GREY])
    constant = baselines["best_constant"](far)
    np.testing.assert_array_equal(baselines["colour_lookup"](far), constant)


def test_baselines_follow_the_direction():
    back = fit_baselines(TRAINING, tiny_config(direction="b_to_a"))
    answer = back["colour_lookup"](plain(*COLOURS[RED])[None])
    assert answer[0, 0, 0].tolist() == list(RED)


def test_more_pairs_than_are_tallied_at_a_time_make_no_difference(baselines):
    many = fit_baselines(np.concatenate([TRAINING] * 30), tiny_config())
    for name, baseline in baselines.items():
        np.testing.assert_array_equal(many[name](photo()[None]), baseline(photo()[None]))
