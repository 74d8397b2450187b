"""Writes result pictures into Gradio's cache, from which visitors and programs download them."""

import io
import re
import secrets
import unicodedata
from pathlib import Path
from typing import Any

from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder
from PIL import Image

# Measured on maps: level 4 takes half the time of the default level, and the files' sizes differ by
# less than a tenth.
PNG: dict[str, Any] = {"format": "PNG", "compress_level": 4}
# Longest side of a preview, in pixels.
PREVIEW_SIDE = 4096


def create_result_folder() -> Path:
    """Creates a folder in the cache under a name that nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder


def save_png(image: Image.Image, stem: str) -> str:
    """Writes a lossless PNG called `stem` into the cache, and returns its path."""
    stream = io.BytesIO()
    image.save(stream, **PNG)
    return write_file(stream.getvalue(), f"{stem}.png")


def save_preview(image: Image.Image) -> str:
    """Writes a JPEG preview into the cache, scaled down to PREVIEW_SIDE, and returns its path."""
    small = image.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=92)
    return write_file(stream.getvalue(), "preview.jpg")


def safe_stem(name: str, fallback: str = "pix2pix") -> str:
    """Returns a file's name without its suffix, safe in any file system.

    Only letters, digits, dots, dashes and underscores are kept; `fallback` where none is left.
    """
    stem = Path(unicodedata.normalize("NFC", name).replace("\\", "/")).stem
    return re.sub(r"[^\w.-]+", "-", stem)[:50].strip(".-_") or fallback


def write_file(content: bytes, name: str) -> str:
    """Writes a file to where Gradio would copy it, and returns its path.

    That is a folder named after the content's keyed hash.

    This saves Gradio a second copy, and the file is deleted within an hour like all others.
    """
    path = Path(get_upload_folder()).resolve() / hash_bytes(content) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two visitors with the same picture write the same file: each reads a complete one.
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    temporary.write_bytes(content)
    temporary.replace(path)
    return str(path)
