"""Scores a generator and simple baselines on held-out pairs.

`pix2pix evaluate --model <id or folder>` evaluates any published model. Importing this package
does not import TensorFlow, so that `--help` is fast and the Space can use the tables.
"""

from pix2pix.evaluation.baselines import BASELINES, fit_baselines
from pix2pix.evaluation.metrics import METRICS, Metric
from pix2pix.evaluation.palette import find_palette
from pix2pix.evaluation.report import empty_report, evaluate, find_training_legend
from pix2pix.evaluation.scores import Scores, score, score_all
from pix2pix.legend import Legend, find_legend

__all__ = [
    "BASELINES",
    "METRICS",
    "Legend",
    "Metric",
    "Scores",
    "empty_report",
    "evaluate",
    "find_legend",
    "find_palette",
    "find_training_legend",
    "fit_baselines",
    "score",
    "score_all",
]
