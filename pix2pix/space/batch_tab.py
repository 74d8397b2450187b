"""The tab that translates many files into one zip."""

import gradio as gr

from pix2pix.space.models import Models
from pix2pix.space.settings import Settings


def batch_tab(models: Models, settings: Settings) -> None:
    """Builds the tab."""
    gr.Markdown("Many files at once.")
