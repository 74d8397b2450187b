"""The tab that translates many files into one zip."""

import html
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from pix2pix.space.answers import answer_folder
from pix2pix.space.batch import Batch, translate_files
from pix2pix.space.models import Models
from pix2pix.space.settings import Settings
from pix2pix.space.translating import AT_ONCE, MODE_CHOICES, PROGRESS_EVERY
from pix2pix.space.uploads import Upload, files_input
from pix2pix.translate import Translator

# One at a time: a batch shares the processor with the visitors who translate single photos.
BATCHES: dict[str, Any] = {"concurrency_id": "batches", "concurrency_limit": 1}
COLUMNS = ("File", "Map in the zip, or what is wrong", "Pixels")
NOTHING = "There are no pictures yet: choose or drop some first."
STOPPED = "Stopped: there is no zip."


def batch_tab(models: Models, settings: Settings) -> None:
    """Builds the tab."""

    def show(uploads: list[Upload], mode: str, model: str):
        yield _status(""), gr.DownloadButton(value=None, interactive=False), None, None
        for said, batch in batches(models[model], uploads, mode, settings, archive.GRADIO_CACHE):
            if batch is None:
                yield _status(said), gr.skip(), gr.skip(), gr.skip()
            else:
                button = gr.DownloadButton(value=str(batch.archive), interactive=True)
                yield _status(said), button, batch.sheet and str(batch.sheet), _table(batch)

    gr.Markdown(
        f"Up to {settings.max_batch} pictures at once become one zip: a lossless PNG each, a "
        "contact sheet and a report. A file that can't be read doesn't stop the others."
    )
    with gr.Row(equal_height=False):
        with gr.Column():
            files = files_input(settings, "Photos", elem_id="batch-files")
            mode = gr.Radio(MODE_CHOICES, value="fit", label="Resolution")
            model = gr.Dropdown(
                models.names, value=models.names[0], label="Model", visible=len(models.names) > 1
            )
            with gr.Row():
                start = gr.Button("Translate all", variant="primary", elem_id="batch-button")
                stop = gr.Button("Stop", variant="stop", elem_id="batch-stop")
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
    running = start.click(
        show, [files, mode, model], outputs, api_visibility="private",
        show_progress="minimal", show_progress_on=note, **BATCHES,
    )  # fmt: skip
    # A cancelled run counts as a failed one. Told by the run's own end, or a late tile's line would
    # take its place.
    running.failure(lambda: _status(STOPPED), None, note, **AT_ONCE)
    stop.click(None, cancels=[running])


def batches(
    translator: Translator, uploads: list[Upload], mode: str, settings: Settings, cache: str
) -> Iterator[tuple[str, Batch | None]]:
    """`translate_files` in a folder of its own, with errors that are shown to the visitor.

    Of what is said along the way, so much is passed on that a browser keeps up with it.
    """
    if not uploads:
        raise gr.Error(NOTHING)
    passed_on = 0.0
    try:
        for said, batch in translate_files(
            translator, uploads, mode, settings, answer_folder(cache)
        ):
            if batch or time.monotonic() - passed_on > PROGRESS_EVERY:
                passed_on = time.monotonic()
                yield said, batch
    except OSError as error:
        raise gr.Error(
            f"The zip can't be written here ({error.strerror}); try again later, or send fewer "
            "files."
        ) from None


def _status(said: str) -> str:
    """A line that is read out where the page is listened to; a name in it is text."""
    return f'<p role="status" style="min-height: 1.5em">{html.escape(said)}</p>'


def _table(batch: Batch) -> str:
    rows = ["".join(f'<th scope="col">{name}</th>' for name in COLUMNS)]
    for outcome in batch.outcomes:
        size = f"{outcome.width} x {outcome.height}" if outcome.map else ""
        cells = (outcome.file, outcome.map or outcome.error, size)
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
