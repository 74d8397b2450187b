"""Adds the endpoints for programs, which take and return files.

The docstrings of the endpoints are for their callers: Gradio shows them on its API page, in its
OpenAPI document and as the descriptions of the MCP tools.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import yaml
from gradio.route_utils import API_PREFIX
from huggingface_hub import ModelCard

from pix2pix.artifacts import CARD_FILE, GRAPH_FILE, ArtifactFolder
from pix2pix.errors import UserError
from pix2pix.labels import labels_for
from pix2pix.palettes import read_input_palette
from pix2pix.space.batch import run_batch
from pix2pix.space.components import (
    BATCH_EVENT,
    EXAMPLE_FILE,
    MODE_CHOICES,
    TRANSLATION_EVENT,
    Choice,
    JsonText,
    Upload,
    files_input,
    photo_input,
    require_photo,
)
from pix2pix.space.result_files import save_png
from pix2pix.space.security.calls import SecureBlocks
from pix2pix.space.served_models import ServedModels
from pix2pix.space.settings import Settings
from pix2pix.translate import MODES, Translator

CALL = f"{API_PREFIX}/call"
MODE_VALUES = [value for _, value in MODE_CHOICES]


class Endpoints:
    """The functions that programs can call."""

    def __init__(self, models: ServedModels, settings: Settings):
        self._models, self._settings = models, settings

    def translate(self, image: Upload | None, mode: str = "fit") -> str:
        """Translates one picture of any size with the default model of this Space.

        Args:
            image: The picture, as a file, URL or base64: PNG, JPEG, WebP, TIFF, BMP or GIF.
            mode: "fit": the whole picture at the training size; "full": every pixel, in tiles.

        Returns:
            The result: a lossless PNG of the picture's own size.
        """
        return _translate(self._models.default, image, mode)

    def translate_with(self, image: Upload | None, mode: str, model: str) -> str:
        """Translates one picture of any size with a model of your choice.

        Args:
            image: The picture, as a file, URL or base64: PNG, JPEG, WebP, TIFF, BMP or GIF.
            mode: "fit": the whole picture at the training size; "full": every pixel, in tiles.
            model: The name of a model that this Space serves; /model_info lists them.

        Returns:
            The result: a lossless PNG of the picture's own size.
        """
        return _translate(self._models[model], image, mode)

    def translate_batch(self, files: list[Upload], mode: str = "fit") -> Iterator[tuple]:
        """Translates many pictures, with the default model; a bad file doesn't stop the others.

        Args:
            files: The pictures, each as the image of /translate.
            mode: "fit" or "full", as for /translate.

        Returns:
            archive: A zip with a lossless PNG for each picture, a contact sheet and the report.
            sheet: The contact sheet: each picture, small, beside its result.
            report: The result of each file: its name in the zip, or the error.
        """
        for message, batch in run_batch(self._models.default, files, mode):
            if batch is None:
                yield None, None, {"progress": message}
            else:
                yield str(batch.archive), batch.sheet and str(batch.sheet), batch.report()

    def model_info(self) -> dict:
        """Describes the default model of this Space, and lists all models.

        Returns:
            Name, revision, direction, image size in pixels, dataset, license, held-out metrics
            beside trivial baselines and sha256 of the default model's graph; the names of all
            models, what each makes of what and in which colors its input is drawn, if it is; and
            the limits of this Space.
        """
        return describe_model(self._models, self._settings)


def add_endpoints(space: SecureBlocks, models: ServedModels, settings: Settings) -> None:
    """Adds the endpoints to `space`, which is being built."""
    # Gradio's OpenAPI document has no examples of its own.
    space.description = _describe_calls(models)
    # Separate events on hidden components: programs get files and nothing else.
    with gr.Group(visible=False):
        image = photo_input(settings)
        mode = Choice(MODE_VALUES, value=MODE_VALUES[0], label="mode")
        result = gr.Image(label="map", format="png", type="filepath")
        files = files_input(settings, "files")
        archive, sheet = gr.File(label="archive"), gr.Image(label="sheet", format="png")
        report, info, button = gr.JSON(label="report"), JsonText(label="info"), gr.Button()
        endpoints = Endpoints(models, settings)
        batch_outputs = [archive, sheet, report]
        button.click(endpoints.translate, [image, mode], result, **TRANSLATION_EVENT)
        button.click(endpoints.translate_batch, [files, mode], batch_outputs, **BATCH_EVENT)
        button.click(endpoints.model_info, None, info, queue=False)
        if len(models.names) > 1:
            model = Choice(models.names, value=models.names[0], label="model")
            button.click(
                endpoints.translate_with, [image, mode, model], result, **TRANSLATION_EVENT
            )


def describe_model(models: ServedModels, settings: Settings) -> dict:
    """Returns the default model, the names of all models, and this Space's limits, for JSON."""
    translator = models.default
    config, metrics = translator.config, read_metrics(translator.folder) or {}
    license_id = read_license(translator.folder)
    return {
        "name": models.names[0],
        "revision": translator.revision,
        "direction": config.direction,
        "image_size": config.image_size,
        "dataset": {"name": config.dataset_name, "revision": config.dataset_revision},
        "license": license_id,
        "licence": license_id,  # codespell:ignore licence (the key of version 0.1)
        "held_out_pairs": metrics.get("held_out_pairs"),
        "metrics": metrics.get("metrics"),
        "baselines": metrics.get("baselines"),
        "protocol": metrics.get("protocol"),
        "sha256": translator.about["sha256"][GRAPH_FILE],
        "models": models.names,
        "model_details": [_describe(models, name) for name in models.names],
        "modes": list(MODES),
        "limits": {
            "file_mb": settings.max_file_mb,
            "megapixels": settings.max_megapixels,
            "batch_files": settings.max_batch,
            "queue": settings.queue,
        },
    }


def _describe(models: ServedModels, name: str) -> dict:
    labels, translator = models.labels(name), models[name]
    return {
        "name": name,
        "revision": translator.revision,
        "source": labels.source,
        "result": labels.result,
        "image_size": translator.config.image_size,
        "input_palette": read_input_palette(translator.about),
    }


def read_metrics(folder: Path) -> dict | None:
    """Returns the content of metrics.json, or None where there is none or it is damaged."""
    try:
        return ArtifactFolder(folder).read_metrics()
    except UserError:
        return None


def read_license(folder: Path) -> str | None:
    """Returns the license of the weights in the model's card, or None."""
    return read_card_data(folder).get("license")


def read_card_data(folder: Path) -> dict[str, Any]:
    """Returns the front matter of the model's card; {} without a readable one."""
    try:
        return ModelCard((folder / CARD_FILE).read_text(encoding="utf-8")).data.to_dict()
    except (OSError, ValueError, yaml.YAMLError):
        return {}


def _translate(translator: Translator, photo: Upload | None, mode: str) -> str:
    stem = f"pix2pix-{labels_for(translator.config).short_result}"
    return save_png(translator(require_photo(photo).path, mode=mode), stem)


def _describe_calls(models: ServedModels) -> str:
    """Returns how a program calls the endpoints, with an example of each."""
    examples: dict[str, dict[str, Any]] = {
        "translate": {"image": EXAMPLE_FILE, "mode": "fit"},
        "translate_batch": {"files": [EXAMPLE_FILE], "mode": "fit"},
        "model_info": {},
    }
    if len(models.names) > 1:
        examples["translate_with"] = examples["translate"] | {"model": models.names[-1]}
    posts = [f"POST {CALL}/v2/{name} {json.dumps(body)}" for name, body in examples.items()]
    positional = json.dumps({"data": list(examples["translate"].values())})
    return "\n".join([
        "A call is two requests. First the arguments by name:", *posts,
        "or all of them in their order:", f"POST {CALL}/translate {positional}",
        f"A path is the response of {API_PREFIX}/upload, or a URL. In place of a file, the",
        "picture itself may be sent as base64. The result comes from",
        f"GET {CALL}/translate/EVENT_ID",
        'as a stream that ends with "complete", or with "error" and a message.',
    ])  # fmt: skip
