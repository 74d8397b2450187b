"""The results as a table: a row for each metric, columns for the model and the baselines."""

from pix2pix.evaluation.baselines import BASELINES
from pix2pix.evaluation.metrics import METRICS

Table = list[list[str]]


def metric_rows(report: dict, baseline_intervals: bool = False) -> Table:
    """Returns the heading and one row for each metric of `report`, the content of metrics.json.

    Reports of earlier versions have fewer metrics and no intervals, so the table lacks them too.
    Metrics that only a later version knows are left out.

    Args:
        report: the content of metrics.json. With a base model, a column has its figures.
        baseline_intervals: whether the cells of the baselines have intervals too.
    """
    baselines = report.get("baselines", {})
    intervals = report.get("baseline_intervals", {}) if baseline_intervals else {}
    # For each column: the values by metric, the intervals by metric.
    columns = [(report["metrics"], report.get("intervals", {}))]
    header = ["", "this model [95 % interval]"]
    if base := report.get("base_model"):
        columns.append((base["metrics"], base["intervals"]))
        header.append("base model, before")
    columns += [(values, intervals.get(key, {})) for key, values in baselines.items()]
    table = [[*header, *map(_baseline_label, baselines)]]
    for key in report["metrics"]:
        if metric := METRICS.get(key):
            cells = [
                metric.format_value(values[key], bounds.get(key)) if key in values else ""
                for values, bounds in columns
            ]
            table.append([metric.label, *cells])
    return table


def _baseline_label(key: str) -> str:
    return BASELINES[key].label if key in BASELINES else key.replace("_", " ")


def format_plain(table: Table) -> str:
    """Returns `table` with aligned columns, for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return "\n".join(lines)


def format_markdown(table: Table) -> str:
    """Returns `table` as Markdown, for a model card."""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]])
