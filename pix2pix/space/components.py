"""Gradio components that read uploads with the package's own code, and options of their events.

They are subclasses, because Gradio builds a component again from its constructor arguments when an
event updates it. With `is_template`, a subclass uses the front end of its base component.
"""

import json
import reprlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import gradio as gr
from gradio import component_meta
from gradio.data_classes import ImageData, JsonData
from gradio_client.utils import is_file_obj_with_meta

from pix2pix.errors import UserError
from pix2pix.space.inline_files import receive_file
from pix2pix.space.settings import Settings
from pix2pix.translate import Translator

# Switched off: Gradio writes a stub file beside the module of every component class, and type
# checkers would read it in place of the module.
component_meta.create_or_modify_pyi = lambda *_: None  # type: ignore[assignment]

MODE_CHOICES = [("Whole picture at once", "fit"), ("Full resolution, in tiles", "full")]
# Translations for visitors and programs share one queue, and up to `Settings.concurrency` of them
# run at a time.
TRANSLATION_EVENT: dict[str, Any] = {"concurrency_id": "translations"}
# One batch at a time: it shares the CPU with the visitors who translate single photos.
BATCH_EVENT: dict[str, Any] = {"concurrency_id": "batches", "concurrency_limit": 1}
# For events that take no time: no queue, no progress, and no endpoint for programs.
INSTANT_EVENT: dict[str, Any] = {
    "queue": False, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
# Seconds between two progress messages: a browser can't keep up with one for each tile.
PROGRESS_INTERVAL = 0.2

NO_PICTURE = "There is no picture yet: upload, paste or choose one first."
EXAMPLE_FILE: dict[str, Any] = {"path": "picture.jpg", "meta": {"_type": "gradio.FileData"}}
FILE_SCHEMA = {
    "title": "FileData",
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "The response of /gradio_api/upload, or a URL"},
        "orig_name": {"type": "string", "description": "The name in the result"},
        "meta": {"type": "object", "properties": {"_type": {"const": "gradio.FileData"}}},
    },
    "required": ["path", "meta"],
}


@dataclass(frozen=True)
class Upload:
    """An uploaded file that is not read yet: the name the visitor knows it by, and its path."""

    name: str
    path: str


class PhotoInput(gr.Image):
    """An input for one picture, which the chosen model reads.

    Gradio's own reading loses 16-bit pictures, and reports a damaged one with a bare "Error".
    """

    is_template = True

    def __init__(self, value: Any = None, *, max_file_mb: int, **kwargs: Any):
        self.max_file_mb = max_file_mb
        kwargs.setdefault("height", 440)
        super().__init__(
            value, type="pil", sources=["upload", "clipboard"], buttons=["fullscreen"], **kwargs
        )

    def receive(self, value: Any) -> Any:
        """Returns a picture that comes as text as an upload, and any other value unchanged."""
        return receive_file(value, self.max_file_mb)

    def preprocess(self, payload: ImageData | None) -> Upload | None:  # type: ignore[override]
        """Returns the uploaded file. Gradio has checked that it is among the uploads."""
        if payload is None:
            return None
        if not payload.path:
            raise UserError(
                'There is no file; send {"path": ..., "meta": {"_type": "gradio.FileData"}}.'
            )
        return Upload(_display_name(payload.orig_name or payload.path), payload.path)

    def example_payload(self) -> Any:
        """Returns an example for the API page; Gradio's is a file on another site."""
        return EXAMPLE_FILE | {"url": EXAMPLE_FILE["path"]}

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """Returns the properties that the page needs: those of the component it comes from."""
        return super().get_config(cls or gr.Image)


class FilesInput(gr.File):
    """An input of up to `max_files` files, given as uploads, URLs or text.

    Gradio's own reading drops the files' names and accepts no URLs, and its schema, whose
    references are relative to themselves, makes every call of the MCP tool fail.
    """

    is_template = True

    def __init__(self, value: Any = None, *, max_files: int, max_file_mb: int, **kwargs: Any):
        self.max_files, self.max_file_mb = max_files, max_file_mb
        kwargs.setdefault("height", 220)
        super().__init__(value, file_count="multiple", **kwargs)
        self.data_model = None

    def receive(self, value: Any) -> Any:
        """Returns the files that come as text as uploads, and any other value unchanged.

        Raises `UserError` for more than `max_files` files, before any is fetched.
        """
        if not isinstance(value, list):
            return receive_file(value, self.max_file_mb)
        if len(value) > self.max_files:
            raise UserError(
                f"These are {len(value)} files, more than the {self.max_files} accepted in one "
                "batch; send them in several."
            )
        return [receive_file(item, self.max_file_mb) for item in value]

    def preprocess(self, payload: Any) -> list[Upload]:  # type: ignore[override]
        """Returns the files. Gradio has checked that they are among the uploads."""
        items = payload if isinstance(payload, list) else [payload] if payload else []
        if not all(map(is_file_obj_with_meta, items)):
            raise UserError("A file is neither an upload, a URL nor base64; upload it first.")
        return [Upload(_display_name(i.get("orig_name") or i["path"]), i["path"]) for i in items]

    def api_info(self) -> dict[str, Any]:
        """Returns the JSON schema of the argument."""
        return {"title": "files", "type": "array", "items": FILE_SCHEMA}

    def example_payload(self) -> Any:
        """Returns an example for the API page; Gradio's is a file on another site."""
        return [EXAMPLE_FILE | {"url": EXAMPLE_FILE["path"]}]

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """Returns the properties that the page needs: those of the component it comes from."""
        return super().get_config(cls or gr.File)


class Choice(gr.Radio):
    """An input for one of several values, the first by default."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """Returns the chosen value. Raises `UserError` for a value that is not a choice."""
        values = [value for _, value in self.choices]
        if payload is None:
            return values[0]
        if payload not in values:
            raise UserError(
                f"The {self.label} {reprlib.repr(payload)} is unknown; choose one of "
                f"{', '.join(map(str, values))}."
            )
        return payload


class JsonText(gr.JSON):
    """A JSON output whose text is JSON too: MCP clients get the text of a value from Gradio."""

    is_template = True

    def postprocess(self, value: Any) -> JsonData | None:
        """Returns the value, whose text is JSON."""
        return None if value is None else _JsonText(value)


class _JsonText(JsonData):
    def __str__(self) -> str:
        return json.dumps(self.root, ensure_ascii=False)


def explain_modes(translator: Translator) -> str:
    """Returns what the two modes mean for a model."""
    size = translator.config.image_size
    return (
        f"At once: quick, and the network sees everything, but at {size} x {size} pixels. In "
        "tiles: every pixel of a larger picture is kept, and it takes longer."
    )


def photo_input(
    settings: Settings, label: str = "Picture", elem_id: str | None = None
) -> PhotoInput:
    """Returns an input for one picture within the operator's limits."""
    return PhotoInput(label=label, elem_id=elem_id, max_file_mb=settings.max_file_mb)


def files_input(settings: Settings, label: str, elem_id: str | None = None) -> FilesInput:
    """Returns an input for the files of a batch within the operator's limits."""
    return FilesInput(
        label=label, elem_id=elem_id, max_files=settings.max_batch,
        max_file_mb=settings.max_file_mb,
    )  # fmt: skip


def require_photo(photo: Upload | None) -> Upload:
    """Returns the photo. Raises `UserError` when the visitor has not chosen one."""
    if photo is None:
        raise UserError(NO_PICTURE)
    return photo


def _display_name(path: Any) -> str:
    """Returns the bare file name in printable characters, short enough for a line."""
    name = PurePath(str(path).replace("\\", "/")).name[-100:]
    return "".join(character if character.isprintable() else "?" for character in name) or "?"
