"""The Space's pairs, labels, file names and samples, and the content of the Model tab."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.artifacts import STARTER_FOLDERS
from pix2pix.config import Config
from pix2pix.gallery import ordered, read_samples
from pix2pix.labels import labels_for, plural, with_article
from pix2pix.space.model_tab import (
    NO_CARD,
    NO_METRICS,
    format_facts,
    format_metrics,
    read_card,
    read_history,
)
from pix2pix.space.pair_upload import closeness, input_and_target, looks_like_pair
from pix2pix.space.result_files import safe_stem, save_png
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
    colors = {
        direction: [half.getpixel((0, 0)) for half in input_and_target(pair, direction)]
        for direction in ("a_to_b", "b_to_a")
    }
    red, blue = (255, 0, 0), (0, 0, 255)
    assert colors == {"a_to_b": [red, blue], "b_to_a": [blue, red]}


@pytest.mark.parametrize("sample", SAMPLES[:4], ids=lambda sample: sample.name)
def test_closeness_equals_the_metrics_of_the_evaluation(sample):
    l1, psnr = closeness(Image.open(sample.generated), Image.open(sample.target))
    # On another CPU than the one that made the pictures, a few pixels differ by a gray level.
    assert l1 == pytest.approx(sample.scores["l1"], abs=5e-4)
    assert psnr == pytest.approx(sample.scores["psnr"], abs=5e-4)


def test_closeness_of_equal_and_of_opposite_pictures():
    white, black = (Image.new("RGB", (3, 2), name) for name in ("white", "black"))
    assert closeness(white, white) == (0, 100)
    assert closeness(white, black) == (255, 0)


@pytest.mark.parametrize(
    ("config", "source", "result"),
    [
        (Config(dataset_name="huggan/maps"), "aerial photo", "map"),
        (Config(dataset_name="huggan/maps", direction="b_to_a"), "map", "aerial photo"),
        (Config(dataset_name="assets/sample_maps"), "satellite photo", "atlas map"),
        (
            Config(
                dataset_name="assets/sample_maps", input_column="imageC", target_column="imageA"
            ),
            "sketch", "satellite photo",
        ),
        (
            Config(
                dataset_name="a/sample_maps", input_column="imageA", target_column="imageC",
                direction="b_to_a",
            ),
            "sketch", "satellite photo",
        ),
        (Config(dataset_name="someone/facades", direction="b_to_a"), "input", "output"),
        (Config(dataset_name="a/sample_maps", input_column="../../x"), "input", "output"),
    ],
)  # fmt: skip
def test_labels_depend_on_dataset_columns_and_direction(config: Config, source: str, result: str):
    labels = labels_for(config)
    assert (labels.source, labels.result) == (source, result)


def test_words_have_their_article_and_plural():
    labels = [labels_for(Translator(ROOT / folder).config) for folder in STARTER_FOLDERS]
    articles = [with_article(noun) for label in labels for noun in (label.source, label.result)]
    assert articles == ["a satellite photo", "an atlas map", "a sketch", "a satellite photo"]
    assert with_article("input") == "an input"
    assert [plural(noun) for noun in ("photo", "map", "sketch")] == ["photos", "maps", "sketches"]


@pytest.mark.parametrize(
    ("upload", "stem"),
    [
        ("aerial.jpg", "aerial"), ("a b&c.tar.png", "a-b-c.tar"), ("", "pix2pix"),
        ("../../etc/passwd", "passwd"), ("..", "pix2pix"), ("\0\n.png", "pix2pix"),
        ("Zürich 城.tif", "Zürich-城"), ("x" * 300 + ".png", "x" * 50),
        ("<script>alert(1)<!--.png", "script-alert-1"),
    ],
)  # fmt: skip
def test_the_file_name_of_a_result_is_a_safe_form_of_the_uploads_name(
    upload: str, stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert safe_stem(upload) == stem
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    photo = Image.open(SAMPLES[0].input)
    path = Path(save_png(photo, f"{safe_stem(upload)}-map"))
    assert path.parents[1] == tmp_path
    assert np.array_equal(Image.open(path), photo)


def test_samples_are_ordered_by_l1():
    best, worst = ordered(SAMPLES, "best first"), ordered(SAMPLES, "worst first")
    assert best == worst[::-1] == sorted(SAMPLES, key=lambda sample: sample.scores["l1"])
    assert ordered(SAMPLES, "as stored") == SAMPLES
    assert best != SAMPLES


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the starter model that a test may damage."""
    return shutil.copytree(STARTER, tmp_path / "model", ignore=shutil.ignore_patterns("*.h5"))


def test_the_model_tab_works_for_a_model_with_only_the_required_files(model: Path):
    for path in model.iterdir():
        if path.name not in ("pix2pix.json", "generator.onnx"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert read_samples(model) == []
    assert format_metrics(model) == NO_METRICS
    assert read_history(model) == []
    assert read_card(model) == NO_CARD
    assert "weights' license" not in format_facts("model", Translator(model))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"samples": 3}', b'{"metrics": {"l1": "x"}}'],
)
def test_the_model_tab_works_for_a_model_with_damaged_files(model: Path, content: bytes):
    for name in ("metrics.json", "history.csv", "README.md"):
        (model / name).write_bytes(content)
    assert read_samples(model) == []
    assert format_metrics(model) == NO_METRICS
    assert read_history(model) == []
    assert format_facts("model", Translator(model))


def test_samples_with_paths_outside_the_model_or_missing_parts_are_left_out(model: Path):
    report = json.loads((model / "metrics.json").read_text())
    first, second, third, fourth, *rest = report["samples"]
    first["name"] = "../samples/000"
    second["l1"] = None
    third["ssim"] = float("nan")
    (model / "samples" / f"{fourth['name']}-target.png").unlink()
    report["samples"] = [first, second, third, fourth, 7, *rest]
    (model / "metrics.json").write_text(json.dumps(report))
    assert [s.name for s in read_samples(model)] == [entry["name"] for entry in rest]


def test_unreadable_rows_of_the_history_are_left_out(model: Path):
    history = model / "history.csv"
    lines = history.read_text().splitlines()
    history.write_text("\n".join([*lines[:3], "96,nan,nan,nan,nan,nan,nan", "1,2", "x" * 9]))
    steps = [float(line.partition(",")[0]) for line in lines[1:3]]
    assert [row["step"] for row in read_history(model)] == steps
    history.write_text("\n".join([lines[0], *lines[1:] * 5]))
    assert len(read_history(model)) <= 500


def test_the_card_is_shown_without_front_matter_title_and_pictures(model: Path):
    body = read_card(model)
    assert body.startswith("The conditional GAN")
    assert "![" not in body
    assert "## Results" in body


def test_a_model_on_the_hub_is_linked_at_its_revision(model: Path):
    facts = format_facts("user/maps@v1.0", Translator(model, "0123456789abcdef"))
    assert "[user/maps](" in facts
    assert "/user/maps/tree/0123456789abcdef)" in facts
    assert "| weights' license | apache-2.0 |" in facts


def test_the_number_of_steps_has_thousands_separators():
    assert "| training steps | 22,000 |" in format_facts("map", Translator(STARTER))
