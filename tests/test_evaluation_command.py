"""`python -m pix2pix.evaluation`: anybody's check of a published model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix.evaluation import METRICS, table
from pix2pix.evaluation.__main__ import main
from tests.builders import pairs, run_and_folder, write_side_by_side
from tests.commands import ROOT
from tests.hub_server import HubServer
from tests.loop import DATASET, MODEL, Published


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training pairs and three held out."""
    folder = tmp_path_factory.mktemp("pairs")
    write_side_by_side(folder, "train", pairs(6), "png")
    write_side_by_side(folder, "val", pairs(3, seed=9), "png")
    return folder


@pytest.fixture
def model(dataset: Path, tmp_path: Path) -> Path:
    """A model whose own dataset is `dataset`, without figures yet."""
    folder = tmp_path / "model"
    shutil.copytree(run_and_folder()[1], folder)
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


def evaluated(capsys, *arguments: str | Path, code: int = 0) -> str:
    """Runs the command in this process, without a disk cache, and returns what it printed."""
    assert main(["--cache", "memory", *map(str, arguments)]) == code
    return capsys.readouterr().out


def failure(capsys, *arguments: str | Path) -> str:
    assert main(["--cache", "memory", *map(str, arguments)]) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("python -m pix2pix.evaluation: ")
    return line


def usage_error(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_published_model_and_its_card_by_the_ids_on_the_hub(
    published: Published, capsys, tmp_path: Path
):
    """The dataset, its revision and the rows are those that the model names."""
    said = evaluated(capsys, "--model", f"{MODEL}@v1.0", "--output", tmp_path / "m.json")
    assert f"6 held-out pairs of {DATASET} at " in said
    assert f"Reproduced: the model's own figures, within 1 % ({', '.join(METRICS)})." in said
    found = json.loads((tmp_path / "m.json").read_text())
    own = json.loads((published.folder / "metrics.json").read_text())
    del own["samples"]
    assert {key: found[key] for key in own if key != "protocol"} == {
        key: value for key, value in own.items() if key != "protocol"
    }
    assert (found["model"], len(found["model_revision"])) == (f"{MODEL}@v1.0", 40)


def test_the_table_has_each_metric_of_model_and_baselines_with_its_interval(
    model: Path, capsys, tmp_path: Path
):
    said = evaluated(capsys, "--model", model, "--output", tmp_path / "m.json")
    report = json.loads((tmp_path / "m.json").read_text())
    lines = said.splitlines()
    for metric in METRICS:
        (line,) = (line for line in lines if line.startswith(table.LABELS[metric][0] + " "))
        assert table.shown(metric, report["metrics"][metric], report["intervals"][metric]) in line
        for name, values in report["baselines"].items():
            interval = report["baseline_intervals"][name][metric]
            assert table.shown(metric, values[metric], interval) in line
    assert "Nothing to compare: the model has no metrics.json." in said


def test_a_card_that_promises_too_much_is_told_by_how_much(model: Path, capsys, tmp_path: Path):
    evaluated(capsys, "--model", model, "--output", tmp_path / "m.json")
    report = json.loads((tmp_path / "m.json").read_text())
    (model / "metrics.json").write_text(json.dumps(report))
    assert "\nReproduced: " in evaluated(capsys, "--model", model)
    real = report["metrics"]["l1"]
    report["metrics"]["l1"] = 0.8 * real
    (model / "metrics.json").write_text(json.dumps(report))
    said = evaluated(capsys, "--model", model, code=1)
    assert "\nReproduced: " not in said
    expected = f"l1 is {0.8 * real:.2f} there and {real:.2f} here (+25.0%)."
    assert f"Not reproduced: of the model's own figures, {expected}" in said


def test_figures_of_an_earlier_version_are_compared_as_far_as_they_go(
    model: Path, capsys, tmp_path: Path
):
    evaluated(capsys, "--model", model, "--output", tmp_path / "m.json")
    metrics = json.loads((tmp_path / "m.json").read_text())["metrics"]
    old = {"metrics": {name: metrics[name] for name in ("l1", "psnr", "ssim")}}
    (model / "metrics.json").write_text(json.dumps(old))
    assert "within 1 % (l1, psnr, ssim)." in evaluated(capsys, "--model", model)


def test_a_legend_of_ones_own_is_used_and_leaves_the_class_metrics_uncompared(
    model: Path, capsys, tmp_path: Path
):
    evaluated(capsys, "--model", model, "--output", tmp_path / "m.json")
    (model / "metrics.json").write_text((tmp_path / "m.json").read_text())
    said = evaluated(capsys, "--model", model, "--legend", "FFFF00,007fff")
    assert "\nLegend: ffff00,007fff\n" in said
    assert "within 1 % (l1, psnr, ssim, within_5, within_10, sharpness)." in said


def test_other_pairs_are_scored_at_the_models_size_and_not_compared(
    model: Path, capsys, tmp_path: Path
):
    write_side_by_side(tmp_path / "other", "train", pairs(4, 40, seed=3), "png")
    write_side_by_side(tmp_path / "other", "test", pairs(2, 40, seed=4), "png")
    said = evaluated(
        capsys, "--model", model, "--dataset-name", tmp_path / "other",
        "--output", tmp_path / "m.json",
    )  # fmt: skip
    assert f"2 held-out pairs of {tmp_path / 'other'}, rows 0 to 1 of split test" in said
    assert "Nothing to compare: the model's card is about " in said
    report = json.loads((tmp_path / "m.json").read_text())
    assert report["held_out_pairs"] == 2 and "64x64" in report["protocol"]


def test_fewer_pairs_than_the_cards_are_not_compared(model: Path, capsys):
    said = evaluated(capsys, "--model", model, "--validation_samples", "2")
    assert "rows 0 to 1 of split val" in said and "Nothing to compare" in said


def test_the_other_direction_has_other_targets(model: Path, capsys, tmp_path: Path):
    said = evaluated(
        capsys, "--model", model, "--direction", "b_to_a", "--output", tmp_path / "m.json"
    )
    assert ", b to a." in said and "Nothing to compare" in said


def test_no_such_model(hub: HubServer, capsys):
    said = failure(capsys, "--model", "nobody/nothing")
    assert "The model nobody/nothing was not found on the Hub" in said


def test_no_such_revision(published: Published, capsys):
    said = failure(capsys, "--model", f"{MODEL}@v9")
    assert f"The model {MODEL} has no such revision" in said


def test_a_folder_without_pix2pix_json(tmp_path: Path, capsys):
    said = failure(capsys, "--model", tmp_path)
    assert f"{tmp_path} is not a complete pix2pix model (pix2pix.json is missing)" in said


def test_a_pix2pix_json_that_does_not_tell_the_rows(model: Path, capsys):
    about = json.loads((model / "pix2pix.json").read_text())
    del about["rows"]
    (model / "pix2pix.json").write_text(json.dumps(about))
    assert "The model's pix2pix.json lacks 'rows'" in failure(capsys, "--model", model)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"metrics": {"l1": "low"}}', '{"metrics": {}, "legend": [[300, 0, 0]]}']
)
def test_a_damaged_metrics_json(content: str, model: Path, capsys):
    (model / "metrics.json").write_text(content)
    assert "The model's metrics.json can't be read" in failure(capsys, "--model", model)


def test_a_dataset_that_is_not_there(model: Path, hub: HubServer, capsys):
    said = failure(capsys, "--model", model, "--dataset_name", "no/such-set")
    assert "The dataset no/such-set" in said and "not found" in said


def test_an_output_that_cannot_be_written_comes_after_the_table(model: Path, capsys, tmp_path):
    (tmp_path / "file").touch()
    arguments = ["--cache", "memory", "--model", str(model)]
    assert main([*arguments, "--output", str(tmp_path / "file" / "m.json")]) == 1
    printed = capsys.readouterr()
    assert "mean IoU" in printed.out and str(tmp_path / "file") in printed.err


def test_usage_errors(capsys, tmp_path: Path):
    assert "--model is missing" in usage_error(capsys)
    assert "'fff' in --legend is no colour" in usage_error(
        capsys, "--model", "x", "--legend", "fff"
    )
    assert "invalid choice: 'none'" in usage_error(capsys, "--model", "x", "--cache", "none")
    said = usage_error(capsys, "--model", "x", "--validation-samples", "0")
    assert "must be greater than zero" in said
    assert "name a file" in usage_error(capsys, "--model", "x", "--output", str(tmp_path))


def test_help_and_usage_errors_do_not_wait_for_tensorflow():
    code = (
        "import sys\nfrom pix2pix.evaluation.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(*{'tensorflow', 'onnxruntime', 'datasets'} & set(sys.modules))"
    )
    for arguments, exit_code in ((["--help"], 0), (["--model", "x", "--legend", "?"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == exit_code
        assert done.stdout.splitlines()[-1] == ""


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "pix2pix.evaluation", "--help"], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("usage: python -m pix2pix.evaluation ")
    assert "--dataset-name" in done.stdout and "--dataset_name" in done.stdout
