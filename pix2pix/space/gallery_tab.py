"""The tab with held-out pairs beside what the model makes of them."""

import gradio as gr

from pix2pix.gallery import ORDERS, ordered
from pix2pix.space.cards import cards, triplet_cards
from pix2pix.space.translate_tab import TranslateTab
from pix2pix.space.translating import AT_ONCE
from pix2pix.space.words import words

EXPLAINED = (
    "Pairs the model never saw in training. L1 is the mean difference from the {real} in grey "
    "levels of 255: lower is closer. PSNR and SSIM: higher is closer. A click opens the "
    "{source} in Translate, with the {real} to compare with."
)


def gallery_tab(translate: TranslateTab, tabs: gr.Tabs) -> None:
    """Builds the tab, with a tab of its own for each of several models.

    A click puts the sample into Translate and opens it.
    """
    names = translate.models.names
    if len(names) == 1:
        _gallery(names[0], translate, tabs)
        return
    with gr.Tabs():
        for name in names:
            with gr.Tab(name):
                _gallery(name, translate, tabs)


def _gallery(model: str, translate: TranslateTab, tabs: gr.Tabs) -> None:
    samples = translate.models.samples[model]
    named = words(translate.models[model].config)
    if not samples:
        gr.Markdown("This model comes without samples.")
        return
    gr.Markdown(EXPLAINED.format(source=named.short_source, real=named.real))
    order = gr.Radio(ORDERS, value=ORDERS[0], label="Order, by L1")
    gallery = cards(triplet_cards(samples, named), 420, "gallery")

    def sort(order: str) -> dict:
        return triplet_cards(ordered(samples, order), named)

    def pick(event: gr.EventData) -> dict:
        return translate.load(model, event.name) | {tabs: gr.Tabs(selected="translate")}

    order.change(sort, order, gallery, **AT_ONCE)
    gallery.select(pick, None, [*translate.loaded, tabs], cancels=translate.run, **AT_ONCE)
