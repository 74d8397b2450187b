"""Scores a generator on held-out pairs, beside baselines that see no shape.

`python -m pix2pix.evaluation --model <id or folder>` does so for any published model. Importing
this package loads no TensorFlow, so that `--help` answers at once.
"""

from pix2pix.evaluation.baselines import fit_baselines
from pix2pix.evaluation.legend import Legend, find_legend
from pix2pix.evaluation.metrics import CLASS_METRICS, METRICS, Scores, score, score_all
from pix2pix.evaluation.report import evaluate

__all__ = [
    "CLASS_METRICS",
    "METRICS",
    "Legend",
    "Scores",
    "evaluate",
    "find_legend",
    "fit_baselines",
    "score",
    "score_all",
]
