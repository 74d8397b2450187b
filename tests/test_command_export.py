"""`pix2pix export`: what it writes, prints and refuses."""

import shutil
from pathlib import Path

import pytest

from pix2pix.__main__ import main
from pix2pix.translate import load_session
from tests.builders import make_finished_run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return Path(shutil.copytree(make_finished_run()[1], tmp_path / "model"))


def test_an_export_is_written_and_described(model: Path, tmp_path: Path, capsys):
    output = tmp_path / "new" / "g.onnx"
    arguments = ["--model", str(model), "--format", "onnx", "--precision", "float32"]
    assert main(["export", *arguments, "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("onnx float32: ") and lines[-2].endswith(" ms a picture")
    assert lines[-1] == f"The export is {output}."
    assert load_session(output).get_inputs()[0].name == "image"
    assert output.stat().st_size > (model / "generator.onnx").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "keras", "--output", "g.h5"], "Keras loads files that end with .keras"),
        (["--format", "saved_model", "--output", "g", "--precision", "float16"], "float32 only"),
        (["--format", "tflite", "--output", "."], "is a folder; name a file"),
        (["--format", "coreml", "--output", "g"], "invalid choice: 'coreml'"),
        (["--format", "onnx"], "required: --output"),
    ],
)
def test_wrong_usage_is_one_line(capsys, arguments: list[str], message: str):
    with pytest.raises(SystemExit) as caught:
        main(["export", "--model", "assets/starter_model", *arguments])
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and message in line


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda model: shutil.rmtree(model / "samples"), "has no samples/*-input.png"),
        (lambda model: (model / "model.weights.h5").write_bytes(b"x"), "its sha256 differs"),
        (lambda model: (model / "pix2pix.json").unlink(), "pix2pix.json is missing"),
        (lambda model: shutil.rmtree(model), "There is no folder"),
    ],
)
def test_a_damaged_model_is_refused(model: Path, tmp_path: Path, capsys, damage, message: str):
    damage(model)
    output = tmp_path / "g.onnx"
    arguments = ["--model", str(model), "--format", "onnx", "--output", str(output)]
    assert main(["export", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix export: ") and message in line
    assert not output.exists()
