"""What takes minutes: documented runs at their full length, and a Hub that can't be reached."""

import json
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from tests.commands import ROOT, run_train_hub, running_space
from tests.test_end_to_end import LAYOUT

pytestmark = pytest.mark.slow
SAMPLE_MAPS = "assets/sample_maps"


def test_the_demo_run_leaves_every_artifact_and_learns(tmp_path: Path):
    run_train_hub(
        "--dataset_name", SAMPLE_MAPS, "--generator_filters", "16", "--max_train_steps", "200",
        "--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"),
        timeout=900,
    )  # fmt: skip
    assert {path.name for path in (tmp_path / "run").iterdir()} >= LAYOUT
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["metrics"]["l1"] < metrics["baselines"]["best_constant"]["l1"]


def test_full_size_networks_train_export_and_score(tmp_path: Path):
    run_train_hub(
        "--dataset_name", SAMPLE_MAPS, "--max_train_steps", "3", "--max_train_samples", "4",
        "--validation_samples", "2", "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"), timeout=900,
    )  # fmt: skip
    assert 100e6 < (tmp_path / "run" / "generator.onnx").stat().st_size < 120e6
    about = json.loads((tmp_path / "run" / "pix2pix.json").read_text())
    assert about["onnx_max_difference"] < 1 / 255


def test_without_a_hub_the_space_starts_and_says_so(tmp_path: Path):
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIX2PIX_MODEL": "user/pix2pix-maps"}
    with running_space(tmp_path / "app.log", **nowhere) as address:
        config = Client(address, verbose=False).config
        texts = [str(part["props"].get("value")) for part in config["components"]]
        assert any("user/pix2pix-maps is not served" in text for text in texts)
        assert any("can't be fetched" in text or "can't be reached" in text for text in texts)
        photo = ROOT / "assets" / "starter_model" / "samples" / "000-input.png"
        assert Client(address, verbose=False).predict(handle_file(photo), api_name="/translate")
