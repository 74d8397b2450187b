"""Scores a published model's ONNX graph on held-out pairs and checks the figures on its card.

    pix2pix evaluate --model <user>/pix2pix-maps
    pix2pix evaluate --model assets/starter_model --dataset_name <other pairs>

The exit code is 1 when something fails, and when the model's own figures are not reproduced
within 1 %.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pix2pix import console, preflight
from pix2pix.artifacts import ArtifactFolder
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.evaluation import table
from pix2pix.evaluation.report import evaluate
from pix2pix.evaluation.reproduction import (
    comparable_metrics,
    describe_differences,
    published_legend,
)
from pix2pix.fields import check_settings, setting
from pix2pix.files import write_json
from pix2pix.flags import Subset, parse_as
from pix2pix.images import orient_pair
from pix2pix.legend import Legend
from pix2pix.names import check_model_name
from pix2pix.runtime import prepare_tensorflow

if TYPE_CHECKING:
    from pix2pix.data import LoadedPairs
    from pix2pix.pixels.rule import PixelRule
    from pix2pix.translate import Translator

# TensorFlow and ONNX Runtime are imported where they are needed, so that --help is fast.
prepare_tensorflow()

# The settings of the model's training that an evaluation can change.
DATASET = Subset(
    Config,
    (
        "dataset_name", "dataset_revision", "dataset_config", "train_split", "pair_layout",
        "force_split", "input_column", "target_column", "direction", "validation_samples",
    ),
    default_help="the model's own",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluateSettings:
    """Describes an evaluation, except for its dataset. Raises `UserError` for a wrong value."""

    model: str = setting(help="Hub id, id@revision, or folder of a model", may_be_path=True)
    legend: str | None = setting(
        None,
        "colors of the classes, e.g. ffff00,007fff",
        default_help="the model's own, or else detected in the training targets",
    )
    cache: Literal["disk", "memory"] = setting("disk", "where decoded pairs are kept")
    cache_dir: Path | None = setting(
        None, "folder of the pair cache", default_help="~/.cache/pix2pix"
    )
    output: Path | None = setting(
        None, "JSON file for all figures, with the keys of metrics.json", default_help="no file"
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.model:
            raise UserError("--model is empty; name a Hub id, id@revision, or a folder.")
        if self.legend is not None:
            Legend.parse(self.legend)
        if self.output and self.output.is_dir():
            raise UserError(f"--output {self.output} is a folder; name a file.")


def main(arguments: list[str] | None = None, program: str = "pix2pix evaluate") -> int:
    """Runs the command line and returns the exit code."""
    settings, changes = parse_as((EvaluateSettings, DATASET), __doc__ or "", arguments, program)
    return console.run_command(
        program,
        lambda: 0 if run(settings, changes) else 1,
        recovery_hint="the pairs that were cached so far are kept",
    )


def run(settings: EvaluateSettings, changes: dict[str, Any]) -> bool:
    """Scores the model; returns False when its own figures are not reproduced.

    `changes` are settings of the dataset that replace the model's own.
    """
    preflight.check_packages(preflight.TRAINING)
    preflight.prepare_keras()
    from pix2pix.translate import Translator

    check_model_name(settings.model)
    translator = Translator.from_name(settings.model)
    config = apply_changes(translator.config, changes)
    config, loaded = load(settings, config, translator.rule)
    _check_held_out(translator, config, loaded)
    dataset = _describe_dataset(config, loaded.source.columns, asdict(loaded.plan.held_out))
    own = _describe_own_dataset(translator.about, translator.config)
    published, reason = _read_published(translator, loaded, dataset, own)
    legend = Legend.parse(settings.legend) if settings.legend else None
    if not legend and published:
        legend = published_legend(published)
    pairs = f"{len(loaded.held_out)} held-out pairs of {_format_dataset(dataset)}"
    print(f"Evaluating {settings.model} on {pairs}.")
    report = evaluate(translator.predict, loaded.reference, loaded.held_out, config, legend)
    print(table.format_plain(table.metric_rows(report, baseline_intervals=True)))
    print(f"Legend: {','.join(bytes(color).hex() for color in report['legend'])}")
    if settings.output:
        model = {"model": settings.model, "model_revision": translator.revision}
        write_json(settings.output, model | {"dataset": dataset} | report)
        print(f"All figures are in {settings.output}.")
    if not published:
        print(f"Nothing to compare: {reason}.")
        return True
    return _compare(report, published)


def apply_changes(own: Config, changes: dict[str, Any]) -> Config:
    """Returns the config to score by: the model's `own` with the `changes`."""
    if changes.get("dataset_name", own.dataset_name) != own.dataset_name:
        # These settings belong to the model's dataset and do not fit another one.
        own = replace(
            own, dataset_revision=None, input_column=None, target_column=None,
            max_train_samples=None, validation_samples=None, dataset_config=None,
            train_split=None, pair_layout="auto", force_split=False,
        ).without_validation()  # fmt: skip
    return replace(own, **changes)


def load(
    settings: EvaluateSettings, config: Config, rule: "PixelRule"
) -> tuple[Config, "LoadedPairs"]:
    """Returns the config with the dataset's commit instead of a branch, and the pairs.

    Inputs are read by `rule`, the model's own, as they are served.
    """
    from pix2pix import data, hub

    config = data.check_dataset(config)
    revision = hub.dataset_commit(config.dataset_name, config.dataset_revision)
    config = replace(config, dataset_revision=revision)
    folder = settings.cache_dir or data.default_cache_dir()
    source = data.open_source(config, folder)
    _, target_rule = orient_pair(source.decoder.rules, config.direction)
    rules = orient_pair((rule, target_rule), config.direction)
    source.decoder = replace(source.decoder, rules=rules)
    return config, data.load_pairs(source, config, settings.cache, folder)


def _read_published(
    translator: "Translator", loaded: "LoadedPairs", dataset: dict, own: dict
) -> tuple[dict | None, str]:
    """Returns the figures on the model's card, or None and the reason why none can be compared."""
    if dataset != own:
        return None, f"the model's card is about {_format_dataset(own)}"
    metrics = ArtifactFolder(translator.folder).read_metrics()
    if not metrics:
        return None, "the model has no metrics.json"
    if "pair_aspects" not in translator.about and not loaded.held_out.are_square:
        return None, (
            "an earlier version measured the model's figures on squashed pairs, but these pairs "
            "are scored in their own proportions, as served"
        )
    return metrics, ""


def _check_held_out(translator: "Translator", config: Config, loaded: "LoadedPairs") -> None:
    """Raises `UserError` if there is no pair to measure on that the model was not trained on."""
    own, rows = translator.config, translator.about.get("rows") or {}
    is_own_split = (
        own.validation_samples == 0
        and config.dataset_name == own.dataset_name
        and loaded.plan.held_out.split == (rows.get("train") or {}).get("split")
    )
    if not loaded.held_out or is_own_split:
        raise UserError(
            f"The model was trained on all pairs of {config.dataset_name}, so there are none to "
            "measure it on: name other pairs with --dataset_name."
            if is_own_split
            else "With --validation_samples 0 there are no pairs to measure on; give a number, or "
            "name other pairs with --dataset_name."
        )


def _describe_own_dataset(about: dict, config: Config) -> dict:
    """Returns the dataset that the figures on the model's card were measured on."""
    try:
        return _describe_dataset(config, about["columns"], about["rows"]["held_out"])
    except KeyError as error:
        raise UserError(
            f"The model's pix2pix.json lacks {error}; publish the model again."
        ) from None


def _describe_dataset(config: Config, columns: Iterable[str], held_out: dict) -> dict:
    return {
        "name": config.dataset_name,
        "revision": config.dataset_revision,
        "columns": list(columns),
        "direction": config.direction,
        "held_out": held_out,
    }


def _format_dataset(dataset: dict) -> str:
    rows, revision = dataset["held_out"], dataset["revision"]
    numbers = f"rows {rows['start']} to {rows['stop'] - 1}"
    if rows["start"] >= rows["stop"]:
        numbers = "no rows"
    return (
        f"{dataset['name']}{f' at {revision[:12]}' if revision else ''}, {numbers} of split "
        f"{rows['split']}, {dataset['direction'].replace('_', ' ')}"
    )


def _compare(report: dict, published: dict) -> bool:
    """Prints which figures differ from the published ones, and returns whether all agree."""
    differences = describe_differences(published, report)
    if differences:
        print(f"Not reproduced: {'; '.join(differences)}.")
    else:
        names = ", ".join(comparable_metrics(published, report))
        print(f"Reproduced: the published figures, within 1 % ({names}).")
    return not differences
