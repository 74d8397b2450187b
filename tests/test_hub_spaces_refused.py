"""`--space_id`: checks before a run, and what a refused deployment leaves on the Hub."""

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

import train_hub
from pix2pix import UserError
from pix2pix.hub import spaces
from tests.deployed_space import DEPLOYMENT_FAULTS
from tests.hub_server import ORGANIZATION, READ_TOKEN, USER, WRITE_TOKEN, Fault, HubServer


def test_the_space_is_checked_before_the_first_step(
    hub: HubServer, logged_in: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    flags = ["--dataset_name", "assets/sample_maps", "--output_dir", str(tmp_path / "run")]
    flags += ["--push_to_hub", "--hub_model_id", f"{USER}/checked", "--space_id"]
    assert train_hub.main([*flags, "somebody-else/space"]) == 1
    output = capsys.readouterr()
    assert "may not write there" in output.err and "--space_id" in output.err
    assert "Training" not in output.out


@pytest.mark.parametrize(
    ("space_id", "full_id"),
    [("new", f"{USER}/new"), (f"{ORGANIZATION}/new", f"{ORGANIZATION}/new")],
)
def test_a_dry_run_checks_the_space_and_creates_none(
    hub: HubServer, logged_in: None, space_id: str, full_id: str
):
    repos = set(hub.store.repos)
    plan = spaces.plan_space(spaces.SpaceRequest(space_id, sdk="gradio"))
    text = spaces.check_can_deploy(plan)
    assert text.startswith(f"{full_id}, which will be created as a Gradio Space")
    assert set(hub.store.repos) == repos


@pytest.mark.parametrize(
    ("token", "space_id"), [(READ_TOKEN, f"{USER}/new"), (WRITE_TOKEN, "somebody-else/new")]
)
def test_a_dry_run_is_refused_where_the_token_may_not_write(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str, space_id: str
):
    monkeypatch.setenv("HF_TOKEN", token)
    repos = set(hub.store.repos)
    with pytest.raises(UserError, match="may not write there.* choose another --space_id"):
        spaces.plan_space(spaces.SpaceRequest(space_id))
    assert set(hub.store.repos) == repos


def test_a_space_without_a_published_model_is_refused(capsys: pytest.CaptureFixture[str]):
    assert train_hub.main(["--space_id", "me/space"]) == 1
    assert "add --push_to_hub or --push_only" in capsys.readouterr().err


def test_a_repository_without_a_model_on_main_is_refused_and_the_space_is_unchanged(
    api: HfApi, space_repo: str, repo_id: str
):
    empty = f"{repo_id}-empty"
    api.create_repo(empty)
    before = api.space_info(space_repo).sha
    with pytest.raises(UserError, match="no pix2pix.json on its main branch"):
        spaces.deploy_space(space_repo, spaces.find_model(empty))
    assert api.space_info(space_repo).sha == before


@pytest.mark.parametrize(
    ("route", "effect", "reason", "is_committed"),
    [
        *DEPLOYMENT_FAULTS,
        pytest.param("/commit/", 429, "throttles requests", False, marks=pytest.mark.slow),
        ("/variables", 500, "server error of the Hub (500)", True),
    ],
)
def test_a_failed_deployment_leaves_the_old_or_the_new_space_and_the_next_one_completes_it(
    hub: HubServer, api: HfApi, space_repo: str, servable_model: str,
    route: str, effect, reason: str, is_committed: bool,
):  # fmt: skip
    deleted = {"pix2pix/images.py", "assets/starter_model/generator.onnx"}
    for path in deleted:
        api.delete_file(path, space_repo, repo_type="space")
    newer = [CommitOperationAdd("x.txt", b"x")]
    api.create_commit(servable_model, newer, commit_message="newer")
    before = api.space_info(space_repo).sha
    path = f"spaces/.*{space_repo.split('/')[1]}.*({route})"
    hub.faults.append(Fault("*", path, effect, times=20))
    with pytest.raises(UserError) as error:
        spaces.deploy_space(space_repo, spaces.find_model(servable_model))
    assert reason in str(error.value) and WRITE_TOKEN not in str(error.value)
    hub.faults.clear()
    files = set(api.list_repo_files(space_repo, repo_type="space"))
    assert deleted & files == (deleted if is_committed else set())
    assert (api.space_info(space_repo).sha != before) == is_committed
    spaces.deploy_space(space_repo, spaces.find_model(servable_model))
    assert {*spaces.list_checkout_files()} <= {*api.list_repo_files(space_repo, repo_type="space")}
    value = api.get_space_variables(space_repo)["PIX2PIX_MODEL"].value
    assert value == f"{servable_model}@{api.model_info(servable_model).sha}"
