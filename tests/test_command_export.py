"""`pix2pix export`: what it writes, prints and refuses."""

import json
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard, hf_hub_download

from pix2pix import Translator, UserError
from pix2pix.__main__ import main
from pix2pix.artifacts import EXPORTED_FILES
from pix2pix.files import sha256
from pix2pix.options import Options
from pix2pix.translate import load_session
from tests.builders import make_finished_run
from tests.commands import run_train_hub
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.published_run import TINY_FLAGS


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


def test_push_only_writes_no_exports():
    with pytest.raises(UserError, match="--push_only publishes those that --output_dir has"):
        Options(push_only=True, publish_formats=("keras",))


@pytest.mark.slow
def test_a_run_publishes_its_exports(hub: HubServer, repo_id: str, tmp_path: Path):
    output = run_train_hub(
        "--dataset_name", "assets/sample_maps", *TINY_FLAGS, "--max_train_steps", "2",
        "--max_train_samples", "4", "--validation_samples", "2", "--output_dir",
        str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache"), "--push_to_hub",
        "--hub_model_id", repo_id, "--publish_formats", "saved_model", "tflite", "onnx", "keras",
        token=WRITE_TOKEN,
    )  # fmt: skip
    assert "saved_model float32: " in output and "tflite float16: " in output
    assert set(EXPORTED_FILES) <= set(HfApi().list_repo_files(repo_id))
    about = json.loads((tmp_path / "run" / "pix2pix.json").read_text())
    assert about["exports"].keys() == {"saved_model", "tflite", "onnx", "keras"}
    for name in EXPORTED_FILES:
        assert sha256(Path(hf_hub_download(repo_id, name))) == about["sha256"][name]
    card = ModelCard.load(repo_id).content
    assert re.search(r"`exports/generator.tflite` \(float16, \d\.\d MB\)", card)


@pytest.mark.slow
def test_the_translator_does_not_download_exports_and_the_handler(
    hub: HubServer, repo_id: str, model: Path, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    HfApi().create_repo(repo_id)
    (model / "exports").mkdir()
    (model / "exports" / "generator.keras").write_bytes(b"x")
    HfApi().upload_folder(repo_id=repo_id, folder_path=model)
    folder = Translator.from_pretrained(repo_id).folder
    names = {path.name for path in folder.rglob("*")}
    assert "samples.png" in names
    assert not names & {"exports", "handler.py", "requirements.txt", "model.weights.h5"}
