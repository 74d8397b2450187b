"""Sets what links to the Space show elsewhere, and writes the badges at the top of its page.

A preview is made of OpenGraph tags in the page's head. Those of Gradio's template show Gradio's own
name and picture.
"""

import os
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from gradio.routes import templates
from huggingface_hub import constants
from jinja2 import ChoiceLoader, DictLoader

from pix2pix.artifacts import GRID_FILE, THUMBNAIL_FILE
from pix2pix.space.api import read_card_data
from pix2pix.space.served_models import ServedModels
from pix2pix.version import ROOT

TEMPLATE = "frontend/index.html"
GRADIO_TAGS = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
DESCRIPTION = (
    "A pix2pix model, measured on held-out pairs: drop a photo or draw, compare, download."
)
# Who may host a copy; docs/space.md explains it.
DUPLICATION_RULE = (
    "Needs PRO, a Team or Enterprise plan, or a free account older than 30 days with ZeroGPU "
    "hardware."
)


def show_preview(models: ServedModels, environ: Mapping[str, str] = os.environ) -> None:
    """Makes Gradio's page send tags with the default model's names and picture.

    The picture has a URL only if the model is on the Hub, or the page is a Space (SPACE_ID).
    """
    space_id = environ.get("SPACE_ID")
    tags = {
        "og:type": "website",
        "og:title": f"pix2pix: {models.labels(models.names[0]).heading}",
        "og:description": DESCRIPTION,
        "og:url": f"{constants.ENDPOINT}/spaces/{space_id}" if space_id else None,
        "og:image": find_picture(models, space_id),
        "twitter:card": "summary_large_image",
    }
    lines = [
        f'<meta {"name" if name.startswith("twitter") else "property"}="{name}" '
        f'content="{escape(value)}" />'
        for name, value in tags.items()
        if value
    ]
    environment = templates.env
    folder: Any = environment.loader  # of Gradio
    source, _, _ = folder.get_source(environment, TEMPLATE)
    # "raw", because the template's own marks could be part of a name.
    head = "<head>\n{% raw %}" + "\n".join(lines) + "{% endraw %}"
    page = GRADIO_TAGS.sub("", source).replace("<head>", head, 1)
    environment.loader = ChoiceLoader([DictLoader({TEMPLATE: page}), folder])


def find_picture(models: ServedModels, space_id: str | None) -> str | None:
    """Returns the URL of the default model's picture, or None when it has none on the Hub."""
    model, folder = models.default, models.default.folder
    if model.revision:
        repo_id = models.names[0].partition("@")[0]
        page = f"{constants.ENDPOINT}/{repo_id}/resolve/{model.revision}"
        # The Space does not download thumbnail.png, but the card says whether there is one.
        if read_card_data(folder).get("thumbnail"):
            return f"{page}/{THUMBNAIL_FILE}"
        return f"{page}/{GRID_FILE}" if (folder / GRID_FILE).is_file() else None
    if space_id and folder.is_relative_to(ROOT) and (folder / GRID_FILE).is_file():
        path = (folder / GRID_FILE).relative_to(ROOT).as_posix()
        return f"{constants.ENDPOINT}/spaces/{space_id}/resolve/main/{path}"
    return None


def write_badges(models: ServedModels, environ: Mapping[str, str] = os.environ) -> str:
    """Returns HTML with links to the models on the Hub, and to a copy of this Space.

    It is empty for models in folders on a machine that is no Space.
    """
    links = [
        (f"{constants.ENDPOINT}/{repo_id}/tree/{model.revision}", f"Model: {repo_id}", "")
        for name, model in models.translators.items()
        if model.revision
        for repo_id in [name.partition("@")[0]]
    ]
    if space_id := environ.get("SPACE_ID"):
        target = f"{constants.ENDPOINT}/spaces/{space_id}?duplicate=true"
        links.append((target, "Duplicate this Space", DUPLICATION_RULE))
    return "".join(
        f'<a href="{escape(target)}" target="_blank" rel="noopener">{escape(text)}</a>'
        + (f"<span>{escape(note)}</span>" if note else "")
        for target, text, note in links
    )
