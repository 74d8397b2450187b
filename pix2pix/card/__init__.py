"""Writes the model card from the artifacts alone, so that it can be written again at any time."""

import shlex
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from pix2pix.artifacts import CARD_FILE, CONFIG_FILE, METRICS_FILE, ArtifactFolder
from pix2pix.card import sections
from pix2pix.card.pictures import HEADING_HEIGHT, sample_grid, write_curves
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.evaluation import METRICS, table
from pix2pix.files import write_text
from pix2pix.flags import flag_arguments
from pix2pix.labels import labels_for

__all__ = ["HEADING_HEIGHT", "reproduce_command", "sample_grid", "write_card", "write_curves"]

TEMPLATE = Path(__file__).with_name("template.md")


def write_card(
    folder: Path,
    repo_id: str | None = None,
    revision: str | None = None,
    space_id: str | None = None,
    page: str | None = None,
) -> None:
    """Writes README.md from pix2pix.json and metrics.json.

    Args:
        folder: the artifacts.
        repo_id: the model's id in the snippets; None writes a placeholder.
        revision: the tag that the snippets pin, or None.
        space_id: the Gradio Space that serves the model, or None.
        page: the static Space that runs the model in the browser, or None.

    Raises:
        UserError: when one of the two files is missing or can't be read.
    """
    artifacts = ArtifactFolder(folder)
    description, report = artifacts.read_description(), artifacts.read_metrics()
    if report is None:
        raise UserError(f"{folder} has no {METRICS_FILE}; train again to get a complete model.")
    try:
        places = {"revision": revision, "space_id": space_id, "page": page}
        card = _make_card(description, report, repo_id, places)
    except KeyError as error:
        raise UserError(
            f"{folder} is not complete: {CONFIG_FILE} or {METRICS_FILE} lacks {error}; train again "
            "or restore the files."
        ) from None
    write_text(artifacts / CARD_FILE, str(card))


def _make_card(
    description: dict,
    report: dict,
    repo_id: str | None,
    places: dict[str, str | None],
) -> ModelCard:
    config = Config.from_dict(description["config"])
    return ModelCard.from_template(
        _front_matter(description, report, repo_id),
        template_path=str(TEMPLATE),
        repo_id=repo_id or "<user>/pix2pix-maps",
        **places,
        config=config,
        labels=labels_for(config),
        dataset=sections.dataset(config),
        direction=config.direction.replace("_", " "),
        measured=bool(report["metrics"]),
        results=table.format_markdown(table.metric_rows(report)),
        ranking=sections.ranking(report),
        baselines=sections.baselines(report),
        verdict=sections.verdict(report),
        protocol=report.get("protocol", ""),
        held_out=sections.held_out(description),
        size_multiple=description["size_multiple"],
        exports=sections.exports(description),
        run=table.format_markdown(sections.run(description)),
        command=reproduce_command(description),
        settings=table.format_markdown(sections.settings(config)),
        provenance=table.format_markdown(sections.provenance(description)),
        before="base_model" in report,
        training_pairs=sections.count(description["rows"]["train"]),
    )


def _front_matter(description: dict, report: dict, repo_id: str | None) -> ModelCardData:
    config = description["config"]
    name = repo_id.split("/")[-1] if repo_id else "pix2pix-maps"
    on_hub = bool(config["dataset_revision"])
    base = description.get("base_model")
    base = base if base and base["revision"] else None  # a folder is no model of the Hub
    relation: dict[str, Any] = {"base_model_relation": "finetune"} if base else {}
    values = {key: value for key, value in report["metrics"].items() if key in METRICS}
    results = [
        EvalResult(
            task_type="image-to-image",
            dataset_type=config["dataset_name"] if on_hub else "local",
            dataset_name=config["dataset_name"],
            dataset_split=description["rows"]["held_out"]["split"],
            dataset_revision=config["dataset_revision"],
            metric_type=key,
            metric_name=METRICS[key].label,
            metric_value=round(value, 4),
        )
        for key, value in values.items()
    ]
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-to-image",
        license="apache-2.0",
        datasets=[config["dataset_name"]] if on_hub else None,
        metrics=list(values) or None,
        tags=["pix2pix", "gan", "conditional-image-generation", "onnx"],
        base_model=base["name"] if base else None,
        **relation,
        model_name=name,
        eval_results=results or None,
    )


def reproduce_command(description: dict) -> str:
    """Returns the `train_hub.py` command with every setting that differs from the defaults."""
    words = flag_arguments(Config.from_dict(description["config"]))
    return " ".join(["python train_hub.py", *map(shlex.quote, words)])
