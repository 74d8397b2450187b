"""Files that are either whole or not there: written under a temporary name, then renamed."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Calls `write` with a temporary path in the same folder, then renames it to `path`.

    The temporary name keeps the suffix, since many writers choose the format by it. What a killed
    process left under such a name is deleted first: one process at a time may write `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_temporary(path.parent, path.name)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(folder: Path, name: str = "*") -> None:
    """Deletes the temporary files of `write_atomically` for `name`, or for all, in `folder`."""
    for path in folder.glob(f".[0-9]*.{name}"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_image(path: Path, image: Image.Image) -> None:
    write_atomically(path, lambda temporary: image.save(temporary, optimize=True))


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
