"""The Space: translates pictures in the browser and answers programs at `/translate`.

PIX2PIX_MODEL names the model (a Hub id, `id@revision`, or a folder; by default the starter model
of this repository); the README lists the other variables. Interface only: no array arithmetic
here, and TensorFlow is never imported.
"""

import os
from html import escape

from pix2pix.space.keeping import keep_clean, visitors_folder

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
FOLDER = visitors_folder()  # both before gradio reads its variables

import gradio as gr  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from pix2pix import __version__  # noqa: E402
from pix2pix.space.api import endpoints  # noqa: E402
from pix2pix.space.batch_tab import batch_tab  # noqa: E402
from pix2pix.space.calls import secure_calls  # noqa: E402
from pix2pix.space.code_tab import code_tab  # noqa: E402
from pix2pix.space.fetching import limit_fetching  # noqa: E402
from pix2pix.space.gallery_tab import gallery_tab  # noqa: E402
from pix2pix.space.guard import Guard  # noqa: E402
from pix2pix.space.look import CSS, JS, THEME  # noqa: E402
from pix2pix.space.model_tab import model_tab  # noqa: E402
from pix2pix.space.models import Models, load_models  # noqa: E402
from pix2pix.space.settings import Settings  # noqa: E402
from pix2pix.space.translate_tab import TranslateTab  # noqa: E402
from pix2pix.space.words import words  # noqa: E402

# Gradio keeps a tenth of a MB for each, and takes every call of a program for one.
SESSIONS = 256
FOOTER = (
    "What is made here is a guess: not for navigation, nor for decisions about land. Code: "
    "Apache-2.0, pix2pix {version}. Uploads and results are deleted after an hour."
)


def build(models: Models, settings: Settings) -> gr.Blocks:
    """The interface around the models."""
    named = words(models.default.config)
    title = f"From {named.source} to {named.result}"
    banners = "".join(f"<p>{escape(text, quote=False)}</p>" for text in models.banners)
    serve_samples(models)
    with gr.Blocks(title=f"pix2pix: {title}") as space:
        gr.Markdown(f"# {title}")
        gr.HTML(banners, visible=bool(banners), elem_id="banner")
        with gr.Tabs() as tabs:
            with gr.Tab("Translate", id="translate"):
                translate = TranslateTab(models, settings)
            with gr.Tab("Gallery", id="gallery"):
                gallery_tab(translate, tabs)
            with gr.Tab("Batch", id="batch"):
                batch_tab(models, settings)
            with gr.Tab("Model", id="model"):
                model_tab(models)
            with gr.Tab("Use it from code", id="code"):
                code_tab(space)
        gr.Markdown(FOOTER.format(version=__version__), elem_id="footer")
        endpoints(space, models, settings)
    return space


def serve_samples(models: Models) -> None:
    """Lets the file routes serve the samples, where they lie: they alone of a model's files."""
    samples = [sample for listed in models.samples.values() for sample in listed]
    triplets = [(s.input, s.generated, s.target) for s in samples]
    gr.set_static_paths([path.resolve() for triplet in triplets for path in triplet])


def launch(space: gr.Blocks, settings: Settings) -> None:
    """Serves the interface until the process is stopped."""
    limit_fetching(settings.max_file_mb * 1_000_000)
    secure_calls(space)
    keep_clean(FOLDER)
    guard = Middleware(Guard, max_file_mb=settings.max_file_mb, max_files=settings.max_batch)
    space.queue(
        max_size=settings.queue,
        default_concurrency_limit=settings.concurrency,
        api_open=False,  # calls that would pass by the queue
    )
    space.launch(
        theme=THEME,
        css=CSS,
        js=JS,
        max_file_size=settings.max_file_mb * 1_000_000,
        state_session_capacity=SESSIONS,
        show_error=True,
        run_history=False,
        enable_monitoring=False,
        mcp_server=True,
        app_kwargs={"middleware": [guard]},
    )


settings = Settings.from_environment()
models = load_models(settings)
demo = build(models, settings)

if __name__ == "__main__":
    launch(demo, settings)
