"""The held-out metrics against numbers worked out by hand, their intervals, and the report."""

import math

import numpy as np
import pytest
from PIL import Image

from pix2pix import evaluation
from pix2pix.evaluation import METRICS, Legend, score, score_all
from tests.builders import pair_array, picture, tiny_config

SIZE = 64
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
LEGEND = Legend([BLACK, WHITE, RED])
EXACT = {
    "l1": 0, "psnr": 100, "ssim": pytest.approx(1, abs=1e-5), "within_5": 1, "within_10": 1,
    "class_accuracy": 1, "mean_iou": 1, "sharpness": 1,
}  # fmt: skip


def plain(*colour: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (SIZE, SIZE, 3)).copy()


def photo(seed: int = 0) -> np.ndarray:
    return np.asarray(picture(SIZE, SIZE, seed))


def quarters(*colours: tuple) -> np.ndarray:
    """A picture of four upright stripes."""
    return np.concatenate([plain(*colour)[:, : SIZE // 4] for colour in colours], axis=1)


def inverted(pictures: np.ndarray) -> np.ndarray:
    return 255 - pictures


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return pair_array(4, SIZE, seed=5)


@pytest.fixture(scope="module")
def report(held_out) -> dict:
    return evaluation.evaluate(inverted, pair_array(3, 72), held_out, tiny_config())


def test_identical_pictures_have_no_error():
    assert score(photo(), photo(), LEGEND) == EXACT


@pytest.mark.parametrize("offset", [1, 5, 100])
def test_a_constant_offset_gives_its_l1_and_psnr(offset):
    found = score(plain(50, 60, 70) + np.uint8(offset), plain(50, 60, 70), LEGEND)
    assert found["l1"] == offset
    assert found["psnr"] == pytest.approx(20 * math.log10(255 / offset), abs=1e-6)


def test_differences_do_not_wrap_around_in_uint8():
    found = score(plain(*BLACK), plain(*WHITE), LEGEND)
    assert found["l1"] == 255 and found["psnr"] == pytest.approx(0)
    assert found == score(plain(*WHITE), plain(*BLACK), LEGEND)


def test_l1_is_the_mean_over_pixels_and_channels():
    target = plain(100, 100, 100)
    generated = target.copy()
    generated[: SIZE // 2, :, 0] += 60
    found = score(generated, target, LEGEND)
    assert found["l1"] == 10
    assert found["psnr"] == pytest.approx(10 * math.log10(255**2 / 600), abs=1e-6)


def test_ssim_of_plain_pictures_is_its_luminance_term():
    """Wang et al. 2004, with no contrast: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2."""
    a, b, c = 100, 140, 2.55**2
    expected = (2 * a * b + c) / (a**2 + b**2 + c)
    found = score(plain(a, a, a), plain(b, b, b), LEGEND)
    assert found["ssim"] == pytest.approx(expected, abs=1e-3)


def test_ssim_falls_when_structure_is_lost():
    blurred = np.asarray(Image.fromarray(photo()).resize((8, 8)).resize((SIZE, SIZE)))
    assert score(blurred, photo(), LEGEND)["ssim"] < 0.9


def test_a_pixel_is_within_a_bound_only_when_its_worst_channel_is():
    target = plain(100, 100, 100)
    stripes = quarters((105, 95, 100), (100, 106, 100), (90, 100, 110), (100, 100, 111))
    found = score(stripes, target, LEGEND)
    assert (found["within_5"], found["within_10"]) == (0.25, 0.75)


def test_classes_are_compared_by_the_nearest_legend_colour():
    """Black twice, white, red; generated: black, white, white, red, each somewhat off."""
    target = quarters((9, 9, 9), BLACK, WHITE, RED)
    generated = quarters((0, 30, 0), (200, 200, 200), (255, 250, 255), (220, 40, 40))
    found = score(generated, target, LEGEND)
    assert found["class_accuracy"] == 0.75
    # Black: 1 of 2 quarters; white: 1 of 2; red: 1 of 1.
    assert found["mean_iou"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3, abs=1e-6)


def test_the_mean_iou_leaves_out_classes_that_no_target_has():
    """Red is drawn where black belongs, but is no class of this target."""
    found = score(quarters(BLACK, RED, WHITE, WHITE), quarters(BLACK, BLACK, WHITE, WHITE), LEGEND)
    assert found["mean_iou"] == pytest.approx((1 / 2 + 1) / 2)


def test_the_mean_iou_pools_all_pictures_before_it_divides():
    """White is missed in a picture that is almost black, and met in one that is all white."""
    targets = [quarters(BLACK, BLACK, BLACK, WHITE), plain(*WHITE)]
    pairs = np.stack([np.stack([plain(*BLACK), targets[0]]), np.stack([plain(*WHITE), targets[1]])])
    found = score_all(lambda x: x, pairs, "a_to_b", LEGEND)
    assert found.summary()["mean_iou"] == pytest.approx((3 / 4 + 4 / 5) / 2, abs=1e-6)
    assert [p["mean_iou"] for p in found.per_picture()] == [pytest.approx(3 / 8), 1]


def test_sharpness_is_the_ratio_of_squared_differences_of_neighbours():
    """Steps of 20 beside steps of 40, both ways: a quarter of the energy."""
    target, generated = plain(*BLACK), plain(*BLACK)
    target[::2, ::2], generated[::2, ::2] = 40, 20
    assert score(generated, target, LEGEND)["sharpness"] == pytest.approx(0.25, abs=1e-5)
    assert score(generated.swapaxes(0, 1), target, LEGEND)["sharpness"] == pytest.approx(0.25, 1e-5)


def test_flat_targets_have_a_finite_sharpness():
    assert score(plain(*RED), plain(*BLACK), LEGEND)["sharpness"] == 1
    assert score(photo(), plain(*BLACK), LEGEND)["sharpness"] > 1000


def test_the_direction_says_what_is_input_and_what_is_target():
    pairs = pair_array(2)
    for place, direction in enumerate(("a_to_b", "b_to_a")):
        answers = {pair[place].tobytes(): pair[1 - place] for pair in pairs}
        found = score_all(lambda x, a=answers: a[x[0].tobytes()][None], pairs, direction, LEGEND)
        assert found.per_picture() == [EXACT, EXACT]


def test_intervals_are_those_of_a_plain_bootstrap(held_out):
    """Pooled metrics too: drawn pictures are scored anew, one resample after the other."""
    scores = score_all(inverted, held_out, "a_to_b", LEGEND)
    count = len(scores)
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, 1000)
    rows = [np.repeat(np.arange(count), counts) for counts in drawn]
    arrays = scores.means, scores.confusion, scores.gradients
    values = [list(evaluation.Scores(*(a[r] for a in arrays)).summary().values()) for r in rows]
    expected = np.percentile(values, [2.5, 97.5], axis=0).T
    np.testing.assert_allclose(list(scores.intervals().values()), expected, atol=2e-6)
    assert tuple(scores.intervals()) == METRICS


def test_an_interval_of_l1_is_about_two_standard_errors_each_way():
    random = np.random.default_rng(3)
    means = np.zeros((200, 6))
    means[:, 0] = random.normal(20, 4, 200)
    scores = evaluation.Scores(means, np.ones((200, 1, 1), int), np.ones((200, 2), int))
    low, high = scores.intervals()["l1"]
    error = means[:, 0].std() / 200**0.5
    assert low == pytest.approx(means[:, 0].mean() - 1.96 * error, abs=0.15)
    assert high == pytest.approx(means[:, 0].mean() + 1.96 * error, abs=0.15)


def test_a_single_pair_has_intervals_of_no_width(held_out):
    scores = score_all(inverted, held_out[:1], "a_to_b", LEGEND)
    assert scores.intervals() == {name: [v, v] for name, v in scores.summary().items()}


def test_the_report_has_the_protocol_the_metrics_and_the_baselines(report):
    assert report["held_out_pairs"] == len(report["per_pair"]) == 4
    assert "64x64" in report["protocol"]
    assert f"{len(report['legend'])} legend colours are found" in report["protocol"]
    baselines = {"mean_map", "best_constant", "colour_lookup"}
    assert set(report["baselines"]) == set(report["baseline_intervals"]) == baselines
    for values in (report["metrics"], *report["baselines"].values(), *report["per_pair"]):
        assert tuple(values) == METRICS
    for bounds in (report["intervals"], *report["baseline_intervals"].values()):
        assert tuple(bounds) == METRICS


def test_every_value_lies_in_its_interval(report):
    sides = [(report["metrics"], report["intervals"])]
    sides += [
        (report["baselines"][n], report["baseline_intervals"][n]) for n in report["baselines"]
    ]
    for values, intervals in sides:
        for name, (low, high) in intervals.items():
            assert low <= values[name] <= high


def test_the_summary_is_the_mean_of_the_pairs_but_for_what_is_pooled(report):
    for name in METRICS[:6]:
        mean = np.mean([pair[name] for pair in report["per_pair"]])
        assert report["metrics"][name] == pytest.approx(mean, abs=1e-4)


def test_the_report_scores_the_predictor_on_the_held_out_pairs(report, held_out):
    a, b = held_out[2]
    expected = score(255 - a, b, Legend(report["legend"]))
    assert report["per_pair"][2] == {n: pytest.approx(v, abs=1e-4) for n, v in expected.items()}


def test_the_same_report_comes_out_again_and_the_legend_may_be_given(report, held_out):
    given = Legend(report["legend"])
    again = evaluation.evaluate(inverted, pair_array(3, 72), held_out, tiny_config(), given)
    assert "legend colours are given" in again["protocol"]
    assert again | {"protocol": ""} == report | {"protocol": ""}


def test_held_out_targets_decide_nothing_about_the_legend_or_the_baselines(report, held_out):
    one = evaluation.evaluate(inverted, pair_array(3, 72), held_out[:1], tiny_config())
    assert one["legend"] == report["legend"]
    assert one["per_pair"] == report["per_pair"][:1]
