"""Where answers lie until they are fetched: a folder of its own for each, in gradio's cache."""

import secrets
from pathlib import Path

from PIL import Image

# Measured on maps: half of the default level's time, and files within a tenth of its size.
PNG = {"format": "PNG", "compress_level": 4}


def answer_folder(cache: str | Path) -> Path:
    """A new folder under a name that nobody can guess, in a component's `GRADIO_CACHE`."""
    folder = Path(cache) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder


def save_map(picture: Image.Image, cache: str | Path, name: str = "pix2pix-map") -> str:
    """Saves a translation as a lossless PNG for one visitor, and returns its path."""
    path = answer_folder(cache) / f"{name}.png"
    picture.save(path, **PNG)
    return str(path)
