"""The Space: translates pictures in the browser, and for programs at `/translate`.

PIX2PIX_MODEL names the model (a Hub id, `id@revision`, or a folder; by default the starter models
of this repository); the README lists the other variables. Interface only: no array arithmetic
here, and TensorFlow is never imported.
"""

import os
import signal
import sys
from contextlib import suppress
from html import escape


def exit_at_once(*_: object) -> None:
    """Ends the process on Ctrl-C without a traceback, even while packages are imported."""
    with suppress(Exception):
        sys.stdout.flush()
    os._exit(130)  # threads may still download a model, and would delay another kind of exit


if __name__ == "__main__":
    signal.signal(signal.SIGINT, exit_at_once)
    for stream in (sys.stdout, sys.stderr):
        # In an ASCII terminal or log, Gradio's symbols and a model's accents would end the program.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

from pix2pix.console import show_log_messages  # noqa: E402
from pix2pix.errors import UserError  # noqa: E402
from pix2pix.space.address import check_address, read_port, read_root_path  # noqa: E402
from pix2pix.space.security import prepare_process, protect  # noqa: E402

show_log_messages()
try:
    FOLDER = prepare_process()  # sets variables that Gradio reads on import, so it comes first
except UserError as error:
    sys.exit(str(error))

import gradio as gr  # noqa: E402

from pix2pix import __version__  # noqa: E402
from pix2pix.space.api import add_endpoints  # noqa: E402
from pix2pix.space.batch_tab import batch_tab  # noqa: E402
from pix2pix.space.code_tab import code_tab  # noqa: E402
from pix2pix.space.draw_tab import draw_tab, drawable_models  # noqa: E402
from pix2pix.space.gallery_tab import gallery_tab  # noqa: E402
from pix2pix.space.model_choice import choose_model  # noqa: E402
from pix2pix.space.model_tab import model_tab  # noqa: E402
from pix2pix.space.previews import show_preview, write_badges  # noqa: E402
from pix2pix.space.security.calls import SecureBlocks  # noqa: E402
from pix2pix.space.served_models import ServedModels, load_models  # noqa: E402
from pix2pix.space.settings import Settings  # noqa: E402
from pix2pix.space.theme import CSS, JS, THEME  # noqa: E402
from pix2pix.space.translate_tab import TranslateTab  # noqa: E402
from pix2pix.space.zero_gpu import register_function  # noqa: E402

# Gradio keeps 0.1 MB for each session, and counts every call of a program as a session.
SESSIONS = 256
BROWSER_LINK = "[Run this model in your browser]({url}): the picture never leaves your machine."
FOOTER = (
    "The results are guesses of a model: do not use them for navigation or decisions about land. "
    "Code: Apache-2.0, pix2pix {version}. Uploads and results are deleted within an hour."
)


def build(models: ServedModels, settings: Settings) -> SecureBlocks:
    """Builds the interface around the models."""
    title = models.labels(models.names[0]).heading
    banners = "".join(f"<p>{escape(text, quote=False)}</p>" for text in models.banners)
    badges = write_badges(models)
    serve_samples(models)
    show_preview(models)
    with SecureBlocks(title=f"pix2pix: {title}") as space:
        heading = gr.Markdown(f"# {title}")
        gr.HTML(badges, visible=bool(badges), elem_id="badges")
        if settings.browser_space:
            gr.Markdown(BROWSER_LINK.format(url=settings.browser_space), elem_id="browser-link")
        gr.HTML(banners, visible=bool(banners), elem_id="banner")
        model = choose_model(models)
        with gr.Tabs() as tabs:
            with gr.Tab("Translate", id="translate"):
                translate = TranslateTab(models, settings, heading, model)
            if drawable_models(models):
                with gr.Tab("Draw", id="draw"):
                    draw_tab(space, models, model, tabs)
            with gr.Tab("Gallery", id="gallery"):
                gallery_tab(translate, tabs)
            with gr.Tab("Batch", id="batch"):
                batch_tab(models, settings, model)
            with gr.Tab("Model", id="model"):
                model_tab(models, model)
            with gr.Tab("Use it from code", id="code"):
                code_tab(space, models, model)
        gr.Markdown(FOOTER.format(version=__version__), elem_id="footer")
        add_endpoints(space, models, settings)
    return space


def serve_samples(models: ServedModels) -> None:
    """Lets the file routes serve the samples, and no other file of a model."""
    samples = [sample for triplets in models.samples.values() for sample in triplets]
    paths = [path for sample in samples for path in (sample.input, sample.generated, sample.target)]
    gr.set_static_paths([path.resolve() for path in paths])


def launch(space: SecureBlocks, settings: Settings) -> None:
    """Serves the interface until the process is stopped.

    Raises:
        UserError: when the server can't listen on the operator's address.
    """
    port = read_port()
    check_address(port)
    middleware = protect(settings, FOLDER)
    space.queue(
        max_size=settings.queue,
        default_concurrency_limit=settings.concurrency,
        api_open=False,  # no calls that skip the queue
    )
    space.launch(
        server_port=port,
        root_path=read_root_path(),
        theme=THEME,
        css=CSS,
        js=JS,
        max_file_size=settings.max_file_mb * 1_000_000,
        state_session_capacity=SESSIONS,
        show_error=True,
        run_history=False,
        enable_monitoring=False,
        mcp_server=True,
        # Gradio's workers and Node server would answer without the middleware.
        num_workers=0,
        ssr_mode=False,
        # Without it, Gradio ends the program if its first request to itself takes 3 s.
        _frontend=False,
        app_kwargs={"middleware": middleware},
    )


register_function()
settings = Settings.from_environment()
try:
    models = load_models(settings)
except UserError as error:
    sys.exit(str(error))
demo = build(models, settings)

if __name__ == "__main__":
    try:
        launch(demo, settings)
    except (UserError, OSError) as error:
        sys.exit(str(error))
