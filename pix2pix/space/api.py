"""The endpoints for programs: files in, files out, errors as sentences.

Their docstrings are what programs read: gradio shows them on its API page, in its OpenAPI
description and as those of the MCP tools.
"""

import json
import reprlib
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.data_classes import JsonData
from gradio.route_utils import API_PREFIX
from PIL import Image

from pix2pix.space.about import describe
from pix2pix.space.answers import save_png
from pix2pix.space.batch_tab import BATCHES, batches
from pix2pix.space.models import Models
from pix2pix.space.photos import photo_input
from pix2pix.space.settings import Settings
from pix2pix.space.translating import MODE_CHOICES, TRANSLATIONS, steps
from pix2pix.space.uploads import Upload, files_input
from pix2pix.translate import Translator

CALL = f"{API_PREFIX}/call"
EXAMPLE: dict[str, Any] = {"path": "aerial.jpg", "meta": {"_type": "gradio.FileData"}}


class Programs:
    """What programs may call. `cache` is where answers lie until they are fetched."""

    def __init__(self, models: Models, settings: Settings, cache: str):
        self._models, self._settings, self._cache = models, settings, cache

    def translate(self, image: Image.Image | None, mode: str = "fit") -> str:
        """Translates one picture of any size with the model of this Space.

        Args:
            image: The photo: PNG, JPEG, WebP, TIFF, BMP or GIF, read upright.
            mode: "fit": the whole picture at the training size; "full": every pixel, in tiles.

        Returns:
            The map: a lossless PNG of the photo's own size.
        """
        return self._translation(self._models.default, image, mode)

    def translate_with(self, image: Image.Image | None, mode: str, model: str) -> str:
        """Translates one picture of any size with a model of your choice.

        Args:
            image: The photo: PNG, JPEG, WebP, TIFF, BMP or GIF, read upright.
            mode: "fit": the whole picture at the training size; "full": every pixel, in tiles.
            model: One of the models that this Space serves; /model_info lists them.

        Returns:
            The map: a lossless PNG of the photo's own size.
        """
        return self._translation(self._models[model], image, mode)

    def translate_batch(self, files: list[Upload], mode: str = "fit") -> Iterator[tuple]:
        """Translates many pictures. A file that can't be read doesn't stop the others.

        Args:
            files: The photos, each as the image of /translate.
            mode: "fit" or "full", as for /translate.

        Returns:
            archive: A zip with a lossless PNG for each photo, a contact sheet and the report.
            sheet: The contact sheet: photo | map, small, for each photo.
            report: What became of each file: its name in the zip, or the error.
        """
        translator, settings = self._models.default, self._settings
        for said, batch in batches(translator, files, mode, settings, self._cache):
            if batch is None:
                yield None, None, {"progress": said}
            else:
                yield str(batch.archive), batch.sheet and str(batch.sheet), batch.report()

    def model_info(self) -> dict:
        """Describes the model of this Space: what it learned from and how well.

        Returns:
            Name, revision, direction, image size in pixels, dataset, licence, held-out metrics
            beside trivial baselines, sha256 of the graph, and the limits of this Space.
        """
        return describe(self._models, self._settings)

    def _translation(self, translator: Translator, image: Image.Image | None, mode: str) -> str:
        *_, (_, _, picture) = steps(translator, image, mode)
        return save_png(picture, self._cache, "pix2pix-map")


def endpoints(space: gr.Blocks, models: Models, settings: Settings) -> None:
    """Adds the endpoints to `space`, which is being built."""
    # What gradio's OpenAPI document says about the whole; it shows no examples by itself.
    space.description = _how_to(models)  # type: ignore[attr-defined]
    # Events of their own, on components nobody sees: programs get files and nothing else.
    with gr.Group(visible=False):
        image, mode = photo_input(settings), _choice("mode", [value for _, value in MODE_CHOICES])
        answer = gr.Image(label="map", format="png", type="filepath")
        files = files_input(settings, "files")
        archive, sheet = gr.File(label="archive"), gr.Image(label="sheet", format="png")
        report, info, button = gr.JSON(label="report"), gr.JSON(label="info"), gr.Button()
        # Gradio's own examples are files on other sites.
        image.example_payload = lambda: EXAMPLE | {"url": "aerial.jpg"}
        files.example_payload = lambda: [EXAMPLE | {"url": "aerial.jpg"}]
        info.postprocess = _JsonText  # type: ignore[assignment]
        programs = Programs(models, settings, answer.GRADIO_CACHE)
        batch = [archive, sheet, report]
        button.click(programs.translate, [image, mode], answer, **TRANSLATIONS)
        button.click(programs.translate_batch, [files, mode], batch, **BATCHES)
        button.click(programs.model_info, None, info, queue=False)
        if len(models.names) > 1:
            model = _choice("model", models.names)
            button.click(programs.translate_with, [image, mode, model], answer, **TRANSLATIONS)


def _how_to(models: Models) -> str:
    """How a program calls the endpoints, with an example of each."""
    examples: dict[str, dict[str, Any]] = {
        "translate": {"image": EXAMPLE, "mode": "fit"},
        "translate_batch": {"files": [EXAMPLE], "mode": "fit"},
        "model_info": {},
    }
    if len(models.names) > 1:
        examples["translate_with"] = examples["translate"] | {"model": models.names[-1]}
    posts = [f"POST {CALL}/v2/{name} {json.dumps(body)}" for name, body in examples.items()]
    in_order = json.dumps({"data": list(examples["translate"].values())})
    return "\n".join([
        "A call is two requests. First the arguments by name:", *posts,
        "or in their order, all of them:", f"POST {CALL}/translate {in_order}",
        f"A path is what {API_PREFIX}/upload answered, or the address of a file. The answer is in",
        f"GET {CALL}/translate/EVENT_ID",
        'a stream that ends with "complete", or with "error" and a sentence.',
    ])  # fmt: skip


class _JsonText(JsonData):
    """JSON for MCP clients too: gradio gives them the text of an answer."""

    def __str__(self) -> str:
        return json.dumps(self.root, ensure_ascii=False)


def _choice(name: str, values: list[str]) -> gr.Radio:
    """One of `values`, by default the first; anything else is refused in a sentence."""

    def read(value) -> str:
        if value is None:
            return values[0]
        if value not in values:
            raise gr.Error(
                f"The {name} {reprlib.repr(value)} is unknown; choose one of {', '.join(values)}."
            )
        return value

    choice = gr.Radio(values, value=values[0], label=name)
    choice.preprocess = read  # type: ignore[assignment]
    return choice
