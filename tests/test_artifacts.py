"""Reading the artifacts of every version: old names, missing files, and damaged ones."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from pix2pix import UserError
from pix2pix.artifacts import OPTIONAL, PUBLISHED, REQUIRED, SERVED, ArtifactFolder
from pix2pix.card import write_card
from pix2pix.evaluation import table
from pix2pix.gallery import read_samples
from tests.commands import ROOT

STARTER_MODEL = ROOT / "assets" / "starter_model"

# As version 0.1.0 wrote it: British spelling.
BRITISH = """{
  "protocol": "All held-out pairs, on 8-bit pictures.",
  "held_out_pairs": 71,
  "legend": [[170, 211, 223], [255, 255, 255]],
  "metrics": {"l1": 2.570382, "psnr": 26.85218, "mean_iou": 0.939275},
  "intervals": {"l1": [2.194351, 2.99511], "psnr": [26.11, 27.62], "mean_iou": [0.927, 0.95]},
  "baselines": {
    "mean_map": {"l1": 28.044152, "psnr": 18.280841, "mean_iou": 0.280023},
    "colour_lookup": {"l1": 2.57939, "psnr": 26.942477, "mean_iou": 0.936807}
  },
  "baseline_intervals": {
    "mean_map": {"l1": [27.56, 28.54], "psnr": [18.14, 18.43], "mean_iou": [0.248, 0.308]},
    "colour_lookup": {"l1": [2.18, 3.01], "psnr": [26.11, 27.80], "mean_iou": [0.923, 0.948]}
  },
  "per_pair": [{"l1": 3.5808, "psnr": 24.1534, "mean_iou": 0.8579}],
  "samples": [{"name": "000", "held_out_pair": 0, "l1": 3.5808, "psnr": 24.1534, "ssim": 0.829}]
}"""
# As the first versions wrote it: no intervals, no legend, three metrics.
FIRST = """{
  "protocol": "Mean over all held-out pairs.",
  "held_out_pairs": 71,
  "metrics": {"l1": 2.64, "psnr": 26.76, "ssim": 0.895},
  "baselines": {"mean_map": {"l1": 28.04, "psnr": 18.28, "ssim": 0.868}}
}"""


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    """Holds the starter model's pix2pix.json, history and first sample."""
    for name in ("pix2pix.json", "history.csv"):
        shutil.copy(STARTER_MODEL / name, tmp_path)
    (tmp_path / "samples").mkdir()
    for kind in ("input", "generated", "target"):
        shutil.copy(STARTER_MODEL / "samples" / f"000-{kind}.png", tmp_path / "samples")
    return ArtifactFolder(tmp_path)


def test_published_files_are_served_except_the_keras_weights_and_optional_ones():
    assert set(PUBLISHED) - set(SERVED) == {
        "config.json", "metadata.json", "model.weights.h5", *OPTIONAL,
    }  # fmt: skip
    assert set(REQUIRED) <= set(SERVED) <= set(PUBLISHED)
    for pattern in set(PUBLISHED) - set(OPTIONAL):
        assert list(STARTER_MODEL.glob(pattern)), f"the starter model has no {pattern}"


def test_metrics_with_british_names_are_read_under_todays_names(folder: ArtifactFolder):
    (folder / "metrics.json").write_text(BRITISH)
    report = folder.read_metrics()
    old = json.loads(BRITISH)
    for key in ("baselines", "baseline_intervals"):
        assert list(report[key]) == ["mean_map", "color_lookup"]
        assert report[key]["color_lookup"] == old[key]["colour_lookup"]
    unchanged = old.keys() - {"baselines", "baseline_intervals"}
    assert {key: report[key] for key in unchanged} == {key: old[key] for key in unchanged}


def test_a_card_table_and_samples_are_made_from_metrics_with_british_names(folder: ArtifactFolder):
    (folder / "metrics.json").write_text(BRITISH)
    write_card(folder.path)
    text = ModelCard.load(folder / "README.md").text
    assert "| mean map | color lookup |\n" in text and "colour_lookup" not in text
    assert "| mean IoU | 0.939 [0.927, 0.950] | 0.280 | 0.937 |" in text
    assert "color lookup, for each input color" in text
    rows = table.metric_rows(folder.read_metrics(), baseline_intervals=True)
    assert rows[1][-1] == "2.58 [2.18, 3.01]"
    assert [sample.name for sample in read_samples(folder.path)] == ["000"]


def test_a_card_and_table_are_made_from_metrics_of_the_first_versions(folder: ArtifactFolder):
    (folder / "metrics.json").write_text(FIRST)
    write_card(folder.path)
    text = ModelCard.load(folder / "README.md").text
    assert "| SSIM | 0.895 | 0.868 |" in text
    assert "Lower is better for L1; higher is better for PSNR, SSIM." in text
    assert "Compared with the best baseline" not in text, "a comparison needs intervals"
    rows = table.metric_rows(folder.read_metrics(), baseline_intervals=True)
    assert rows[1:] == [
        ["L1 (gray levels of 255)", "2.64", "28.04"],
        ["PSNR (dB)", "26.76", "18.28"],
        ["SSIM", "0.895", "0.868"],
    ]
    assert read_samples(folder.path) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "does not hold a JSON object"),
        ("{}", "it has no metrics"),
        ('{"metrics": {"l1": "low"}}', "'low' is not a number"),
        ('{"metrics": {"l1": NaN}}', "nan is not a number"),
        ('{"metrics": {"l1": true}}', "True is not a number"),
        ('{"metrics": [1]}', "list"),
        ('{"metrics": {}, "baselines": {"mean_map": {"l1": null}}}', "None is not a number"),
        ('{"metrics": {}, "baselines": 3}', "int"),
        ('{"metrics": {}, "intervals": {"l1": [1]}}', "not enough values"),
        ('{"metrics": {}, "legend": [[300, 0, 0]]}', r"\[300, 0, 0\] in its legend is not a color"),
    ],
)
def test_damaged_metrics_raise_one_error_with_path_and_reason(
    content: str, reason: str, folder: ArtifactFolder
):
    (folder / "metrics.json").write_text(content)
    with pytest.raises(UserError, match=rf"metrics\.json can't be read \(.*{reason}"):
        folder.read_metrics()


def test_files_that_may_be_missing_give_none(folder: ArtifactFolder):
    (folder / "history.csv").unlink()
    assert folder.read_metrics() is None and folder.read_history() is None


def test_a_folder_without_pix2pix_json_is_not_a_model(folder: ArtifactFolder):
    assert folder.read_description()["columns"] == ["imageA", "imageB"]
    (folder / "pix2pix.json").unlink()
    with pytest.raises(UserError, match="has no pix2pix.json: it is not a pix2pix model"):
        folder.read_description()


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_pix2pix_json_raises_one_error(content: bytes, folder: ArtifactFolder):
    (folder / "pix2pix.json").write_bytes(content)
    with pytest.raises(UserError, match=r"pix2pix\.json can't be read \("):
        folder.read_description()


def test_a_card_needs_metrics(folder: ArtifactFolder):
    with pytest.raises(UserError, match="has no metrics.json"):
        write_card(folder.path)


def test_rows_of_the_history_without_finite_figures_are_left_out(folder: ArtifactFolder):
    lines = (folder / "history.csv").read_text().splitlines()
    damaged = ["96,nan,nan,nan,nan,nan,nan", "1,2", "x" * 9, "1,2,3,4,5,6,7,8", ""]
    (folder / "history.csv").write_text("\n".join([*lines[:3], *damaged]))
    rows = folder.read_history()
    assert [row["step"] for row in rows] == [int(line.split(",")[0]) for line in lines[1:3]]
    assert list(rows[0]) == lines[0].split(",")


def test_a_history_that_is_not_text_raises_one_error(folder: ArtifactFolder):
    (folder / "history.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"history\.csv can't be read \("):
        folder.read_history()
