"""A run between grey pictures, from the command line to the published files."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.evaluation.__main__ import main as evaluate
from tests.builders import picture
from tests.commands import run_train_hub


@pytest.fixture(scope="module")
def grey_model(tmp_path_factory) -> Path:
    """Trained for a moment from grey photos to grey maps."""
    folder = tmp_path_factory.mktemp("grey")
    run_train_hub(
        "--dataset_name", "assets/sample_maps", "--image_size", "64", "--generator_filters", "4",
        "--discriminator_filters", "4", "--max_train_steps", "2", "--max_train_samples", "4",
        "--validation_samples", "2", "--input_channels", "1", "--target_channels", "1",
        "--output_dir", str(folder / "run"), "--cache_dir", str(folder / "cache"),
    )  # fmt: skip
    return folder / "run"


def test_the_published_graph_takes_and_gives_one_channel(grey_model):
    session = onnxruntime.InferenceSession(grey_model / "generator.onnx")
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.shape[-1], made.shape[-1]) == (1, 1)


def test_samples_and_translations_are_grey(grey_model):
    colourful = picture(50, 40)
    translated = np.asarray(Translator(grey_model)(colourful))
    kinds = ("input", "generated", "target")
    samples = [np.asarray(Image.open(grey_model / "samples" / f"000-{k}.png")) for k in kinds]
    for pixels in (translated, *samples):
        assert (pixels == pixels[..., :1]).all()
    assert translated.shape == (40, 50, 3)
    # Grey after resizing, not before: a level or two of rounding.
    grey = np.asarray(Translator(grey_model)(colourful.convert("L")))
    assert np.abs(grey.astype(int) - translated).max() <= 3


def test_its_figures_can_be_checked(grey_model, tmp_path, capsys):
    assert evaluate(["--model", str(grey_model), "--cache_dir", str(tmp_path)]) == 0
    assert "Reproduced" in capsys.readouterr().out


def test_the_snippet_on_its_card_runs(grey_model, tmp_path, monkeypatch):
    card = (grey_model / "README.md").read_text()
    snippet = next(part for part in card.split("```python\n") if "onnxruntime" in part)
    snippet = snippet.split("```")[0].replace(
        'hf_hub_download("<user>/pix2pix-maps", "generator.onnx")',
        repr(str(grey_model / "generator.onnx")),
    )
    monkeypatch.chdir(tmp_path)
    picture(90, 70).save("aerial.jpg")
    exec(compile(snippet, "card", "exec"), {})
    assert Image.open("map.png").mode == "L"
    assert json.loads((grey_model / "pix2pix.json").read_text())["config"]["input_channels"] == 1
