"""The tab about the model that is served."""

import gradio as gr

from pix2pix.space.models import Models
from pix2pix.translate import Translator


def model_tab(models: Models) -> None:
    """Builds the tab."""
    gr.Markdown(_about(models.default))


def _about(translator: Translator) -> str:
    config, revision = translator.config, translator.revision
    served = f"{config.dataset_name}, {config.direction.replace('_', ' ')}"
    return (
        f"Model trained on {served} at {config.image_size}x{config.image_size}"
        + (f", revision `{revision[:12]}`" if revision else "")
        + ". Maps made here are guesses: not for navigation."
    )
