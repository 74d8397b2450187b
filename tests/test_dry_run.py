"""`--dry_run`: says what would happen, and fails where the real run would."""

from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image

import train_hub
from pix2pix import dry_run
from pix2pix.networks import build_discriminator, build_generator
from tests.builders import tiny_config
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer
from tests.loop import TINY, Published

SAMPLE_MAPS = "assets/sample_maps"


def run(folder: Path, *arguments: str) -> int:
    return train_hub.main(
        ["--dataset_name", SAMPLE_MAPS, *TINY, "--dry_run", "--output_dir", str(folder),
         "--cache_dir", str(folder / "cache"), *arguments]
    )  # fmt: skip


def test_it_prints_the_plan_and_leaves_a_preview_only(tmp_path: Path, capsys):
    assert run(tmp_path / "run", "--max_train_steps", "100") == 0
    said = capsys.readouterr().out
    assert "344: rows 0 to 343 of train" in said
    assert "71: rows 0 to 70 of validation" in said
    assert "100 of 1, 0.3 epochs" in said
    assert "publishes to: nowhere" in said
    assert {path.name for path in (tmp_path / "run").rglob("*")} == {"batch_preview.png"}
    with Image.open(tmp_path / "run" / "batch_preview.png") as preview:
        assert preview.size == (2 * 64 + 4, 4 * 64 + 3 * 4)
        assert np.asarray(preview).std() > 10


def test_the_parameters_are_those_of_the_networks(tmp_path: Path, capsys):
    assert run(tmp_path) == 0
    said = capsys.readouterr().out
    assert f"{build_generator(tiny_config()).count_params():,} parameters" in said
    assert f"{build_discriminator(tiny_config()).count_params():,} parameters" in said


def test_memory_grows_with_the_batch_and_holds_the_parameters():
    one, four = tiny_config(), tiny_config(train_batch_size=4)
    networks = build_generator(one), build_discriminator(one)
    parameters = 16 * sum(network.count_params() for network in networks)
    first, second = (dry_run.memory_bytes(*networks, config) for config in (one, four))
    assert first > parameters
    assert second - parameters == pytest.approx(4 * (first - parameters))


def test_a_hub_dataset_is_checked_at_its_commit(published: Published, tmp_path: Path, capsys):
    assert run(tmp_path, "--dataset_name", "huggan/maps") == 0
    assert HfApi().dataset_info("huggan/maps").sha in capsys.readouterr().out


def test_pushing_is_checked_and_nothing_is_created(
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
    ("token", "target", "said"),
    [
        (None, "tester/x", "needs a token"),
        ("hf_wrong", "tester/x", "does not accept this token"),
        (READ_TOKEN, "tester/x", "may not write there"),
        (WRITE_TOKEN, "somebody-else/x", "may not write there"),
    ],
)
def test_what_would_stop_the_real_run_stops_this_one(
    hub: HubServer, tmp_path: Path, capsys, monkeypatch, token: str | None, target: str, said: str
):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert run(tmp_path, "--push_to_hub", "--hub_model_id", target) == 1
    assert said in capsys.readouterr().err
    assert run(tmp_path, "--input_column", "nothing") == 1


def test_a_disk_that_is_too_small_is_found_out(tmp_path: Path, capsys):
    checkpoints = ("--checkpoints_total_limit", "100000000")
    assert run(tmp_path, *checkpoints) == 1
    assert "GB free and the run needs about" in capsys.readouterr().err
