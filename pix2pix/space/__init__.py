"""The Space's parts: what the operator sets, the models served, and one module a tab.

`app.py` puts them together. Only these modules import gradio, and none imports TensorFlow.
"""
