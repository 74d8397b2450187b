"""What the artifacts of a run say about its validation."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from PIL import Image

from pix2pix import artifact_writer, card
from pix2pix.artifacts import ArtifactFolder
from pix2pix.commands import job
from pix2pix.evaluation import METRICS
from pix2pix.flags import parse
from pix2pix.validation_settings import SELECTION_METRICS
from tests.builders import make_finished_run

ABOUT = {
    "published_step": 1500, "best_step": 1500, "metric": "mean_iou",
    "scores": {"l1": 9.876, "ssim": 0.5, "ms_ssim": 0.6, "class_accuracy": 0.7, "mean_iou": 0.4},
    "validations": 20, "share_of_time": 0.031, "stopped_early": False,
}  # fmt: skip
ROWS = [{"step": n * 500, "seconds": n, **ABOUT["scores"]} for n in (1, 2, 3, 4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The artifacts of a finished run without validation."""
    return Path(shutil.copytree(make_finished_run()[1], tmp_path / "model"))


def write_card(folder: Path, **changes: object) -> str:
    """Returns the card of a run with validation."""
    about = ArtifactFolder(folder).read_description()
    about["validation"] = ABOUT | changes
    about["rows"]["selection"] = {"split": "train", "start": 90, "stop": 154}
    about["config"] |= {"validation_steps": 500, "early_stopping_patience": 3}
    (folder / "pix2pix.json").write_text(json.dumps(about))
    card.write_card(folder)
    return ModelCard.load(folder / "README.md").text


def test_the_card_names_the_step_of_the_weights_and_its_scores(folder: Path):
    text = write_card(folder)
    assert "| weights in this model | step 1,500, the best |" in text
    assert (
        "| best step | step 1,500, by mean IoU on 64 selection pairs: L1 9.88, SSIM 0.500" in text
    )
    assert "| validations | 20, one every 500 steps; 3.1% of the time |" in text
    assert "| selection pairs | 64: rows 90 to 153 of split `train` |" in text
    assert "--validation_steps 500 --early_stopping_patience 3" in text
    assert "stopped early" not in text


def test_the_card_says_that_the_last_weights_were_published_and_why_a_run_ended(folder: Path):
    text = write_card(folder, published_step=2000, stopped_early=True)
    assert "| weights in this model | step 2,000, the last |" in text
    assert "| stopped early | 3 validations in a row were not better than the best step |" in text


def test_a_card_without_validation_does_not_mention_it(folder: Path):
    text = ModelCard.load(folder / "README.md").text
    assert "selection pairs" not in text and "validations" not in text


def test_the_curves_have_a_third_plot_and_pix2pix_json_the_scores(folder: Path, tmp_path: Path):
    run, _, _, loaded = make_finished_run()
    card.write_curves(tmp_path / "curves.png", run.history, ROWS, ABOUT)
    plain, scored = (Image.open(path / "curves.png").size for path in (folder, tmp_path))
    assert scored == (plain[0] * 3 // 2, plain[1])
    validated = replace(run, validation=ABOUT, validation_rows=ROWS)
    assert artifact_writer.describe(folder, validated, loaded, 0.0, {})["validation"] == ABOUT
    assert "validation" not in artifact_writer.describe(folder, run, loaded, 0.0, {})


def test_validation_csv_is_published_and_that_of_an_earlier_run_is_deleted(folder: Path):
    run = make_finished_run()[0]
    validated = replace(run, validation=ABOUT, validation_rows=ROWS)
    artifact_writer.write_validation(folder, validated)
    lines = (folder / "validation.csv").read_text().splitlines()
    assert lines[0] == "step,seconds,l1,ssim,ms_ssim,class_accuracy,mean_iou" and len(lines) == 5
    assert "validation.csv" in ArtifactFolder(folder).list_published()
    artifact_writer.write_validation(folder, run)
    assert not (folder / "validation.csv").exists()


def test_the_metrics_to_choose_by_have_a_direction():
    assert set(ABOUT["scores"]) == set(SELECTION_METRICS)
    assert all(METRICS[key].better for key in SELECTION_METRICS)


def test_a_job_gets_the_flags():
    flags = ["--validation_steps", "500", "--selection_samples", "32", "--publish", "last"]
    flags += ["--selection_metric", "ssim", "--early_stopping_patience", "4"]
    config, options = parse("", [*flags, "--hf_job", "t4-small", "--hub_model_id", "me/x"])
    words = " ".join(job.build(config, options, "git+https://x.org/y", True).command)
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        assert f"{flag} {value}" in words
