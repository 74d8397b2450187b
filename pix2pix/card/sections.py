"""The tables and sentences of the card that are computed from the artifacts."""

from pix2pix import version
from pix2pix.artifacts import DISCRIMINATOR_FILE, EXPORTS, NOTEBOOK_FILE
from pix2pix.card.front_matter import Places
from pix2pix.config import Config
from pix2pix.evaluation import BASELINES, METRICS
from pix2pix.evaluation.table import Table
from pix2pix.fields import settings_of

HUB = "https://huggingface.co"
PAPER = "https://arxiv.org/abs/1611.07004"


def links(places: Places, config: Config, is_logged: bool) -> str:
    """Returns a line of links to what belongs to the model; what is not known is left out.

    `is_logged` says that the repository has TensorBoard's events.
    """
    spaces = {
        "try it": places.space_id,
        "try it in your browser": places.page,
        "training curves": places.trackio_space,
    }
    targets = {name: f"{HUB}/spaces/{space}" for name, space in spaces.items() if space}
    if places.repo_id and is_logged:
        targets["TensorBoard"] = f"{HUB}/{places.repo_id}/tensorboard"
    targets["notebook"] = NOTEBOOK_FILE
    if config.dataset_revision:
        targets["dataset"] = f"{HUB}/datasets/{config.dataset_name}"
    targets["paper"] = PAPER
    line = " · ".join(f"[{name}]({target})" for name, target in targets.items())
    return f"{line[0]}{line[1].upper()}{line[2:]}"


def dataset(config: Config) -> str:
    """Returns the dataset's name, with a link if the dataset is on the Hub."""
    name = config.dataset_name
    if not config.dataset_revision:
        return f"`{name}`"
    return f"[{name}]({HUB}/datasets/{name})"


def held_out(description: dict) -> str:
    """Returns the rows that the figures were measured on, with the dataset and its revision."""
    revision = description["config"]["dataset_revision"]
    at_revision = f" at revision `{revision}`" if revision else ""
    rows = _rows(description["rows"]["held_out"])
    return f"{rows} of `{description['config']['dataset_name']}`{at_revision}"


def ranking(report: dict) -> str:
    """Returns a sentence with the metrics for which lower, higher or no value is better."""
    metrics = [METRICS[key] for key in report["metrics"] if key in METRICS]
    phrases: dict[str | None, str] = {
        "lower": "lower is better for {}",
        "higher": "higher is better for {}",
        None: "not ranked: {}",
    }
    clauses = []
    for better, phrase in phrases.items():
        names = [metric.name for metric in metrics if metric.better == better]
        if names:
            clauses.append(phrase.format(", ".join(names)))
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def baselines(report: dict) -> str:
    """Returns a list in words of the report's baselines and how each of them predicts."""
    known = [BASELINES[key] for key in report.get("baselines", {}) if key in BASELINES]
    return "; ".join(f"{baseline.label}, {baseline.description}" for baseline in known)


def exports(description: dict) -> str:
    """Returns a sentence with the files in other formats; empty without any."""
    phrases = [
        f"`{EXPORTS[name]}` ({export['precision']}, {export['bytes'] / 1e6:.1f} MB)"
        for name, export in description.get("exports", {}).items()
        if name in EXPORTS
    ]
    return f"For other programs: {', '.join(phrases)}." if phrases else ""


def verdict(report: dict) -> str:
    """Returns a sentence that compares the model with the best baseline for each metric.

    The sentence is empty for a report of an earlier version, which has no intervals.
    """
    labels: dict[str, list[str]] = {"ahead of": [], "level with": [], "behind": []}
    for key, (low, high) in report.get("intervals", {}).items():
        metric = METRICS.get(key)
        figures = [values[key] for values in report["baselines"].values() if key in values]
        if not metric or not metric.better or not figures:
            continue
        best = min(figures) if metric.better == "lower" else max(figures)
        value = report["metrics"][key]
        relation = "ahead of" if metric.is_better(value, best) else "behind"
        labels["level with" if low <= best <= high else relation].append(metric.label)
    clauses = [
        f"{relation} it in {', '.join(names)}" for relation, names in labels.items() if names
    ]
    if not clauses:
        return ""
    return (
        f"Compared with the best baseline of each row, this model is {'; '.join(clauses)}. Level "
        "means that the baseline's figure is inside the model's interval."
    )


def run(description: dict) -> Table:
    """Returns a table of the run's steps, time, hardware and versions."""
    training = description["training"]
    versions = ", ".join(f"{name} {number}" for name, number in description["versions"].items())
    return [
        ["", "this run"],
        ["steps", f"{training['steps']:,}"],
        *_validation(description),
        ["time", f"{training['seconds'] / 60:.1f} minutes"],
        ["hardware", training["device"]],
        ["pix2pix", version.format_code_version(description)],
        ["versions", versions],
        ["ONNX against Keras", f"largest difference {description['onnx_max_difference']:.1e} of 2"],
    ]


def _validation(description: dict) -> Table:
    """Returns rows about the run's validation: the published step, its scores, an early stop."""
    about = description.get("validation")
    if not about:
        return []
    metric = METRICS[about["metric"]]
    pairs = count(description["rows"]["selection"])
    scores = [f"{METRICS[k].name} {METRICS[k].format_value(v)}" for k, v in about["scores"].items()]
    best = f"step {about['best_step']:,}, by {metric.name} on {pairs} selection pairs"
    is_best = about["published_step"] == about["best_step"]
    published = f"step {about['published_step']:,}, {'the best' if is_best else 'the last'}"
    every, share = description["config"]["validation_steps"], f"{about['share_of_time']:.1%}"
    rows = [
        ["weights in this model", published],
        ["best step", f"{best}: {', '.join(scores)}"],
        ["validations", f"{about['validations']}, one every {every:,} steps; {share} of the time"],
    ]
    if about["stopped_early"]:
        patience = description["config"]["early_stopping_patience"]
        reason = f"{patience} validations in a row were not better than the best step"
        rows.append(["stopped early", reason])
    return rows


def settings(config: Config) -> Table:
    """Returns a table of every hyperparameter, with its value in this run and in the paper."""
    own, paper = config.to_dict(), Config(image_size=config.image_size).to_dict()
    # --max_train_steps overrides --num_train_epochs, so only one of the two had an effect.
    unused = "num_train_epochs" if config.max_train_steps else "max_train_steps"
    names = [spec.name for spec in settings_of(Config) if spec.on_card]
    names.remove(unused)
    rows = [[f"`{name}`", _value(own[name]), _value(paper[name])] for name in names]
    return [["setting", "this run", "paper"], *rows]


def provenance(description: dict) -> Table:
    """Returns a table of the dataset, its license, and the rows that were used."""
    config, rows, skipped = description["config"], description["rows"], description["skipped_rows"]
    columns = " / ".join(description["columns"])
    unreadable = sum(map(len, skipped.values()))
    # Only datasets on the Hub have a card, and earlier versions did not record the license on it.
    has_license = config["dataset_revision"] and "dataset_license" in description
    license_text = (
        description["dataset_license"] or "none found on its card" if has_license else None
    )
    return [
        ["", "data"],
        ["dataset", dataset(Config.from_dict(config))],
        ["revision", f"`{config['dataset_revision']}`" if config["dataset_revision"] else "local"],
        *([["license", license_text]] if license_text else []),
        *_base_model(description),
        ["columns", f"{columns}, {config['direction'].replace('_', ' ')}"],
        ["training pairs", f"{count(rows['train']):,}: {_rows(rows['train'])}"],
        *_selection(rows),
        ["held-out pairs", f"{count(rows['held_out']):,}: {_rows(rows['held_out'])}"],
        ["unreadable rows left out", str(unreadable)],
        ["channels", f"{config['input_channels']} in, {config['target_channels']} out"],
        *_palettes(description),
        *_scale(description),
        *_proportions(description),
        *_pixel_values(description),
    ]


def _base_model(description: dict) -> Table:
    """Returns a row about the model that the run started from, if it started from one."""
    model = description.get("base_model")
    if not model:
        return []
    name, revision = model["name"], model["revision"]
    place = f"`{name}`, a folder"
    if revision:
        place = f"[{name}]({HUB}/{name}/tree/{revision}) at `{revision}`"
    networks = "generator only; the discriminator started new"
    if DISCRIMINATOR_FILE in model["sha256"]:
        networks = "generator and discriminator"
    frozen = ", encoder frozen" if description["config"]["freeze_encoder"] else ""
    return [["base model", f"{place}: {networks}{frozen}"]]


def _selection(rows: dict) -> Table:
    """Returns a row about the pairs that chose the best step, if the run had them."""
    if "selection" not in rows:
        return []
    return [["selection pairs", f"{count(rows['selection']):,}: {_rows(rows['selection'])}"]]


def _palettes(description: dict) -> Table:
    """Returns a row for each side of the pairs that is drawn in a few flat colors."""
    rows = []
    for side in ("input", "target"):
        palette = description.get(f"{side}_palette")
        if palette:
            colors = [f"{entry['name'] or ''} `{entry['color']}`".strip() for entry in palette]
            rows.append([f"colors of the {side} pictures", ", ".join(colors)])
    return rows


def _scale(description: dict) -> Table:
    """Returns a row about the scale of the training; earlier versions did not record it."""
    if "pair_sizes" not in description:
        return []
    config = Config.from_dict(description["config"])
    texts = [f"{width}x{height}" for width, height in description["pair_sizes"]]
    sizes = " to ".join(dict.fromkeys(texts))
    crops = f"crops of {config.image_size}x{config.image_size}"
    if config.is_native:
        how = f"{crops} at this scale: translate images of the same scale in the mode `full`"
    else:
        how = f"resized to {config.load_size}x{config.load_size}, then {crops}"
    return [["scale", f"images of {sizes} pixels, {how}"]]


def _proportions(description: dict) -> Table:
    """Returns a row about pairs that are not square; earlier versions did not record it."""
    low, high = description.get("pair_aspects") or (1, 1)
    if low == high == 1:
        return []
    values = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
    aspect = description["config"].get("aspect", "squash")
    return [["width / height", f"{values}, made square by `--aspect {aspect}`"]]


def _pixel_values(description: dict) -> Table:
    """Returns a row for each side of the pairs of which bands, values or colors were chosen."""
    rows = []
    for side, rule in description.get("reading", {}).items():
        bands, value_range = rule["bands"], rule["value_range"]
        parts = [f"bands {', '.join(map(str, bands))}"] if bands else []
        if not isinstance(value_range, str):
            parts.append("values {:g} to {:g} are black to white".format(*value_range))
        if legend := rule.get("legend"):
            colors = ", ".join(f"`{color}`" for color in legend)
            parts.append(f"the class numbers 0 to {len(legend) - 1} become {colors}")
        if parts:
            rows.append([f"{side} pictures", "; ".join(parts)])
    return rows


def count(rows: dict) -> int:
    """Returns the number of rows in `rows` of pix2pix.json."""
    return rows["stop"] - rows["start"]


def _rows(rows: dict) -> str:
    if not count(rows):
        return "none"
    return f"rows {rows['start']} to {rows['stop'] - 1} of split `{rows['split']}`"


def _value(value: object) -> str:
    return "not set" if value is None else str(value)
