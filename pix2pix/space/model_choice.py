"""The choice of the model, above the tabs, and what is shown for one model only."""

from collections.abc import Callable

import gradio as gr

from pix2pix.space.components import INSTANT_EVENT
from pix2pix.space.served_models import ServedModels


def choose_model(models: ServedModels) -> gr.Radio:
    """Returns the buttons for the model that all tabs use; hidden where there is only one."""
    names = models.names
    return gr.Radio(
        names, value=names[0], label="Model", visible=len(names) > 1, elem_id="model-choice"
    )


def build_for_each(models: ServedModels, model: gr.Radio, build: Callable[[str], None]) -> None:
    """Calls `build` with each model's name, in a column that only shows while it is chosen."""
    columns = []
    for name in models.names:
        with gr.Column(visible=name == models.names[0]) as column:
            build(name)
        columns.append(column)

    def show(chosen: str) -> dict:
        visible = zip(columns, models.names, strict=True)
        return {column: gr.Column(visible=name == chosen) for column, name in visible}

    model.input(show, model, columns, **INSTANT_EVENT)
