"""Every snippet of a published card runs as it stands, with the test Hub in the Hub's place."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard
from PIL import Image

from pix2pix import Translator, card, cli
from pix2pix.config import Config
from pix2pix.hub.datasets import dataset_license
from tests.commands import ROOT
from tests.deployed import MODEL, SPACE, STARTER, TAG, Deployed
from tests.hub_server import Fault, HubServer


def blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def generated(tmp_path: Path) -> str:
    """The card as `--push_only --hub_tag --space_id` writes it, before anything is published."""
    for name in ("pix2pix.json", "metrics.json"):
        (tmp_path / name).write_bytes((STARTER / name).read_bytes())
    card.write_card(tmp_path, MODEL, TAG, SPACE)
    return (tmp_path / "README.md").read_text(encoding="utf-8")


# What each snippet is known by, so that one that is added is seen to run here too.
USES = {
    "translator": "Translator.from_pretrained(",
    "onnx": "hf_hub_download(",
    "keras": "keras.saving.load_model(",
    "space": "gradio_client",
}


def test_the_card_on_the_hub_has_these_snippets_and_no_others(deployed: Deployed, tmp_path: Path):
    published = ModelCard.load(MODEL)
    assert published.content == generated(tmp_path)
    found = blocks(published.text)
    assert [language for language, _ in found] == ["bash", *["python"] * 4, "bash", "bibtex"]
    python = [code for language, code in found if language == "python"]
    for code, used in zip(python, USES.values(), strict=True):
        assert used in code
    assert "<" not in "".join(code for language, code in found if language != "bibtex")


@pytest.mark.parametrize("kind", USES)
def test_a_snippet_runs(kind: str, deployed: Deployed, tmp_path: Path):
    (code,) = [
        code for language, code in blocks(ModelCard.load(MODEL).text)
        if language == "python" and USES[kind] in code
    ]  # fmt: skip
    # The client would look for the Space's address at its own name on hf.space.
    code = code.replace(SPACE, deployed.address)
    (tmp_path / "aerial.jpg").write_bytes(deployed.photo.read_bytes())
    environment = os.environ | ({"PYTHONPATH": str(ROOT)} if kind == "translator" else {})
    check = "\nassert generator.count_params() > 100_000" if kind == "keras" else ""
    subprocess.run(
        [sys.executable, "-c", code + check],
        cwd=tmp_path, env=environment, check=True, timeout=120,
    )  # fmt: skip
    if kind == "keras":
        assert not (tmp_path / "map.png").exists()
        return
    found = np.asarray(Image.open(tmp_path / "map.png").convert("RGB"))
    photo = Image.open(deployed.photo)
    translator = Translator(STARTER)
    if kind == "onnx":
        square = np.asarray(photo.convert("RGB").resize((256, 256)))
        expected = translator.generate(square[None])[0]
    else:
        expected = np.asarray(translator(photo))
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.slow
def test_the_card_is_checked_by_the_command_on_it(deployed: Deployed, tmp_path: Path):
    command = blocks(ModelCard.load(MODEL).text)[0][1]
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "pix2pix.evaluation"] and f"{MODEL}@{TAG}" in words
    found = subprocess.run(
        [sys.executable, *words[1:], "--cache_dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "\nReproduced: the model's own figures, within 1 %" in found.stdout


def test_the_training_command_asks_for_the_config_that_was_trained(deployed: Deployed):
    words = shlex.split(blocks(ModelCard.load(MODEL).text)[5][1])
    assert words[:2] == ["python", "train_hub.py"]
    assert cli.parse("", words[2:])[0] == Translator(STARTER).config


def test_without_a_tag_nothing_is_pinned_and_without_a_space_a_placeholder_stands(tmp_path: Path):
    generated(tmp_path)
    card.write_card(tmp_path, MODEL)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "revision=" not in text and f"--model {MODEL}\n" in text
    assert 'Client("<user>/<space>")' in text


def test_the_metadata_lints_clean(deployed: Deployed):
    """By the Hub's own route, and with what the Hub's model-index needs in each result."""
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
    measured = {m["type"] for result in entry["results"] for m in result["metrics"]}
    assert {"l1", "psnr", "ssim", "within_5", "class_accuracy", "mean_iou"} <= measured


def metrics(value: float, interval: list[float], lookup: float) -> dict:
    return {
        "metrics": {"l1": value, "psnr": 30.0},
        "intervals": {"l1": interval, "psnr": [29.0, 31.0]},
        "baselines": {
            "mean_map": {"l1": 99.0, "psnr": 9.0},
            "colour_lookup": {"l1": lookup, "psnr": 20.0},
        },
    }


@pytest.mark.parametrize(
    ("value", "interval", "said"),
    [
        (2.0, [1.5, 2.5], "ahead of it in L1 (grey levels of 255), PSNR (dB)."),
        (3.1, [2.5, 3.5], "ahead of it in PSNR (dB); level with it in L1"),
        (4.0, [3.5, 4.5], "ahead of it in PSNR (dB); behind it in L1"),
    ],
)
def test_the_verdict_follows_the_intervals(value: float, interval: list[float], said: str):
    assert said in card.sections.verdict(metrics(value, interval, lookup=3.0))


def test_the_settings_are_beside_the_papers(tmp_path: Path):
    rows = card.sections.settings(Config(l1_weight=10.0, max_train_steps=7))
    cells = {row[0]: row[1:] for row in rows}
    assert cells["`l1_weight`"] == ["10.0", "100.0"]
    assert cells["`ema_decay`"] == ["not set", "not set"]
    assert "`num_train_epochs`" not in cells and cells["`max_train_steps`"][0] == "7"


def test_the_datasets_licence_is_what_its_card_states(hub: HubServer, repo_id: str, api: HfApi):
    api.create_repo(repo_id, repo_type="dataset")
    bare = api.dataset_info(repo_id).sha
    stated = api.upload_file(
        path_or_fileobj=b"---\nlicense: cc-by-4.0\n---\n", path_in_repo="README.md",
        repo_id=repo_id, repo_type="dataset",
    ).oid  # fmt: skip
    assert dataset_license(repo_id, stated) == "cc-by-4.0"
    assert dataset_license(repo_id, bare) is None
    assert dataset_license("assets/sample_maps", None) is None
    hub.faults.append(Fault("GET", repo_id, "reset", times=20))
    assert dataset_license(repo_id, stated) is None, "no reason to lose a finished run"
    about = json.loads((STARTER / "pix2pix.json").read_text(encoding="utf-8"))
    about["config"] |= {"dataset_name": repo_id, "dataset_revision": stated}
    rows = card.sections.provenance(about | {"dataset_license": "cc-by-4.0"})
    assert ["licence", "cc-by-4.0"] in rows
    assert "licence" not in [row[0] for row in card.sections.provenance(about)]
