"""The endpoints of the Space on the starter models, to a program that uses Gradio's client."""

from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER
from tests.browser import PHOTO, STARTER_MODEL
from tests.commands import ROOT


def test_the_starters_are_served_with_their_titles_as_names(starter_space: str):
    client = Client(starter_space, verbose=False)
    info = client.predict(api_name="/model_info")
    assert info["models"] == ["satellite photo to atlas map", "sketch to satellite photo"]
    assert info["name"] == info["models"][0]
    assert [(model["source"], model["result"]) for model in info["model_details"]] == [
        ("satellite photo", "atlas map"), ("sketch", "satellite photo"),
    ]  # fmt: skip
    painter = ROOT / PAINTER_FOLDER
    sketch = handle_file(painter / "samples" / "003-input.png")
    path = client.predict(sketch, "fit", info["models"][1], api_name="/translate_with")
    assert Path(path).name == "pix2pix-photo.png"
    assert np.array_equal(Image.open(path), Translator(painter)(sketch["path"]))
    path = client.predict(handle_file(PHOTO), api_name="/translate")
    assert Path(path).name == "pix2pix-map.png"
    assert np.array_equal(Image.open(path), Translator(STARTER_MODEL)(PHOTO))
