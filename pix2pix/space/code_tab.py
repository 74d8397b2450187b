"""The tab with snippets that call this very Space from programs."""

import gradio as gr


def code_tab() -> None:
    """Builds the tab."""
    gr.Markdown("Snippets.")
