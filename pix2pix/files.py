"""Writes files atomically: under a temporary name first, which is then renamed."""

import hashlib
import json
import os
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image


def write_atomically(
    path: Path, write: Callable[[Path], Any], *, remove_leftovers: bool = True
) -> None:
    """Calls `write` with a temporary path in the same folder, then renames it to `path`.

    The temporary name keeps the suffix, since many writers choose the format by it. Temporary files
    that a killed process left for `path` are deleted first, so only one process at a time may write
    it. Finding them lists the folder, which takes 90 ms for 10,000 files. A caller that writes many
    files into one folder calls `remove_temporary` once and passes `remove_leftovers=False`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if remove_leftovers:
        remove_temporary(path.parent, {path.name})
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(folder: Path, names: Container[str] | None = None) -> None:
    """Deletes the temporary files of `write_atomically` in `folder`, for `names` or all files."""
    for path in folder.glob(".[0-9]*.*"):
        _, _pid, name = path.name.split(".", 2)
        if names is None or name in names:
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text` atomically as UTF-8."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Writes `value` atomically as indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_image(path: Path, image: "Image.Image") -> None:
    """Writes a picture atomically, as small as its format allows."""
    write_atomically(path, lambda temporary: image.save(temporary, optimize=True))


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's content as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
