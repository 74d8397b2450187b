"""Two pictures of one size, and a line between them that mouse, finger and arrow keys move."""

import gradio as gr
from gradio_client.utils import get_mimetype

TEMPLATE = """
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
STYLE = """
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
BEHAVIOUR = """
element.addEventListener('input', event =>
  event.target.closest('.frame').style.setProperty('--at', event.target.value + '%'));
element.addEventListener('click', event => {
  if (!event.target.closest('button')) return;
  if (document.fullscreenElement) document.exitFullscreen();
  else element.querySelector('.stage').requestFullscreen();
});
"""


def compare(value: dict, elem_id: str, visible: bool = True) -> gr.HTML:
    """The component; its value comes from `nothing_compared`, `alone` or `compared`."""
    return gr.HTML(
        value, html_template=TEMPLATE, css_template=STYLE, js_on_load=BEHAVIOUR,
        elem_id=elem_id, visible=visible,
    )  # fmt: skip


def nothing_compared(sentence: str) -> dict:
    """The value without pictures: a sentence in their place."""
    return {"empty": sentence}


def alone(name: str, file: str) -> dict:
    """The value with one picture, before there is another to compare it with."""
    return {"before_name": name, "before": file_data(file)}


def compared(
    names: tuple[str, str], files: tuple[str, str], size: tuple[int, int], caption: str = ""
) -> dict:
    """The value with the pictures left and right of the line.

    Args:
        names: what they show. files: their paths. size: width and height of both, in pixels.
        caption: a line below.
    """
    return {
        "before_name": names[0], "after_name": names[1], "before": file_data(files[0]),
        "after": file_data(files[1]), "width": size[0], "height": size[1], "caption": caption,
    }  # fmt: skip


def file_data(path: str) -> dict:
    """What Gradio turns into the address of a file, wherever in a value it stands."""
    return {"path": path, "mime_type": get_mimetype(path), "meta": {"_type": "gradio.FileData"}}
