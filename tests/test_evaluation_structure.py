"""The metrics of structure: scales, boundaries, classes that are found, spectrum, checkerboard."""

import numpy as np
import pytest
from PIL import Image

from pix2pix.evaluation import Legend, score, score_all
from pix2pix.evaluation.spectrum_measures import BANDS
from tests.builders import make_picture
from tests.evaluation_pictures import SIZE, photo, plain, stripes

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
LEGEND = Legend([BLACK, WHITE, RED])


def halves(column: int) -> np.ndarray:
    """Returns a picture that is black left of a column and white from it on."""
    picture = plain(*BLACK)
    picture[:, column:] = WHITE
    return picture


def scores_of(generated: list[np.ndarray], targets: list[np.ndarray]):
    pairs = np.stack([np.stack(pair) for pair in zip(generated, targets, strict=True)])
    return score_all(lambda x: x, pairs, "a_to_b", LEGEND)


def test_ms_ssim_forgives_noise_more_than_ssim_does():
    """At the coarse scales, noise averages out, as it does for the eye from a distance."""
    target = np.asarray(make_picture(256, 256, 3))
    noise = np.random.default_rng(0).integers(-25, 26, target.shape)
    scores = score(np.clip(target + noise, 0, 255).astype(np.uint8), target, LEGEND)
    assert scores["ssim"] < scores["ms_ssim"] < 1


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (176, 176), (256, 100), (99, 301)])
def test_ms_ssim_has_as_many_scales_as_fit(size):
    width, height = size
    target = np.asarray(make_picture(width, height, 1))
    assert score(target, target, LEGEND)["ms_ssim"] == pytest.approx(1, abs=1e-5)
    assert score(255 - target, target, LEGEND)["ms_ssim"] < 0.9


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (1, 1), (2, 1), (4, 0), (9, 0)])
def test_a_boundary_matches_within_two_pixels(shift, expected):
    assert score(halves(32 + shift), halves(32), LEGEND)["boundary_f1"] == expected


def test_a_boundary_shifted_by_three_pixels_is_half_matched():
    """Black ends at 31 instead of at 34, three pixels away: no match, in either class."""
    assert score(halves(35), halves(32), LEGEND)["boundary_f1"] == 0
    assert score(halves(34), halves(32), LEGEND)["boundary_f1"] == 1


def test_additional_boundaries_cost_precision_and_missing_ones_recall():
    """Target: one edge between black and white. Generated: the same, and a white stripe far away.

    Black has 64 of 192 boundary pixels that match, white 64 of 192; both have full recall.
    """
    target, generated = halves(48), halves(48)
    generated[:, 8:16] = WHITE
    expected = 2 * (1 / 3) / (1 + 1 / 3)
    assert score(generated, target, LEGEND)["boundary_f1"] == pytest.approx(expected, abs=1e-6)
    assert score(target, generated, LEGEND)["boundary_f1"] == pytest.approx(expected, abs=1e-6)


def test_targets_without_boundaries_want_none():
    assert score(plain(*BLACK), plain(*WHITE), LEGEND)["boundary_f1"] == 1
    assert score(halves(32), plain(*WHITE), LEGEND)["boundary_f1"] == 0


def test_boundaries_of_all_pictures_are_summed():
    scores = scores_of([halves(32), plain(*BLACK)], [halves(32), halves(10)])
    assert scores.per_picture()[0]["boundary_f1"] == 1
    assert scores.per_picture()[1]["boundary_f1"] == 0
    # Precision 1, recall 1/2.
    assert scores.summary()["boundary_f1"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_class_is_found_if_a_tenth_of_its_area_is():
    target = stripes(BLACK, WHITE, RED, RED)
    assert score(stripes(BLACK, WHITE, WHITE, RED), target, LEGEND)["classes_found"] == 1
    assert score(stripes(BLACK, WHITE, WHITE, WHITE), target, LEGEND)["classes_found"] == (
        pytest.approx(2 / 3, abs=1e-6)
    )
    speck = stripes(BLACK, WHITE, WHITE, WHITE)
    speck[:8, :8] = RED  # 64 of 2,048 pixels
    assert score(speck, target, LEGEND)["classes_found"] == pytest.approx(2 / 3, abs=1e-6)


def test_specks_of_a_target_are_not_asked_for():
    target = plain(*BLACK)
    target[:6, :6] = RED  # 36 of 4,096 pixels, less than 1 %
    assert score(plain(*BLACK), target, LEGEND)["classes_found"] == 1


def test_the_spectrum_distance_of_half_the_contrast_is_six_decibels():
    """A quarter of the power in every band; the weakest bands have power enough."""
    noise = np.random.default_rng(0).integers(0, 100, (SIZE, SIZE, 3))
    scores = score(noise.astype(np.uint8), (2 * noise).astype(np.uint8), LEGEND)
    assert scores["spectrum_distance"] == pytest.approx(10 * np.log10(4), abs=0.05)


def test_a_blurred_picture_lacks_high_frequencies():
    blurred = np.asarray(Image.fromarray(photo()).resize((16, 16)).resize((SIZE, SIZE)))
    assert score(blurred, photo(), LEGEND)["spectrum_distance"] > 3


def test_a_wave_is_in_the_band_of_its_frequency():
    """The wave has 12 periods in 64 pixels, so it is in band 12 / 32 of 16, the one of index 6."""
    wave = np.sin(2 * np.pi * 12 / SIZE * np.arange(SIZE)) * 60
    picture = (plain(100, 100, 100) + wave[:, None, None]).astype(np.uint8)
    measured = scores_of([picture], [plain(100, 100, 100)]).measured["spectrum_distance"]
    assert measured.shape == (1, 2, BANDS)
    assert measured[0, 0].argmax() == 6 and measured[0, 1].max() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_a_checkerboard_is_seen(period, axes):
    """The target is noise of some gray levels; the pattern has an amplitude of 3."""
    noise = np.random.default_rng(0).integers(90, 110, (SIZE, SIZE, 3)).astype(np.uint8)
    rows, columns = np.indices((SIZE, SIZE))
    phase = sum([rows, columns][axis] for axis in axes)
    pattern = ((phase % period < period // 2) * 3).astype(np.uint8)
    assert score(noise + pattern[..., None], noise, LEGEND)["checkerboard"] > 10


@pytest.mark.parametrize("period", [3, 8, 16])
def test_other_periods_are_no_checkerboard(period):
    noise = np.random.default_rng(0).integers(90, 110, (SIZE, SIZE, 3)).astype(np.uint8)
    wave = np.sin(2 * np.pi / period * np.arange(SIZE // period * period)) * 20
    size = len(wave)
    generated = noise[:size, :size] + wave[:, None, None].round().astype(np.int64)
    scores = score(generated.astype(np.uint8), noise[:size, :size], LEGEND)
    assert scores["checkerboard"] == pytest.approx(1, abs=1.2)


def test_flat_targets_have_a_finite_checkerboard():
    assert score(plain(*RED), plain(*BLACK), LEGEND)["checkerboard"] == 1
    assert np.isfinite(score(photo(), plain(*BLACK), LEGEND)["checkerboard"])
