"""The Batch tab: translates many files into one zip."""

import html
from collections.abc import Iterator

import gradio as gr

from pix2pix.labels import Labels, plural
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

STOPPED = "Stopped: there is no zip."


def batch_tab(models: ServedModels, settings: Settings, model: gr.Radio) -> None:
    """Builds the tab, whose words are those of the chosen `model`."""

    def switch(name: str, is_finished: bool) -> tuple:
        labels = models.labels(name)
        # Results stay, with the words of their own model.
        results = [gr.skip()] * len(outputs) if is_finished else _no_results(labels)
        return gr.File(label=_files_label(labels)), *results

    def translate_all(uploads: list[Upload], mode: str, name: str) -> Iterator[tuple]:
        labels = models.labels(name)
        yield _no_results(labels)
        for message, batch in run_batch(models[name], uploads, mode):
            if batch is None:
                yield _status(message), *[gr.skip()] * 4
            else:
                yield _results(message, batch, labels)

    labels = models.labels(models.names[0])
    gr.Markdown(
        f"Up to {settings.max_batch} pictures at once become one zip: a lossless PNG each, a "
        "contact sheet and a report. A file that can't be read doesn't stop the others."
    )
    with gr.Row(equal_height=False):
        with gr.Column():
            files = files_input(settings, _files_label(labels), "batch-files")
            mode = gr.Radio(MODE_CHOICES, value="fit", label="Resolution")
            with gr.Row():
                start = gr.Button("Translate all", variant="primary", elem_id="batch-button")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="batch-stop")
        with gr.Column():
            note = gr.HTML(_status(""), elem_id="batch-note")
            archive = gr.DownloadButton(
                _archive_label(labels), interactive=False, elem_id="batch-download"
            )
            sheet = gr.Image(
                label=_sheet_label(labels), format="png", type="filepath", height=400,
                interactive=False, buttons=["fullscreen", "download"], elem_id="batch-sheet",
            )  # fmt: skip
    table = gr.HTML(elem_id="batch-table")
    finished = gr.State(False)
    outputs = [note, archive, sheet, table, finished]
    model.input(switch, [model, finished], [files, *outputs], **INSTANT_EVENT)
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


def _no_results(labels: Labels) -> tuple:
    """Returns updates of note, zip, sheet, table and `finished` before there are results."""
    archive = gr.DownloadButton(_archive_label(labels), value=None, interactive=False)
    return _status(""), archive, gr.Image(None, label=_sheet_label(labels)), None, False


def _results(message: str, batch: Batch, labels: Labels) -> tuple:
    """Returns updates of note, zip, sheet, table and `finished` that show a finished batch."""
    path = str(batch.archive)
    archive = gr.DownloadButton(_archive_label(labels), value=path, interactive=True)
    sheet = gr.Image(str(batch.sheet) if batch.sheet else None, label=_sheet_label(labels))
    return _status(message), archive, sheet, _table(batch, labels), True


def _files_label(labels: Labels) -> str:
    return plural(labels.short_source).capitalize()


def _archive_label(labels: Labels) -> str:
    return f"Download all {plural(labels.short_result)} (zip)"


def _sheet_label(labels: Labels) -> str:
    return f"Contact sheet: {labels.short_source} | {labels.short_result}"


def _status(message: str) -> str:
    """Returns a line that screen readers read out; file names in it are escaped."""
    return f'<p role="status" style="min-height: 1.5em">{html.escape(message)}</p>'


def _table(batch: Batch, labels: Labels) -> str:
    result = labels.short_result.capitalize()
    columns = ("File", f"{result} in the zip, or what is wrong", "Pixels")
    rows = ["".join(f'<th scope="col">{name}</th>' for name in columns)]
    for outcome in batch.outcomes:
        size = f"{outcome.width} x {outcome.height}" if outcome.result else ""
        cells = (outcome.file, outcome.result or outcome.error or "", size)
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
