"""A run belongs to its data: it is not resumed on others, and may have no held-out pairs."""

import json
import shutil
from pathlib import Path

import pytest

from pix2pix import Translator, UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import write_card
from pix2pix.commands import evaluate, train
from pix2pix.gallery import read_samples
from tests.builders import make_pairs, make_picture, running_eagerly, write_joined_pairs
from tests.published_run import TINY_FLAGS


def run(dataset: Path, output: Path, *flags: str, steps: int = 2) -> int:
    """Trains a tiny model in this process; returns the exit code."""
    return train.main(
        ["--dataset_name", str(dataset), "--output_dir", str(output), "--cache", "memory",
         "--max_train_steps", str(steps), *TINY_FLAGS, *flags]
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_is_resumed_only_on_the_data_it_was_trained_on(tmp_path, capsys):
    dataset, output, copy = tmp_path / "set", tmp_path / "run", tmp_path / "copy"
    write_joined_pairs(dataset, "train", make_pairs(20), "png")
    shutil.copytree(dataset, copy)
    assert run(dataset, output) == 0

    capsys.readouterr()
    assert run(dataset, output) == 1
    error = capsys.readouterr().err
    assert "the finished model of a run of 2 steps" in error and "--overwrite_output_dir" in error

    for number in range(14, 20):
        (dataset / "train" / f"{number:03d}.png").unlink()
    assert run(dataset, output, "--resume_from_checkpoint", "latest", steps=3) == 1
    error = capsys.readouterr().err
    assert "6 files are gone (train/014.png, train/015.png, train/016.png, ...)" in error
    assert "held-out rows were 18 to 19 of train and would be 13 to 13 of train" in error

    # The same pictures, written again at another time.
    shutil.rmtree(dataset)
    shutil.copytree(copy, dataset, copy_function=shutil.copyfile)
    assert run(dataset, output, "--resume_from_checkpoint", "latest", steps=3) == 0
    assert ArtifactFolder(output).read_description()["training"]["steps"] == 3


@pytest.fixture(scope="module")
def single_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on one pair, without held-out pairs."""
    folder = tmp_path_factory.mktemp("single")
    write_joined_pairs(folder / "set", "train", make_pairs(1), "png")
    with running_eagerly():
        assert run(folder / "set", folder / "run", "--validation_samples", "0") == 0
    return folder / "run"


def test_one_pair_is_trained_on_without_held_out_pairs(single_pair: Path):
    artifacts = ArtifactFolder(single_pair)
    card = (single_pair / "README.md").read_text()
    assert "nothing was measured" in card and "model-index" not in card
    assert artifacts.read_metrics()["metrics"] == {}
    assert artifacts.read_description()["rows"]["held_out"]["stop"] == 1
    assert {"README.md", "generator.onnx", "samples.png"} <= artifacts.list_published().keys()
    assert isinstance(read_samples(single_pair), list)
    assert Translator(single_pair)(make_picture(90, 70)).size == (90, 70)


def test_a_model_without_held_out_pairs_is_evaluated_on_others_only(single_pair, tmp_path, capsys):
    cache = ["--cache", "memory"]
    assert evaluate.main(["--model", str(single_pair), *cache]) == 1
    assert "name other pairs with --dataset_name" in capsys.readouterr().err
    write_joined_pairs(tmp_path / "other", "train", make_pairs(6, seed=3), "png")
    other = ["--dataset_name", str(tmp_path / "other"), "--validation_samples", "2"]
    assert evaluate.main(["--model", str(single_pair), *other, *cache]) == 0
    assert "2 held-out pairs" in capsys.readouterr().out


def test_one_pair_is_refused_without_the_flag(tmp_path, capsys):
    write_joined_pairs(tmp_path / "set", "train", make_pairs(1), "png")
    assert run(tmp_path / "set", tmp_path / "run") == 1
    assert "--validation_samples 0" in capsys.readouterr().err


def test_a_card_needs_a_complete_description(single_pair: Path, tmp_path):
    shutil.copytree(single_pair, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "pix2pix.json").read_text())
    del about["rows"]
    (tmp_path / "run" / "pix2pix.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"pix2pix\.json.*rows"):
        write_card(tmp_path / "run")
