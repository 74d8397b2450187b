"""The browser Space as files: the static page, ONNX Runtime for browsers, and a local server.

Imports neither Gradio nor a Hub client.
"""

from pix2pix.browser.ort_files import VERSION, fetch_runtime
from pix2pix.browser.site import (
    HEADERS,
    HUB,
    PAGE_FOLDER,
    has_page,
    list_model_files,
    list_site_files,
    write_settings,
)

__all__ = [
    "HEADERS", "HUB", "PAGE_FOLDER", "VERSION", "fetch_runtime", "has_page", "list_model_files",
    "list_site_files", "write_settings",
]  # fmt: skip
