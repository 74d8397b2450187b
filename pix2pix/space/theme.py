"""Defines the appearance of the Space: theme, CSS for the rest, and accessible names (in JS)."""

from urllib.parse import quote

import gradio as gr

# Fonts of the visitor's own system: none is downloaded.
SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Liberation Mono", "monospace")

THEME = gr.themes.Base(
    primary_hue="teal", secondary_hue="amber", neutral_hue="slate", radius_size="lg",
    font=SANS, font_mono=MONO,
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color="*neutral_900",
    body_text_color_dark="*neutral_100",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    background_fill_secondary_dark="*neutral_900",
    block_background_fill="white",
    block_background_fill_dark="*neutral_900",
    block_border_width="1px",
    border_color_primary="*neutral_300",
    border_color_primary_dark="*neutral_700",
    border_color_accent="*primary_700",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_background_fill="*neutral_100",
    block_label_background_fill_dark="*neutral_800",
    block_label_text_color="*neutral_800",
    block_label_text_color_dark="*neutral_100",
    block_title_text_color="*neutral_900",
    block_title_text_color_dark="*neutral_100",
    block_title_text_weight="600",
    button_border_width="1px",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    button_primary_border_color="*primary_700",
    button_primary_border_color_dark="*primary_700",
    button_primary_text_color="white",
    button_primary_text_color_dark="white",
    button_secondary_background_fill="white",
    button_secondary_background_fill_dark="*neutral_800",
    button_secondary_background_fill_hover="*neutral_100",
    button_secondary_background_fill_hover_dark="*neutral_700",
    button_secondary_border_color="*neutral_400",
    button_secondary_border_color_dark="*neutral_500",
    button_secondary_text_color="*neutral_900",
    button_secondary_text_color_dark="*neutral_100",
    checkbox_background_color_selected="*primary_700",
    checkbox_background_color_selected_dark="*primary_600",
    checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
    checkbox_label_background_fill_selected="*primary_50",
    checkbox_label_background_fill_selected_dark="*primary_950",
    checkbox_label_border_color_selected="*primary_700",
    checkbox_label_border_color_selected_dark="*primary_400",
    checkbox_label_text_color="*neutral_900",
    checkbox_label_text_color_dark="*neutral_100",
    color_accent="*primary_700",
    input_background_fill="white",
    input_background_fill_dark="*neutral_800",
    input_border_color="*neutral_400",
    input_border_color_dark="*neutral_500",
    input_border_color_focus="*primary_700",
    input_border_color_focus_dark="*primary_300",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    link_text_color_hover="*primary_800",
    link_text_color_hover_dark="*primary_200",
    link_text_color_visited="*primary_700",
    link_text_color_visited_dark="*primary_300",
    link_text_color_active="*primary_800",
    link_text_color_active_dark="*primary_200",
)  # fmt: skip

CSS = """
.gradio-container { width: 100%; min-width: 0; max-width: 1120px !important; margin: auto; }
.dark { --color-accent: var(--primary-300); }
:focus-visible { outline: 3px solid var(--color-accent) !important; outline-offset: 2px; }
[role=tab], button.lg, button.md { min-height: 40px; }
.gradio-container .html-container { padding: 0; }
.gradio-container :is(table, th, td) { border-color: var(--border-color-primary) !important; }
footer { align-items: center; }
#badges .prose { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
#badges a { padding: 4px 12px; border: 1px solid var(--border-color-primary); border-radius: 999px;
  background: var(--block-background-fill); font-size: 14px; text-decoration: none; }
#badges span { font-size: 14px; color: var(--body-text-color-subdued); }
#banner { border-left: 4px solid #d97706; padding: 0.5rem 1rem; }
#photo { height: clamp(240px, 80vw, 440px) !important; }
#pair { padding: 12px; border: 1px solid var(--color-accent); border-radius: var(--radius-lg);
  background: var(--block-background-fill); }
#note p, #note label { margin: 0; font-variant-numeric: tabular-nums; }
#note progress { appearance: none; display: block; width: 100%; height: 10px; border: 0;
  border-radius: 5px; overflow: hidden; background: var(--border-color-primary); }
#note ::-webkit-progress-bar { background: var(--border-color-primary); }
#note ::-webkit-progress-value { background: var(--color-accent); }
#note ::-moz-progress-bar { background: var(--color-accent); }
#footer { font-size: 14px; color: var(--body-text-color-subdued); }
.wide { overflow-x: auto; }
.gradio-container :is(.facts, .wide) table { display: table; width: 100%; }
.gradio-container .wide table { min-width: 680px; }
.gradio-container :is(.facts, .wide) :is(th, td) { word-break: normal; overflow-wrap: anywhere; }
.facts td:first-child { white-space: nowrap; }
/* All tabs side by side on a phone; in a menu where they are wider than the page. */
@media (max-width: 480px) {
  .app { padding: 12px !important; }
  .tab-container button { padding: 0 5px !important; font-size: 13.5px !important; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation-duration: 1ms !important; scroll-behavior: auto !important;
    animation-iteration-count: 1 !important; transition-duration: 1ms !important; }
}
"""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="6" fill="#0f766e"/>'
    '<path d="M16 0h10a6 6 0 0 1 6 6v20a6 6 0 0 1-6 6H16z" fill="#f1f5f9"/>'
    '<path d="M3 22c5-8 8 2 13-6" stroke="#99f6e4" stroke-width="3" fill="none"/>'
    '<path d="M16 16c4-6 7 1 13-7" stroke="#0f766e" stroke-width="3" fill="none"/></svg>'
)

# Gradio gives pictures an empty alt text, and leaves some inputs without an accessible name.
JS = """
() => {
  document.querySelectorAll('link[rel~=icon]').forEach(link => link.remove());
  document.head.append(Object.assign(document.createElement('link'), {rel: 'icon', href: 'ICON'}));
  const name = () => {
    document.querySelectorAll('#photo img').forEach(image => {
      const label = image.closest('.block').querySelector('[data-testid=block-label]');
      const alt = label ? label.textContent.trim() : 'Picture';
      if (image.alt !== alt) image.alt = alt;
    });
    document.querySelectorAll('input[type=file]:not([aria-label])').forEach(input =>
      input.setAttribute('aria-label', 'Choose a file'));
    document.querySelector('#note')?.setAttribute('aria-live', 'polite');
    const heading = document.querySelector('h1')?.textContent.trim();
    const title = `pix2pix: ${heading}`;
    if (heading && document.title !== title) document.title = title;
  };
  name();
  new MutationObserver(name).observe(document.body,
    {childList: true, characterData: true, subtree: true});
}
""".replace("ICON", f"data:image/svg+xml,{quote(ICON)}")
