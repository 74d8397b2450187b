"""Tests of `--dry_run`: it prints the plan, and fails where the training would fail."""

import re
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image

import train_hub
from pix2pix.commands import resources, train
from pix2pix.networks import build_discriminator, build_generator
from pix2pix.options import Options
from pix2pix.training.devices import choose_devices
from tests.builders import join_pair, make_pairs, make_picture, tiny_config
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer
from tests.published_run import TINY_FLAGS, PublishedRun

SAMPLE_MAPS = "assets/sample_maps"
# Fewer pairs to look at, for what does not depend on them.
FEW_PAIRS = ("--max_train_samples", "8", "--validation_samples", "2")


def run(folder: Path, *arguments: str) -> int:
    return train_hub.main(
        ["--dataset_name", SAMPLE_MAPS, *TINY_FLAGS, "--dry_run", "--output_dir", str(folder),
         "--cache_dir", str(folder / "cache"), *arguments]
    )  # fmt: skip


def test_a_dry_run_prints_the_plan_and_writes_only_a_preview(tmp_path: Path, capsys):
    assert run(tmp_path / "run", "--max_train_steps", "100") == 0
    output = capsys.readouterr().out
    assert "Training pairs: 493, rows 0 to 492 of train." in output
    assert "Held-out pairs: 78, rows 0 to 77 of validation." in output
    assert "100 with batch size 1, 0.2 epochs" in output
    assert "publishes to: nowhere" in output
    assert {path.name for path in (tmp_path / "run").rglob("*")} == {"batch_preview.png"}
    with Image.open(tmp_path / "run" / "batch_preview.png") as preview:
        label = 16  # the height of a line of text
        assert preview.size == (2 * 64 + 4, 4 * (64 + label) + 3 * 4)
        assert np.asarray(preview).std() > 10


def test_the_printed_parameter_counts_are_those_of_the_networks(tmp_path: Path, capsys):
    assert run(tmp_path, *FEW_PAIRS) == 0
    output = capsys.readouterr().out
    assert f"{build_generator(tiny_config()).count_params():,} parameters" in output
    assert f"{build_discriminator(tiny_config()).count_params():,} parameters" in output


def test_the_plan_describes_the_validation(tmp_path: Path, capsys):
    flags = ["--max_train_samples", "40", "--max_train_steps", "100", "--validation_steps", "15"]
    flags += ["--selection_metric", "mean_iou", "--early_stopping_patience", "2"]
    assert run(tmp_path, *flags) == 1
    assert "--selection_samples is 64, and only 40 pairs" in capsys.readouterr().err
    assert run(tmp_path, *flags, "--selection_samples", "8") == 0
    output = capsys.readouterr().out
    assert "Training pairs: 32, rows 0 to 31 of train." in output
    assert "Selection pairs: 8, rows 32 to 39 of train." in output
    assert (
        "validation: 7, one every 15 steps, on 8 selection pairs, compared by mean_iou; stops "
        "after 2 without a new best; publishes the best weights" in output
    )
    assert run(tmp_path, *flags, "--selection_samples", "8", "--publish", "last") == 0
    assert "a new best; publishes the last weights" in capsys.readouterr().out


def test_the_estimated_memory_is_the_parameters_plus_a_share_per_pair_of_the_batch():
    one, four = tiny_config(), tiny_config(train_batch_size=4)
    networks = build_generator(one), build_discriminator(one)
    parameters = 16 * sum(network.count_params() for network in networks)
    first, second = (resources.memory_bytes(*networks, config) for config in (one, four))
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
    flags = (*FEW_PAIRS, "--push_to_hub", "--hub_model_id", repo_id)
    assert run(tmp_path, *flags) == 0
    assert f"{repo_id}, which will be created" in capsys.readouterr().out
    assert not HfApi().repo_exists(repo_id)
    HfApi().create_repo(repo_id)
    assert run(tmp_path, *flags) == 0
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
    assert run(tmp_path, *FEW_PAIRS, *checkpoints) == 1
    assert "GB free and the run needs about" in capsys.readouterr().err


def write_folder(folder: Path, pictures: list[Image.Image], names: list[str] | None = None) -> Path:
    """Writes the pictures to <folder>/train and returns the folder."""
    (folder / "train").mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / "train" / (names[number] if names else f"{number}.png"))
    return folder


def write_pairs_with_an_empty_file(folder: Path) -> Path:
    joined = [join_pair(pair) for pair in make_pairs(10, 64)] * 12
    write_folder(folder, joined)
    (folder / "train" / "2.png").write_bytes(b"")
    return folder


def sentences_of(output: str) -> list[str]:
    """Returns the indented sentences below the line about the dataset."""
    lines = output.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("Dataset "))
    return list(takewhile(lambda line: re.match(r"  \S", line), lines[start + 1 :]))


@pytest.mark.parametrize("cache", ["disk", "none"])
def test_a_run_says_what_its_dry_run_said_and_writes_the_same_preview(tmp_path, capsys, cache):
    folder = write_pairs_with_an_empty_file(tmp_path / "set")
    assert run(tmp_path / "run", "--dataset_name", str(folder)) == 0
    preview = (tmp_path / "run" / "batch_preview.png").read_bytes()
    expected = sentences_of(capsys.readouterr().out)
    assert any("train/2.png: This file is empty" in sentence for sentence in expected)
    config = tiny_config(dataset_name=str(folder))
    options = Options(output_dir=tmp_path / "real", cache_dir=tmp_path / "cache", cache=cache)
    loaded, _ = train.load_pairs(config, options, choose_devices(config), None)
    assert sentences_of(capsys.readouterr().out) == expected
    assert (tmp_path / "real" / "batch_preview.png").read_bytes() == preview
    assert loaded.skipped == {"train": [2], "held_out": []}


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((192, 64), "3 images side by side"),
        ((64, 64), "single images, not pairs"),
        ((64, 128), "add --pair_layout top_bottom"),
    ],
)
def test_pictures_that_are_not_pairs_are_refused(tmp_path, capsys, size, reason):
    folder = write_folder(tmp_path / "set", [make_picture(*size, seed) for seed in range(12)])
    assert run(tmp_path / "run", "--dataset_name", str(folder)) == 1
    output = capsys.readouterr()
    assert reason in output.err and "Dataset" not in output.out
    assert not (tmp_path / "run" / "batch_preview.png").exists()


def test_class_numbers_are_refused_unless_they_have_colors(tmp_path, capsys):
    for side in "AB":
        (tmp_path / f"train{side}").mkdir()
    for number, (a, _) in enumerate(make_pairs(12, 64)):
        a.save(tmp_path / "trainA" / f"{number}.png")
        classes = np.kron(np.arange(16).reshape(4, 4) % 9, np.ones((16, 16))).astype(np.uint8)
        Image.fromarray(classes).save(tmp_path / "trainB" / f"{number}.png")
    assert run(tmp_path / "run", "--dataset_name", str(tmp_path)) == 1
    error = capsys.readouterr().err
    assert "The images B look like class numbers" in error
    legend = error.partition("--target_legend ")[2].partition(";")[0]
    arguments = ("--dataset_name", str(tmp_path), "--target_legend", legend)
    assert run(tmp_path / "run", *arguments) == 0
    assert "class numbers, drawn in the 9 colors" in capsys.readouterr().out


def test_one_pair_trains_without_held_out_pairs(tmp_path, capsys):
    folder = write_folder(tmp_path / "set", [join_pair(make_pairs(1, 64)[0])])
    assert run(tmp_path / "run", "--dataset_name", str(folder)) == 1
    assert "--validation_samples 0" in capsys.readouterr().err
    assert run(tmp_path / "run", "--dataset_name", str(folder), "--validation_samples", "0") == 0
    assert "Held-out pairs: none" in capsys.readouterr().out


def test_the_preview_draws_names_in_any_script(tmp_path):
    names = ["straße.png", "地図.png", "a\u0301 \U0001f5fa.png", f"{'long ' * 30}.png"]
    joined = [join_pair(pair) for pair in make_pairs(4, 64)]
    folder = write_folder(tmp_path / "set", joined, names)
    arguments = ("--dataset_name", str(folder), "--validation_samples", "0")
    assert run(tmp_path / "run", *arguments) == 0
    with Image.open(tmp_path / "run" / "batch_preview.png") as preview:
        pixels = np.asarray(preview.convert("L"))
    for row in range(4):
        top = row * (64 + 16 + 4) + 64
        label = pixels[top : top + 16]
        assert label.max() == 255 and label.min() < 100, "dark text on white"
