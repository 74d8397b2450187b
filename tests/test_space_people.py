"""Pairs, names, samples and model pages: the Space's own reading of pictures and artifacts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.config import Config
from pix2pix.gallery import ordered, read_samples
from pix2pix.space.answers import save_png
from pix2pix.space.curves import read_history
from pix2pix.space.model_tab import NO_CARD, NO_METRICS, facts, metrics, read_card
from pix2pix.space.pairs import closeness, input_and_target, looks_like_pair
from pix2pix.space.photos import NAME, upload_stem
from pix2pix.space.words import words
from tests.commands import ROOT

STARTER = ROOT / "assets" / "starter_model"
SAMPLES = read_samples(STARTER)


@pytest.mark.parametrize(
    ("size", "pair"),
    [
        ((512, 256), True), ((1200, 600), True), ((1200, 596), True), ((2, 1), True),
        ((511, 256), False), ((513, 256), False), ((512, 512), False), ((256, 512), False),
        ((640, 256), False), ((480, 256), False), ((1, 1), False),
    ],
)  # fmt: skip
def test_only_pictures_twice_as_wide_as_high_look_like_pairs(size: tuple[int, int], pair: bool):
    assert looks_like_pair(Image.new("RGB", size)) is pair


def test_the_input_is_the_side_that_the_model_reads():
    pair = Image.new("RGB", (4, 2), "red")
    pair.paste("blue", (2, 0, 4, 2))
    colours = {
        direction: [half.getpixel((0, 0)) for half in input_and_target(pair, direction)]
        for direction in ("a_to_b", "b_to_a")
    }
    red, blue = (255, 0, 0), (0, 0, 255)
    assert colours == {"a_to_b": [red, blue], "b_to_a": [blue, red]}


@pytest.mark.parametrize("sample", SAMPLES[:4], ids=lambda sample: sample.name)
def test_closeness_is_the_evaluations(sample):
    l1, psnr = closeness(Image.open(sample.generated), Image.open(sample.target))
    assert (round(l1, 4), round(psnr, 4)) == (sample.scores["l1"], sample.scores["psnr"])


def test_closeness_of_extremes():
    white, black = (Image.new("RGB", (3, 2), name) for name in ("white", "black"))
    assert closeness(white, white) == (0, 100)
    assert closeness(white, black) == (255, 0)


@pytest.mark.parametrize(
    ("dataset", "direction", "source", "result"),
    [
        ("huggan/maps", "a_to_b", "aerial photo", "map"),
        ("huggan/maps", "b_to_a", "map", "aerial photo"),
        ("assets/sample_maps", "a_to_b", "satellite photo", "map"),
        ("someone/facades", "b_to_a", "input", "output"),
    ],
)
def test_names_follow_dataset_and_direction(dataset: str, direction: str, source: str, result: str):
    named = words(Config(dataset_name=dataset, direction=direction))
    assert (named.source, named.result) == (source, result)


@pytest.mark.parametrize(
    ("upload", "stem"),
    [
        ("aerial.jpg", "aerial"), ("a b&c.tar.png", "a-b-c.tar"), ("", "pix2pix"),
        ("../../etc/passwd", "passwd"), ("..", "pix2pix"), ("\0\n.png", "pix2pix"),
        ("Zürich 城.tif", "Zürich-城"), ("x" * 300 + ".png", "x" * 50),
        ("<script>alert(1)<!--.png", "script-alert-1"),
    ],
)  # fmt: skip
def test_results_are_named_after_the_upload_whatever_its_name(
    upload: str, stem: str, tmp_path: Path
):
    photo = Image.open(SAMPLES[0].input)
    photo.info[NAME] = upload
    assert upload_stem(photo) == stem
    saved = Path(save_png(photo, str(tmp_path), f"{upload_stem(photo)}-map"))
    assert saved.parents[1] == tmp_path
    assert np.array_equal(Image.open(saved), photo)


def test_samples_are_ordered_by_l1():
    best, worst = ordered(SAMPLES, "best first"), ordered(SAMPLES, "worst first")
    assert best == worst[::-1] == sorted(SAMPLES, key=lambda sample: sample.scores["l1"])
    assert ordered(SAMPLES, "as stored") == SAMPLES
    assert best != SAMPLES


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the starter model to spoil."""
    return shutil.copytree(STARTER, tmp_path / "model", ignore=shutil.ignore_patterns("*.h5"))


def test_a_model_of_two_files_is_described_in_sentences(model: Path):
    for path in model.iterdir():
        if path.name not in ("pix2pix.json", "generator.onnx"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert read_samples(model) == []
    assert metrics(model) == NO_METRICS
    assert read_history(model / "history.csv") == []
    body = read_card(model)
    assert body == NO_CARD
    assert "licence" not in facts("model", Translator(model))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"samples": 3}', b'{"metrics": {"l1": "x"}}'],
)
def test_damaged_files_of_a_model_are_described_in_sentences(model: Path, content: bytes):
    for name in ("metrics.json", "history.csv", "README.md"):
        (model / name).write_bytes(content)
    assert read_samples(model) == []
    assert metrics(model) == NO_METRICS
    assert read_history(model / "history.csv") == []
    assert facts("model", Translator(model))


def test_samples_that_point_elsewhere_or_lack_something_are_left_out(model: Path):
    report = json.loads((model / "metrics.json").read_text())
    first, second, third, fourth, *rest = report["samples"]
    first["name"] = "../samples/000"
    second["l1"] = None
    third["ssim"] = float("nan")
    (model / "samples" / f"{fourth['name']}-target.png").unlink()
    report["samples"] = [first, second, third, fourth, 7, *rest]
    (model / "metrics.json").write_text(json.dumps(report))
    assert [s.name for s in read_samples(model)] == [entry["name"] for entry in rest]


def test_rows_of_the_history_that_cant_be_read_are_left_out(model: Path):
    history = model / "history.csv"
    lines = history.read_text().splitlines()
    history.write_text("\n".join([*lines[:3], "96,nan,nan,nan,nan,nan,nan", "1,2", "x" * 9]))
    assert [row["step"] for row in read_history(history)] == [48, 96]
    history.write_text("\n".join([lines[0], *lines[1:] * 5]))
    assert len(read_history(history)) <= 500


def test_the_card_loses_front_matter_title_and_pictures_it_cant_show(model: Path):
    body = read_card(model)
    assert body.startswith("The conditional GAN")
    assert "![" not in body
    assert "## Results" in body


def test_a_model_of_the_hub_is_linked_at_its_revision(model: Path):
    about = facts("user/maps@v1.0", Translator(model, "0123456789abcdef"))
    assert "[user/maps](" in about
    assert "/user/maps/tree/0123456789abcdef)" in about
    assert "| weights' licence | apache-2.0 |" in about
