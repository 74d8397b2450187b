"""Components with custom HTML: a slider that compares two pictures, and cards to pick a sample."""

import html
from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client.utils import get_mimetype
from PIL import Image

from pix2pix.gallery import Sample
from pix2pix.labels import Labels

SLIDER_TEMPLATE = """
<figure>
  <div class="stage">
    {{#if value.after}}
    <div class="frame" style="--ratio: {{value.width}} / {{value.height}}; --at: 50%">
      <img src="{{value.before.url}}" alt="{{value.before_name}}">
      <img class="after" src="{{value.after.url}}" alt="{{value.after_name}}">
      <input type="range" min="0" max="100" value="50"
        aria-label="Where {{value.before_name}} ends and {{value.after_name}} begins, in percent">
      <span class="line" aria-hidden="true"></span>
      <span class="name" aria-hidden="true">{{value.before_name}}</span>
      <span class="name right" aria-hidden="true">{{value.after_name}}</span>
    </div>
    <button type="button">Full screen</button>
    {{else if value.before}}
    <img class="alone" src="{{value.before.url}}" alt="{{value.before_name}}">
    <span class="name" aria-hidden="true">{{value.before_name}}</span>
    {{else}}
    <p>{{value.empty}}</p>
    {{/if}}
  </div>
  {{#if value.caption}}<figcaption>{{value.caption}}</figcaption>{{/if}}
</figure>
"""
SLIDER_STYLE = """
--height: clamp(240px, 80vw, 440px);
figure { margin: 0; }
figcaption { padding-top: 6px; color: var(--body-text-color); }
.stage { position: relative; display: grid; place-items: center; overflow: hidden;
  height: var(--height); border: 1px solid var(--border-color-primary);
  border-radius: var(--radius-lg); background: var(--block-background-fill); }
.stage:fullscreen { --height: 100vh; border: 0; border-radius: 0; }
p { margin: 0; padding: 1rem; text-align: center; color: var(--body-text-color-subdued); }
.frame { position: relative; aspect-ratio: var(--ratio); min-height: 24px;
  width: min(100%, var(--height) * (var(--ratio))); }
img { position: absolute; inset: 0; width: 100%; height: 100%; }
.alone { object-fit: contain; }
.after { clip-path: inset(0 0 0 var(--at)); }
input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: ew-resize; touch-action: pan-y; }
.line { position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px;
  background: white; box-shadow: 0 0 0 1px rgb(0 0 0 / 0.6); pointer-events: none; }
.line::after { content: "↔"; position: absolute; top: 50%; left: 50%; width: 36px;
  height: 36px; transform: translate(-50%, -50%); border-radius: 50%; background: white;
  color: #134e4a; font: bold 20px/34px system-ui, sans-serif; text-align: center;
  box-shadow: 0 0 0 1px rgb(0 0 0 / 0.6); }
input:focus-visible + .line::after { outline: 3px solid #0f766e; outline-offset: 2px;
  box-shadow: 0 0 0 8px white; }
.name, button { position: absolute; padding: 2px 8px; border: 0; border-radius: 4px;
  background: rgb(15 23 42 / 0.85); color: white; font-size: 13px; line-height: 20px; }
.name { bottom: 8px; left: 8px; pointer-events: none; }
.name.right { left: auto; right: 8px; }
button { top: 8px; right: 8px; min-height: 32px; cursor: pointer;
  font-weight: 400; }
"""
SLIDER_SCRIPT = """
element.addEventListener('input', event =>
  event.target.closest('.frame').style.setProperty('--at', event.target.value + '%'));
element.addEventListener('click', event => {
  if (!event.target.closest('button')) return;
  if (document.fullscreenElement) document.exitFullscreen();
  else element.querySelector('.stage').requestFullscreen();
});
"""
CARDS_TEMPLATE = """
<ul>{{#each value.cards}}<li><button type="button" data-name="{{name}}" aria-label="{{label}}">
  <span class="pictures">{{#each pictures}}<span>
    <img src="{{file.url}}" alt="{{alt}}" loading="lazy" width="256" height="256">
    {{#if caption}}<span class="caption">{{caption}}</span>{{/if}}
  </span>{{/each}}</span>
  {{#if text}}<span class="text">{{text}}</span>{{/if}}
</button></li>{{/each}}</ul>
"""
CARDS_STYLE = """
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
CARDS_SCRIPT = """
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (button) trigger('select', {name: button.dataset.name});
});
"""


class CompareSlider(gr.HTML):
    """Compares two pictures of one size, with a line that mouse, touch or arrow keys move.

    Its value comes from `empty_slider`, `one_picture` or `two_pictures`.
    """

    is_template = True

    def __init__(self, value: Any = None, **kwargs: Any):
        super().__init__(
            value, html_template=SLIDER_TEMPLATE, css_template=SLIDER_STYLE,
            js_on_load=SLIDER_SCRIPT, **kwargs,
        )  # fmt: skip


class SampleCards(gr.HTML):
    """Shows samples as buttons; the `select` event carries the `name` of the chosen sample.

    Its value comes from `example_cards` or `triplet_cards`.
    """

    is_template = True

    def __init__(self, value: Any = None, *, card_width: int, **kwargs: Any):
        self.card_width = card_width  # the least width of a card, in pixels
        super().__init__(
            value, html_template=CARDS_TEMPLATE,
            css_template=CARDS_STYLE.replace("WIDTH", f"{card_width}px"),
            js_on_load=CARDS_SCRIPT, **kwargs,
        )  # fmt: skip


def empty_slider(message: str) -> dict:
    """Returns the `CompareSlider` value that shows a message instead of pictures."""
    return {"empty": message}


def one_picture(name: str, path: str) -> dict:
    """Returns the `CompareSlider` value that shows one picture and no line."""
    return {"before_name": name, "before": file_data(path)}


def two_pictures(
    names: tuple[str, str], paths: tuple[str, str], size: tuple[int, int], caption: str = ""
) -> dict:
    """Returns the `CompareSlider` value that compares two pictures, left and right of the line.

    Args:
        names: captions of the pictures.
        paths: their files.
        size: width and height of both, in pixels.
        caption: a line below them.
    """
    return {
        "before_name": names[0], "after_name": names[1], "before": file_data(paths[0]),
        "after": file_data(paths[1]), "width": size[0], "height": size[1], "caption": caption,
    }  # fmt: skip


def example_cards(samples: list[Sample], labels: Labels) -> dict:
    """Returns the `SampleCards` value that shows the input of each sample."""
    return {
        "cards": [
            {"name": sample.name, "label": f"Load {alt}", "pictures": [_picture(sample.input, alt)]}
            for sample in samples
            for alt in [f"held-out {labels.short_source} {sample.name}"]
        ]
    }


def triplet_cards(samples: list[Sample], labels: Labels) -> dict:
    """Returns the `SampleCards` value that shows input, result, real picture and scores."""
    captions = (labels.short_source, f"generated {labels.short_result}", labels.real)
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


def _picture(path: Path, alt: str, caption: str = "") -> dict:
    return {"file": file_data(str(path)), "alt": alt, "caption": caption}


def file_data(path: str) -> dict:
    """Returns a dict that Gradio replaces with one that has the file's URL, anywhere in a value."""
    return {"path": path, "mime_type": get_mimetype(path), "meta": {"_type": "gradio.FileData"}}


def progress_bar(done: int, total: int, seconds: float) -> str:
    """Returns the HTML of a progress bar after `done` of `total` tiles in `seconds`."""
    remaining = seconds / done * (total - done)
    return (
        f"<label>Tile {done} of {total}, about {remaining:.0f} s left"
        f'<progress value="{done}" max="{total}"></progress></label>'
    )


def result_note(translation: Image.Image, seconds: float, notes: tuple[str, ...]) -> str:
    """Returns HTML with a translation's size and duration, and how the photo's file was read."""
    sentences = [
        f"{translation.width} x {translation.height} pixels, translated in {seconds:.2f} s."
    ]
    return f"<p>{html.escape(' '.join([*sentences, *notes]))}</p>"
