"""Pictures that are made for visitors and programs, as files in gradio's cache."""

import io
import secrets
from pathlib import Path
from typing import Any

from gradio.processing_utils import hash_bytes
from PIL import Image

# Measured on maps: half of the default level's time, and files within a tenth of its size.
PNG: dict[str, Any] = {"format": "PNG", "compress_level": 4}
# Longest side of a picture that is only looked at, in pixels.
PREVIEW = 4096


def answer_folder(cache: str | Path) -> Path:
    """A new folder under a name that nobody can guess, in a component's `GRADIO_CACHE`."""
    folder = Path(cache) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder


def save_png(image: Image.Image, cache: str, stem: str) -> str:
    """Writes a lossless PNG called `stem` into Gradio's cache, and returns its path."""
    stream = io.BytesIO()
    image.save(stream, **PNG)
    return _write(stream.getvalue(), cache, f"{stem}.png")


def save_preview(image: Image.Image, cache: str) -> str:
    """Writes a JPEG to look at into Gradio's cache, smaller than a very large picture."""
    small = image.copy()
    small.thumbnail((PREVIEW, PREVIEW))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=92)
    return _write(stream.getvalue(), cache, "preview.jpg")


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
