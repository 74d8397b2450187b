"""The starter models in assets/ are those that their cards describe, and good enough to show."""

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from pix2pix import Translator, data, evaluation, flags
from pix2pix.artifacts import PAINTER_FOLDER, STARTER_FOLDER, ArtifactFolder
from pix2pix.card import reproduce_command
from pix2pix.config import Config
from pix2pix.files import sha256
from tests.commands import ROOT
from tools import update_starter_model
from tools.check_starters import agreement, draw_hand_made, read_held_out, translate_all
from tools.sample_map_sketch import CLASSES

ASSETS = ROOT / "assets"
MAP, PAINTER = ROOT / STARTER_FOLDER, ROOT / PAINTER_FOLDER
each_starter = pytest.mark.parametrize("folder", [MAP, PAINTER], ids=lambda path: path.name)


def describe(folder: Path) -> dict:
    return ArtifactFolder(folder).read_description()


def test_assets_stay_small():
    sizes = [file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()]
    assert max(sizes) < 10e6
    assert sum(sizes) < 50e6


@each_starter
def test_the_command_on_the_card_gives_the_models_config(folder: Path):
    about = describe(folder)
    command = reproduce_command(about)
    assert command in (folder / "README.md").read_text(encoding="utf-8")
    config, _ = flags.parse("", shlex.split(command)[2:])
    assert config == Config.from_dict(about["config"])
    assert config.dataset_name == "assets/sample_maps"


def test_a_command_has_the_settings_that_differ_from_its_recipe():
    config = Config.of_recipe("best", lr_schedule="constant", max_train_steps=5)
    command = reproduce_command({"config": config.to_dict()})
    assert flags.parse("", shlex.split(command)[2:])[0] == config


@each_starter
def test_the_weights_have_the_digests_in_pix2pix_json(folder: Path):
    for name, digest in describe(folder)["sha256"].items():
        assert sha256(folder / name) == digest


@pytest.mark.slow
@each_starter
def test_the_onnx_graph_reproduces_the_metrics_on_all_held_out_pairs(folder: Path, tmp_path: Path):
    about, report = describe(folder), ArtifactFolder(folder).read_metrics()
    columns = {name: about["config"][name] for name in ("input_column", "target_column")}
    config = Config(dataset_name=str(ASSETS / "sample_maps"), **columns)
    source = data.open_source(config)
    rows = source.plan(config).held_out
    assert len(rows) == report["held_out_pairs"] == 78
    pairs = data.cache_pairs(source, rows, config.image_size, tmp_path).pairs
    generate = Translator.from_pretrained(folder).generate
    legend = evaluation.Legend(report["legend"])
    scores = evaluation.score_all(generate, pairs, config.direction, legend).summary()
    published = report["metrics"]
    assert {name: scores[name] for name in published} == pytest.approx(published, rel=0.01)


def test_the_map_model_is_clearly_better_than_the_color_lookup():
    report = ArtifactFolder(MAP).read_metrics()
    model, lookup = report["metrics"], report["baselines"]["color_lookup"]
    assert model["l1"] <= 0.91 * lookup["l1"]
    higher_is_better = (
        "ssim", "ms_ssim", "class_accuracy", "mean_iou", "boundary_f1", "classes_found",
    )  # fmt: skip
    assert all(model[metric] > lookup[metric] for metric in higher_is_better)
    # Each figure lies outside of the other's 95 % interval.
    pairs = (
        (model, report["baseline_intervals"]["color_lookup"]), (lookup, report["intervals"]),
    )  # fmt: skip
    for metric in ("l1", *higher_is_better):
        for figures, intervals in pairs:
            low, high = intervals[metric]
            assert not low <= figures[metric] <= high, metric


@pytest.fixture(scope="module")
def painted() -> tuple[np.ndarray, np.ndarray]:
    """Every third held-out sketch and its painted photo, (26, 256, 256, 3) uint8 each."""
    sketches = read_held_out("imageC")[::3]
    return sketches, translate_all(Translator.from_pretrained(PAINTER), sketches)


def test_the_painter_paints_the_classes_of_the_sketch(painted):
    assert agreement(*painted).mean() >= 0.85


def test_the_painter_paints_textures_instead_of_flat_colors(painted):
    sketches, photos = painted
    flat = np.all(sketches[:, :-1] == sketches[:, 1:], axis=-1)
    differs = np.any(photos[:, :-1] != photos[:, 1:], axis=-1)
    assert differs[flat].mean() >= 0.3


def test_the_painter_paints_what_no_tile_has():
    sketches = np.stack(list(draw_hand_made().values()))
    photos = translate_all(Translator.from_pretrained(PAINTER), sketches)
    assert agreement(sketches, photos).mean() >= 0.75


def test_the_palette_of_the_painter_has_the_names_of_the_classes():
    about = describe(PAINTER)
    palette = about["input_palette"]
    assert {entry["name"] for entry in palette} == {entry.name for entry in CLASSES}
    shares = [entry["share"] for entry in palette]
    assert shares == sorted(shares, reverse=True) and sum(shares) >= 0.95
    assert about["target_palette"] is None  # photos have no flat colors


@each_starter
def test_its_texts_are_those_that_todays_code_writes(folder: Path, tmp_path: Path):
    """If this fails after a change of the card or of a metric, run the command in the message."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    update_starter_model.update(tmp_path)
    for name in ("metrics.json", "README.md", "notebook.ipynb"):
        expected = (tmp_path / name).read_text(encoding="utf-8")
        hint = "run python -m tools.update_starter_model"
        assert (folder / name).read_text(encoding="utf-8") == expected, hint
