"""The Space: translates pictures in the browser and answers programs at `/translate`.

PIX2PIX_MODEL names the model (a Hub id, `id@revision`, or a folder; by default the starter model
of this repository); the README lists the other variables. Interface only: no array arithmetic
here, and TensorFlow is never imported.
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402

from pix2pix.gallery import read_samples  # noqa: E402
from pix2pix.space.api import endpoints  # noqa: E402
from pix2pix.space.batch_tab import batch_tab  # noqa: E402
from pix2pix.space.code_tab import code_tab  # noqa: E402
from pix2pix.space.gallery_tab import gallery_tab  # noqa: E402
from pix2pix.space.look import CSS, THEME  # noqa: E402
from pix2pix.space.model_tab import model_tab  # noqa: E402
from pix2pix.space.models import Models, load_models  # noqa: E402
from pix2pix.space.settings import Settings  # noqa: E402
from pix2pix.space.translate_tab import translate_tab  # noqa: E402

KEEP_SECONDS = 3600


def build(models: Models, settings: Settings) -> gr.Blocks:
    """The interface around the models."""
    samples = read_samples(models.default.folder)
    with gr.Blocks(title="pix2pix", delete_cache=(KEEP_SECONDS, KEEP_SECONDS)) as space:
        gr.Markdown("# pix2pix: from aerial photo to map")
        gr.Markdown("\n\n".join(models.banners), visible=bool(models.banners), elem_id="banner")
        with gr.Tabs() as tabs:
            with gr.Tab("Translate", id="translate"):
                photo = translate_tab(models, samples, settings)
            with gr.Tab("Gallery", id="gallery"):
                gallery_tab(samples, photo, tabs)
            with gr.Tab("Batch", id="batch"):
                batch_tab(models, settings)
            with gr.Tab("Model", id="model"):
                model_tab(models)
            with gr.Tab("Use it from code", id="code"):
                code_tab(space)
        endpoints(space, models, settings)
    return space


settings = Settings.from_environment()
models = load_models(settings)
demo = build(models, settings)

if __name__ == "__main__":
    demo.queue(max_size=settings.queue, default_concurrency_limit=settings.concurrency)
    demo.launch(
        theme=THEME,
        css=CSS,
        allowed_paths=[str(models.default.folder)],
        max_file_size=f"{settings.max_file_mb}mb",
        show_error=True,
        mcp_server=True,
    )
