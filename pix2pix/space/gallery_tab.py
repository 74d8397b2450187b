"""The tab with held-out pairs beside what the model makes of them."""

import gradio as gr

from pix2pix.gallery import Sample

TRIPLET = ("photo", "generated", "real")


def gallery_tab(samples: list[Sample], photo: gr.Image, tabs: gr.Tabs) -> None:
    """Builds the tab; a click puts the sample's photo into `photo` and opens Translate."""
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
