"""Samples as buttons: pictures with a line of text, one of which a visitor picks."""

import gradio as gr

from pix2pix.gallery import Sample
from pix2pix.space.compare import file_data
from pix2pix.space.words import Words

TEMPLATE = """
<ul>{{#each value.cards}}<li><button type="button" data-name="{{name}}" aria-label="{{label}}">
  <span class="pictures">{{#each pictures}}<span>
    <img src="{{file.url}}" alt="{{alt}}" loading="lazy" width="256" height="256">
    {{#if caption}}<span class="caption">{{caption}}</span>{{/if}}
  </span>{{/each}}</span>
  {{#if text}}<span class="text">{{text}}</span>{{/if}}
</button></li>{{/each}}</ul>
"""
STYLE = """
ul { display: grid; gap: 10px; list-style: none; margin: 0; padding: 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, WIDTH), 1fr)); }
li { margin: 0; }
button { display: block; width: 100%; padding: 6px; cursor: pointer; text-align: left;
  font-weight: 400;
  border: 1px solid var(--border-color-primary); border-radius: var(--radius-lg);
  background: var(--block-background-fill); color: var(--body-text-color); }
button:hover { border-color: var(--color-accent); }
.pictures { display: flex; gap: 6px; }
.pictures > span { flex: 1; min-width: 0; }
img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover;
  border-radius: var(--radius-sm); background: var(--border-color-primary); }
.caption, .text { display: block; font-size: 14px; padding-top: 4px; }
.caption { color: var(--body-text-color-subdued); }
li .text { font-weight: 600; font-variant-numeric: tabular-nums; }
"""
BEHAVIOUR = """
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (button) trigger('select', {name: button.dataset.name});
});
"""


def cards(value: dict, width: int, elem_id: str) -> gr.HTML:
    """The component; its `select` event carries the picked sample's `name`.

    Args:
        value: from `example_cards` or `triplet_cards`. width: least width of a card, in pixels.
    """
    return gr.HTML(
        value, html_template=TEMPLATE, css_template=STYLE.replace("WIDTH", f"{width}px"),
        js_on_load=BEHAVIOUR, elem_id=elem_id,
    )  # fmt: skip


def example_cards(samples: list[Sample], words: Words) -> dict:
    """The inputs alone."""
    return {
        "cards": [
            {"name": sample.name, "label": f"Load {alt}", "pictures": [_picture(sample.input, alt)]}
            for sample in samples
            for alt in [f"held-out {words.short_source} {sample.name}"]
        ]
    }


def triplet_cards(samples: list[Sample], words: Words) -> dict:
    """Input, what the model made of it, and the real picture, with the scores."""
    captions = (words.short_source, f"generated {words.short_result}", words.real)
    return {"cards": [_triplet(sample, captions) for sample in samples]}


def _triplet(sample: Sample, captions: tuple[str, str, str]) -> dict:
    paths = (sample.input, sample.generated, sample.target)
    scores = sample.scores
    text = f"L1 {scores['l1']:.2f}, PSNR {scores['psnr']:.1f} dB, SSIM {scores['ssim']:.3f}"
    return {
        "name": sample.name,
        "label": f"Sample {sample.name}: {text}. Open it in Translate.",
        "text": text,
        "pictures": [
            _picture(path, f"Sample {sample.name}: {caption}", caption.capitalize())
            for path, caption in zip(paths, captions, strict=True)
        ],
    }


def _picture(path: object, alt: str, caption: str = "") -> dict:
    return {"file": file_data(str(path)), "alt": alt, "caption": caption}
