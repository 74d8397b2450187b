"""The starter model in assets/ is the one that its card describes."""

import shlex
import shutil
from pathlib import Path

import pytest

from pix2pix import Translator, data, evaluation, flags
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import reproduce_command
from pix2pix.config import Config
from pix2pix.files import sha256
from tests.commands import ROOT
from tools import update_starter_model

ASSETS = ROOT / "assets"
STARTER_MODEL = ASSETS / "starter_model"
REPORT = ArtifactFolder(STARTER_MODEL).read_metrics()
ABOUT = ArtifactFolder(STARTER_MODEL).read_description()


def test_assets_stay_small():
    sizes = [file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()]
    assert max(sizes) < 10e6
    assert sum(sizes) < 30e6


def test_the_command_on_the_card_gives_the_models_config():
    command = reproduce_command(ABOUT)
    assert command in (STARTER_MODEL / "README.md").read_text(encoding="utf-8")
    config, _ = flags.parse("", shlex.split(command)[2:])
    assert config == Config.from_dict(ABOUT["config"])
    assert config.dataset_name == "assets/sample_maps"


def test_a_command_has_the_settings_that_differ_from_its_recipe():
    config = Config.of_recipe("best", lr_schedule="constant", max_train_steps=5)
    command = reproduce_command({"config": config.to_dict()})
    assert flags.parse("", shlex.split(command)[2:])[0] == config


def test_the_weights_have_the_digests_in_pix2pix_json():
    for name, digest in ABOUT["sha256"].items():
        assert sha256(STARTER_MODEL / name) == digest


@pytest.mark.slow
def test_the_onnx_graph_reproduces_the_metrics_on_all_held_out_pairs(tmp_path: Path):
    config = Config(dataset_name=str(ASSETS / "sample_maps"))
    source = data.open_source(config)
    rows = source.plan(config).held_out
    assert len(rows) == REPORT["held_out_pairs"] == 71
    pairs = data.cache_pairs(source, rows, config.image_size, tmp_path).pairs
    generate = Translator.from_pretrained(STARTER_MODEL).generate
    legend = evaluation.Legend(REPORT["legend"])
    scores = evaluation.score_all(generate, pairs, config.direction, legend).summary()
    published = REPORT["metrics"]
    assert {name: scores[name] for name in published} == pytest.approx(published, rel=0.01)


def test_it_is_ten_times_better_than_the_mean_map_and_better_than_the_color_lookup():
    model, baselines = REPORT["metrics"], REPORT["baselines"]
    assert model["l1"] <= 0.1 * baselines["mean_map"]["l1"]
    lookup = baselines["color_lookup"]
    assert model["l1"] < lookup["l1"]
    assert model["ssim"] > lookup["ssim"] and model["mean_iou"] > lookup["mean_iou"]


def test_its_texts_are_those_that_todays_code_writes(tmp_path: Path):
    """If this fails after a change of the card or of a metric, run the command in the message."""
    for name in ("pix2pix.json", "metrics.json", "README.md"):
        shutil.copy(STARTER_MODEL / name, tmp_path)
    update_starter_model.update(tmp_path)
    for name in ("metrics.json", "README.md"):
        expected = (tmp_path / name).read_text(encoding="utf-8")
        hint = "run python -m tools.update_starter_model"
        assert (STARTER_MODEL / name).read_text(encoding="utf-8") == expected, hint
