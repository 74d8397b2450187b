"""Accepts pictures that come as text in a call, as agents send them: base64, alone or in a URL.

They are written where uploads are, so that all later checks see one kind of file, and no session
keeps megabytes of text in memory.
"""

import base64
import binascii
from typing import Any
from urllib.parse import unquote_to_bytes

from gradio_client.utils import is_http_url_like

from pix2pix.errors import UserError
from pix2pix.space.result_files import write_file

FILE_META = {"_type": "gradio.FileData"}
NAME = "picture"
# Words and paths may consist of base64's letters too, but no picture is as short.
MIN_LENGTH = 32
NOT_A_FILE = (
    "This text is neither a URL nor a picture in base64; upload the picture, or send its URL."
)


def receive_file(value: Any, max_mb: int) -> Any:
    """Returns the argument that names a file, for a file that comes as text or as a URL.

    Any other value is returned unchanged.

    Raises:
        UserError: when the text is neither a URL nor base64, or the file is larger than `max_mb`.
    """
    text = value.get("url") if isinstance(value, dict) else value
    if not isinstance(text, str) or (isinstance(value, dict) and not text.startswith("data:")):
        return value
    if is_http_url_like(text):
        return {"path": text, "meta": FILE_META}  # Gradio fetches it
    content = decode_text(text, max_mb)
    return {"path": write_file(content, NAME), "orig_name": NAME, "meta": FILE_META}


def decode_text(text: str, max_mb: int) -> bytes:
    """Returns the content of a file that comes as base64 or as a data: URL; raises `UserError`."""
    if not text.startswith("data:"):
        if len(text) < MIN_LENGTH:
            raise UserError(NOT_A_FILE)
        text = f"data:;base64,{text}"
    kind, _, data = text.partition(",")
    try:
        if kind.endswith("base64"):
            # Line breaks and the alphabet of URLs are usual variants.
            data = "".join(data.split()).replace("-", "+").replace("_", "/")
            content = base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
        else:
            content = unquote_to_bytes(data)
    except (binascii.Error, ValueError):
        raise UserError(NOT_A_FILE) from None
    if len(content) > max_mb * 1_000_000:
        raise UserError(
            f"The file is larger than the {max_mb} MB accepted here; send a smaller one."
        )
    return content
