"""Scores a published model on held-out pairs, as served, and checks the figures on its card.

    python -m pix2pix.evaluation --model <user>/pix2pix-maps
    python -m pix2pix.evaluation --model assets/starter_model --dataset_name <other pairs>

Exit code 1 when something fails, or when the model's own figures are not reproduced within 1 %.
"""

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from pix2pix.checks import TRAINING, check_packages
from pix2pix.cli import parse_as
from pix2pix.config import DIRECTIONS, Config, option
from pix2pix.errors import UserError
from pix2pix.evaluation import table
from pix2pix.evaluation.check import Published, comparable, differences, read_published
from pix2pix.evaluation.legend import Legend
from pix2pix.evaluation.report import evaluate
from pix2pix.files import write_json
from pix2pix.runtime import prepare_tensorflow

# TensorFlow and ONNX Runtime are imported where they are needed, so that --help answers at once.
prepare_tensorflow()

PROGRAM = "python -m pix2pix.evaluation"


@dataclass(frozen=True)
class Request:
    """What is asked for. Raises `UserError` when it makes no sense."""

    # None is refused below.
    model: str = option(None, "Hub id, id@revision, or folder (required)")
    dataset_name: str | None = option(
        None, "Hub id, local folder or archive (the model's own, with the settings below)"
    )
    dataset_revision: str | None = option(None, "commit, tag or branch of a Hub dataset")
    input_column: str | None = option(None, "column of picture A (found by itself when common)")
    target_column: str | None = option(None, "column of picture B (found by itself when common)")
    direction: str | None = option(
        None, "a_to_b: A is the input; b_to_a: B is (the model's own)", choices=DIRECTIONS
    )
    validation_samples: int | None = option(None, "held-out pairs to use (all)", int)
    legend: str | None = option(
        None, "colours of the classes, e.g. ffff00,007fff (found in the training targets)"
    )
    cache: str = option("disk", "where decoded pairs are kept", choices=("disk", "memory"))
    cache_dir: Path | None = option(None, "folder of the pair cache (~/.cache/pix2pix)", Path)
    output: Path | None = option(None, "file for all figures, as metrics.json", Path)

    def __post_init__(self) -> None:
        if not self.model:
            raise UserError("--model is missing; name a Hub id, id@revision, or a folder.")
        if self.legend is not None:
            Legend.parse(self.legend)
        if self.output and self.output.is_dir():
            raise UserError(f"--output {self.output} is a folder; name a file.")
        self.config(Config())

    def config(self, own: Config) -> Config:
        """What is read: the dataset of the model, whose config is `own`, or the one asked for."""
        names = {field.name for field in fields(Config)}
        asked = {k: v for k, v in vars(self).items() if k in names and v is not None}
        if self.dataset_name not in (None, own.dataset_name):
            # What is set for the model's own dataset means nothing for another.
            own = replace(
                own, dataset_revision=None, input_column=None, target_column=None,
                max_train_samples=None, validation_samples=None,
            )  # fmt: skip
        return replace(own, **asked)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    (request,) = parse_as((Request,), __doc__, arguments, PROGRAM)
    try:
        return 0 if run(request) else 1
    except (UserError, OSError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; the pairs cached so far are kept.", file=sys.stderr)
    return 1


def run(request: Request) -> bool:
    """Scores, prints and writes; False when the model's own figures are not reproduced."""
    check_packages(TRAINING)
    from pix2pix.translate import Translator

    translator = Translator.named(request.model)
    config, loaded = load(request, translator.config)
    dataset = _description(config, loaded.source.columns, asdict(loaded.plan.held_out))
    own = _own_dataset(translator.about, translator.config)
    published = read_published(translator.folder) if dataset == own else None
    legend = Legend.parse(request.legend) if request.legend else None
    if not legend and published:
        legend = published.legend
    print(f"Scoring {request.model} on {len(loaded.held_out)} held-out pairs of {_shown(dataset)}.")
    report = evaluate(translator.generate, loaded.reference, loaded.held_out, config, legend)
    print(table.plain(table.rows(report, baseline_intervals=True)))
    print(f"Legend: {','.join(bytes(colour).hex() for colour in report['legend'])}")
    if request.output:
        model = {"model": request.model, "model_revision": translator.revision}
        write_json(request.output, model | {"dataset": dataset} | report)
        print(f"All figures are in {request.output}.")
    if dataset != own:
        print(f"Nothing to compare: the model's card is about {_shown(own)}.")
    elif not published:
        print("Nothing to compare: the model has no metrics.json.")
    return not published or _agrees(report, published)


def load(request: Request, own: Config):
    """The config to score by and its `LoadedPairs`; a branch becomes the commit it stands for."""
    from pix2pix import data, hub

    config = request.config(own)
    revision = hub.dataset_commit(config.dataset_name, config.dataset_revision)
    config = replace(config, dataset_revision=revision)
    folder = request.cache_dir or data.default_cache_dir()
    loaded = data.load_pairs(data.open_source(config, folder), config, request.cache, folder)
    return config, loaded


def _own_dataset(about: dict, config: Config) -> dict:
    try:
        return _description(config, about["columns"], about["rows"]["held_out"])
    except KeyError as error:
        raise UserError(f"The model's pix2pix.json lacks {error}; publish it anew.") from None


def _description(config: Config, columns: Iterable[str], held_out: dict) -> dict:
    return {
        "name": config.dataset_name,
        "revision": config.dataset_revision,
        "columns": list(columns),
        "direction": config.direction,
        "held_out": held_out,
    }


def _shown(dataset: dict) -> str:
    rows, revision = dataset["held_out"], dataset["revision"]
    return (
        f"{dataset['name']}{f' at {revision[:12]}' if revision else ''}, rows {rows['start']} to "
        f"{rows['stop'] - 1} of split {rows['split']}, {dataset['direction'].replace('_', ' ')}"
    )


def _agrees(report: dict, published: Published) -> bool:
    names = comparable(published, Legend(report["legend"]))
    wrong = differences(names, report["metrics"], published)
    if wrong:
        print(f"Not reproduced: of the model's own figures, {'; '.join(wrong)}.")
    else:
        print(f"Reproduced: the model's own figures, within 1 % ({', '.join(names)}).")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
