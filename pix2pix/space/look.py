"""How the Space looks: its theme and what the theme can't say."""

import gradio as gr

THEME = gr.themes.Soft(primary_hue="teal", secondary_hue="sky", neutral_hue="slate")
CSS = """
.gradio-container { max-width: 1080px !important; margin: auto; }
#gallery .grid-wrap { max-height: none; height: auto; }
#banner { border-left: 4px solid #d97706; padding: 0.5rem 1rem; }
"""
