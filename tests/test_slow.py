"""Tests that take minutes: documented runs at full length, and an unreachable Hub."""

import json
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from pix2pix.artifacts import OPTIONAL, PUBLISHED
from tests.commands import ROOT, run_train_hub, running_space

pytestmark = pytest.mark.slow
SAMPLE_MAPS = "assets/sample_maps"


def test_the_demo_run_writes_every_artifact_and_learns(tmp_path: Path):
    run_train_hub(
        "--dataset_name", SAMPLE_MAPS, "--generator_filters", "16", "--max_train_steps", "200",
        "--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"),
        timeout=1100,
    )  # fmt: skip
    artifacts = {name for name in PUBLISHED if "*" not in name and name not in OPTIONAL}
    artifacts |= {"discriminator.weights.h5", "handler.py", "notebook.ipynb", "thumbnail.png"}
    assert {path.name for path in (tmp_path / "run").iterdir()} >= artifacts
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["metrics"]["l1"] < metrics["baselines"]["best_constant"]["l1"]


def test_full_size_networks_are_trained_exported_and_evaluated(tmp_path: Path):
    run_train_hub(
        "--dataset_name", SAMPLE_MAPS, "--max_train_steps", "3", "--max_train_samples", "4",
        "--validation_samples", "2", "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"), timeout=900,
    )  # fmt: skip
    assert 100e6 < (tmp_path / "run" / "generator.onnx").stat().st_size < 120e6
    about = json.loads((tmp_path / "run" / "pix2pix.json").read_text())
    assert about["onnx_max_difference"] < 1 / 255


def test_without_a_hub_the_space_starts_and_shows_the_reason(tmp_path: Path):
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIX2PIX_MODEL": "user/pix2pix-maps"}
    with running_space(tmp_path / "app.log", **environment) as url:
        config = Client(url, verbose=False).config
        texts = [str(part["props"].get("value")) for part in config["components"]]
        (banner,) = (text for text in texts if "user/pix2pix-maps is not served" in text)
        assert "the Hub can't be reached" in banner
        photo = ROOT / "assets" / "starter_model" / "samples" / "000-input.png"
        assert Client(url, verbose=False).predict(handle_file(photo), api_name="/translate")
