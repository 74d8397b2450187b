"""Several files from visitors and programs, under the names these know them by."""

from dataclasses import dataclass
from pathlib import PurePath

import gradio as gr
from gradio import processing_utils
from gradio_client.utils import is_file_obj_with_meta
from gradio_client.utils import is_http_url_like as is_address

from pix2pix.space.settings import Settings

FILE = {
    "title": "FileData",
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "What /gradio_api/upload answered, or a URL"},
        "orig_name": {"type": "string", "description": "The name in the answer"},
        "meta": {"type": "object", "properties": {"_type": {"const": "gradio.FileData"}}},
    },
    "required": ["path", "meta"],
}


@dataclass(frozen=True)
class Upload:
    """A file to translate: the name it is known by, and where it lies."""

    name: str
    path: str


def files_input(settings: Settings, label: str, elem_id: str | None = None) -> gr.File:
    """An input of up to `Settings.max_batch` files; more are refused in a sentence."""

    def read(payload) -> list[Upload]:
        items = payload if isinstance(payload, list) else [payload] if payload else []
        if len(items) > settings.max_batch:
            raise gr.Error(
                f"These are {len(items)} files, more than the {settings.max_batch} accepted in "
                "one batch; send them in several."
            )
        return [_upload(item, files.GRADIO_CACHE) for item in items]

    files = gr.File(
        label=label, file_count="multiple", type="filepath", height=220, elem_id=elem_id
    )
    # Gradio's own reading forgets the names and takes no addresses, and its schema, whose
    # references are relative to themselves, makes each call of the MCP tool fail.
    files.data_model = None
    files.preprocess = read  # type: ignore[assignment]
    files.api_info = lambda: {"title": "files", "type": "array", "items": FILE}
    return files


def _upload(item, cache: str) -> Upload:
    if is_file_obj_with_meta(item):  # gradio has checked that it lies among the uploads
        return Upload(_shown(item.get("orig_name") or item["path"]), item["path"])
    try:  # MCP clients: gradio hands on what they give in a list as it is
        if isinstance(item, str) and item.startswith("data:"):
            path = processing_utils.save_base64_to_cache(item, cache)
        elif isinstance(item, str) and is_address(item):
            path = processing_utils.ssrf_protected_download(item, cache)
        else:
            raise ValueError("neither an upload nor an http: or data: address")
    except gr.Error:
        raise
    except Exception as error:  # whatever the network or the decoder says
        raise gr.Error(
            f"The file {str(item)[:60]!r} can't be had ({error}); upload it first."
        ) from None
    return Upload(_shown(path), path)


def _shown(name) -> str:
    """The bare file name, in printable characters and of a length that fits a line."""
    name = PurePath(str(name).replace("\\", "/")).name[-100:]
    return "".join(sign if sign.isprintable() else "?" for sign in name) or "?"
