"""--trackio_space_id: the curves of trackio as a static Space on the test Hub."""

import json
import logging
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard

from pix2pix.commands import publish
from pix2pix.errors import UserError
from pix2pix.hub import dashboard
from pix2pix.options import Options
from tests.builders import make_pairs, write_pairs
from tests.commands import start_train_hub
from tests.deployed_space import read_space_file
from tests.hub_server import READ_TOKEN, WRITE_TOKEN, Fault, HubServer
from tests.published_run import TINY_FLAGS


def test_a_space_that_is_no_dashboard_is_not_replaced(hub: HubServer, space_repo: str):
    with pytest.raises(UserError, match="is no static dashboard of trackio"):
        dashboard.check_dashboard(space_repo)


def test_a_read_token_is_refused_before_the_training(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    with pytest.raises(UserError, match="token may not write there"):
        dashboard.check_dashboard(repo_id)


def test_only_a_dashboard_that_exists_is_linked_by_a_later_publish(
    hub: HubServer, repo_id: str, logged_in: None
):
    options = Options(push_only=True, hub_model_id=repo_id, trackio_space_id=f"{repo_id}-curves")
    with pytest.raises(UserError, match="There is no dashboard"):
        publish.check_dashboard(options)


def test_a_failed_dashboard_does_not_stop_the_publishing(
    hub: HubServer, repo_id: str, logged_in: None, caplog: pytest.LogCaptureFixture
):
    hub.faults.append(Fault("POST", f"/api/buckets/{repo_id}", 403, times=9))
    options = Options(report_to="trackio", trackio_space_id=repo_id)
    with caplog.at_level(logging.WARNING):
        assert publish.publish_curves(options).trackio_space_id is None
    (message,) = caplog.messages
    assert f"trackio sync --project pix2pix --space-id {repo_id} --sdk static" in message


@pytest.mark.slow
def test_a_training_publishes_its_curves_and_the_card_links_to_them(
    hub: HubServer, repo_id: str, tmp_path: Path, logged_in: None
):
    write_pairs(tmp_path / "pairs", "train", make_pairs(6))
    space_id = f"{repo_id}-curves"
    process = start_train_hub(
        "--dataset_name", str(tmp_path / "pairs"), "--output_dir", str(tmp_path / "run"),
        "--cache", "memory", *TINY_FLAGS, "--max_train_steps", "2", "--validation_samples", "2",
        "--report_to", "trackio", "--trackio_space_id", space_id, "--push_to_hub",
        "--hub_model_id", repo_id, token=WRITE_TOKEN, TRACKIO_DIR=str(tmp_path / "trackio"),
    )  # fmt: skip
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert f"The curves: {hub.endpoint}/spaces/{space_id}\n" in output
    settings = json.loads(read_space_file(hub, space_id, "config.json"))
    assert settings["mode"] == "static" and settings["project"] == "pix2pix"
    assert "metrics.parquet" in hub.store.buckets[settings["bucket_id"]]
    assert HfApi().space_info(space_id).sdk == "static"
    card = ModelCard.load(repo_id)
    assert f"[Training curves](https://huggingface.co/spaces/{space_id})" in card.text
    assert dashboard.check_dashboard(space_id) == (space_id, True), "it can be updated"
