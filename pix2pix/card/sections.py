"""Parts of the card: tables and sentences that are computed from the artifacts."""

from pix2pix import version
from pix2pix.config import Config
from pix2pix.evaluation import table

# The rest of the settings describes the data, which has a table of its own.
SETTINGS = (
    "recipe", "image_size", "load_size", "augmentation", "generator_filters",
    "discriminator_filters", "generator_norm", "dropout", "gan_loss", "l1_weight",
    "num_train_epochs", "max_train_steps", "train_batch_size", "learning_rate",
    "discriminator_learning_rate", "adam_beta1", "lr_schedule", "ema_decay", "mixed_precision",
    "jit_compile", "steps_per_execution", "seed",
)  # fmt: skip
# Sharpness is left out of the comparison: more of it than in the targets is no better.
BETTER = {"l1": min} | dict.fromkeys(
    ("psnr", "ssim", "within_5", "within_10", "class_accuracy", "mean_iou"), max
)
Table = list[list[str]]


def dataset(config: Config) -> str:
    """The dataset's name, as a link where the Hub has it."""
    name = config.dataset_name
    if not config.dataset_revision:
        return f"`{name}`"
    return f"[{name}](https://huggingface.co/datasets/{name})"


def held_out(about: dict) -> str:
    """Which pairs the figures are of, with the revision."""
    revision = about["config"]["dataset_revision"]
    place = f" at revision `{revision}`" if revision else ""
    rows = _rows(about["rows"]["held_out"])
    return f"{rows} of `{about['config']['dataset_name']}`{place}"


def verdict(metrics: dict) -> str:
    """How the model compares with the best of the baselines, metric by metric.

    Empty for a metrics.json of a version without intervals.
    """
    found: dict[str, list[str]] = {"ahead of": [], "level with": [], "behind": []}
    for name, (low, high) in metrics.get("intervals", {}).items():
        if name not in BETTER:
            continue
        best = BETTER[name](values[name] for values in metrics["baselines"].values())
        place = "ahead of" if BETTER[name](best, metrics["metrics"][name]) != best else "behind"
        found["level with" if low <= best <= high else place].append(table.LABELS[name][0])
    parts = [f"{place} it in {', '.join(names)}" for place, names in found.items() if names]
    if not parts:
        return ""
    return (
        f"Against the best baseline of each row, this model is {'; '.join(parts)}. Level means "
        "that the baseline's figure lies inside the model's interval."
    )


def run(about: dict) -> Table:
    """Steps, time, hardware and versions."""
    training = about["training"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return [
        ["", "this run"],
        ["steps", f"{training['steps']:,}"],
        ["time", f"{training['seconds'] / 60:.1f} minutes"],
        ["hardware", training["device"]],
        ["pix2pix", version.told(about)],
        ["versions", versions],
        ["ONNX against Keras", f"largest difference {about['onnx_max_difference']:.1e} of 2"],
    ]


def settings(config: Config) -> Table:
    """Every hyperparameter beside the paper's."""
    mine, paper = config.to_dict(), Config(image_size=config.image_size).to_dict()
    # Steps overrule epochs: a number of epochs beside them would be no setting of this run.
    overruled = "num_train_epochs" if config.max_train_steps else "max_train_steps"
    names = [name for name in SETTINGS if name != overruled]
    shown = [[f"`{name}`", _value(mine[name]), _value(paper[name])] for name in names]
    return [["setting", "this run", "paper"], *shown]


def provenance(about: dict) -> Table:
    """Where the pairs come from, which of them were used, and how."""
    config, rows, skipped = about["config"], about["rows"], about["skipped_rows"]
    unreadable = sum(map(len, skipped.values()))
    # Asked of the Hub alone, and not by earlier versions.
    asked = config["dataset_revision"] and "dataset_license" in about
    licence = [["licence", about["dataset_license"] or "none found on its card"]] if asked else []
    return [
        ["", "data"],
        ["dataset", dataset(Config.from_dict(config))],
        ["revision", f"`{config['dataset_revision']}`" if config["dataset_revision"] else "local"],
        *licence,
        ["columns", f"{' / '.join(about['columns'])}, {config['direction'].replace('_', ' ')}"],
        ["training pairs", f"{count(rows['train']):,}: {_rows(rows['train'])}"],
        ["held-out pairs", f"{count(rows['held_out']):,}: {_rows(rows['held_out'])}"],
        ["unreadable rows left out", str(unreadable)],
        ["channels", f"{config['input_channels']} in, {config['target_channels']} out"],
    ]


def count(rows: dict) -> int:
    return rows["stop"] - rows["start"]


def _rows(rows: dict) -> str:
    return f"rows {rows['start']} to {rows['stop'] - 1} of split `{rows['split']}`"


def _value(value: object) -> str:
    return "not set" if value is None else str(value)
