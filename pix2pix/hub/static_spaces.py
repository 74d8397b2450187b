"""Writes the browser page, and the model that it loads, into a static Space."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix.artifacts import STARTER_FOLDERS
from pix2pix.browser import HEADERS, VERSION, has_page, list_site_files, write_settings
from pix2pix.errors import UserError
from pix2pix.hub.deployed_model import DeployedModel, commit_files
from pix2pix.hub.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub import SpaceInfo

STARTER_NAMES = [Path(folder).name for folder in STARTER_FOLDERS]
SETTINGS_FILE, STARTER = "model.json", {"folder": STARTER_NAMES[0]}
# In these folders, a file that the page does not have is left from an earlier version.
OWN_FOLDERS = (
    "draw/", "engine/", "ort/", "page/", "pixels/", *(f"{name}/" for name in STARTER_NAMES)
)  # fmt: skip
FRONT_MATTER = {
    "emoji": "🗺️",
    "colorFrom": "green",
    "colorTo": "blue",
    "sdk": "static",
    "app_file": "index.html",
    "header": "mini",
    "fullWidth": True,
    "license": "apache-2.0",
    "short_description": "pix2pix in your browser: pictures are not uploaded",
    "tags": ["pix2pix", "image-to-image", "onnxruntime-web"],
    "custom_headers": HEADERS,
}
TEXT = f"""\
[pix2pix](https://arxiv.org/abs/1611.07004) in the browser. The page downloads the model once, and
translates pictures on the visitor's own machine: no picture is uploaded.

`pix2pix deploy` wrote these files. `ort/` is onnxruntime-web {VERSION} with its license.

Static Spaces are free: every account may duplicate this one, and make the copy load another model
with `pix2pix deploy`.
"""
# Pictures of the Hub for links to it.
BADGES = "https://huggingface.co/datasets/huggingface/badges/resolve/main"


def check_has_files(space_id: str) -> None:
    """Raises `UserError` for a new Space when an installed package has no page to put there."""
    from huggingface_hub import HfApi

    if not has_page() and not HfApi().file_exists(space_id, SETTINGS_FILE, repo_type="space"):
        raise UserError(
            f"The static Space {space_id} has no page yet, and an installed package brings none: "
            "clone the project and run train_hub.py with --space_id there."
        )


def update_space(
    space_id: str, info: "SpaceInfo", model: DeployedModel | None, gradio_space: str | None
) -> str:
    """Commits the changed files of the page; returns what the Space serves, as text.

    If nothing changed, the text starts with "is up to date".
    Files that are not part of the page stay. From an installed package, which has no page, only
    model.json and README.md change. Errors of the client pass through.

    Args:
        space_id: the full id.
        info: the Space before the update.
        model: the model to load; None keeps the current one, and starts with the starter models.
        gradio_space: a Gradio Space of the same model that the page links to, or None.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    if model and model.restriction:
        raise HubError(
            f"The Space {space_id}: a static Space can't serve {model.id}, which is "
            f"{model.restriction}, because the visitor's browser has no token for it",
            "Make the model public, or deploy a Gradio Space under another --space_id.",
        )
    remote = api.list_repo_files(space_id, repo_type="space")
    settings = None if model else _read_settings(space_id, info.sha, remote)
    files = _list_files(space_id, model, settings, gradio_space)
    if not settings:
        files["README.md"] = write_readme(space_id, model, api.endpoint).encode()
    old = [path for path in remote if path.startswith(OWN_FOLDERS) and path not in files]
    title = model.title if model else "Update the page"
    is_changed = commit_files(space_id, info.sha, files, old if has_page() else [], title)
    if not model:
        return ""
    start = "" if is_changed else "is up to date and "
    return (
        f"{start}serves {model.short_name} in the visitor's browser (static: free, as fast as the "
        "visitor's machine, and no picture leaves it)."
    )


def link_to(space_id: str, gradio_space: str, model_id: str) -> None:
    """Makes a static Space that this program deployed for the model link to a Gradio Space."""
    _change_link(space_id, ("id", model_id), gradio_space, f"Link to {gradio_space}")


def unlink(space_id: str, gradio_space: str) -> None:
    """Removes the link to a Gradio Space from a static Space that this program deployed."""
    message = f"Remove the link to {gradio_space}"
    _change_link(space_id, ("gradio_space", gradio_space), None, message)


def _change_link(
    space_id: str, expected: tuple[str, str], gradio_space: str | None, message: str
) -> None:
    """Commits another link to model.json if the file has the expected entry."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    head, remote = api.space_info(space_id).sha, api.list_repo_files(space_id, repo_type="space")
    settings = _read_settings(space_id, head, remote)
    if settings and expected in settings.items():
        content = write_settings(settings, settings.get("endpoint", api.endpoint), gradio_space)
        api.create_commit(
            space_id, [CommitOperationAdd(SETTINGS_FILE, content)], repo_type="space",
            commit_message=message, parent_commit=head,
        )  # fmt: skip


def write_readme(space_id: str, model: DeployedModel | None, endpoint: str) -> str:
    """Returns README.md with the front matter that configures the Space."""
    from huggingface_hub import SpaceCardData

    name = (model.id if model else space_id).split("/")[-1]
    fields: dict[str, Any] = {"title": name, **FRONT_MATTER}
    text = TEXT
    if model:
        fields |= {
            "models": [model.id],
            "datasets": model.datasets,
            "thumbnail": model.picture_url(endpoint),
        }
        page = f"{endpoint}/{model.id}/tree/{model.revision}"
        badges = {
            "Model on the Hub": ("model-on-hf-md.svg", page),
            "Duplicate this Space": (
                "duplicate-this-space-md.svg", f"{endpoint}/spaces/{space_id}?duplicate=true",
            ),
        }  # fmt: skip
        line = " ".join(f"[![{n}]({BADGES}/{file})]({url})" for n, (file, url) in badges.items())
        text = f"{line}\n\n{text}"
        text += f"\nModel: [{model.id}]({page}) at commit `{model.revision}`.\n"
    data = SpaceCardData(**fields).to_yaml(line_break="\n")
    return f"---\n{data}\n---\n\n# {name}\n\n{text}"


def _list_files(
    space_id: str,
    model: DeployedModel | None,
    settings: dict[str, Any] | None,
    gradio_space: str | None,
) -> dict[str, Path | bytes]:
    """Returns the files to commit: those of the page, or only model.json without a page."""
    from huggingface_hub import HfApi

    endpoint = HfApi().endpoint
    source: dict[str, Any] = STARTER
    if model:
        digest = model.read_graph_sha256()
        source = {
            "id": model.id, "revision": model.revision, "sha256": digest,
            "picture": model.picture_url(endpoint),
        }  # fmt: skip
    elif settings:
        source, gradio_space = settings, settings.get("gradio_space")
    source = source | {"space_id": space_id}
    if has_page():
        return list_site_files(source, endpoint=endpoint, gradio_space=gradio_space)
    return {SETTINGS_FILE: write_settings(source, endpoint, gradio_space)}


def _read_settings(space_id: str, head: str | None, remote: list[str]) -> dict[str, Any] | None:
    """Returns the content of the Space's model.json, or None if it has no usable one."""
    from huggingface_hub import hf_hub_download

    if SETTINGS_FILE not in remote:
        return None
    path = hf_hub_download(space_id, SETTINGS_FILE, repo_type="space", revision=head)
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        return None
    return settings if isinstance(settings, dict) else None
