"""The baselines, on pairs whose map is a function of the photo's color."""

import numpy as np
import pytest
from PIL import Image

from pix2pix.evaluation import Legend, fit_baselines, score_all
from tests.builders import make_pair_array, tiny_config
from tests.evaluation_pictures import SIZE, photo, plain

# The map's color for each of the photo's.
COLORS = {(0, 0, 0): (10, 20, 30), (200, 8, 96): (250, 128, 7), (64, 64, 64): (90, 90, 90)}
BLACK, RED, GRAY = COLORS


def colored_pairs(*halves: tuple) -> np.ndarray:
    """Returns pairs of two halves, each of one color and its map's color, (N, 2, S, S, 3)."""
    rows = []
    for left, right in halves:
        a = np.concatenate([plain(*left)[:, : SIZE // 2], plain(*right)[:, SIZE // 2 :]], axis=1)
        b = np.concatenate(
            [plain(*COLORS[left])[:, : SIZE // 2], plain(*COLORS[right])[:, SIZE // 2 :]], axis=1
        )
        rows.append(np.stack([a, b]))
    return np.stack(rows)


TRAINING = colored_pairs((BLACK, RED), (RED, GRAY), (BLACK, GRAY))


@pytest.fixture(scope="module")
def baselines() -> dict:
    return fit_baselines(TRAINING, tiny_config())


def test_mean_map_is_the_average_target(baselines):
    expected = np.rint(TRAINING[:, 1].astype(float).mean(0))
    np.testing.assert_array_equal(baselines["mean_map"](photo()[None])[0], expected)


def test_mean_map_is_averaged_at_the_load_size_and_then_resized():
    pairs = make_pair_array(3, 72)
    mean = np.rint(pairs[:, 1].astype(float).mean(0)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(mean).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    mean_map = fit_baselines(pairs, tiny_config())["mean_map"](photo()[None])
    np.testing.assert_array_equal(mean_map[0], expected)


def test_best_constant_is_the_median_of_each_channel(baselines):
    constant = baselines["best_constant"](photo()[None])
    expected = np.median(TRAINING[:, 1].reshape(-1, 3), axis=0)
    assert constant.shape == (1, SIZE, SIZE, 3)
    np.testing.assert_array_equal(constant[0, 0, 0], expected)
    assert (constant == constant[0, 0, 0]).all()


def test_no_constant_has_a_lower_l1(baselines):
    constant = int(baselines["best_constant"](photo()[None])[0, 0, 0, 0])
    reds = TRAINING[:, 1, ..., 0].ravel().astype(int)
    errors = [np.abs(reds - value).mean() for value in range(256)]
    assert errors[constant] == min(errors)


def test_color_lookup_is_exact_where_the_map_is_a_function_of_the_color(baselines):
    held_out = colored_pairs((GRAY, RED), (GRAY, BLACK))
    l1 = {
        name: score_all(predict, held_out, "a_to_b", Legend([BLACK])).summary()["l1"]
        for name, predict in baselines.items()
    }
    assert l1["color_lookup"] == 0 < l1["best_constant"]


def test_an_unknown_color_gets_the_result_of_its_neighbors_or_else_the_constant(baselines):
    """32 levels a channel, then 8: (72, 80, 88) has no bin of its own and is near gray."""
    near, far = plain(72, 80, 88)[None], plain(0, 255, 0)[None]
    assert baselines["color_lookup"](near)[0, 0, 0].tolist() == list(COLORS[GRAY])
    constant = baselines["best_constant"](far)
    np.testing.assert_array_equal(baselines["color_lookup"](far), constant)


def test_baselines_follow_the_direction():
    reverse = fit_baselines(TRAINING, tiny_config(direction="b_to_a"))
    photo_color = reverse["color_lookup"](plain(*COLORS[RED])[None])
    assert photo_color[0, 0, 0].tolist() == list(RED)


def test_more_pairs_than_one_chunk_give_the_same_baselines(baselines):
    many = fit_baselines(np.concatenate([TRAINING] * 30), tiny_config())
    for name, baseline in baselines.items():
        np.testing.assert_array_equal(many[name](photo()[None]), baseline(photo()[None]))
