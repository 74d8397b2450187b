"""Lists the files of the browser Space, for a deployment and for the local server."""

import json
from html import escape
from pathlib import Path
from typing import Any

from pix2pix.artifacts import SERVED, STARTER_FOLDER, STARTER_FOLDERS, ArtifactFolder
from pix2pix.browser.ort_files import fetch_runtime, list_runtime_files
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.labels import labels_for
from pix2pix.palettes import read_input_palette
from pix2pix.version import ROOT

PAGE_FOLDER = ROOT / "web"
# Makes the page cross-origin isolated, so that it may use several threads; the last one lets other
# sites load engine.js. Static Spaces accept these three, in lower case, and no other headers.
HEADERS = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}
HUB = "https://huggingface.co"
# The Hub and its storage, in the content security policy of index.html.
HUB_SOURCES = "https://huggingface.co https://*.hf.co"
# The tag of index.html that the preview's picture follows.
PREVIEW_TAG = '<meta property="og:type" content="website">'
# The type of each kind of file. A browser refuses modules and WebAssembly with a wrong one.
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json", ".wasm": "application/wasm", ".gz": "application/gzip",
    ".onnx": "application/octet-stream", ".png": "image/png", ".webp": "image/webp",
    ".jpg": "image/jpeg", ".svg": "image/svg+xml", ".ico": "image/x-icon",
    ".csv": "text/csv; charset=utf-8", ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}  # fmt: skip


def list_site_files(
    model: dict[str, Any], *, endpoint: str = HUB, gradio_space: str | None = None
) -> dict[str, Path | bytes]:
    """Returns every file of the page by its path, as a file of this machine or as its content.

    Args:
        model: what the page loads: {"id", "revision", "sha256"} of a public model of the Hub, or
            {"folder"}, a folder beside index.html such as "starter_model". With that one, visitors
            can choose each starter model; with any other, it is what the page falls back to.
            In a static Space, "space_id" is its id, and "picture" the URL of the model's picture
            for previews of links to it, or None.
        endpoint: the address of the Hub that the page may load models from.
        gradio_space: the id of a Gradio Space of the same model that the page links to.

    Raises:
        UserError: when this is an installed package, or ONNX Runtime's files can't be fetched.
    """
    if not has_page():
        raise UserError(
            "An installed package does not have the files of the browser page: clone the project "
            "and run the command there."
        )
    paths = sorted(path for path in PAGE_FOLDER.rglob("*") if path.suffix in CONTENT_TYPES)
    files: dict[str, Path | bytes] = {p.relative_to(PAGE_FOLDER).as_posix(): p for p in paths}
    endpoint = endpoint.rstrip("/")
    starters: tuple[str, ...] = (STARTER_FOLDER,)
    if model.get("folder") == Path(STARTER_FOLDER).name:
        starters, model = STARTER_FOLDERS, {**model, "choices": name_starters()}
    files["model.json"] = write_settings(model, endpoint, gradio_space)
    picture = model.get("picture")
    if endpoint != HUB or picture:
        files["index.html"] = _write_page(endpoint, picture)
    for folder in starters:
        files |= list_model_files(ROOT / folder, Path(folder).name)
    runtime = list_runtime_files(fetch_runtime())
    return files | {f"ort/{name}": path for name, path in runtime.items()}


def has_page() -> bool:
    """Returns whether the page's files are here; an installed package does not have them."""
    return (PAGE_FOLDER / "index.html").is_file()


def write_settings(
    model: dict[str, Any], endpoint: str = HUB, gradio_space: str | None = None
) -> bytes:
    """Returns the content of model.json; the arguments are those of `list_site_files`."""
    settings = {**model, "endpoint": endpoint, "gradio_space": gradio_space}
    return (json.dumps(settings, indent=2) + "\n").encode()


def list_model_files(folder: Path, name: str) -> dict[str, Path | bytes]:
    """Returns the files of a model that the page reads, in a folder `name` beside index.html."""
    paths = [path for pattern in SERVED for path in sorted(folder.glob(pattern)) if path.is_file()]
    return {f"{name}/{path.relative_to(folder).as_posix()}": path for path in paths}


def name_starters() -> list[dict[str, Any]]:
    """Returns the folder beside index.html and the name of each starter model.

    "draws" says that its input has a palette, for which the page offers a canvas.
    """
    starters = list[dict[str, Any]]()
    for folder in STARTER_FOLDERS:
        if not (ROOT / folder).is_dir():
            continue  # an earlier version had only the first
        description = ArtifactFolder(ROOT / folder).read_description()
        name = labels_for(Config.from_dict(description["config"])).title
        starter = {"folder": Path(folder).name, "name": name}
        starters.append({**starter, "draws": bool(read_input_palette(description))})
    return starters


def _write_page(endpoint: str, picture: str | None) -> bytes:
    """Returns index.html with another Hub in its content security policy, and a preview picture."""
    page = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    for text in (HUB_SOURCES, PREVIEW_TAG):
        if page.count(text) != 1:
            raise ValueError(f"index.html does not have {text!r} once")
    if picture:
        tag = f'<meta property="og:image" content="{escape(picture)}">'
        page = page.replace(PREVIEW_TAG, f"{PREVIEW_TAG}\n    {tag}")
    return page.replace(HUB_SOURCES, HUB_SOURCES if endpoint == HUB else endpoint).encode()
