"""The Gallery tab: held-out pairs beside the pictures that the model generates for them."""

import gradio as gr

from pix2pix.gallery import ORDERS, ordered
from pix2pix.space.components import INSTANT_EVENT
from pix2pix.space.html_components import SampleCards, triplet_cards
from pix2pix.space.model_choice import build_for_each
from pix2pix.space.translate_tab import TranslateTab

EXPLANATION = (
    "Pairs the model never saw in training. L1 is the mean difference from the {real} in gray "
    "levels of 255: lower is closer. PSNR and SSIM: higher is closer. A click opens the "
    "{source} in Translate, with the {real} to compare with."
)


def gallery_tab(translate: TranslateTab, tabs: gr.Tabs) -> None:
    """Builds the tab: a click on a sample loads it into Translate and opens that tab."""
    build_for_each(translate.models, translate.model, lambda name: _gallery(name, translate, tabs))


def _gallery(model: str, translate: TranslateTab, tabs: gr.Tabs) -> None:
    samples, labels = translate.models.samples[model], translate.models.labels(model)
    if not samples:
        gr.Markdown("This model comes without samples.")
        return
    gr.Markdown(EXPLANATION.format(source=labels.short_source, real=labels.real))
    order = gr.Radio(ORDERS, value=ORDERS[0], label="Order, by L1")
    gallery = SampleCards(triplet_cards(samples, labels), card_width=420, elem_id="gallery")

    def sort(order: str) -> dict:
        return triplet_cards(ordered(samples, order), labels)

    def pick(event: gr.EventData) -> dict:
        return translate.load(model, event.name) | {tabs: gr.Tabs(selected="translate")}

    order.change(sort, order, gallery, **INSTANT_EVENT)
    gallery.select(
        pick, None, [*translate.load_outputs, tabs], cancels=translate.run, **INSTANT_EVENT
    )
