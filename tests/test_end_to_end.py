"""The whole loop: stream from the Hub, train, publish, pull, serve, call, click."""

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

from pix2pix import Translator
from pix2pix.images import to_tensor, to_uint8
from tests.commands import run_train_hub
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.loop import DATASET, MODEL, Published

LAYOUT = {
    "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    "pix2pix.json", "metrics.json", "samples.png", "history.csv", "curves.png",
}  # fmt: skip


def test_the_dataset_is_streamed_from_the_hub(published: Published, hub: HubServer):
    about = json.loads((published.folder / "pix2pix.json").read_text())
    assert about["config"]["dataset_revision"] == HfApi().dataset_info(DATASET).sha
    assert about["rows"]["train"] == {"split": "train", "start": 0, "stop": 24}
    assert about["rows"]["held_out"] == {"split": "validation", "start": 0, "stop": 6}
    fetched = {path for method, path, status in hub.requests if method == "GET" and status < 300}
    assert any(DATASET in path and "train-00001-of-00002" in path for path in fetched)


def test_every_artifact_is_on_disk_and_on_the_hub(published: Published):
    on_hub = set(HfApi().list_repo_files(MODEL)) - {".gitattributes"}
    kinds = ("input", "generated", "target")
    samples = {f"samples/{n:03d}-{kind}.png" for n in range(6) for kind in kinds}
    assert on_hub == LAYOUT | samples
    for name in on_hub:
        downloaded = Path(hf_hub_download(MODEL, name))
        assert downloaded.read_bytes() == (published.folder / name).read_bytes()
    assert (published.folder / "checkpoints" / "step-00000006.npz").exists()
    assert (published.folder / "progress" / "step-00000003.png").exists()


def test_the_artifacts_are_one_commit_and_tagged(published: Published):
    commits = HfApi().list_repo_commits(MODEL)
    assert len(commits) == 2, "the creation, and one commit with everything"
    tags = HfApi().list_repo_refs(MODEL).tags
    assert [(tag.name, tag.target_commit) for tag in tags] == [("v1.0", commits[0].commit_id)]


def test_the_card_tells_the_measured_metrics(published: Published):
    card = ModelCard.load(MODEL)
    metrics = json.loads((published.folder / "metrics.json").read_text())["metrics"]
    told = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert told == pytest.approx(metrics, abs=1e-3)
    assert card.data.library_name == "keras"
    assert card.data.datasets == [DATASET]
    assert f'Translator.from_pretrained("{MODEL}", revision="v1.0")' in card.content


def test_no_token_in_output_or_artifacts(published: Published):
    assert WRITE_TOKEN not in published.output
    for file in published.folder.rglob("*"):
        assert file.is_dir() or WRITE_TOKEN.encode() not in file.read_bytes()


def test_the_bare_graph_serves_without_this_package(published: Published):
    session = onnxruntime.InferenceSession(hf_hub_download(MODEL, "generator.onnx"))
    picture = Image.open(published.photo).convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
    tensor = session.run(["translation"], {"image": to_tensor(np.asarray(picture)[None])})[0]
    served = Translator.from_pretrained(MODEL).generate(np.asarray(picture)[None])
    assert np.array_equal(to_uint8(tensor), served)


def test_keras_loads_it_from_the_hub(published: Published):
    import keras

    generator = keras.saving.load_model(f"hf://{MODEL}", compile=False)
    target = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    served = Translator.from_pretrained(MODEL).generate(target)
    predicted = to_uint8(np.asarray(generator(to_tensor(target), training=False)))
    assert np.abs(predicted.astype(int) - served).max() <= 1


def test_a_pinned_translator_works_with_the_hub_away(published: Published, hub: HubServer):
    online = Translator.from_pretrained(MODEL, revision="v1.0")
    expected = online(published.photo)
    assert online.revision == HfApi().list_repo_commits(MODEL)[0].commit_id
    hub.stop()
    try:
        offline = Translator.from_pretrained(MODEL, revision="v1.0")
    finally:
        hub.start()
    assert np.array_equal(offline(published.photo), expected)


def test_push_only_publishes_an_earlier_run(published: Published, tmp_path: Path):
    run = shutil.copytree(published.folder, tmp_path / "run")
    model = f"{USER}/pix2pix-pushed-later"
    output = run_train_hub(
        "--push_only", "--output_dir", str(run), "--hub_model_id", model, token=WRITE_TOKEN
    )
    assert "Published" in output
    assert "Training" not in output
    assert set(HfApi().list_repo_files(model)) >= LAYOUT
    assert f"hf://{model}" in ModelCard.load(model).content


@pytest.mark.parametrize("mode", ["fit", "full"])
def test_a_program_gets_the_translators_own_result(published: Published, space: str, mode: str):
    answer = Client(space, verbose=False).predict(
        handle_file(published.photo), mode, api_name="/translate"
    )
    expected = Translator.from_pretrained(MODEL, revision="v1.0")(published.photo, mode=mode)
    with Image.open(answer) as png:
        assert png.format == "PNG"
        assert np.array_equal(png, expected)


def test_one_argument_is_enough_and_the_size_is_kept(space: str, tmp_path: Path):
    client = Client(space, verbose=False)
    for size in ((1, 1), (300, 70)):
        picture = tmp_path / "picture.png"
        Image.new("RGB", size, "green").save(picture)
        answer = client.predict(handle_file(picture), api_name="/translate")
        assert Image.open(answer).size == size


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.png", b"no picture", "not a picture"),
        ("empty.png", b"", "not a picture"),
        ("cut.jpg", None, "damaged or cut short"),
        ("bomb.png", "bomb", "megapixels"),
    ],
)
def test_bad_files_get_one_sentence_and_the_space_lives_on(
    published: Published, space: str, tmp_path: Path, name: str, content, said: str
):
    bad = tmp_path / name
    if content == "bomb":
        Image.new("1", (30000, 30000)).save(bad)
    else:
        bad.write_bytes(published.photo.read_bytes()[:3000] if content is None else content)
    client = Client(space, verbose=False)
    with pytest.raises(AppError, match=said) as error:
        client.predict(handle_file(bad), api_name="/translate")
    assert "Traceback" not in str(error.value)
    assert client.predict(handle_file(published.photo), api_name="/translate")


def test_with_one_model_no_model_is_asked_for(space: str):
    endpoints = Client(space, verbose=False).view_api(return_format="dict", print_info=False)
    assert list(endpoints["named_endpoints"]) == ["/translate", "/translate_batch", "/model_info"]
