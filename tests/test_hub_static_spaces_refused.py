"""Static Spaces: what is refused before anything is created, and what a failure leaves."""

import shlex
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi

import train_hub
from pix2pix import UserError
from pix2pix.__main__ import main as pix2pix_main
from tests.deployed_space import (
    DEPLOYMENT_FAULTS,
    STARTER_MODEL,
    deploy_again,
    deploy_new_space,
    list_blob_ids,
    read_settings,
    store_servable_model,
)
from tests.hub_server import USER, WRITE_TOKEN, Fault, HubServer

pytestmark = pytest.mark.usefixtures("ort_files", "logged_in")


@pytest.mark.parametrize("restriction", ["private", "gated"])
def test_a_model_that_is_not_public_is_refused_before_anything_is_created(
    hub: HubServer, servable_model: str, restriction: str
):
    setattr(hub.store.repo("model", servable_model), restriction, True)
    repos = set(hub.store.repos)
    with pytest.raises(UserError, match=f"can't serve a {restriction} model") as error:
        deploy_new_space(f"{servable_model}-page", servable_model, "static")
    assert "--space_sdk gradio" in str(error.value)
    assert set(hub.store.repos) == repos


def test_a_model_that_became_private_leaves_the_page_as_it_is(
    hub: HubServer, servable_model: str, page_repo: str
):
    hub.store.repo("model", servable_model).private = True
    before = list_blob_ids(hub, page_repo)
    with pytest.raises(UserError, match="which is private"):
        deploy_again(page_repo, servable_model)
    assert list_blob_ids(hub, page_repo) == before


def test_without_the_runtimes_files_nothing_is_created(
    hub: HubServer, servable_model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIX2PIX_ORT_URL", str(tmp_path))
    repos = set(hub.store.repos)
    with pytest.raises(UserError, match="Set PIX2PIX_ORT_URL to"):
        deploy_new_space(f"{servable_model}-page", servable_model, "static")
    assert set(hub.store.repos) == repos


@pytest.fixture(scope="module")
def broken_page(hub: HubServer) -> tuple[str, str]:
    """Deploys a static Space once for several tests; returns its id and that of its model."""
    model_id = f"{USER}/model-of-a-broken-page"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", WRITE_TOKEN)
        store_servable_model(hub, model_id)
        return deploy_new_space(f"{USER}/broken-page", model_id, "static"), model_id


@pytest.mark.parametrize(
    ("route", "effect", "reason", "is_committed"),
    [
        *DEPLOYMENT_FAULTS,
        pytest.param("/commit/", 402, "plan does not include it", False, marks=pytest.mark.slow),
    ],
)
def test_a_failed_deployment_leaves_the_old_or_the_new_page_and_the_next_one_completes_it(
    hub: HubServer, api: HfApi, broken_page: tuple[str, str],
    route: str, effect, reason: str, is_committed: bool,
):  # fmt: skip
    space_id, model_id = broken_page
    deleted = {"engine.js", "ort/ort-wasm-simd-threaded.wasm.gz"}
    api.delete_files(space_id, list(deleted), repo_type="space")
    before = list_blob_ids(hub, space_id)
    path = f"spaces/.*{space_id.split('/')[1]}.*({route})"
    hub.faults.append(Fault("*", path, effect, times=20))
    with pytest.raises(UserError) as error:
        deploy_again(space_id, model_id)
    assert reason in str(error.value) and WRITE_TOKEN not in str(error.value)
    hub.faults.clear()
    assert (list_blob_ids(hub, space_id) != before) == is_committed
    deploy_again(space_id, model_id)
    assert deleted <= list_blob_ids(hub, space_id).keys()


def test_a_space_that_fails_after_the_training_is_updated_by_the_printed_command(
    hub: HubServer, capsys, repo_id: str, tmp_path: Path
):
    shutil.copytree(STARTER_MODEL, tmp_path / "run")
    space_id = f"{repo_id}-page"
    flags = ["--push_only", "--output_dir", str(tmp_path / "run"), "--hub_model_id", repo_id]
    hub.faults.append(Fault("POST", f"/api/spaces/{space_id}/commit/", 402, times=9))
    assert train_hub.main([*flags, "--space_id", space_id, "--space_sdk", "static"]) == 1
    output = capsys.readouterr()
    assert "Published: " in output.out and "plan does not include it (402)" in output.err
    command = output.err.strip().rpartition("update the Space with: python -m pix2pix ")[2]
    hub.faults.clear()
    assert pix2pix_main(shlex.split(command)) == 0
    assert read_settings(hub, space_id)["id"] == repo_id
    card = hub.store.read_blob(hub.store.repo("model", repo_id).head.tree["README.md"]).decode()
    assert f"In the browser, without installing anything: [{space_id}]" in card
    assert 'Client("<user>/<space>")' in card, "a static Space has no API of Gradio"
