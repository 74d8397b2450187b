"""The held-out metrics against numbers worked out by hand, and the baselines beside them."""

import math

import numpy as np
import pytest
from PIL import Image

from pix2pix import evaluation
from pix2pix.evaluation import METRICS, fit_baselines, score, score_all
from tests.builders import pair_array, picture, tiny_config

SIZE = 64


def plain(*colour: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (SIZE, SIZE, 3)).copy()


def photo(seed: int = 0) -> np.ndarray:
    return np.asarray(picture(SIZE, SIZE, seed))


# Two pairs of two plain colours each, halves of the picture; the map is a function of the colour.
COLOURS = {(0, 0, 0): (10, 20, 30), (200, 8, 96): (250, 128, 7), (64, 64, 64): (90, 90, 90)}


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


BLACK, RED, GREY = COLOURS
TRAINING = coloured_pairs((BLACK, RED), (RED, GREY), (BLACK, GREY))


@pytest.fixture(scope="module")
def baselines() -> dict:
    return fit_baselines(TRAINING, tiny_config())


@pytest.fixture(scope="module")
def report() -> dict:
    held_out = pair_array(4, SIZE, seed=5)
    return evaluation.evaluate(lambda x: 255 - x, pair_array(3, 72), held_out, tiny_config())


def test_identical_pictures_have_no_error():
    assert score(photo(), photo()) == {"l1": 0, "psnr": 100, "ssim": pytest.approx(1)}


@pytest.mark.parametrize("offset", [1, 5, 100])
def test_a_constant_offset_gives_its_l1_and_psnr(offset):
    found = score(plain(50, 60, 70) + np.uint8(offset), plain(50, 60, 70))
    assert found["l1"] == offset
    assert found["psnr"] == pytest.approx(20 * math.log10(255 / offset))


def test_differences_do_not_wrap_around_in_uint8():
    found = score(plain(0, 0, 0), plain(255, 255, 255))
    assert found["l1"] == 255 and found["psnr"] == pytest.approx(0)
    assert found == score(plain(255, 255, 255), plain(0, 0, 0))


def test_l1_is_the_mean_over_pixels_and_channels():
    target = plain(100, 100, 100)
    generated = target.copy()
    generated[: SIZE // 2, :, 0] += 60
    assert score(generated, target)["l1"] == 10
    assert score(generated, target)["psnr"] == pytest.approx(10 * math.log10(255**2 / 600))


def test_ssim_of_plain_pictures_is_its_luminance_term():
    """Wang et al. 2004, with no contrast: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2."""
    a, b, c = 100, 140, 2.55**2
    expected = (2 * a * b + c) / (a**2 + b**2 + c)
    assert score(plain(a, a, a), plain(b, b, b))["ssim"] == pytest.approx(expected, abs=1e-3)


def test_ssim_falls_when_structure_is_lost():
    blurred = np.asarray(Image.fromarray(photo()).resize((8, 8)).resize((SIZE, SIZE)))
    assert score(blurred, photo())["ssim"] < 0.9


def test_the_direction_says_what_is_input_and_what_is_target():
    pairs = pair_array(2)
    exact = {"l1": 0, "psnr": 100, "ssim": pytest.approx(1)}
    for place, direction in enumerate(("a_to_b", "b_to_a")):
        answers = {pair[place].tobytes(): pair[1 - place] for pair in pairs}
        found = score_all(lambda x, a=answers: a[x[0].tobytes()][None], pairs, direction)
        assert found == [exact, exact]


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
        name: evaluation.mean(score_all(predict, held_out, "a_to_b"))["l1"]
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


def test_the_report_has_the_protocol_the_metrics_and_the_baselines(report):
    assert set(report) == {"protocol", "held_out_pairs", "metrics", "baselines", "per_pair"}
    assert report["held_out_pairs"] == len(report["per_pair"]) == 4
    assert "64x64" in report["protocol"]
    assert set(report["baselines"]) == {"mean_map", "best_constant", "colour_lookup"}
    for values in (report["metrics"], *report["baselines"].values(), *report["per_pair"]):
        assert tuple(values) == METRICS


def test_the_summary_is_the_mean_of_the_pairs(report):
    for name in METRICS:
        mean = np.mean([pair[name] for pair in report["per_pair"]])
        assert report["metrics"][name] == pytest.approx(mean, abs=1e-4)


def test_the_report_scores_the_predictor_on_the_held_out_pairs(report):
    a, b = pair_array(4, SIZE, seed=5)[2]
    expected = score(255 - a, b)
    assert report["per_pair"][2] == {n: pytest.approx(v, abs=1e-4) for n, v in expected.items()}
