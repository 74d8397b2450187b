"""The names that version 0.1.0 documented still work: artifact files, JSON keys, flags, endpoints.

The lists are written out, so that a rename in the code can't rename them here too.
"""

import json
import subprocess
import sys

import httpx
import pytest

from pix2pix.artifacts import OPTIONAL, PUBLISHED, SERVED
from pix2pix.config import Config
from pix2pix.space.settings import Settings
from tests.builders import make_finished_run
from tests.commands import ROOT
from tests.space_clients import TwoModelSpace, call_endpoint

FILES = {
    "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    "pix2pix.json", "metrics.json", "samples.png", "samples/*.png", "history.csv", "curves.png",
}  # fmt: skip
NOT_SERVED = {"config.json", "metadata.json", "model.weights.h5"}
CONFIG_KEYS = {
    "dataset_name", "dataset_revision", "input_column", "target_column", "direction", "image_size",
    "load_size", "input_channels", "target_channels", "augmentation", "max_train_samples",
    "validation_samples", "recipe", "generator_filters", "discriminator_filters", "dropout",
    "generator_norm", "gan_loss", "l1_weight", "num_train_epochs", "max_train_steps",
    "train_batch_size", "learning_rate", "discriminator_learning_rate", "adam_beta1",
    "lr_schedule", "ema_decay", "mixed_precision", "jit_compile", "steps_per_execution", "seed",
}  # fmt: skip
DESCRIPTION_KEYS = {
    "pix2pix_version", "pix2pix_commit", "config", "size_multiple", "columns", "rows",
    "skipped_rows", "dataset_license", "training", "onnx_max_difference", "sha256", "versions",
}  # fmt: skip
METRICS = {
    "l1", "psnr", "ssim", "within_5", "within_10", "class_accuracy", "mean_iou", "sharpness",
}  # fmt: skip
REPORT_KEYS = {
    "protocol", "held_out_pairs", "legend", "metrics", "intervals", "baselines",
    "baseline_intervals", "per_pair", "samples",
}  # fmt: skip
EVALUATION_FLAGS = {
    "--model", "--dataset_name", "--dataset_revision", "--input_column", "--target_column",
    "--direction", "--validation_samples", "--legend", "--cache", "--cache_dir", "--output",
}  # fmt: skip
MODEL_INFO_KEYS = {
    "name", "revision", "direction", "image_size", "dataset", "held_out_pairs", "metrics",
    "baselines", "protocol", "sha256", "models", "modes", "limits",
    "licence",  # codespell:ignore licence
}  # fmt: skip
ENDPOINTS = {
    "/translate": (["image", "mode"], ["map"]),
    "/translate_batch": (["files", "mode"], ["archive", "sheet", "report"]),
    "/model_info": ([], ["info"]),
    "/translate_with": (["image", "mode", "model"], ["map"]),
}
VARIABLES = {
    "PIX2PIX_THREADS": "threads",
    "PIX2PIX_CONCURRENCY": "concurrency",
    "PIX2PIX_QUEUE": "queue",
    "PIX2PIX_MAX_FILE_MB": "max_file_mb",
    "PIX2PIX_MAX_MEGAPIXELS": "max_megapixels",
    "PIX2PIX_MAX_BATCH": "max_batch",
}


def test_a_run_publishes_the_same_files():
    assert set(PUBLISHED) == FILES | set(OPTIONAL)
    assert set(SERVED) == FILES - NOT_SERVED
    _, folder, *_ = make_finished_run()
    assert not [pattern for pattern in FILES if not list(folder.glob(pattern))]


def test_pix2pix_json_has_the_same_keys():
    _, folder, *_ = make_finished_run()
    description = json.loads((folder / "pix2pix.json").read_text())
    assert set(description) >= DESCRIPTION_KEYS
    assert set(description["config"]) >= CONFIG_KEYS
    assert set(description["sha256"]) >= {"model.weights.h5", "generator.onnx"}


def test_metrics_json_has_the_same_keys():
    _, folder, *_ = make_finished_run()
    report = json.loads((folder / "metrics.json").read_text())
    assert set(report) >= REPORT_KEYS
    assert set(report["metrics"]) >= METRICS
    assert set(report["samples"][0]) >= METRICS | {"name", "held_out_pair"}


def test_a_config_that_version_0_1_0_wrote_is_read():
    written = {
        "dataset_name": "huggan/maps", "dataset_revision": "0d523b5", "input_column": "imageA",
        "target_column": "imageB", "direction": "b_to_a", "image_size": 128, "load_size": 143,
        "input_channels": 3, "target_channels": 1, "augmentation": "dihedral",
        "max_train_samples": 100, "validation_samples": 10, "recipe": "best",
        "generator_filters": 16, "discriminator_filters": 32, "dropout": 0.25,
        "generator_norm": "layer", "gan_loss": "lsgan", "l1_weight": 10.0, "num_train_epochs": 3,
        "max_train_steps": 50, "train_batch_size": 4, "learning_rate": 4e-4,
        "discriminator_learning_rate": 1e-4, "adam_beta1": 0.5, "lr_schedule": "linear",
        "ema_decay": 0.999, "mixed_precision": "bf16", "jit_compile": "off",
        "steps_per_execution": 2, "seed": 7,
    }  # fmt: skip
    assert set(written) == CONFIG_KEYS
    config = Config.from_dict(written)
    assert {name: getattr(config, name) for name in written} == written
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("program", [("pix2pix.evaluation",), ("pix2pix", "evaluate")])
def test_the_evaluation_command_has_the_same_flags(program: tuple[str, ...]):
    command = [sys.executable, "-m", *program, "--help"]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert set(text.split()) >= EVALUATION_FLAGS


def test_the_space_has_the_same_endpoints(two_model_space: TwoModelSpace):
    response = httpx.get(f"{two_model_space.url}/gradio_api/info", timeout=30)
    endpoints = response.json()["named_endpoints"]
    for name, (parameters, returns) in ENDPOINTS.items():
        assert [part["parameter_name"] for part in endpoints[name]["parameters"]] == parameters
        assert [part["label"] for part in endpoints[name]["returns"]] == returns


def test_model_info_has_the_same_keys(two_model_space: TwoModelSpace):
    event, (information,) = call_endpoint(two_model_space.url, "model_info", [])
    assert event == "complete"
    assert set(information) >= MODEL_INFO_KEYS | {"license"}
    assert information["licence"] == information["license"]  # codespell:ignore licence
    assert set(information["limits"]) >= {"file_mb", "megapixels", "batch_files", "queue"}


@pytest.mark.parametrize(("variable", "field"), VARIABLES.items())
def test_the_space_reads_the_same_variables(variable: str, field: str):
    assert getattr(Settings.from_environment({variable: "7"}), field) == 7
