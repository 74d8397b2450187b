"""Compares measured figures with those that a model publishes in metrics.json."""

import math

from pix2pix.evaluation.metrics import METRICS
from pix2pix.legend import Legend

TOLERANCE = 0.01
# Published values are rounded to six decimals.
ROUNDING = 2e-6


def published_legend(published: dict) -> Legend | None:
    """Returns the legend in a metrics.json, or None if an earlier version wrote it without one.

    Raises `UserError` when the legend has too many colors or has a color twice.
    """
    return Legend(published["legend"]) if "legend" in published else None


def comparable_metrics(published: dict, measured: dict) -> list[str]:
    """Returns the keys of the metrics that both reports have and that can be compared.

    Metrics of classes can be compared only when both reports have the same legend.
    """
    same_legend = published.get("legend") == measured["legend"]
    return [
        key
        for key, metric in METRICS.items()
        if key in published["metrics"] and (same_legend or not metric.uses_legend)
    ]


def describe_differences(published: dict, measured: dict) -> list[str]:
    """Returns a clause for each comparable metric that differs by more than 1 %.

    Args:
        published: the content of the model's metrics.json.
        measured: the report that `evaluate` returned.
    """
    clauses = []
    for key in comparable_metrics(published, measured):
        old, new = published["metrics"][key], measured["metrics"][key]
        if not math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=ROUNDING):
            change = f" ({new / old - 1:+.1%})" if old else ""
            write = METRICS[key].format_value
            clauses.append(f"{key} is {write(old)} as published and {write(new)} here{change}")
    return clauses
