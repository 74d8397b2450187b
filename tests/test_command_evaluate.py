"""Tests of `pix2pix evaluate`, which checks the figures of a published model."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pix2pix.commands.evaluate import main
from pix2pix.evaluation import METRICS
from tests.builders import make_finished_run, make_pairs, write_joined_pairs
from tests.commands import ROOT
from tests.hub_server import HubServer
from tests.published_run import DATASET, MODEL, PublishedRun


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training pairs and three held out."""
    folder = tmp_path_factory.mktemp("pairs")
    write_joined_pairs(folder, "train", make_pairs(6), "png")
    write_joined_pairs(folder, "val", make_pairs(3, seed=9), "png")
    return folder


def write_model(folder: Path, dataset: Path) -> Path:
    """Writes a model that was trained on `dataset` and has no metrics.json."""
    shutil.copytree(make_finished_run()[1], folder)
    (folder / "metrics.json").unlink()
    about = json.loads((folder / "pix2pix.json").read_text())
    about["config"] |= {"dataset_name": str(dataset), "validation_samples": None}
    about["columns"] = ["side by side"]
    about["rows"] = {
        "train": {"split": "train", "start": 0, "stop": 6},
        "held_out": {"split": "val", "start": 0, "stop": 3},
    }
    (folder / "pix2pix.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def model(dataset: Path, tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", dataset)


@pytest.fixture(scope="module")
def measured(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command writes to `--output` for `model`; a test must not change it."""
    folder = tmp_path_factory.mktemp("measured")
    model = write_model(folder / "model", dataset)
    output = folder / "m.json"
    assert main(["--cache", "memory", "--model", str(model), "--output", str(output)]) == 0
    return json.loads(output.read_text())


def output_of(capsys, *arguments: str | Path, code: int = 0) -> str:
    """Runs the command in this process, without a disk cache, and returns what it printed."""
    assert main(["--cache", "memory", *map(str, arguments)]) == code
    return capsys.readouterr().out


def failure(capsys, *arguments: str | Path) -> str:
    """Runs the command, which must fail; returns the last line on stderr."""
    assert main(["--cache", "memory", *map(str, arguments)]) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("pix2pix evaluate: ")
    return line


def usage_error(capsys, *arguments: str) -> str:
    """Runs a wrong command line, which must exit with 2; returns its only line on stderr."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_the_figures_of_a_published_model_are_reproduced(
    published_run: PublishedRun, capsys, tmp_path: Path
):
    """The dataset, its revision and the rows follow from the model."""
    output = output_of(capsys, "--model", f"{MODEL}@v1.0", "--output", tmp_path / "m.json")
    assert f"6 held-out pairs of {DATASET} at " in output
    assert f"Reproduced: the published figures, within 1 % ({', '.join(METRICS)})." in output
    report = json.loads((tmp_path / "m.json").read_text())
    own = json.loads((published_run.folder / "metrics.json").read_text())
    del own["samples"]
    assert {key: report[key] for key in own if key != "protocol"} == {
        key: value for key, value in own.items() if key != "protocol"
    }
    assert (report["model"], len(report["model_revision"])) == (f"{MODEL}@v1.0", 40)


def test_the_table_shows_each_metric_of_model_and_baselines_with_its_interval(
    model: Path, capsys, tmp_path: Path
):
    output = output_of(capsys, "--model", model, "--output", tmp_path / "m.json")
    report = json.loads((tmp_path / "m.json").read_text())
    lines = output.splitlines()
    for metric in METRICS:
        (line,) = (line for line in lines if line.startswith(METRICS[metric].label + " "))
        format_value = METRICS[metric].format_value
        assert format_value(report["metrics"][metric], report["intervals"][metric]) in line
        for name, values in report["baselines"].items():
            interval = report["baseline_intervals"][name][metric]
            assert format_value(values[metric], interval) in line
    assert "Nothing to compare: the model has no metrics.json." in output


def test_a_figure_that_is_not_reproduced_is_reported_with_its_difference(
    model: Path, measured: dict[str, Any], capsys
):
    report = copy.deepcopy(measured)
    (model / "metrics.json").write_text(json.dumps(report))
    assert "\nReproduced: " in output_of(capsys, "--model", model)
    real = report["metrics"]["l1"]
    report["metrics"]["l1"] = 0.8 * real
    (model / "metrics.json").write_text(json.dumps(report))
    output = output_of(capsys, "--model", model, code=1)
    assert "\nReproduced: " not in output
    expected = f"l1 is {0.8 * real:.2f} as published and {real:.2f} here (+25.0%)."
    assert f"Not reproduced: {expected}" in output


def test_the_figures_of_an_older_version_are_compared_where_both_have_them(
    model: Path, measured: dict[str, Any], capsys
):
    old = {"metrics": {name: measured["metrics"][name] for name in ("l1", "psnr", "ssim")}}
    (model / "metrics.json").write_text(json.dumps(old))
    assert "within 1 % (l1, psnr, ssim)." in output_of(capsys, "--model", model)


def test_class_metrics_are_not_compared_under_another_legend(
    model: Path, measured: dict[str, Any], capsys
):
    (model / "metrics.json").write_text(json.dumps(measured))
    output = output_of(capsys, "--model", model, "--legend", "FFFF00,007fff")
    assert "\nLegend: ffff00,007fff\n" in output
    compared = [key for key, metric in METRICS.items() if not metric.uses_legend]
    assert f"within 1 % ({', '.join(compared)})." in output


def test_another_dataset_is_scored_at_the_models_size_and_not_compared(
    model: Path, capsys, tmp_path: Path
):
    write_joined_pairs(tmp_path / "other", "train", make_pairs(4, 40, seed=3), "png")
    write_joined_pairs(tmp_path / "other", "test", make_pairs(2, 40, seed=4), "png")
    output = output_of(
        capsys, "--model", model, "--dataset-name", tmp_path / "other",
        "--output", tmp_path / "m.json",
    )  # fmt: skip
    assert f"2 held-out pairs of {tmp_path / 'other'}, rows 0 to 1 of split test" in output
    assert "Nothing to compare: the model's card is about " in output
    report = json.loads((tmp_path / "m.json").read_text())
    assert report["held_out_pairs"] == 2 and "64x64" in report["protocol"]


def test_fewer_pairs_than_on_the_card_are_not_compared(model: Path, capsys):
    output = output_of(capsys, "--model", model, "--validation_samples", "2")
    assert "rows 0 to 1 of split val" in output and "Nothing to compare" in output


def test_the_other_direction_is_not_compared(model: Path, capsys, tmp_path: Path):
    output = output_of(
        capsys, "--model", model, "--direction", "b_to_a", "--output", tmp_path / "m.json"
    )
    assert ", b to a." in output and "Nothing to compare" in output


def test_a_missing_model_is_reported(hub: HubServer, capsys):
    output = failure(capsys, "--model", "nobody/nothing")
    assert "The model nobody/nothing was not found on the Hub" in output


def test_a_missing_revision_is_reported(published_run: PublishedRun, capsys):
    output = failure(capsys, "--model", f"{MODEL}@v9")
    assert f"The model {MODEL} has no such revision" in output


def test_a_folder_without_pix2pix_json_is_not_a_model(tmp_path: Path, capsys):
    output = failure(capsys, "--model", tmp_path)
    assert f"{tmp_path} is not a complete pix2pix model (pix2pix.json is missing)" in output


def test_a_pix2pix_json_without_rows_is_reported(model: Path, capsys):
    about = json.loads((model / "pix2pix.json").read_text())
    del about["rows"]
    (model / "pix2pix.json").write_text(json.dumps(about))
    assert "The model's pix2pix.json lacks 'rows'" in failure(capsys, "--model", model)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"metrics": {"l1": "low"}}', '{"metrics": {}, "legend": [[300, 0, 0]]}']
)
def test_a_damaged_metrics_json_is_reported(content: str, model: Path, capsys):
    (model / "metrics.json").write_text(content)
    assert "metrics.json can't be read (" in failure(capsys, "--model", model)


def test_a_missing_dataset_is_reported(model: Path, hub: HubServer, capsys):
    output = failure(capsys, "--model", model, "--dataset_name", "no/such-set")
    assert "The dataset no/such-set" in output and "not found" in output


def test_the_table_is_printed_although_the_output_can_not_be_written(model: Path, capsys, tmp_path):
    (tmp_path / "file").touch()
    arguments = ["--cache", "memory", "--model", str(model)]
    assert main([*arguments, "--output", str(tmp_path / "file" / "m.json")]) == 1
    printed = capsys.readouterr()
    assert "mean IoU" in printed.out and str(tmp_path / "file") in printed.err


def test_a_usage_error_exits_with_2(capsys, tmp_path: Path):
    assert "required: --model" in usage_error(capsys)
    assert "--model is empty" in usage_error(capsys, "--model", "")
    assert "'fff' in --legend is not a color" in usage_error(
        capsys, "--model", "x", "--legend", "fff"
    )
    assert "invalid choice: 'none'" in usage_error(capsys, "--model", "x", "--cache", "none")
    output = usage_error(capsys, "--model", "x", "--validation-samples", "-1")
    assert "must be at least 0" in output
    assert "name a file" in usage_error(capsys, "--model", "x", "--output", str(tmp_path))


def test_help_and_usage_errors_do_not_import_tensorflow():
    code = (
        "import sys\nfrom pix2pix.commands.evaluate import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(*{'tensorflow', 'onnxruntime', 'datasets'} & set(sys.modules))"
    )
    for arguments, exit_code in ((["--help"], 0), (["--model", "x", "--legend", "?"], 2)):
        process = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert process.returncode == exit_code
        assert process.stdout.splitlines()[-1] == ""


def test_the_module_that_published_cards_name_still_works():
    process = subprocess.run(
        [sys.executable, "-m", "pix2pix.evaluation", "--help"], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert process.stdout.startswith("usage: python -m pix2pix.evaluation ")
    assert "--dataset-name" in process.stdout and "--dataset_name" in process.stdout
