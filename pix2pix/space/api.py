"""The endpoints for programs: one file in, one file out, errors as sentences."""

import gradio as gr
from PIL import Image

from pix2pix.space.models import Models
from pix2pix.space.photos import photo_input
from pix2pix.space.settings import Settings
from pix2pix.space.translate_tab import MODES, steps


def endpoints(models: Models, settings: Settings) -> None:
    """Adds `/translate` to the interface that is being built."""

    def translate(photo: Image.Image | None, mode: str = "fit") -> Image.Image:
        """Translates a picture of any size: a lossless PNG of the same size."""
        *_, (_, _, translation) = steps(models.default, photo, mode)
        return translation

    # Events of their own, on components nobody sees: programs get files and nothing else.
    with gr.Group(visible=False):
        photo = photo_input(settings)
        mode = gr.Radio(MODES, value="fit", label="Resolution")
        answer = gr.Image(format="png", type="pil")
        gr.Button().click(translate, [photo, mode], answer, api_name="translate")
