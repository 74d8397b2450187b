"""The scores of many pictures, their intervals, the report, and a new metric in all of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from pix2pix import evaluation
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import sections, write_card
from pix2pix.evaluation import BASELINES, METRICS, Legend, Metric, score, score_all, table
from pix2pix.evaluation.baselines import Baseline
from pix2pix.evaluation.reproduction import comparable_metrics, describe_differences
from pix2pix.evaluation.scores import Scores
from tests.builders import make_pair_array, tiny_config
from tests.commands import ROOT
from tests.evaluation_pictures import SIZE, invert

STARTER_MODEL = ROOT / "assets" / "starter_model"
FIRST_METRICS = (
    "l1", "psnr", "ssim", "within_5", "within_10", "class_accuracy", "mean_iou", "sharpness",
)  # fmt: skip
LEGEND = Legend([(0, 0, 0), (255, 255, 255), (255, 0, 0)])


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return make_pair_array(4, SIZE, seed=5)


@pytest.fixture(scope="module")
def report(held_out) -> dict:
    return evaluation.evaluate(invert, make_pair_array(3, 72), held_out, tiny_config())


def first_metrics(values: dict) -> dict:
    """Returns the entries of the metrics that version 0.1.0 had."""
    return {key: values[key] for key in FIRST_METRICS}


def test_values_and_intervals_stay_the_same_in_every_version(report):
    """Measured with version 0.1.0. Only SSIM may differ between machines: it is in float32."""
    assert first_metrics(report["metrics"]) == {
        "l1": 66.192017, "psnr": 9.59987, "ssim": pytest.approx(0.222221, abs=2e-6),
        "within_5": 0.000183, "within_10": 0.001465, "class_accuracy": 0.041077,
        "mean_iou": 0.008933, "sharpness": 1.0,
    }  # fmt: skip
    assert first_metrics(report["baselines"]["color_lookup"]) == {
        "l1": 9.752075, "psnr": 23.111684, "ssim": pytest.approx(0.689677, abs=2e-6),
        "within_5": 0.35376, "within_10": 0.524963, "class_accuracy": 0.835388,
        "mean_iou": 0.675786, "sharpness": 2.015158,
    }  # fmt: skip
    assert first_metrics(report["baseline_intervals"]["color_lookup"]) == {
        "l1": [7.37203, 13.024292], "psnr": [20.33199, 25.891379],
        "ssim": pytest.approx([0.604398, 0.774956], abs=2e-6), "within_5": [0.313232, 0.37439],
        "within_10": [0.466187, 0.556895], "class_accuracy": [0.804688, 0.869812],
        "mean_iou": [0.600159, 0.723272], "sharpness": [1.608463, 2.346675],
    }  # fmt: skip
    l1 = {name: values["l1"] for name, values in report["baselines"].items()}
    assert l1 == {"mean_map": 67.269735, "best_constant": 61.87911, "color_lookup": 9.752075}


def test_the_direction_chooses_input_and_target():
    pairs = make_pair_array(2)
    for index, direction in enumerate(("a_to_b", "b_to_a")):
        targets = {pair[index].tobytes(): pair[1 - index] for pair in pairs}
        scores = score_all(lambda x, t=targets: t[x[0].tobytes()][None], pairs, direction, LEGEND)
        assert [picture["l1"] for picture in scores.per_picture()] == [0, 0]


def test_intervals_equal_those_of_a_simple_bootstrap(held_out):
    """Metrics over sums too: here each resample is scored on its own, one after the other."""
    scores = score_all(invert, held_out, "a_to_b", LEGEND)
    count = len(scores)
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, 1000)
    values = []
    for counts in drawn:
        rows = np.repeat(np.arange(count), counts)
        resample = Scores({key: measured[rows] for key, measured in scores.measured.items()})
        values.append(list(resample.summary().values()))
    expected = np.percentile(values, [2.5, 97.5], axis=0).T
    np.testing.assert_allclose(list(scores.intervals().values()), expected, atol=2e-6)
    assert list(scores.intervals()) == list(METRICS)


def test_an_interval_of_l1_is_about_two_standard_errors_in_each_direction():
    values = np.random.default_rng(3).normal(20, 4, 200)
    low, high = Scores({"l1": values}).intervals()["l1"]
    error = values.std() / 200**0.5
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15)


def test_a_single_pair_has_intervals_of_no_width(held_out):
    scores = score_all(invert, held_out[:1], "a_to_b", LEGEND)
    assert scores.intervals() == {key: [v, v] for key, v in scores.summary().items()}


def test_the_report_has_the_protocol_the_metrics_and_the_baselines(report):
    assert report["held_out_pairs"] == len(report["per_pair"]) == 4
    assert "64x64" in report["protocol"]
    for metric in METRICS.values():
        assert f"{metric.label}, {metric.description}" in report["protocol"]
    legend = f"The {len(report['legend'])} legend colors were found in the training targets."
    assert legend in report["protocol"]
    baselines = {"mean_map", "best_constant", "color_lookup"}
    assert set(report["baselines"]) == set(report["baseline_intervals"]) == baselines
    for values in (report["metrics"], *report["baselines"].values(), *report["per_pair"]):
        assert list(values) == list(METRICS)
    for bounds in (report["intervals"], *report["baseline_intervals"].values()):
        assert list(bounds) == list(METRICS)


def test_every_value_is_inside_its_interval(report):
    columns = [(report["metrics"], report["intervals"])]
    columns += [
        (report["baselines"][n], report["baseline_intervals"][n]) for n in report["baselines"]
    ]
    for values, intervals in columns:
        for key, (low, high) in intervals.items():
            assert low <= values[key] <= high


def test_a_metric_without_combine_is_the_mean_over_the_pairs(report):
    averaged = [key for key, metric in METRICS.items() if not metric.combine]
    assert len(averaged) == 7
    for key in averaged:
        mean = np.mean([pair[key] for pair in report["per_pair"]])
        assert report["metrics"][key] == pytest.approx(mean, abs=1e-4)


def test_the_report_scores_the_predictor_on_the_held_out_pairs(report, held_out):
    a, b = held_out[2]
    expected = score(255 - a, b, Legend(report["legend"]))
    assert report["per_pair"][2] == {n: pytest.approx(v, abs=1e-4) for n, v in expected.items()}


def test_a_second_evaluation_gives_the_same_report_also_with_a_chosen_legend(report, held_out):
    legend = Legend(report["legend"])
    again = evaluation.evaluate(invert, make_pair_array(3, 72), held_out, tiny_config(), legend)
    assert "legend colors were chosen by the user" in again["protocol"]
    assert again | {"protocol": ""} == report | {"protocol": ""}


def test_legend_and_baselines_do_not_depend_on_the_held_out_targets(report, held_out):
    one = evaluation.evaluate(invert, make_pair_array(3, 72), held_out[:1], tiny_config())
    assert one["legend"] == report["legend"]
    assert one["per_pair"] == report["per_pair"][:1]


MEDIAN_ERROR = Metric(
    "median_error", "median error (gray levels)", "{:.1f}", "lower",
    "the median of the absolute differences",
    lambda comparison: float(np.median(comparison.difference)),
)  # fmt: skip
BRIGHTNESS = Metric(
    "brightness", "brightness (target: 1)", "{:.4f}", "higher",
    "the sum of all gray levels, divided by the targets'",
    lambda comparison: np.array([comparison.generated.sum(), comparison.target.sum()]),
    lambda sums: sums[:, 0] / sums[:, 1],
)  # fmt: skip


@pytest.mark.parametrize("metric", [MEDIAN_ERROR, BRIGHTNESS], ids=["mean", "over the sums"])
def test_one_entry_adds_a_metric_everywhere(
    metric: Metric, held_out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(METRICS, metric.key, metric)
    report = evaluation.evaluate(invert, make_pair_array(3, 72), held_out, tiny_config())
    values, targets = 255 - held_out[:, 0].astype(int), held_out[:, 1].astype(int)
    expected = {
        "median_error": np.median(np.abs(values - targets), axis=(1, 2, 3)).mean(),
        "brightness": values.sum() / targets.sum(),
    }[metric.key]
    assert report["metrics"][metric.key] == pytest.approx(expected, abs=1e-6)
    low, high = report["intervals"][metric.key]
    assert low <= expected <= high
    assert all(metric.key in pair for pair in report["per_pair"])
    assert all(metric.key in values for values in report["baselines"].values())
    assert f"; {metric.label}, {metric.description}." in report["protocol"]

    last_row = table.metric_rows(report)[-1]
    assert last_row[:2] == [metric.label, metric.format_value(expected, [low, high])]
    assert comparable_metrics(report, report)[-1] == metric.key
    wrong = report | {"metrics": report["metrics"] | {metric.key: 2 * expected}}
    (difference,) = describe_differences(wrong, report)
    assert difference.startswith(f"{metric.key} is ") and difference.endswith("(-50.0%)")

    (tmp_path / "pix2pix.json").write_bytes((STARTER_MODEL / "pix2pix.json").read_bytes())
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    write_card(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    result = card.data.eval_results[-1]
    assert (result.metric_type, result.metric_name) == (metric.key, metric.label)
    assert card.data.metrics[-1] == metric.key
    assert f"\n| {' | '.join(last_row)} |\n" in card.text
    assert metric.label in sections.verdict(report)
    assert metric.name in sections.ranking(report).lower().split(f"{metric.better} is better")[1]


def test_one_entry_adds_a_baseline_everywhere(held_out, monkeypatch: pytest.MonkeyPatch):
    black = Baseline("black", "black picture", "black everywhere", lambda *_: np.zeros_like)
    monkeypatch.setitem(BASELINES, "black", black)
    report = evaluation.evaluate(invert, make_pair_array(3, 72), held_out, tiny_config())
    assert report["baselines"]["black"]["l1"] == pytest.approx(held_out[:, 1].mean(), abs=1e-6)
    assert "black" in report["baseline_intervals"]
    assert table.metric_rows(report)[0][-1] == "black picture"
    assert sections.baselines(report).endswith("; black picture, black everywhere")


def test_a_metric_of_a_later_version_is_left_out_of_table_and_verdict(report):
    def add(values: dict, value: object) -> dict:
        return values | {"later": value}

    later = report | {
        "metrics": add(report["metrics"], 1.0),
        "intervals": add(report["intervals"], [0.5, 1.5]),
        "baselines": {name: add(values, 2.0) for name, values in report["baselines"].items()},
    }
    assert table.metric_rows(later) == table.metric_rows(report)
    assert sections.verdict(later) == sections.verdict(report)
    assert comparable_metrics(later, report) == list(METRICS)


def test_the_starter_model_has_a_row_for_each_of_its_metrics():
    report = ArtifactFolder(STARTER_MODEL).read_metrics()
    labels = [METRICS[key].label for key in report["metrics"]]
    assert [row[0] for row in table.metric_rows(report)[1:]] == labels
    assert len(labels) >= len(FIRST_METRICS)
