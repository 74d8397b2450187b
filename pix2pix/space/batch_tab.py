"""The Batch tab: translates many files into one zip."""

import html
from collections.abc import Iterator

import gradio as gr

from pix2pix.space.batch import Batch, run_batch
from pix2pix.space.components import (
    BATCH_EVENT,
    INSTANT_EVENT,
    MODE_CHOICES,
    Upload,
    files_input,
)
from pix2pix.space.served_models import ServedModels
from pix2pix.space.settings import Settings

COLUMNS = ("File", "Map in the zip, or what is wrong", "Pixels")
STOPPED = "Stopped: there is no zip."


def batch_tab(models: ServedModels, settings: Settings) -> None:
    """Builds the tab."""

    def translate_all(uploads: list[Upload], mode: str, model: str) -> Iterator[tuple]:
        yield _status(""), gr.DownloadButton(value=None, interactive=False), None, None
        for message, batch in run_batch(models[model], uploads, mode):
            if batch is None:
                yield _status(message), gr.skip(), gr.skip(), gr.skip()
            else:
                button = gr.DownloadButton(value=str(batch.archive), interactive=True)
                yield _status(message), button, batch.sheet and str(batch.sheet), _table(batch)

    gr.Markdown(
        f"Up to {settings.max_batch} pictures at once become one zip: a lossless PNG each, a "
        "contact sheet and a report. A file that can't be read doesn't stop the others."
    )
    with gr.Row(equal_height=False):
        with gr.Column():
            files = files_input(settings, "Photos", "batch-files")
            mode = gr.Radio(MODE_CHOICES, value="fit", label="Resolution")
            model = gr.Dropdown(
                models.names, value=models.names[0], label="Model", visible=len(models.names) > 1
            )
            with gr.Row():
                start = gr.Button("Translate all", variant="primary", elem_id="batch-button")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="batch-stop")
        with gr.Column():
            note = gr.HTML(_status(""), elem_id="batch-note")
            archive = gr.DownloadButton(
                "Download all maps (zip)", interactive=False, elem_id="batch-download"
            )
            sheet = gr.Image(
                label="Contact sheet: photo | map", format="png", type="filepath", height=400,
                interactive=False, buttons=["fullscreen", "download"], elem_id="batch-sheet",
            )  # fmt: skip
    table = gr.HTML(elem_id="batch-table")
    outputs = [note, archive, sheet, table]
    started = start.click(lambda: gr.Button(interactive=True), None, stop, **INSTANT_EVENT)
    run = started.then(
        translate_all, [files, mode, model], outputs, api_visibility="private",
        show_progress="minimal", show_progress_on=note, **BATCH_EVENT,
    )  # fmt: skip
    # Gradio treats a canceled run as a failed one. The message is written at the end of the run,
    # because the progress of a late tile would overwrite one that the button writes.
    run.failure(lambda: _status(STOPPED), None, note, **INSTANT_EVENT)
    run.then(lambda: gr.Button(interactive=False), None, stop, **INSTANT_EVENT)
    stop.click(lambda: gr.Button(interactive=False), None, stop, cancels=[run], **INSTANT_EVENT)


def _status(message: str) -> str:
    """Returns a line that screen readers read out; file names in it are escaped."""
    return f'<p role="status" style="min-height: 1.5em">{html.escape(message)}</p>'


def _table(batch: Batch) -> str:
    rows = ["".join(f'<th scope="col">{name}</th>' for name in COLUMNS)]
    for outcome in batch.outcomes:
        size = f"{outcome.width} x {outcome.height}" if outcome.map else ""
        cells = (outcome.file, outcome.map or outcome.error or "", size)
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
