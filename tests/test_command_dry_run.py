"""Tests of `--dry_run`: it prints the plan, and fails where the training would fail."""

from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image

import train_hub
from pix2pix.commands import dry_run
from pix2pix.networks import build_discriminator, build_generator
from tests.builders import tiny_config
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer
from tests.published_run import TINY_FLAGS, PublishedRun

SAMPLE_MAPS = "assets/sample_maps"


def run(folder: Path, *arguments: str) -> int:
    return train_hub.main(
        ["--dataset_name", SAMPLE_MAPS, *TINY_FLAGS, "--dry_run", "--output_dir", str(folder),
         "--cache_dir", str(folder / "cache"), *arguments]
    )  # fmt: skip


def test_a_dry_run_prints_the_plan_and_writes_only_a_preview(tmp_path: Path, capsys):
    assert run(tmp_path / "run", "--max_train_steps", "100") == 0
    output = capsys.readouterr().out
    assert "344: rows 0 to 343 of train" in output
    assert "71: rows 0 to 70 of validation" in output
    assert "100 with batch size 1, 0.3 epochs" in output
    assert "publishes to: nowhere" in output
    assert {path.name for path in (tmp_path / "run").rglob("*")} == {"batch_preview.png"}
    with Image.open(tmp_path / "run" / "batch_preview.png") as preview:
        assert preview.size == (2 * 64 + 4, 4 * 64 + 3 * 4)
        assert np.asarray(preview).std() > 10


def test_the_printed_parameter_counts_are_those_of_the_networks(tmp_path: Path, capsys):
    assert run(tmp_path) == 0
    output = capsys.readouterr().out
    assert f"{build_generator(tiny_config()).count_params():,} parameters" in output
    assert f"{build_discriminator(tiny_config()).count_params():,} parameters" in output


def test_the_estimated_memory_is_the_parameters_plus_a_share_per_pair_of_the_batch():
    one, four = tiny_config(), tiny_config(train_batch_size=4)
    networks = build_generator(one), build_discriminator(one)
    parameters = 16 * sum(network.count_params() for network in networks)
    first, second = (dry_run.memory_bytes(*networks, config) for config in (one, four))
    assert first > parameters
    assert second - parameters == pytest.approx(4 * (first - parameters))


def test_a_dry_run_prints_the_commit_of_a_hub_dataset(
    published_run: PublishedRun, tmp_path: Path, capsys
):
    assert run(tmp_path, "--dataset_name", "huggan/maps") == 0
    assert HfApi().dataset_info("huggan/maps").sha in capsys.readouterr().out


def test_write_access_is_checked_without_creating_a_repository(
    hub: HubServer, tmp_path: Path, capsys, monkeypatch, repo_id: str
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    assert run(tmp_path, "--push_to_hub", "--hub_model_id", repo_id) == 0
    assert f"{repo_id}, which will be created" in capsys.readouterr().out
    assert not HfApi().repo_exists(repo_id)
    HfApi().create_repo(repo_id)
    assert run(tmp_path, "--push_to_hub", "--hub_model_id", repo_id) == 0
    assert f"{repo_id}, which exists" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("token", "target", "reason"),
    [
        (None, "tester/x", "needs a token"),
        ("hf_wrong", "tester/x", "does not accept this token"),
        (READ_TOKEN, "tester/x", "may not write there"),
        (WRITE_TOKEN, "somebody-else/x", "may not write there"),
    ],
)
def test_a_dry_run_fails_where_the_training_would_fail(
    hub: HubServer, tmp_path: Path, capsys, monkeypatch, token: str | None, target: str, reason: str
):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert run(tmp_path, "--push_to_hub", "--hub_model_id", target) == 1
    assert reason in capsys.readouterr().err
    assert run(tmp_path, "--input_column", "nothing") == 1


def test_a_disk_that_is_too_small_is_reported(tmp_path: Path, capsys):
    checkpoints = ("--checkpoints_total_limit", "100000000")
    assert run(tmp_path, *checkpoints) == 1
    assert "GB free and the run needs about" in capsys.readouterr().err
