"""The content of metrics.json: the generator's scores beside those of the baselines."""

from collections.abc import Iterable, Sequence

import numpy as np

from pix2pix.config import Config
from pix2pix.evaluation.baselines import fit_baselines
from pix2pix.evaluation.metrics import METRICS, Metric
from pix2pix.evaluation.scores import RESAMPLES, Predict, score_all
from pix2pix.images import orient_pair
from pix2pix.legend import Legend, find_legend

LEGEND_FOUND, LEGEND_CHOSEN = "found in the training targets", "chosen by the user"
NOTHING_MEASURED = "No held-out pairs: nothing was measured."


def evaluate(
    predict: Predict,
    training: np.ndarray,
    held_out: Sequence[np.ndarray],
    config: Config,
    legend: Legend | None = None,
) -> dict:
    """Scores a generator and the baselines, and returns the content of metrics.json.

    Args:
        predict: the generator as it is served, a function from (1, H, W, 3) uint8 to the same.
        training: training pairs, (N, 2, L, L, 3) uint8. The baselines are fitted on them and the
            legend is found in them, so that no choice depends on held-out targets.
        held_out: the K pairs to score on, each (2, H, W, 3) uint8, the longer side S pixels.
        config: the settings of the run, of which the direction and the image size are used.
        legend: the colors that stand for classes; None finds them in the training targets.
    """
    origin = LEGEND_CHOSEN if legend else LEGEND_FOUND
    legend = legend or find_training_legend(training, config)
    predictors = {"model": predict} | fit_baselines(training, config)
    scores = {
        name: score_all(predictor, held_out, config.direction, legend)
        for name, predictor in predictors.items()
    }
    model = scores.pop("model")
    are_square = all(pair.shape[1] == pair.shape[2] for pair in held_out)
    size = describe_size(config.image_size, are_square, config.is_native)
    return {
        "protocol": protocol(size, len(legend.colors), origin),
        "held_out_pairs": len(held_out),
        "legend": legend.colors.tolist(),
        "metrics": model.summary(),
        "intervals": model.intervals(),
        "baselines": {name: baseline.summary() for name, baseline in scores.items()},
        "baseline_intervals": {name: baseline.intervals() for name, baseline in scores.items()},
        "per_pair": [
            {name: round(value, 4) for name, value in values.items()}
            for values in model.per_picture()
        ],
    }


def find_training_legend(training: np.ndarray, config: Config) -> Legend:
    """Returns the legend that is found in the targets of training pairs, (N, 2, L, L, 3) uint8."""
    _, targets = orient_pair(training.swapaxes(0, 1), config.direction)
    return Legend(find_legend(targets))


def empty_report() -> dict:
    """Returns the content of metrics.json for a run without held-out pairs."""
    return {"protocol": NOTHING_MEASURED, "held_out_pairs": 0, "metrics": {}, "per_pair": []}


def protocol(
    size: str, legend_colors: int, legend_origin: str, keys: Iterable[str] = METRICS
) -> str:
    """Returns how the metrics of `keys` are measured, in sentences, for metrics.json and the card.

    `size` is what `describe_size` returns.
    """
    metrics = [METRICS[key] for key in keys]
    averaged = [metric for metric in metrics if not metric.combine]
    combined = [metric for metric in metrics if metric.combine]
    return (
        f"All held-out pairs, {size}, on 8-bit pictures as "
        f"served, dropout off. Averaged over pictures: {_describe(averaged)}. Computed from the "
        f"sums over all pictures: {_describe(combined)}. The {legend_colors} legend colors were "
        f"{legend_origin}. Intervals: 95 %, percentile bootstrap of the held-out pairs, "
        f"{RESAMPLES:,} resamples."
    )


def describe_size(image_size: int, are_square: bool = True, is_native: bool = False) -> str:
    """Returns the size at which held-out pairs are scored, in words."""
    if is_native:
        return f"of each the middle {image_size}x{image_size} pixels at its own scale"
    if are_square:
        return f"each resized to {image_size}x{image_size}"
    return f"each resized in its own proportions, the longer side to {image_size}"


def _describe(metrics: list[Metric]) -> str:
    return "; ".join(f"{metric.label}, {metric.description}" for metric in metrics)
