"""Every snippet of a published card runs unchanged, against the test Hub."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard
from PIL import Image

from pix2pix import Translator, UserError, card, flags
from pix2pix.artifacts import PAINTER_FOLDER
from pix2pix.commands import train
from pix2pix.config import Config
from pix2pix.evaluation import METRICS
from pix2pix.hub import read_dataset_card
from tests.commands import ROOT
from tests.deployed_space import MODEL, SPACE, STARTER_MODEL, TAG, DeployedSpace
from tests.hub_server import Fault, HubServer

PAINTER = ROOT / PAINTER_FOLDER


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Returns the language and the content of each code block."""
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def write_starter_card(tmp_path: Path) -> str:
    """Returns the card as `--push_only --hub_tag --space_id` writes it."""
    shutil.copytree(STARTER_MODEL, tmp_path, dirs_exist_ok=True)
    card.write_card(tmp_path, card.Places(MODEL, TAG, SPACE))
    return (tmp_path / "README.md").read_text(encoding="utf-8")


# A string that identifies each snippet. A new snippet needs an entry, and so is run here too.
IDENTIFIERS = {
    "translator": "Translator.from_pretrained(",
    "onnx": "hf_hub_download(",
    "keras": "keras.saving.load_model(",
    "space": "gradio_client",
}


def test_the_card_on_the_hub_has_these_snippets_and_no_others(
    deployed_space: DeployedSpace, tmp_path: Path
):
    published = ModelCard.load(MODEL)
    assert published.content == write_starter_card(tmp_path)
    blocks = code_blocks(published.text)
    assert [language for language, _ in blocks] == ["bash", *["python"] * 4, "bash", "bibtex"]
    python = [code for language, code in blocks if language == "python"]
    for code, identifier in zip(python, IDENTIFIERS.values(), strict=True):
        assert identifier in code
    placeholders = "".join(code for language, code in blocks if language != "bibtex").count("<")
    assert placeholders == 0


def run_snippet(kind: str, space: DeployedSpace, folder: Path, check: str = "") -> None:
    """Runs a Python snippet of the card in `folder`, then the statement `check`."""
    (code,) = [
        code for language, code in code_blocks(ModelCard.load(MODEL).text)
        if language == "python" and IDENTIFIERS[kind] in code
    ]  # fmt: skip
    # The client would derive the Space's URL on hf.space from its name.
    code = code.replace(SPACE, space.url)
    (folder / "aerial.jpg").write_bytes(space.photo.read_bytes())
    environment = os.environ | ({"PYTHONPATH": str(ROOT)} if kind == "translator" else {})
    subprocess.run(
        [sys.executable, "-c", f"{code}\n{check}"],
        cwd=folder, env=environment, check=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_the_keras_snippet_loads_the_generator(deployed_space: DeployedSpace, tmp_path: Path):
    run_snippet(
        "keras", deployed_space, tmp_path, check="assert generator.count_params() > 100_000"
    )
    assert not (tmp_path / "map.png").exists()


@pytest.mark.parametrize("kind", [kind for kind in IDENTIFIERS if kind != "keras"])
def test_a_snippet_translates_a_photo(kind: str, deployed_space: DeployedSpace, tmp_path: Path):
    run_snippet(kind, deployed_space, tmp_path)
    translated = np.asarray(Image.open(tmp_path / "map.png").convert("RGB"))
    photo = Image.open(deployed_space.photo)
    translator = Translator(STARTER_MODEL)
    if kind == "onnx":
        square = np.asarray(photo.convert("RGB").resize((256, 256)))
        expected = translator.generate(square[None])[0]
    else:
        expected = np.asarray(translator(photo))
    assert np.abs(translated.astype(int) - expected).max() <= 1


@pytest.mark.slow
def test_the_evaluation_command_reproduces_the_cards_figures(
    deployed_space: DeployedSpace, tmp_path: Path
):
    command = code_blocks(ModelCard.load(MODEL).text)[0][1]
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "pix2pix", "evaluate"] and f"{MODEL}@{TAG}" in words
    process = subprocess.run(
        [sys.executable, *words[1:], "--cache_dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "\nReproduced: the published figures, within 1 %" in process.stdout


def test_the_training_command_gives_the_models_config(deployed_space: DeployedSpace):
    words = shlex.split(code_blocks(ModelCard.load(MODEL).text)[5][1])
    assert words[:2] == ["python", "train_hub.py"]
    assert flags.parse("", words[2:])[0] == Translator(STARTER_MODEL).config


def test_a_card_without_tag_and_space_has_no_revision_and_a_placeholder(tmp_path: Path):
    write_starter_card(tmp_path)
    card.write_card(tmp_path, card.Places(MODEL))
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "revision=" not in text and f"--model {MODEL}\n" in text
    assert 'Client("<user>/<space>")' in text


def test_the_card_of_a_painter_names_its_files_and_its_colors(tmp_path: Path):
    shutil.copytree(PAINTER, tmp_path, dirs_exist_ok=True)
    card.write_card(tmp_path, card.Places(MODEL))
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.count("sketch.png") == 3 and text.count("photo.png") == 3
    assert "aerial.jpg" not in text and "map.png" not in text
    (row,) = [line for line in text.splitlines() if "colors of the input pictures" in line]
    for entry in json.loads((PAINTER / "pix2pix.json").read_text(encoding="utf-8"))[
        "input_palette"
    ]:
        assert f"{entry['name']} `{entry['color']}`" in row
    assert "colors of the target" not in text  # photos have no palette


def test_the_metadata_is_valid(deployed_space: DeployedSpace):
    """The Hub's own validation accepts it, and each result has what a model-index needs."""
    published = ModelCard.load(MODEL)
    published.validate()
    data = published.data.to_dict()
    assert data["license"] == "apache-2.0" and data["library_name"] == "keras"
    (entry,) = data["model-index"]
    for result in entry["results"]:
        assert result["task"]["type"] == data["pipeline_tag"] == "image-to-image"
        assert result["dataset"]["name"] and result["dataset"]["type"]
        assert result["dataset"]["split"] == "validation"
        for metric in result["metrics"]:
            assert metric["type"] in data["metrics"] and isinstance(metric["value"], float)
    types = [metric["type"] for result in entry["results"] for metric in result["metrics"]]
    assert types == data["metrics"] == list(METRICS)


def report_with(value: float, interval: list[float], lookup: float) -> dict:
    """Returns a report with this L1 of the model and of the color lookup."""
    return {
        "metrics": {"l1": value, "psnr": 30.0},
        "intervals": {"l1": interval, "psnr": [29.0, 31.0]},
        "baselines": {
            "mean_map": {"l1": 99.0, "psnr": 9.0},
            "color_lookup": {"l1": lookup, "psnr": 20.0},
        },
    }


@pytest.mark.parametrize(
    ("value", "interval", "sentence"),
    [
        (2.0, [1.5, 2.5], "ahead of it in L1 (gray levels of 255), PSNR (dB)."),
        (3.1, [2.5, 3.5], "ahead of it in PSNR (dB); level with it in L1"),
        (4.0, [3.5, 4.5], "ahead of it in PSNR (dB); behind it in L1"),
    ],
)
def test_the_verdict_follows_the_intervals(value: float, interval: list[float], sentence: str):
    assert sentence in card.sections.verdict(report_with(value, interval, lookup=3.0))


def test_the_verdict_leaves_out_metrics_that_are_not_ranked():
    report = report_with(2.0, [1.5, 2.5], lookup=3.0)
    for values in (report["metrics"], *report["baselines"].values()):
        values["sharpness"] = 1.0
    report["intervals"]["sharpness"] = [0.9, 1.1]
    assert "sharpness" not in card.sections.verdict(report)
    assert card.sections.ranking(report) == (
        "Lower is better for L1; higher is better for PSNR; not ranked: sharpness."
    )


def test_the_settings_are_compared_with_the_papers():
    rows = card.sections.settings(Config(l1_weight=10.0, max_train_steps=7))
    cells = {row[0]: row[1:] for row in rows}
    assert cells["`l1_weight`"] == ["10.0", "100.0"]
    assert cells["`ema_decay`"] == ["not set", "not set"]
    assert "`num_train_epochs`" not in cells and cells["`max_train_steps`"][0] == "7"


def test_the_license_is_the_one_on_the_datasets_card(hub: HubServer, repo_id: str, api: HfApi):
    api.create_repo(repo_id, repo_type="dataset")
    without = api.dataset_info(repo_id).sha
    licensed = api.upload_file(
        path_or_fileobj=b"---\nlicense: cc-by-4.0\n---\n", path_in_repo="README.md",
        repo_id=repo_id, repo_type="dataset",
    ).oid  # fmt: skip
    assert read_dataset_card(repo_id, licensed) == {"license": "cc-by-4.0"}
    assert read_dataset_card(repo_id, without) == read_dataset_card("assets", None) == {}
    assert set(read_dataset_card("assets/sample_maps", None)) > {"license", "palettes"}
    hub.faults.append(Fault("GET", repo_id, "reset", times=20))
    with pytest.raises(UserError, match="can't be reached"):
        read_dataset_card(repo_id, licensed)
    config = Config(dataset_name=repo_id, dataset_revision=licensed)
    assert train.read_card(config) == {}, "a failure must not end a finished run"
    about = json.loads((STARTER_MODEL / "pix2pix.json").read_text(encoding="utf-8"))
    about["config"] |= {"dataset_name": repo_id, "dataset_revision": licensed}
    del about["dataset_license"]
    rows = card.sections.provenance(about | {"dataset_license": "cc-by-4.0"})
    assert ["license", "cc-by-4.0"] in rows
    assert "license" not in [row[0] for row in card.sections.provenance(about)]
