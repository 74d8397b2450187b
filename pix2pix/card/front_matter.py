"""Writes the card's front matter, which the Hub reads for its search, widgets and figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult, ModelCardData, constants

from pix2pix.artifacts import SAMPLES_FOLDER, THUMBNAIL_FILE, ArtifactFolder
from pix2pix.config import Config
from pix2pix.evaluation import METRICS
from pix2pix.labels import Labels, labels_for

TAGS = ("pix2pix", "gan", "conditional-image-generation", "onnx")
# Samples in the gallery of the model's page; they are spread over those that the run published.
GALLERY_COUNT = 6


@dataclass(frozen=True)
class Places:
    """Names what belongs to a model on the Hub, as far as it is known; None for what is not.

    Attributes:
        repo_id: the model repository, for the snippets; None writes a placeholder.
        revision: the tag that the snippets pin.
        space_id: the Gradio Space that serves the model.
        page: the static Space that runs the model in the browser.
        trackio_space: the static Space with the training curves.
    """

    repo_id: str | None = None
    revision: str | None = None
    space_id: str | None = None
    page: str | None = None
    trackio_space: str | None = None


def front_matter(
    artifacts: ArtifactFolder, description: dict, report: dict, places: Places
) -> ModelCardData:
    """Returns the front matter; a key without a value is left out.

    There is no `co2_eq_emissions`, because a run does not measure its energy.
    """
    config, results = description["config"], _results(description, report)
    name = places.repo_id.split("/")[-1] if places.repo_id else "pix2pix-maps"
    on_hub = bool(config["dataset_revision"])
    base = description.get("base_model")
    base = base if base and base["revision"] else None  # a folder is no model of the Hub
    # ModelCardData takes every other key as it is.
    more: dict[str, Any] = {"base_model_relation": "finetune"} if base else {}
    labels = labels_for(Config.from_dict(config))
    if widget := list(_widget(artifacts, report, labels)):
        more["widget"] = widget
    if places.repo_id and (artifacts / THUMBNAIL_FILE).is_file():
        page = f"{constants.ENDPOINT}/{places.repo_id}/resolve/{places.revision or 'main'}"
        more["thumbnail"] = f"{page}/{THUMBNAIL_FILE}"
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-to-image",
        license="apache-2.0",
        datasets=[config["dataset_name"]] if on_hub else None,
        metrics=[key for key in report["metrics"] if key in METRICS] or None,
        tags=[*TAGS, "trackio"] if places.trackio_space else list(TAGS),
        base_model=base["name"] if base else None,
        **more,
        model_name=name if results else None,  # the name in the model-index
        eval_results=results or None,
    )


def _results(description: dict, report: dict) -> list[EvalResult]:
    """Returns the figures of the model-index."""
    config = description["config"]
    return [
        EvalResult(
            task_type="image-to-image",
            dataset_type=config["dataset_name"] if config["dataset_revision"] else "local",
            dataset_name=config["dataset_name"],
            dataset_split=description["rows"]["held_out"]["split"],
            dataset_revision=config["dataset_revision"],
            metric_type=key,
            metric_name=METRICS[key].label,
            metric_value=round(value, 4),
        )
        for key, value in report["metrics"].items()
        if key in METRICS
    ]


def _widget(artifacts: ArtifactFolder, report: dict, labels: Labels) -> Iterator[dict[str, Any]]:
    """Yields the input and the result of some samples, as paths in the repository.

    The Hub's `<Gallery />` shows them, so the page has pictures though no provider runs the model.
    """
    names = find_samples(artifacts)
    kind = "held-out pair" if report["metrics"] else "training pair"
    step = -(-len(names) // GALLERY_COUNT) or 1
    for name in names[::step]:
        source, result = (
            artifacts.sample_path(name, picture).name for picture in ("input", "generated")
        )
        yield {
            "src": f"{SAMPLES_FOLDER}/{source}",
            "text": f"{labels.title}, {kind} {name}",
            "output": {"url": f"{SAMPLES_FOLDER}/{result}"},
        }


def find_samples(artifacts: ArtifactFolder) -> list[str]:
    """Returns the names of the samples of which both the input and the result are there."""
    inputs = sorted((artifacts / SAMPLES_FOLDER).glob("*-input.png"))
    names = [path.name.removesuffix("-input.png") for path in inputs]
    return [name for name in names if artifacts.sample_path(name, "generated").is_file()]
