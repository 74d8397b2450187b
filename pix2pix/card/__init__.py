"""Writes a model's page from the artifacts alone, so that it can be written again at any time."""

import shlex
from pathlib import Path

from huggingface_hub import ModelCard

from pix2pix.artifacts import (
    CARD_FILE,
    CONFIG_FILE,
    EVENTS,
    GRID_FILE,
    METRICS_FILE,
    NOTEBOOK_FILE,
    THUMBNAIL_FILE,
    ArtifactFolder,
)
from pix2pix.card import sections
from pix2pix.card.front_matter import Places, find_samples, front_matter
from pix2pix.card.notebook import write_notebook
from pix2pix.card.pictures import HEADING_HEIGHT, sample_grid, write_curves, write_thumbnail
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.evaluation import table
from pix2pix.files import write_text
from pix2pix.flags import flag_arguments
from pix2pix.labels import labels_for

__all__ = [
    "HEADING_HEIGHT", "Places", "reproduce_command", "sample_grid", "write_card", "write_curves",
]  # fmt: skip

TEMPLATE = Path(__file__).with_name("template.md")


def write_card(folder: Path, places: Places | None = None) -> None:
    """Writes README.md, notebook.ipynb and thumbnail.png from the other artifacts.

    Args:
        folder: the artifacts; without samples, there is no thumbnail.png.
        places: where the model and what belongs to it are on the Hub; by default nowhere.

    Raises:
        UserError: when pix2pix.json or metrics.json is missing or can't be read.
    """
    places = places or Places()
    artifacts = ArtifactFolder(folder)
    description, report = artifacts.read_description(), artifacts.read_metrics()
    if report is None:
        raise UserError(f"{folder} has no {METRICS_FILE}; train again to get a complete model.")
    try:
        _write_thumbnail(artifacts, description)
        card = _make_card(artifacts, description, report, places)
        write_notebook(artifacts / NOTEBOOK_FILE, description, places)
    except KeyError as error:
        raise UserError(
            f"{folder} is not complete: {CONFIG_FILE} or {METRICS_FILE} lacks {error}; train again "
            "or restore the files."
        ) from None
    write_text(artifacts / CARD_FILE, str(card))


def _write_thumbnail(artifacts: ArtifactFolder, description: dict) -> None:
    """Writes thumbnail.png, and deletes that of an earlier run when there are no samples."""
    labels = labels_for(Config.from_dict(description["config"]))
    pairs = [
        (artifacts.sample_path(name, "input"), artifacts.sample_path(name, "generated"))
        for name in find_samples(artifacts)
    ]
    path = artifacts / THUMBNAIL_FILE
    if pairs:
        write_thumbnail(path, pairs, (labels.source, labels.result))
    else:
        path.unlink(missing_ok=True)


def _make_card(
    artifacts: ArtifactFolder, description: dict, report: dict, places: Places
) -> ModelCard:
    config = Config.from_dict(description["config"])
    return ModelCard.from_template(
        front_matter(artifacts, description, report, places),
        template_path=str(TEMPLATE),
        repo_id=places.repo_id or "<user>/pix2pix-maps",
        revision=places.revision,
        space_id=places.space_id,
        page=places.page,
        links=sections.links(places, config, is_logged=any(artifacts.path.glob(EVENTS))),
        has_gallery=bool(find_samples(artifacts)),
        has_grid=(artifacts / GRID_FILE).is_file(),
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


def reproduce_command(description: dict) -> str:
    """Returns the `train_hub.py` command with every setting that differs from the defaults."""
    words = flag_arguments(Config.from_dict(description["config"]))
    return " ".join(["python train_hub.py", *map(shlex.quote, words)])
