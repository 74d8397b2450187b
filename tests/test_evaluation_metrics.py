"""Each metric against numbers computed by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from pix2pix.evaluation import METRICS, Legend, score, score_all
from tests.evaluation_pictures import SIZE, photo, plain, stripes

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
LEGEND = Legend([BLACK, WHITE, RED])


def test_identical_pictures_have_the_best_value_of_every_metric():
    assert score(photo(), photo(), LEGEND) == {
        "l1": 0, "psnr": 100, "ssim": pytest.approx(1, abs=1e-5),
        "ms_ssim": pytest.approx(1, abs=1e-5), "within_5": 1, "within_10": 1,
        "class_accuracy": 1, "mean_iou": 1, "boundary_f1": 1, "classes_found": 1,
        "spectrum_distance": 0, "sharpness": 1, "checkerboard": 1,
    }  # fmt: skip


@pytest.mark.parametrize("offset", [1, 5, 100])
def test_a_constant_offset_gives_its_l1_and_psnr(offset):
    scores = score(plain(50, 60, 70) + np.uint8(offset), plain(50, 60, 70), LEGEND)
    assert scores["l1"] == offset
    assert scores["psnr"] == pytest.approx(20 * math.log10(255 / offset), abs=1e-6)


def test_differences_do_not_wrap_around_in_uint8():
    scores = score(plain(*BLACK), plain(*WHITE), LEGEND)
    assert scores["l1"] == 255 and scores["psnr"] == pytest.approx(0)
    assert scores == score(plain(*WHITE), plain(*BLACK), LEGEND)


def test_l1_is_the_mean_over_pixels_and_channels():
    target = plain(100, 100, 100)
    generated = target.copy()
    generated[: SIZE // 2, :, 0] += 60
    scores = score(generated, target, LEGEND)
    assert scores["l1"] == 10
    assert scores["psnr"] == pytest.approx(10 * math.log10(255**2 / 600), abs=1e-6)


def test_ssim_of_plain_pictures_is_its_luminance_term():
    """Wang et al. 2004, without contrast: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2."""
    a, b, c = 100, 140, 2.55**2
    expected = (2 * a * b + c) / (a**2 + b**2 + c)
    scores = score(plain(a, a, a), plain(b, b, b), LEGEND)
    assert scores["ssim"] == pytest.approx(expected, abs=1e-3)


def test_ssim_is_lower_for_a_blurred_picture():
    blurred = np.asarray(Image.fromarray(photo()).resize((8, 8)).resize((SIZE, SIZE)))
    assert score(blurred, photo(), LEGEND)["ssim"] < 0.9


def test_a_pixel_is_within_a_bound_only_if_all_its_channels_are():
    target = plain(100, 100, 100)
    generated = stripes((105, 95, 100), (100, 106, 100), (90, 100, 110), (100, 100, 111))
    scores = score(generated, target, LEGEND)
    assert (scores["within_5"], scores["within_10"]) == (0.25, 0.75)


def test_classes_are_compared_by_the_nearest_legend_color():
    """Target: black twice, white, red. Generated: black, white, white, red, with small errors."""
    target = stripes((9, 9, 9), BLACK, WHITE, RED)
    generated = stripes((0, 30, 0), (200, 200, 200), (255, 250, 255), (220, 40, 40))
    scores = score(generated, target, LEGEND)
    assert scores["class_accuracy"] == 0.75
    # Black: 1 of 2 stripes; white: 1 of 2; red: 1 of 1.
    assert scores["mean_iou"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3, abs=1e-6)


def test_the_mean_iou_leaves_out_classes_that_are_in_no_target():
    """Generated red replaces black, and no pixel of this target is red."""
    target, generated = stripes(BLACK, BLACK, WHITE, WHITE), stripes(BLACK, RED, WHITE, WHITE)
    assert score(generated, target, LEGEND)["mean_iou"] == pytest.approx((1 / 2 + 1) / 2)


def test_the_mean_iou_sums_all_pictures_before_it_divides():
    """White is missing in a picture that is almost black, and correct in one that is all white."""
    targets = [stripes(BLACK, BLACK, BLACK, WHITE), plain(*WHITE)]
    pairs = np.stack([np.stack([plain(*BLACK), targets[0]]), np.stack([plain(*WHITE), targets[1]])])
    scores = score_all(lambda x: x, pairs, "a_to_b", LEGEND)
    assert scores.summary()["mean_iou"] == pytest.approx((3 / 4 + 4 / 5) / 2, abs=1e-6)
    assert [p["mean_iou"] for p in scores.per_picture()] == [pytest.approx(3 / 8), 1]


def test_sharpness_is_the_ratio_of_squared_differences_of_neighbors():
    """Steps of 20 and steps of 40, in both directions: a quarter of the energy."""
    target, generated = plain(*BLACK), plain(*BLACK)
    target[::2, ::2], generated[::2, ::2] = 40, 20
    for picture in (generated, generated.swapaxes(0, 1)):
        assert score(picture, target, LEGEND)["sharpness"] == pytest.approx(0.25, abs=1e-5)


def test_a_flat_target_has_a_finite_sharpness():
    assert score(plain(*RED), plain(*BLACK), LEGEND)["sharpness"] == 1
    assert score(photo(), plain(*BLACK), LEGEND)["sharpness"] > 1000


def test_a_metric_formats_its_values_and_knows_which_is_better():
    l1, ssim, sharpness = (METRICS[key] for key in ("l1", "ssim", "sharpness"))
    assert l1.format_value(2.567) == "2.57"
    assert l1.format_value(2.567, [2.1, 3.0]) == "2.57 [2.10, 3.00]"
    assert (l1.name, ssim.name, sharpness.name) == ("L1", "SSIM", "sharpness")
    assert l1.is_better(1, 2) and not l1.is_better(2, 1)
    assert ssim.is_better(0.9, 0.8) and not ssim.is_better(0.8, 0.9)
    assert not sharpness.is_better(1, 2) and not sharpness.is_better(2, 1)
