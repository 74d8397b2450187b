"""What every way to translate in the Space shares: its choices, its place in line, its errors."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.translate import Translator

MODE_CHOICES = [("Whole picture at once", "fit"), ("Full resolution, in tiles", "full")]
NOTHING = "There is no picture yet: upload, paste or choose one first."
# Visitors' and programs' translations wait in one line; `Settings.concurrency` run at a time.
TRANSLATIONS: dict[str, Any] = {"concurrency_id": "translations"}
# Seconds between two lines of progress: a browser could not keep up with one for each tile.
PROGRESS_EVERY = 0.2
# What takes no time: no place in the queue, no progress, and no endpoint for programs.
AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


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
