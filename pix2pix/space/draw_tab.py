"""The Draw tab: the canvas of the browser page, in a component of its own.

The page's modules are served as static files. After each stroke, the canvas asks this Space for the
result, as any program does; where ONNX Runtime's files are in `web/ort`, the visitor's browser
makes it while drawing.
"""

import os
from pathlib import Path
from typing import Any

import gradio as gr

from pix2pix.artifacts import CONFIG_FILE, GRAPH_FILE, REQUIRED, STARTER_FOLDERS
from pix2pix.browser import HUB, PAGE_FOLDER, has_page
from pix2pix.palettes import read_input_palette
from pix2pix.space.components import INSTANT_EVENT
from pix2pix.space.html_components import file_data
from pix2pix.space.served_models import ServedModels
from pix2pix.translate import Translator
from pix2pix.version import ROOT

# What the canvas is made of; the page around it in the browser Space is not served here.
PAGE_FILES = ("*.js", "draw/*.js", "draw/*.css", "pixels/*.js", "engine/*.js", "ort/*")
MODULE, STYLE, RUNTIME = "draw/space_host.js", "draw/space.css", "ort/ort.wasm.bundle.min.mjs"
MAX_TEMPLATES = 12
TEMPLATE = """
<link rel="stylesheet" href="{{value.style.url}}">
<div class="draw-space"><p>The canvas is loading.</p></div>
"""
# The template has no other part of the value, so that a new value leaves the canvas in its place.
SCRIPT = """
const place = element.querySelector('.draw-space');
import(props.value.module.url).then(
  ({ showCanvas }) => {
    watch('value', () => showCanvas(place, props.value));
    showCanvas(place, props.value);
  },
  () => { place.textContent = "The canvas can't be loaded: reload the page."; },
);
"""
# Opens the tab for a link with a drawing; the canvas reads the drawing itself.
OPEN_LINK = """() => location.hash.startsWith('#draw=')
  ? {selected: 'draw', __type__: 'update'} : {__type__: 'update'}"""


class DrawCanvas(gr.HTML):
    """Shows the canvas for one model; its value comes from `describe_canvas`."""

    is_template = True

    def __init__(self, value: Any = None, **kwargs: Any):
        super().__init__(
            value, html_template=TEMPLATE, js_on_load=SCRIPT, apply_default_css=False, **kwargs
        )


def drawable_models(models: ServedModels) -> list[str]:
    """Returns the names of the models whose inputs can be drawn; none without the page's files."""
    if not has_page():
        return []
    return [name for name in models.names if read_input_palette(models[name].about)]


def draw_tab(space: gr.Blocks, models: ServedModels, model: gr.Radio, tabs: gr.Tabs) -> None:
    """Builds the tab, for at least one model that can be drawn for, and serves its files.

    The canvas is for the chosen `model`, or for the first one that can be drawn for.
    """
    gr.set_static_paths([*list_page_files(), *list_engine_files(models)])
    canvas = DrawCanvas(describe_canvas(models, models.names[0]), elem_id="draw")
    model.input(lambda name: describe_canvas(models, name), model, canvas, **INSTANT_EVENT)
    space.load(None, None, tabs, js=OPEN_LINK, api_visibility="private")


def list_page_files() -> list[Path]:
    """Returns the files of the canvas, and ONNX Runtime's where they are deployed beside it."""
    folder = PAGE_FOLDER.resolve()
    return sorted(path for pattern in PAGE_FILES for path in folder.glob(pattern))


def list_engine_files(models: ServedModels) -> list[Path]:
    """Returns the files of the starter models that the engine of the page reads; else none.

    The operator's own models are not among them: their weights may be private.
    """
    folders = [models[name].folder for name in drawable_models(models)]
    return [
        Path(folder, file).resolve()
        for folder in folders
        if _has_runtime() and _is_starter(folder)
        for file in REQUIRED
    ]


def describe_canvas(models: ServedModels, chosen: str) -> dict:
    """Returns the value of `DrawCanvas`, which `web/draw/space_host.js` reads."""
    names = drawable_models(models)
    name = chosen if chosen in names else names[0]
    labels, translator = models.labels(name), models[name]
    folder = PAGE_FOLDER.resolve()
    note = None if name == chosen else f"This canvas is for the model “{name}”."
    return {
        "module": file_data(str(folder / MODULE)),
        "style": file_data(str(folder / STYLE)),
        "model": name,
        # Without a choice of models, there is no /translate_with.
        "endpoint": "translate_with" if len(models.names) > 1 else "translate",
        "engine": _describe_engine(name, translator),
        "note": note,
        "side": translator.config.image_size,
        "palette": read_input_palette(translator.about),
        "names": {"drawing": labels.short_source, "result": labels.short_result},
        "templates": [
            {
                "name": f"held-out {labels.short_source} {sample.name}",
                "file": file_data(str(sample.input)),
            }
            for sample in models.samples[name][:MAX_TEMPLATES]
        ],
    }


def _describe_engine(name: str, translator: Translator) -> dict | None:
    """Returns where the visitor's browser finds the model; None where it can't translate itself.

    A model of the Hub comes from there; if it is private, the canvas goes on with the endpoint.
    """
    if not _has_runtime():
        return None
    if _is_starter(translator.folder):
        path = Path(translator.folder, CONFIG_FILE).resolve()
        return {"description": file_data(str(path))}
    if not translator.revision:
        return None
    endpoint = os.environ.get("HF_ENDPOINT", HUB)
    source = {"id": name.partition("@")[0], "revision": translator.revision, "endpoint": endpoint}
    return {"source": source | {"sha256": translator.about["sha256"][GRAPH_FILE]}}


def _has_runtime() -> bool:
    return (PAGE_FOLDER / RUNTIME).is_file()


def _is_starter(folder: Path) -> bool:
    return folder.resolve() in [(ROOT / starter).resolve() for starter in STARTER_FOLDERS]
