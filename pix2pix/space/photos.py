"""Pictures from visitors and programs: read upright as RGB, or refused in one sentence."""

import base64
import io
import re
import secrets
from pathlib import Path

import gradio as gr
from gradio.processing_utils import hash_bytes
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.images import open_image
from pix2pix.space.settings import Settings

PNG_LEVEL = 6
NAME = "name"


def photo_input(settings: Settings) -> gr.Image:
    """An input that reads any picture upright as RGB, and says in a sentence why it can't.

    The file's name, as the visitor knows it, is in the picture's `info`.
    """

    def read(payload) -> Image.Image | None:
        if payload is None:
            return None
        try:
            if payload.url and payload.url.startswith("data:"):
                return read_photo(base64.b64decode(payload.url.partition(",")[2]), settings)
            photo = read_photo(payload.path, settings)
            photo.info[NAME] = payload.orig_name or Path(payload.path).name
            return photo
        except (UserError, ValueError) as error:
            raise gr.Error(str(error)) from None

    photo = gr.Image(label="Photo", height=400, sources=["upload", "clipboard"], type="pil")
    # Gradio's own reading loses 16-bit pictures and answers a damaged one with a bare "Error".
    photo.preprocess = read
    return photo


def read_photo(source: str | bytes, settings: Settings) -> Image.Image:
    """The picture in a file or in bytes, within the operator's limits; `UserError` if not."""
    return open_image(source, settings.max_megapixels * 1_000_000)


def save_png(image: Image.Image, cache: str, stem: str) -> str:
    """Writes a lossless PNG called `stem` into Gradio's cache, and returns its path.

    It lies where Gradio itself would put it, in a folder named after the keyed hash of its bytes:
    so it is not copied there once more, and it is deleted when its hour is over.
    """
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=PNG_LEVEL)
    path = Path(cache).resolve() / hash_bytes(stream.getvalue()) / f"{stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever asks for the same picture at the same time reads either file whole.
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    temporary.write_bytes(stream.getvalue())
    temporary.replace(path)
    return str(path)


def result_stem(photo: Image.Image, what: str) -> str:
    """What a file made of an upload is called: `aerial-map`, or `pix2pix-map` if it has no name.

    Letters, digits, dots, dashes and underscores only, whatever the upload's name is.
    """
    stem = re.sub(r"[^\w.-]+", "-", Path(photo.info.get(NAME, "")).stem)
    return f"{stem[:50].strip('.-_') or 'pix2pix'}-{what}"
