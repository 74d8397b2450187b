"""The tab that translates one photo."""

import time
from collections.abc import Iterator

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.gallery import Sample
from pix2pix.space.models import Models
from pix2pix.space.photos import photo_input
from pix2pix.space.settings import Settings
from pix2pix.translate import Translator

MODES = [("Whole picture at training size", "fit"), ("Full resolution, in tiles", "full")]
# Visitors' and programs' translations wait in one line; `Settings.concurrency` run at a time.
TRANSLATIONS = {"concurrency_id": "translations"}
NOTHING = "There is no picture yet: upload, paste or choose one first."


def translate_tab(models: Models, samples: list[Sample], settings: Settings) -> gr.Image:
    """Builds the tab, and returns the photo's component for other tabs to fill."""

    def show(photo: Image.Image | None, mode: str):
        started = time.perf_counter()
        for done, total, translation in steps(models.default, photo, mode):
            if translation is None:
                yield gr.skip(), gr.skip(), f"Tile {done} of {total}"
        seconds = time.perf_counter() - started
        file = save_pil_to_cache(translation, result.GRADIO_CACHE, "pix2pix-map", "png")
        width, height = translation.size
        note = f"{width} x {height} pixels, translated in {seconds:.2f} s."
        yield (photo, file), gr.DownloadButton(value=file, interactive=True), note

    gr.Markdown("Drop, paste or choose an aerial photo of any size.")
    with gr.Row(equal_height=False):
        with gr.Column():
            photo = photo_input(settings)
            mode = gr.Radio(MODES, value="fit", label="Resolution")
            button = gr.Button("Translate", variant="primary", elem_id="translate-button")
        with gr.Column():
            result = gr.ImageSlider(
                label="Photo | Map",
                max_height=600,
                format="png",
                interactive=False,
                elem_id="result",
            )
            download = gr.DownloadButton("Download the map (PNG)", interactive=False)
            note = gr.Markdown(elem_id="note", min_height=24)
    if samples:
        gr.Examples(
            [[str(s.input)] for s in samples],
            [photo],
            label="Held-out photos to try",
            examples_per_page=len(samples),
        )
    outputs = [result, download, note]
    button.click(
        show, [photo, mode], outputs, api_visibility="private", scroll_to_output=True,
        **TRANSLATIONS,
    )  # fmt: skip
    return photo


def steps(
    translator: Translator, photo: Image.Image | None, mode: str
) -> Iterator[tuple[int, int, Image.Image | None]]:
    """`Translator.steps`, whose errors are shown to the visitor."""
    if photo is None:
        raise gr.Error(NOTHING)
    try:
        yield from translator.steps(photo, mode=mode)
    except UserError as error:
        raise gr.Error(str(error)) from None
