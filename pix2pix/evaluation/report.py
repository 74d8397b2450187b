"""The content of metrics.json: the generator's scores beside those of three baselines."""

import numpy as np

from pix2pix.config import Config
from pix2pix.evaluation.baselines import fit_baselines
from pix2pix.evaluation.legend import Legend, find_legend
from pix2pix.evaluation.metrics import Predict, score_all
from pix2pix.images import oriented

PROTOCOL = (
    "All held-out pairs, each resized to {size}x{size}, on 8-bit pictures as served, dropout off. "
    "Means over pictures: L1, the absolute difference in grey levels of 255; PSNR in dB; SSIM, "
    "11x11 Gaussian window, sigma 1.5; pixels within 5 and 10 grey levels of the target in every "
    "channel; class accuracy, pixels whose nearest legend colour (Euclidean RGB) is the target "
    "pixel's. Over the sums of all pictures: mean IoU, intersection over union of the legend's "
    "classes, mean of those in the targets; sharpness, the squared differences of neighbouring "
    "pixels over the target's (1 is as sharp). The {colours} legend colours are {origin}. "
    "Intervals: 95 %, percentile bootstrap of the held-out pairs, 1,000 resamples."
)
ORIGINS = ("found in the training targets", "given")


def evaluate(
    predict: Predict,
    training: np.ndarray,
    held_out: np.ndarray,
    config: Config,
    legend: Legend | None = None,
) -> dict:
    """The protocol, and each metric with its interval: of `predict`, and of the baselines.

    Args:
        predict: (1, S, S, 3) uint8 -> same.
        training: (N, 2, L, L, 3) uint8: the baselines are fitted on it, and the legend is found
            in its targets unless it is given, so that held-out targets decide nothing.
        held_out: (K, 2, S, S, 3) uint8, what everything is scored on.
    """
    origin = ORIGINS[legend is not None]
    _, targets = oriented(training.swapaxes(0, 1), config.direction)
    legend = legend or Legend(find_legend(targets))
    predictors = {"model": predict} | fit_baselines(training, config)
    scores = {
        name: score_all(predictor, held_out, config.direction, legend)
        for name, predictor in predictors.items()
    }
    model = scores.pop("model")
    return {
        "protocol": PROTOCOL.format(
            size=config.image_size, colours=len(legend.colours), origin=origin
        ),
        "held_out_pairs": len(held_out),
        "legend": legend.colours.tolist(),
        "metrics": model.summary(),
        "intervals": model.intervals(),
        "baselines": {name: baseline.summary() for name, baseline in scores.items()},
        "baseline_intervals": {name: baseline.intervals() for name, baseline in scores.items()},
        "per_pair": [
            {name: round(value, 4) for name, value in values.items()}
            for values in model.per_picture()
        ],
    }
