"""Pictures from visitors and programs: read upright as RGB, or refused in one sentence."""

import base64
import re
import unicodedata
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.images import open_image
from pix2pix.space.settings import Settings

NAME = "name"


def photo_input(settings: Settings, label: str = "Photo", elem_id: str | None = None) -> gr.Image:
    """An input that reads any picture upright as RGB, and says in a sentence why it can't.

    The file's name, as the visitor knows it, is in the picture's `info`.
    """

    def read(payload: ImageData | None) -> Image.Image | None:
        if payload is None:
            return None
        try:
            photo = read_photo(_source(payload), settings)
        except UserError as error:
            raise gr.Error(str(error)) from None
        photo.info[NAME] = payload.orig_name or Path(payload.path or "").name
        return photo

    photo = gr.Image(
        label=label, height=440, sources=["upload", "clipboard"], type="pil", elem_id=elem_id,
        buttons=["fullscreen"],
    )  # fmt: skip
    # Gradio's own reading loses 16-bit pictures and answers a damaged one with a bare "Error".
    photo.preprocess = read
    return photo


def _source(payload: ImageData) -> str | bytes:
    """What gradio made of an upload, a fetched address or a data: URL."""
    if payload.url and payload.url.startswith("data:"):
        try:
            return base64.b64decode(payload.url.partition(",")[2])
        except ValueError:
            raise UserError("The data: URL does not hold a picture in base64.") from None
    if not payload.path:
        raise UserError(
            'There is no file; send {"path": ..., "meta": {"_type": "gradio.FileData"}}.'
        )
    return payload.path


def read_photo(source: str | bytes, settings: Settings) -> Image.Image:
    """The picture in a file or in bytes, within the operator's limits; `UserError` if not."""
    return open_image(source, settings.max_megapixels * 1_000_000)


def upload_stem(photo: Image.Image) -> str:
    """What the visitor's file is called, without its ending; `pix2pix` if it has no name."""
    return safe_stem(photo.info.get(NAME, ""), "pix2pix")


def safe_stem(name: str, fallback: str) -> str:
    """A file's name without its ending, safe in any file system; `fallback` if nothing is left.

    Letters, digits, dots, dashes and underscores only.
    """
    stem = Path(unicodedata.normalize("NFC", name).replace("\\", "/")).stem
    return re.sub(r"[^\w.-]+", "-", stem)[:50].strip(".-_") or fallback
