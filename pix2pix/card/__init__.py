"""The model card: made from the artifacts alone, so that it can be made again at any time."""

import json
import shlex
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from pix2pix.card import sections
from pix2pix.card.pictures import HEADING_HEIGHT, sample_grid, write_curves
from pix2pix.cli import config_arguments
from pix2pix.config import Config
from pix2pix.evaluation import table
from pix2pix.files import write_text

__all__ = ["HEADING_HEIGHT", "reproduce_command", "sample_grid", "write_card", "write_curves"]

TEMPLATE = Path(__file__).with_name("template.md")


def write_card(
    folder: Path,
    repo_id: str | None = None,
    revision: str | None = None,
    space_id: str | None = None,
) -> None:
    """Writes README.md from pix2pix.json and metrics.json.

    Args:
        folder: the artifacts.
        repo_id: the model's id for the snippets; a placeholder stands where there is none yet.
        revision: the tag that the snippets pin, where the model gets one.
        space_id: the Space that serves the model.
    """
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    config = Config.from_dict(about["config"])
    card = ModelCard.from_template(
        _front_matter(about, metrics, repo_id),
        template_path=str(TEMPLATE),
        repo_id=repo_id or "<user>/pix2pix-maps",
        revision=revision,
        space_id=space_id,
        config=config,
        dataset=sections.dataset(config),
        direction=config.direction.replace("_", " "),
        results=table.markdown(table.rows(metrics)),
        verdict=sections.verdict(metrics),
        protocol=metrics["protocol"],
        held_out=sections.held_out(about),
        size_multiple=about["size_multiple"],
        run=table.markdown(sections.run(about)),
        command=reproduce_command(about),
        settings=table.markdown(sections.settings(config)),
        provenance=table.markdown(sections.provenance(about)),
        training_pairs=sections.count(about["rows"]["train"]),
    )
    write_text(folder / "README.md", str(card))


def _front_matter(about: dict, metrics: dict, repo_id: str | None) -> ModelCardData:
    config = about["config"]
    name = repo_id.split("/")[-1] if repo_id else "pix2pix-maps"
    on_hub = bool(config["dataset_revision"])
    results = [
        EvalResult(
            task_type="image-to-image",
            dataset_type=config["dataset_name"] if on_hub else "local",
            dataset_name=config["dataset_name"],
            dataset_split=about["rows"]["held_out"]["split"],
            dataset_revision=config["dataset_revision"],
            metric_type=key,
            metric_name=table.LABELS[key][0],
            metric_value=round(value, 4),
        )
        for key, value in metrics["metrics"].items()
    ]
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-to-image",
        license="apache-2.0",
        datasets=[config["dataset_name"]] if on_hub else None,
        metrics=list(metrics["metrics"]),
        tags=["pix2pix", "gan", "conditional-image-generation", "onnx"],
        model_name=name,
        eval_results=results,
    )


def reproduce_command(about: dict) -> str:
    """The `train_hub.py` call that names every setting which differs from the defaults."""
    words = config_arguments(Config.from_dict(about["config"]))
    return " ".join(["python train_hub.py", *map(shlex.quote, words)])
