"""The whole loop: stream a dataset from the Hub, train, publish, download, serve, call."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from huggingface_hub import HfApi, ModelCard, hf_hub_download
from PIL import Image

import train_hub
from pix2pix import Translator
from pix2pix.images import to_tensor, to_uint8
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.published_run import DATASET, MODEL, PublishedRun

# Spelled out here, not read from pix2pix.artifacts: a published file must not disappear unnoticed.
PUBLISHED_FILES = {
    "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    "pix2pix.json", "metrics.json", "samples.png", "history.csv", "curves.png",
    "discriminator.weights.h5", "handler.py", "requirements.txt",
    "notebook.ipynb", "thumbnail.png",
}  # fmt: skip


def test_the_dataset_is_streamed_from_the_hub(published_run: PublishedRun, hub: HubServer):
    description = json.loads((published_run.folder / "pix2pix.json").read_text())
    assert description["config"]["dataset_revision"] == HfApi().dataset_info(DATASET).sha
    assert description["rows"]["train"] == {"split": "train", "start": 0, "stop": 24}
    assert description["rows"]["held_out"] == {"split": "validation", "start": 0, "stop": 6}
    downloaded = {path for method, path, status in hub.requests if method == "GET" and status < 300}
    assert any(DATASET in path and "train-00001-of-00002" in path for path in downloaded)


def test_every_artifact_is_on_disk_and_on_the_hub(published_run: PublishedRun):
    names = set(HfApi().list_repo_files(MODEL)) - {".gitattributes"}
    kinds = ("input", "generated", "target")
    samples = {f"samples/{n:03d}-{kind}.png" for n in range(6) for kind in kinds}
    assert names == PUBLISHED_FILES | samples
    for name in names:
        downloaded = Path(hf_hub_download(MODEL, name))
        assert downloaded.read_bytes() == (published_run.folder / name).read_bytes()
    assert (published_run.folder / "checkpoints" / "step-00000006.npz").exists()
    assert (published_run.folder / "progress" / "step-00000003.png").exists()


def test_the_artifacts_are_one_commit_and_tagged(published_run: PublishedRun):
    commits = HfApi().list_repo_commits(MODEL)
    assert len(commits) == 2, "expected the initial commit and one commit with every file"
    tags = HfApi().list_repo_refs(MODEL).tags
    assert [(tag.name, tag.target_commit) for tag in tags] == [("v1.0", commits[0].commit_id)]


def test_the_card_has_the_measured_metrics(published_run: PublishedRun):
    card = ModelCard.load(MODEL)
    metrics = json.loads((published_run.folder / "metrics.json").read_text())["metrics"]
    published = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert published == pytest.approx(metrics, abs=1e-3)
    assert card.data.library_name == "keras"
    assert card.data.datasets == [DATASET]
    assert f'Translator.from_pretrained("{MODEL}", revision="v1.0")' in card.content


def test_the_token_is_neither_in_the_output_nor_in_the_artifacts(published_run: PublishedRun):
    assert WRITE_TOKEN not in published_run.output
    files = [path for path in published_run.folder.rglob("*") if path.is_file()]
    assert published_run.folder / "pix2pix.json" in files
    assert not [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()]


def test_the_onnx_graph_runs_without_this_package(published_run: PublishedRun):
    session = onnxruntime.InferenceSession(hf_hub_download(MODEL, "generator.onnx"))
    picture = (
        Image.open(published_run.photo).convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
    )
    tensor = session.run(["translation"], {"image": to_tensor(np.asarray(picture)[None])})[0]
    translated = Translator.from_pretrained(MODEL).generate(np.asarray(picture)[None])
    assert np.array_equal(to_uint8(tensor), translated)


def test_keras_loads_it_from_the_hub(published_run: PublishedRun):
    import keras

    generator = keras.saving.load_model(f"hf://{MODEL}", compile=False)
    inputs = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    translated = Translator.from_pretrained(MODEL).generate(inputs)
    predicted = to_uint8(np.asarray(generator(to_tensor(inputs), training=False)))
    assert np.abs(predicted.astype(int) - translated).max() <= 1


def test_a_cached_revision_loads_while_the_hub_is_down(published_run: PublishedRun, hub: HubServer):
    online = Translator.from_pretrained(MODEL, revision="v1.0")
    expected = online(published_run.photo)
    assert online.revision == HfApi().list_repo_commits(MODEL)[0].commit_id
    hub.stop()
    try:
        offline = Translator.from_pretrained(MODEL, revision="v1.0")
    finally:
        hub.start()
    assert np.array_equal(offline(published_run.photo), expected)


def test_push_only_publishes_an_earlier_run(
    published_run: PublishedRun, logged_in: None, tmp_path: Path, capsys
):
    """The fixture `deployed_space` does this in a process of its own."""
    run = shutil.copytree(published_run.folder, tmp_path / "run")
    model = f"{USER}/pix2pix-pushed-later"
    arguments = ["--push_only", "--output_dir", str(run), "--hub_model_id", model]
    assert train_hub.main(arguments) == 0
    output = capsys.readouterr().out
    assert "Published" in output
    assert "Training" not in output
    assert set(HfApi().list_repo_files(model)) >= PUBLISHED_FILES
    assert f"hf://{model}" in ModelCard.load(model).content


@pytest.mark.parametrize("mode", ["fit", "full"])
def test_the_endpoint_returns_what_the_translator_returns(
    published_run: PublishedRun, published_space: str, mode: str
):
    result = Client(published_space, verbose=False).predict(
        handle_file(published_run.photo), mode, api_name="/translate"
    )
    expected = Translator.from_pretrained(MODEL, revision="v1.0")(published_run.photo, mode=mode)
    with Image.open(result) as png:
        assert png.format == "PNG"
        assert np.array_equal(png, expected)


def test_the_mode_is_optional_and_the_size_is_kept(published_space: str, tmp_path: Path):
    client = Client(published_space, verbose=False)
    for size in ((1, 1), (300, 70)):
        picture = tmp_path / "picture.png"
        Image.new("RGB", size, "green").save(picture)
        result = client.predict(handle_file(picture), api_name="/translate")
        assert Image.open(result).size == size


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.png", b"not a picture", "not a picture"),
        ("empty.png", b"", "not a picture"),
        ("cut.jpg", None, "damaged or cut short"),
        ("bomb.png", "bomb", "megapixels"),
    ],
)
def test_a_bad_file_gets_a_clear_error_and_the_space_keeps_running(
    published_run: PublishedRun,
    published_space: str,
    tmp_path: Path,
    name: str,
    content,
    message: str,
):
    bad_file = tmp_path / name
    if content == "bomb":
        Image.new("1", (14000, 14000)).save(bad_file)
    else:
        bad_file.write_bytes(
            published_run.photo.read_bytes()[:3000] if content is None else content
        )
    client = Client(published_space, verbose=False)
    with pytest.raises(AppError, match=message) as error:
        client.predict(handle_file(bad_file), api_name="/translate")
    assert "Traceback" not in str(error.value)
    assert client.predict(handle_file(published_run.photo), api_name="/translate")


def test_with_one_model_there_is_no_endpoint_to_choose_one(published_space: str):
    endpoints = Client(published_space, verbose=False).view_api(
        return_format="dict", print_info=False
    )
    assert list(endpoints["named_endpoints"]) == ["/translate", "/translate_batch", "/model_info"]
