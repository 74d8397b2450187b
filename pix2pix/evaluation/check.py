"""Compares what was measured with the figures that a model publishes in metrics.json."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.evaluation.legend import Legend
from pix2pix.evaluation.metrics import CLASS_METRICS, METRICS
from pix2pix.evaluation.table import shown

TOLERANCE = 0.01


@dataclass(frozen=True)
class Published:
    """A model's own figures; `legend` is None in files of versions that had none."""

    metrics: dict[str, float]
    legend: Legend | None


def read_published(folder: Path) -> Published | None:
    """The figures of the model in `folder`; None where it publishes none.

    Raises `UserError` when its metrics.json is damaged.
    """
    path = folder / "metrics.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics = {name: float(content["metrics"][name]) for name in content["metrics"]}
        legend = Legend(content["legend"]) if "legend" in content else None
    except FileNotFoundError:
        return None
    except (UserError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise UserError(f"The model's metrics.json can't be read ({error}).") from None
    return Published(metrics, legend)


def comparable(published: Published, legend: Legend) -> list[str]:
    """The published metrics that mean the same here: those of classes only with one legend."""
    same = published.legend and published.legend.colours.tolist() == legend.colours.tolist()
    known = [name for name in METRICS if name in published.metrics]
    return known if same else [name for name in known if name not in CLASS_METRICS]


def differences(names: list[str], measured: dict[str, float], published: Published) -> list[str]:
    """What to say of each of the metrics `names` that is over 1 % off."""
    said = []
    for name in names:
        card, here = published.metrics[name], measured[name]
        # Values are rounded to six decimals.
        if not math.isclose(card, here, rel_tol=TOLERANCE, abs_tol=2e-6):
            change = f" ({here / card - 1:+.1%})" if card else ""
            said.append(f"{name} is {shown(name, card)} there and {shown(name, here)} here{change}")
    return said
