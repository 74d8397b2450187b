"""What the Hub shows of a model: front matter, gallery, links, thumbnail, curves."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, ModelCard, hf_hub_download
from PIL import Image

from pix2pix import card
from pix2pix.artifacts import PAINTER_FOLDER, STARTER_FOLDER
from pix2pix.hub import plan_publish, publish
from pix2pix.training.reporting import open_report
from tests.builders import make_finished_run, tiny_config
from tests.commands import ROOT
from tests.deployed_space import deploy_new_space, read_space_file
from tests.hub_server import HubServer
from tests.hub_server.cards import read_front_matter

# The keys of a model card that the Hub documents (hub-docs: modelcard.md, model-cards.md,
# model-release-checklist.md), and the type of each value. The Hub accepts others, but shows none.
MODEL_KEYS = {
    "language": list, "license": str, "license_name": str, "license_link": str,
    "library_name": str, "tags": list, "datasets": list, "metrics": list, "base_model": str,
    "base_model_relation": str, "pipeline_tag": str, "thumbnail": str, "widget": list,
    "model-index": list, "co2_eq_emissions": dict, "new_version": str, "inference": bool,
}  # fmt: skip
RELATIONS = {"finetune", "adapter", "quantized", "merge"}
# The keys of an example of pictures (huggingface.js: widget-example.ts) and of the model-index.
WIDGET_KEYS = {"src", "text", "example_title", "output"}
RESULT_KEYS = {"task", "dataset", "metrics", "source"}
DATASET_KEYS = {"type", "name", "config", "split", "revision", "args"}
METRIC_KEYS = {"type", "value", "name", "config", "args", "verified"}
# The keys of a Space's README.md (hub-docs: spaces-config-reference.md).
SPACE_KEYS = {
    "title", "emoji", "colorFrom", "colorTo", "sdk", "python_version", "sdk_version",
    "suggested_hardware", "suggested_storage", "app_file", "app_port", "base_path", "fullWidth",
    "header", "short_description", "models", "datasets", "tags", "thumbnail", "pinned", "license",
    "hf_oauth", "hf_oauth_scopes", "disable_embedding", "startup_duration_timeout",
    "custom_headers", "preload_from_hub",
}  # fmt: skip
PLACES = card.Places("me/maps", "v1.0", "me/app", "me/page", "me/curves")


def check_model_card(text: str) -> dict[str, Any]:
    """Checks the front matter of a card by the Hub's documented keys, and returns it."""
    data = read_front_matter(text)
    assert not data.keys() - MODEL_KEYS.keys(), "the Hub knows no such key"
    for key, value in data.items():
        assert isinstance(value, MODEL_KEYS[key]) and value not in ("", []), key
    assert data.get("base_model_relation", "finetune") in RELATIONS
    assert ("base_model" in data) == ("base_model_relation" in data)
    for example in data.get("widget", []):
        assert not example.keys() - WIDGET_KEYS and list(example["output"]) == ["url"]
    for result in (result for entry in data.get("model-index", []) for result in entry["results"]):
        assert not result.keys() - RESULT_KEYS
        assert not result["dataset"].keys() - DATASET_KEYS
        assert not [metric for metric in result["metrics"] if metric.keys() - METRIC_KEYS]
    return data


def write(folder: Path, places: card.Places | None = None) -> tuple[dict[str, Any], str]:
    """Writes the card; returns its checked front matter and its text."""
    card.write_card(folder, places)
    text = (folder / "README.md").read_text(encoding="utf-8")
    return check_model_card(text), ModelCard(text).text


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the artifacts of a finished run, which tests may add to."""
    return shutil.copytree(make_finished_run()[1], tmp_path_factory.mktemp("page") / "run")


def test_the_checked_in_cards_have_only_known_keys():
    for folder in (STARTER_FOLDER, PAINTER_FOLDER):
        text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        assert "widget" in check_model_card(text) and "<Gallery />" in text


def test_the_gallery_shows_pictures_of_the_repository(finished: Path):
    data, text = write(finished)
    assert "<Gallery />" in text and 1 <= len(data["widget"]) <= 6
    for example in data["widget"]:
        assert (finished / example["src"]).is_file()
        assert (finished / example["output"]["url"]).is_file()
        assert "held-out pair" in example["text"]


def test_the_card_links_to_what_belongs_to_the_model(finished: Path):
    _, text = write(finished, PLACES)
    for place in ("spaces/me/app", "spaces/me/page", "spaces/me/curves"):
        assert f"](https://huggingface.co/{place})" in text
    assert "[notebook](notebook.ipynb)" in text
    assert "[Paper]" not in text and "[paper](https://arxiv.org/abs/1611.07004)" in text
    data, text = write(finished)
    assert "/spaces/" not in text.split("## Results")[0], "no Space is known"
    assert "trackio" not in data["tags"] and "thumbnail" not in data
    assert "co2_eq_emissions" not in data, "no energy was measured"


def test_a_card_without_samples_and_measurements_is_complete(finished: Path, tmp_path: Path):
    for name in ("pix2pix.json", "metrics.json"):
        shutil.copy(finished / name, tmp_path)
    report = json.loads((tmp_path / "metrics.json").read_text())
    report |= {"metrics": {}, "baselines": {}, "intervals": {}, "samples": []}
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    (tmp_path / "thumbnail.png").write_bytes(b"of an earlier run")
    data, text = write(tmp_path, PLACES)
    assert not {"widget", "thumbnail", "model-index", "metrics"} & data.keys()
    assert "<Gallery />" not in text and "samples.png" not in text
    assert not (tmp_path / "thumbnail.png").exists()


def test_the_base_model_is_named_with_its_relation(finished: Path, tmp_path: Path):
    folder = shutil.copytree(finished, tmp_path / "run")
    description = json.loads((folder / "pix2pix.json").read_text())
    description["base_model"] = {"name": "me/base", "revision": "a" * 40, "sha256": {}}
    (folder / "pix2pix.json").write_text(json.dumps(description))
    data, _ = write(folder)
    assert (data["base_model"], data["base_model_relation"]) == ("me/base", "finetune")


@pytest.mark.parametrize("count", [1, 12])
def test_the_thumbnail_has_the_size_that_networks_ask_for(
    finished: Path, tmp_path: Path, count: int
):
    folder = shutil.copytree(ROOT / STARTER_FOLDER, tmp_path / "run")
    for path in (folder / "samples").iterdir():
        if int(path.name[:3]) >= count:
            path.unlink()
    data, _ = write(folder, PLACES)
    with Image.open(folder / "thumbnail.png") as image:
        assert (image.format, image.size) == ("PNG", (1200, 630))
    assert (folder / "thumbnail.png").stat().st_size < 600_000
    assert data["thumbnail"].endswith("/me/maps/resolve/v1.0/thumbnail.png")


def test_the_events_of_tensorboard_are_published_with_the_model(
    finished: Path, tmp_path: Path, hub: HubServer, repo_id: str, logged_in: None
):
    folder = shutil.copytree(finished, tmp_path / "run")
    stale = folder / "runs" / "events.out.tfevents.1.host.1.0.v2"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier run")
    for step in (0, 10):  # a run that was resumed has two files
        with open_report("tensorboard", folder, tiny_config(), step) as report:
            report(step + 10, {"l1_loss": 0.5})
    assert not stale.exists()
    _, text = write(folder, card.Places(repo_id))
    assert f"[TensorBoard](https://huggingface.co/{repo_id}/tensorboard)" in text
    HfApi().create_repo(repo_id)
    publish(folder, plan_publish(repo_id))
    published = HfApi().list_repo_files(repo_id)
    events = [path for path in published if path.startswith("runs/")]
    # TensorBoard's own names have the name of the machine.
    assert events == ["runs/events.out.tfevents.0", "runs/events.out.tfevents.1"]
    downloads = [Path(hf_hub_download(repo_id, name)).read_bytes() for name in events]
    assert downloads == [path.read_bytes() for path in sorted((folder / "runs").iterdir())]
    assert {"notebook.ipynb", "thumbnail.png", "samples/000-input.png"} <= set(published)
    with open_report("none", folder, tiny_config()):
        assert not list((folder / "runs").iterdir()), "a new run does not publish these events"


@pytest.mark.parametrize("sdk", ["gradio", "static"])
def test_a_space_has_known_keys_and_shows_the_models_thumbnail(
    sdk: str, hub: HubServer, servable_model: str, ort_files: Path
):
    space_id = deploy_new_space(f"{servable_model}-{sdk}", servable_model, sdk)
    data = read_front_matter(read_space_file(hub, space_id, "README.md").decode())
    assert not data.keys() - SPACE_KEYS, "the Hub knows no such key"
    commit = hub.store.repo("model", servable_model).head.oid
    assert data["thumbnail"] == (f"{hub.endpoint}/{servable_model}/resolve/{commit}/thumbnail.png")
    assert data.get("suggested_hardware") == ("cpu-basic" if sdk == "gradio" else None)
