"""A run on gray pictures, from the command line to the published files."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.commands.evaluate import main as evaluate
from tests.builders import make_picture
from tests.commands import run_train_hub

# A whole training run, and its evaluation in another process.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gray_model(tmp_path_factory) -> Path:
    """Returns the artifacts of two steps from gray photos to gray maps."""
    folder = tmp_path_factory.mktemp("gray")
    run_train_hub(
        "--dataset_name", "assets/sample_maps", "--image_size", "64", "--generator_filters", "4",
        "--discriminator_filters", "4", "--max_train_steps", "2", "--max_train_samples", "4",
        "--validation_samples", "2", "--input_channels", "1", "--target_channels", "1",
        "--output_dir", str(folder / "run"), "--cache_dir", str(folder / "cache"),
    )  # fmt: skip
    return folder / "run"


def test_the_graph_has_one_input_and_one_output_channel(gray_model):
    session = onnxruntime.InferenceSession(gray_model / "generator.onnx")
    (image,), (translation,) = session.get_inputs(), session.get_outputs()
    assert (image.shape[-1], translation.shape[-1]) == (1, 1)


def test_samples_and_translations_are_gray(gray_model):
    colorful = make_picture(50, 40)
    translated = np.asarray(Translator(gray_model)(colorful))
    kinds = ("input", "generated", "target")
    samples = [np.asarray(Image.open(gray_model / "samples" / f"000-{k}.png")) for k in kinds]
    for pixels in (translated, *samples):
        assert (pixels == pixels[..., :1]).all()
    assert translated.shape == (40, 50, 3)
    # Converting to gray after resizing instead of before differs by up to 3 levels of rounding.
    gray = np.asarray(Translator(gray_model)(colorful.convert("L")))
    assert np.abs(gray.astype(int) - translated).max() <= 3


def test_the_evaluation_reproduces_its_figures(gray_model, tmp_path, capsys):
    assert evaluate(["--model", str(gray_model), "--cache_dir", str(tmp_path)]) == 0
    assert "Reproduced" in capsys.readouterr().out


def test_the_onnx_snippet_on_its_card_runs(gray_model, tmp_path, monkeypatch):
    card = (gray_model / "README.md").read_text()
    snippet = next(part for part in card.split("```python\n") if "onnxruntime" in part)
    snippet = snippet.split("```")[0].replace(
        'hf_hub_download("<user>/pix2pix-maps", "generator.onnx")',
        repr(str(gray_model / "generator.onnx")),
    )
    monkeypatch.chdir(tmp_path)
    make_picture(90, 70).save("aerial.jpg")
    exec(compile(snippet, "card", "exec"), {})
    assert Image.open("map.png").mode == "L"
    assert json.loads((gray_model / "pix2pix.json").read_text())["config"]["input_channels"] == 1
