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
from pix2pix.evaluation.legend import Legend
from pix2pix.evaluation.report import evaluate
from pix2pix.evaluation.reproduction import (
    comparable_metrics,
    describe_differences,
    published_legend,
)
from pix2pix.fields import check_settings, setting
from pix2pix.files import write_json
from pix2pix.flags import Subset, parse_as
from pix2pix.runtime import prepare_tensorflow

if TYPE_CHECKING:
    from pix2pix.data import LoadedPairs

# TensorFlow and ONNX Runtime are imported where they are needed, so that --help is fast.
prepare_tensorflow()

# The settings of the model's training that an evaluation can change.
DATASET = Subset(
    Config,
    (
        "dataset_name", "dataset_revision", "input_column", "target_column", "direction",
        "validation_samples",
    ),
    default_help="the model's own",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluateSettings:
    """Describes an evaluation, except for its dataset. Raises `UserError` for a wrong value."""

    model: str = setting(help="Hub id, id@revision, or folder of a model")
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
    from pix2pix.translate import Translator

    translator = Translator.from_name(settings.model)
    config, loaded = load(settings, apply_changes(translator.config, changes))
    dataset = _describe_dataset(config, loaded.source.columns, asdict(loaded.plan.held_out))
    own = _describe_own_dataset(translator.about, translator.config)
    published = ArtifactFolder(translator.folder).read_metrics() if dataset == own else None
    legend = Legend.parse(settings.legend) if settings.legend else None
    if not legend and published:
        legend = published_legend(published)
    pairs = f"{len(loaded.held_out)} held-out pairs of {_format_dataset(dataset)}"
    print(f"Evaluating {settings.model} on {pairs}.")
    report = evaluate(translator.generate, loaded.reference, loaded.held_out, config, legend)
    print(table.format_plain(table.metric_rows(report, baseline_intervals=True)))
    print(f"Legend: {','.join(bytes(color).hex() for color in report['legend'])}")
    if settings.output:
        model = {"model": settings.model, "model_revision": translator.revision}
        write_json(settings.output, model | {"dataset": dataset} | report)
        print(f"All figures are in {settings.output}.")
    if dataset != own:
        print(f"Nothing to compare: the model's card is about {_format_dataset(own)}.")
    elif not published:
        print("Nothing to compare: the model has no metrics.json.")
    return not published or _compare(report, published)


def apply_changes(own: Config, changes: dict[str, Any]) -> Config:
    """Returns the config to score by: the model's `own` with the `changes`."""
    if changes.get("dataset_name", own.dataset_name) != own.dataset_name:
        # These settings belong to the model's dataset and do not fit another one.
        own = replace(
            own, dataset_revision=None, input_column=None, target_column=None,
            max_train_samples=None, validation_samples=None,
        )  # fmt: skip
    return replace(own, **changes)


def load(settings: EvaluateSettings, config: Config) -> tuple[Config, "LoadedPairs"]:
    """Returns the config with the dataset's commit instead of a branch, and the pairs."""
    from pix2pix import data, hub

    revision = hub.dataset_commit(config.dataset_name, config.dataset_revision)
    config = replace(config, dataset_revision=revision)
    folder = settings.cache_dir or data.default_cache_dir()
    loaded = data.load_pairs(data.open_source(config, folder), config, settings.cache, folder)
    return config, loaded


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
    return (
        f"{dataset['name']}{f' at {revision[:12]}' if revision else ''}, rows {rows['start']} to "
        f"{rows['stop'] - 1} of split {rows['split']}, {dataset['direction'].replace('_', ' ')}"
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
