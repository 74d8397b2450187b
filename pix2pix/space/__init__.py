"""The parts of the Gradio Space: settings, served models, components, and one module for each tab.

`app.py` puts them together. Only these modules import gradio, and none imports TensorFlow.
"""
