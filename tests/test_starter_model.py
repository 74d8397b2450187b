"""The embedded model is what its card says it is."""

import json
import shlex
from pathlib import Path

import pytest

from pix2pix import Translator, cli, data, evaluation
from pix2pix.card import reproduce_command
from pix2pix.config import Config
from pix2pix.files import sha256
from tests.commands import ROOT

ASSETS = ROOT / "assets"
STARTER = ASSETS / "starter_model"
METRICS = json.loads((STARTER / "metrics.json").read_text(encoding="utf-8"))
ABOUT = json.loads((STARTER / "pix2pix.json").read_text(encoding="utf-8"))


def test_assets_stay_small():
    sizes = [file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()]
    assert max(sizes) < 10e6
    assert sum(sizes) < 30e6


def test_it_was_made_by_the_command_on_its_card():
    command = reproduce_command(ABOUT)
    assert command in (STARTER / "README.md").read_text(encoding="utf-8")
    config, _ = cli.parse("", shlex.split(command)[2:])
    assert config == Config.from_dict(ABOUT["config"])
    assert config.dataset_name == "assets/sample_maps"


def test_a_command_names_what_overrules_its_recipe():
    config = Config.of_recipe("best", lr_schedule="constant", max_train_steps=5)
    command = reproduce_command({"config": config.to_dict()})
    assert cli.parse("", shlex.split(command)[2:])[0] == config


def test_the_weights_are_those_that_were_measured():
    for name, digest in ABOUT["sha256"].items():
        assert sha256(STARTER / name) == digest


def test_the_onnx_graph_alone_reproduces_the_metrics_on_all_held_out_pairs(tmp_path: Path):
    config = Config(dataset_name=str(ASSETS / "sample_maps"))
    source = data.open_source(config)
    rows = source.plan(config).held_out
    assert len(rows) == METRICS["held_out_pairs"] == 71
    pairs = data.cached_pairs(source, rows, config.image_size, tmp_path).pairs
    generate = Translator.from_pretrained(STARTER).generate
    legend = evaluation.Legend(METRICS["legend"])
    scores = evaluation.score_all(generate, pairs, config.direction, legend).summary()
    published = METRICS["metrics"]
    assert {name: scores[name] for name in published} == pytest.approx(published, rel=0.01)


def test_it_is_far_better_than_the_mean_map_and_beats_the_best_colour_lookup():
    reached, baselines = METRICS["metrics"], METRICS["baselines"]
    assert reached["l1"] <= 0.1 * baselines["mean_map"]["l1"]
    lookup = baselines["colour_lookup"]
    assert reached["l1"] < lookup["l1"]
    assert reached["ssim"] > lookup["ssim"] and reached["mean_iou"] > lookup["mean_iou"]
