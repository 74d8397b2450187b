"""Pictures from visitors and programs: read upright as RGB, or refused in one sentence."""

import base64
import io
import re
import secrets
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData
from gradio.processing_utils import hash_bytes
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.images import open_image
from pix2pix.space.settings import Settings

PNG_LEVEL = 6
# Longest side of a picture that is only looked at, in pixels.
PREVIEW = 4096
NAME = "name"


def photo_input(settings: Settings, label: str = "Photo") -> gr.Image:
    """An input that reads any picture upright as RGB, and says in a sentence why it can't.

    The file's name, as the visitor knows it, is in the picture's `info`.
    """

    def read(payload: ImageData | None) -> Image.Image | None:
        if payload is None:
            return None
        try:
            photo = read_photo(_source(payload), settings)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        photo.info[NAME] = payload.orig_name or Path(payload.path or "").name
        return photo

    photo = gr.Image(
        label=label, height=440, sources=["upload", "clipboard"], type="pil", elem_id="photo",
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


def save_png(image: Image.Image, cache: str, stem: str) -> str:
    """Writes a lossless PNG called `stem` into Gradio's cache, and returns its path."""
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=PNG_LEVEL)
    return _write(stream.getvalue(), cache, f"{stem}.png")


def save_preview(image: Image.Image, cache: str) -> str:
    """Writes a JPEG to look at into Gradio's cache, smaller than a very large picture."""
    small = image.copy()
    small.thumbnail((PREVIEW, PREVIEW))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=92)
    return _write(stream.getvalue(), cache, "preview.jpg")


def upload_stem(photo: Image.Image) -> str:
    """What the visitor's file is called, without its ending; `pix2pix` if it has no name.

    Letters, digits, dots, dashes and underscores only, whatever the upload's name is.
    """
    stem = re.sub(r"[^\w.-]+", "-", Path(photo.info.get(NAME, "")).stem)
    return stem[:50].strip(".-_") or "pix2pix"


def _write(content: bytes, cache: str, name: str) -> str:
    """Writes a file where Gradio itself would put it, in a folder named after its keyed hash: so
    it is not copied there once more, and is deleted when its hour is over."""
    path = Path(cache).resolve() / hash_bytes(content) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever asks for the same picture at the same time reads either file whole.
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    temporary.write_bytes(content)
    temporary.replace(path)
    return str(path)
