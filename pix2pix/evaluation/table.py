"""The results as a table: a row a metric, columns the model and the baselines."""

LABELS = {
    "l1": ("L1 (grey levels of 255)", "{:.2f}"),
    "psnr": ("PSNR (dB)", "{:.2f}"),
    "ssim": ("SSIM", "{:.3f}"),
    "within_5": ("pixels within 5 grey levels", "{:.1%}"),
    "within_10": ("pixels within 10 grey levels", "{:.1%}"),
    "class_accuracy": ("class accuracy", "{:.1%}"),
    "mean_iou": ("mean IoU", "{:.3f}"),
    "sharpness": ("sharpness (target: 1)", "{:.2f}"),
}


def rows(report: dict, baseline_intervals: bool = False) -> list[list[str]]:
    """The heading and a row a metric of `report`, the content of metrics.json.

    Files of earlier versions have fewer metrics and no intervals: what is there is shown.
    """
    baselines = list(report["baselines"])
    names = [name.replace("_", " ") for name in baselines]
    table = [["", "this model [95 % interval]", *names]]
    for metric, value in report["metrics"].items():
        cells = [shown(metric, value, report.get("intervals", {}).get(metric))]
        for name in baselines:
            intervals = report["baseline_intervals"][name] if baseline_intervals else {}
            cells.append(shown(metric, report["baselines"][name][metric], intervals.get(metric)))
        table.append([LABELS[metric][0], *cells])
    return table


def shown(metric: str, value: float, interval: list[float] | None = None) -> str:
    """A metric's value as people read it, with its interval where there is one."""
    write = LABELS[metric][1].format
    return write(value) + (f" [{', '.join(map(write, interval))}]" if interval else "")


def plain(table: list[list[str]]) -> str:
    """`rows` for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return "\n".join(lines)


def markdown(table: list[list[str]]) -> str:
    """`rows` for a model card."""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]])
