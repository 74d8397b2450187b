"""The Space: translates pictures in the browser and answers programs at `/translate`.

PIX2PIX_MODEL names the model (a Hub id, `id@revision`, or a folder; by default the starter model
of this repository). Interface only: no array arithmetic here, and TensorFlow is never imported.
"""

import base64
import os
import time
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402
from gradio.processing_utils import save_pil_to_cache  # noqa: E402
from PIL import Image  # noqa: E402

from pix2pix import Translator, UserError  # noqa: E402
from pix2pix.gallery import Sample, read_samples  # noqa: E402
from pix2pix.images import open_image  # noqa: E402

HERE = Path(__file__).parent
STARTER_MODEL = HERE / "assets" / "starter_model"
KEEP_SECONDS = 3600
MODES = [("Whole picture at training size", "fit"), ("Full resolution, in tiles", "full")]
TRIPLET = ("photo", "generated", "real")
THEME = gr.themes.Soft(primary_hue="teal", secondary_hue="sky", neutral_hue="slate")
CSS = """
.gradio-container { max-width: 1080px !important; margin: auto; }
#gallery .grid-wrap { max-height: none; height: auto; }
#banner { border-left: 4px solid #d97706; padding: 0.5rem 1rem; }
"""


def photo_input() -> gr.Image:
    """An input that reads any picture upright as RGB, and says in a sentence why it can't."""

    def read(payload) -> Image.Image | None:
        if payload is None:
            return None
        try:
            if payload.url and payload.url.startswith("data:"):
                return open_image(base64.b64decode(payload.url.partition(",")[2]))
            return open_image(payload.path)
        except (UserError, ValueError) as error:
            raise gr.Error(str(error)) from None

    photo = gr.Image(label="Photo", height=400, sources=["upload", "clipboard"], type="pil")
    # Gradio's own reading loses 16-bit pictures and answers a damaged one with a bare "Error".
    photo.preprocess = read
    return photo


def load_model(name: str = os.environ.get("PIX2PIX_MODEL", "")) -> tuple[Translator, str]:
    """The model to serve and, where it is not the one asked for, a banner that says why."""
    if not name:
        return Translator.from_pretrained(STARTER_MODEL), ""
    try:
        return Translator.named(name), ""
    except UserError as error:
        banner = f"**{name} is not served; this is the starter model instead.** {error}"
        print(banner)
        return Translator.from_pretrained(STARTER_MODEL), banner


def build(translator: Translator, banner: str) -> gr.Blocks:
    """The interface around a model."""
    samples = read_samples(translator.folder)
    with gr.Blocks(title="pix2pix", delete_cache=(KEEP_SECONDS, KEEP_SECONDS)) as space:
        gr.Markdown("# pix2pix: from aerial photo to map")
        gr.Markdown(banner, visible=bool(banner), elem_id="banner")
        with gr.Tabs() as tabs:
            with gr.Tab("Translate", id="translate"):
                photo = _translate_tab(translator, samples)
            with gr.Tab("Gallery", id="gallery"):
                _gallery_tab(samples, photo, tabs)
        gr.Markdown(_about(translator))
    return space


def _translate_tab(translator: Translator, samples: list[Sample]) -> gr.Image:
    def translate(photo: Image.Image | None, mode: str = "fit") -> Image.Image:
        """Translates a picture of any size: a lossless PNG of the same size."""
        if photo is None:
            raise gr.Error("There is no picture yet: upload, paste or choose one first.")
        try:
            return translator(photo, mode=mode)
        except UserError as error:
            raise gr.Error(str(error)) from None

    def show(photo: Image.Image | None, mode: str):
        started = time.perf_counter()
        translation = translate(photo, mode)
        seconds = time.perf_counter() - started
        file = save_pil_to_cache(translation, result.GRADIO_CACHE, "pix2pix-map", "png")
        width, height = translation.size
        note = f"{width} x {height} pixels, translated in {seconds:.2f} s."
        return (photo, file), gr.DownloadButton(value=file, interactive=True), note

    gr.Markdown("Drop, paste or choose an aerial photo of any size.")
    with gr.Row(equal_height=False):
        with gr.Column():
            photo = photo_input()
            mode = gr.Radio(MODES, value="fit", label="Resolution")
            button = gr.Button("Translate", variant="primary", elem_id="translate-button")
        with gr.Column():
            result = gr.ImageSlider(
                label="Photo | Map",
                max_height=600,
                format="png",
                interactive=False,
                elem_id="result",
            )
            download = gr.DownloadButton("Download the map (PNG)", interactive=False)
            note = gr.Markdown(elem_id="note", min_height=24)
    if samples:
        gr.Examples(
            [[str(s.input)] for s in samples],
            [photo],
            label="Held-out photos to try",
            examples_per_page=len(samples),
        )
    outputs = [result, download, note]
    button.click(show, [photo, mode], outputs, api_visibility="private", scroll_to_output=True)
    # Programs get one file and nothing else: an event of their own, on a button nobody sees.
    answer = gr.Image(format="png", type="pil", visible=False)
    gr.Button(visible=False).click(translate, [photo, mode], answer, api_name="translate")
    return photo


def _gallery_tab(samples: list[Sample], photo: gr.Image, tabs: gr.Tabs) -> None:
    if not samples:
        gr.Markdown("This model comes without samples.")
        return
    gr.Markdown(
        f"Pairs the model never saw in training: {', '.join(TRIPLET)}. L1 is the mean difference "
        "from the real map in grey levels of 255. A click opens the photo in Translate."
    )
    pictures = [item for sample in samples for item in _triplet(sample)]
    gallery = gr.Gallery(
        pictures, columns=3, height="auto", allow_preview=False, show_label=False,
        object_fit="contain", buttons=[], elem_id="gallery",
    )  # fmt: skip

    def open_sample(event: gr.SelectData):
        return str(samples[event.index // len(TRIPLET)].input), gr.Tabs(selected="translate")

    gallery.select(open_sample, None, [photo, tabs], api_visibility="private")


def _triplet(sample: Sample) -> list[tuple[str, str]]:
    paths = map(str, (sample.input, sample.generated, sample.target))
    captions = (TRIPLET[0], f"L1 {sample.scores['l1']:.1f}", TRIPLET[2])
    return list(zip(paths, captions, strict=True))


def _about(translator: Translator) -> str:
    config, revision = translator.config, translator.revision
    served = f"{config.dataset_name}, {config.direction.replace('_', ' ')}"
    return (
        f"Model trained on {served} at {config.image_size}x{config.image_size}"
        + (f", revision `{revision[:12]}`" if revision else "")
        + ". Maps made here are guesses: not for navigation."
    )


translator, banner = load_model()
demo = build(translator, banner)

if __name__ == "__main__":
    demo.launch(
        theme=THEME,
        css=CSS,
        allowed_paths=[str(translator.folder)],
        max_file_size="20mb",
        show_error=True,
    )
