"""`--space_id`: what the deployed Space holds and serves, and what another deployment changes."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from gradio_client import Client, handle_file
from huggingface_hub import CommitOperationAdd, HfApi
from PIL import Image

from pix2pix import Translator, UserError
from pix2pix.hub import gradio_spaces, spaces
from tests.commands import ROOT
from tests.deployed_space import (
    MODEL,
    SPACE,
    TAG,
    DeployedSpace,
    deploy_again,
    deploy_new_space,
    list_blob_ids,
)
from tests.hub_server import WRITE_TOKEN, HubServer


def read_front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---")[1])


def read_space_front_matter(hub: HubServer, space_id: str) -> dict:
    """Returns the front matter of the README.md on the Space's main branch."""
    blob = hub.store.repo("space", space_id).head.tree["README.md"]
    return read_front_matter(hub.store.read_blob(blob).decode())


def read_local_front_matter(folder: Path) -> dict:
    """Returns the front matter of the README.md in `folder`."""
    return read_front_matter((folder / "README.md").read_text(encoding="utf-8"))


def test_the_deployed_files_alone_translate_like_the_model(deployed_space: DeployedSpace):
    result = Client(deployed_space.url, verbose=False).predict(
        handle_file(deployed_space.photo), api_name="/translate"
    )
    expected = Translator.from_pretrained(MODEL, revision=TAG)(deployed_space.photo)
    np.testing.assert_array_equal(np.asarray(Image.open(result)), np.asarray(expected))


def test_the_space_serves_the_published_commit_and_not_its_starter_model(
    deployed_space: DeployedSpace,
):
    commit = HfApi().model_info(MODEL).sha
    components = Client(deployed_space.url, verbose=False).config["components"]
    texts = [str(component["props"].get("value")) for component in components]
    assert any(f"revision `{commit}`" in text for text in texts)
    assert not any("is not served" in text for text in texts)


def test_the_variable_names_the_model_at_its_commit(deployed_space: DeployedSpace, api: HfApi):
    variables = api.get_space_variables(SPACE)
    assert set(variables) == {"PIX2PIX_MODEL"}
    assert variables["PIX2PIX_MODEL"].value == f"{MODEL}@{api.model_info(MODEL).sha}"


def test_the_front_matter_names_the_model_and_preloads_the_files_that_serving_downloads(
    deployed_space: DeployedSpace,
):
    front = read_local_front_matter(deployed_space.space_folder)
    assert front["models"] == [MODEL]
    assert "datasets" not in front, "the starter model's pairs are not on the Hub"
    (preloaded,) = front["preload_from_hub"]
    model, files, revision = preloaded.split()
    assert (model, revision) == (MODEL, HfApi().model_info(MODEL).sha)
    # The Space downloaded exactly these files at its start, so after a preload it downloads none.
    prefix = f"/{MODEL}/resolve/{revision}/"
    paths = [path for path in deployed_space.requested_paths if path.startswith(prefix)]
    downloaded = {path.removeprefix(prefix).replace("%2F", "/") for path in paths}
    assert set(files.split(",")) == downloaded
    assert "model.weights.h5" not in files and "generator.onnx" in files


def test_the_rest_of_the_front_matter_is_that_of_the_projects_readme(deployed_space: DeployedSpace):
    front = read_local_front_matter(deployed_space.space_folder)
    own = read_local_front_matter(ROOT)
    for key in ("sdk", "sdk_version", "python_version", "app_file", "license", "title"):
        assert front[key] == own[key]
    assert isinstance(front["python_version"], str)


def test_the_space_holds_the_package_and_the_files_it_shows_and_nothing_else(
    deployed_space: DeployedSpace,
):
    folder = deployed_space.space_folder
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    # Downloading and running the Space made these folders.
    generated = {".cache", "__pycache__"}
    files = {path.as_posix() for path in paths if not generated & set(path.parts)}
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pix2pix").rglob("*.py")}
    assert code <= files
    guides = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    assert guides <= files, "README.md links to them"
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "web").rglob("*.*")}
    assert page <= files, "the canvas is made of its modules"
    folders = ("pix2pix/", "assets/")
    others = {path for path in files - guides - page if not path.startswith(folders)}
    assert others == {
        ".gitattributes", "README.md", "LICENSE", "app.py", "train_hub.py", "pyproject.toml",
        "requirements.txt", "requirements-train.txt", "requirements-geo.txt",
        "requirements-pairs.txt", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
    }  # fmt: skip
    for starter in ("starter_model", "starter_painter"):
        assert f"assets/{starter}/generator.onnx" in files
        assert f"assets/{starter}/model.weights.h5" not in files
    requirements = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("gradio") for line in requirements)
    assert not any(line.startswith("tensorflow") for line in requirements)


def test_a_deployment_is_one_commit(deployed_space: DeployedSpace):
    commits = HfApi().list_repo_commits(SPACE, repo_type="space")
    assert [commit.title for commit in commits][1:] == ["initial commit"]
    assert commits[0].title == f"Serve {MODEL} at {HfApi().model_info(MODEL).sha[:12]}"


def test_a_second_deployment_of_the_same_model_changes_nothing(
    deployed_space: DeployedSpace, hub: HubServer, logged_in: None
):
    before = HfApi().space_info(SPACE).sha
    first = len(hub.requests)
    message = deploy_again(SPACE, MODEL)
    assert f"/spaces/{SPACE} is up to date and serves {MODEL}@" in message
    assert message.replace("is up to date and ", "") in deployed_space.output
    assert HfApi().space_info(SPACE).sha == before
    posted = {path for method, path, _ in hub.requests[first:] if method == "POST"}
    # Setting the variable, even to the same value, would restart the Space.
    assert not [path for path in posted if "/commit/" in path or "/variables" in path]


def test_a_new_commit_of_the_model_is_served_and_hardware_and_other_settings_stay(
    api: HfApi, space_repo: str, servable_model: str
):
    api.request_space_hardware(space_repo, "t4-small")
    api.add_space_variable(space_repo, "PIX2PIX_THREADS", "2")
    api.add_space_secret(space_repo, "HF_TOKEN", "mine")
    api.create_commit(
        space_repo,
        [CommitOperationAdd(path, b"mine") for path in ("notes.txt", "pix2pix/old.py")],
        commit_message="by hand", repo_type="space",
    )  # fmt: skip
    api.create_commit(servable_model, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    message = deploy_again(space_repo, servable_model)
    newer = api.model_info(servable_model).sha
    assert newer[:12] in message
    assert api.get_space_variables(space_repo)["PIX2PIX_MODEL"].value == f"{servable_model}@{newer}"
    assert api.get_space_variables(space_repo)["PIX2PIX_THREADS"].value == "2"
    assert list(api.get_space_secrets(space_repo)) == ["HF_TOKEN"]
    assert api.get_space_runtime(space_repo).hardware == "t4-small"
    files = api.list_repo_files(space_repo, repo_type="space")
    assert "notes.txt" in files, "files of other people stay"
    assert "pix2pix/old.py" not in files, "files that the package no longer has are deleted"


def test_a_private_model_is_not_preloaded_and_no_token_is_copied(
    api: HfApi, hub: HubServer, servable_model: str
):
    hub.store.repo("model", servable_model).private = True
    space_id = deploy_new_space(f"{servable_model}-private", servable_model)
    message = deploy_again(space_id, servable_model)
    assert "add a secret HF_TOKEN" in message and f"spaces/{space_id}/settings" in message
    assert "preload_from_hub" not in read_space_front_matter(hub, space_id)
    assert hub.store.repo("space", space_id).secrets == {}


def test_the_space_lists_the_datasets_of_the_models_card(
    hub: HubServer, api: HfApi, servable_model: str
):
    card = b"---\nlibrary_name: keras\ndatasets:\n- huggan/maps\n---\n"
    api.create_commit(
        servable_model, [CommitOperationAdd("README.md", card)], commit_message="card"
    )
    space_id = deploy_new_space(f"{servable_model}-datasets", servable_model)
    assert read_space_front_matter(hub, space_id)["datasets"] == ["huggan/maps"]


def test_an_installed_package_changes_the_served_model_and_not_the_code(
    hub: HubServer, api: HfApi, space_repo: str, servable_model: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
):  # fmt: skip
    api.create_commit(servable_model, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    before = list_blob_ids(hub, space_repo)
    monkeypatch.setattr(gradio_spaces, "ROOT", tmp_path)  # as in site-packages
    deploy_again(space_repo, servable_model)
    after = list_blob_ids(hub, space_repo)
    assert {path for path in after if after[path] != before.get(path)} == {"README.md"}
    assert after.keys() == before.keys()
    value = api.get_space_variables(space_repo)["PIX2PIX_MODEL"].value
    assert value == f"{servable_model}@{api.model_info(servable_model).sha}"
    with pytest.raises(UserError, match="has no app.py yet"):
        deploy_new_space(f"{space_repo}-new", servable_model)


def test_an_existing_public_space_is_refused_where_a_private_one_is_asked_for(
    hub: HubServer, space_repo: str, servable_model: str
):
    request = spaces.SpaceRequest(
        space_repo, hardware="t4-small", private=True, model_id=servable_model
    )
    plan = spaces.plan_space(request)
    for check in (spaces.check_can_deploy, spaces.prepare_space):
        with pytest.raises(UserError, match="exists and is public: make it private") as error:
            check(plan)
        assert "or leave out --hub_private_repo." in str(error.value)
    space = hub.store.repo("space", space_repo)
    assert space.hardware != "t4-small", "nothing was changed"
    space.private = True
    assert spaces.prepare_space(plan).exists and space.hardware == "t4-small"


def test_no_token_is_in_the_space_or_in_the_output(deployed_space: DeployedSpace):
    assert WRITE_TOKEN not in deployed_space.output
    files = [path for path in deployed_space.space_folder.rglob("*") if path.is_file()]
    assert deployed_space.space_folder / "app.py" in files
    assert [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()] == []


def test_on_zero_gpu_the_front_matter_names_its_python(
    hub: HubServer, api: HfApi, servable_model: str, logged_in: None
):
    space_id = f"{servable_model}-zero"
    request = spaces.SpaceRequest(space_id, hardware="zero-a10g")
    spaces.prepare_space(spaces.plan_space(request))
    assert hub.store.repo("space", space_id).hardware == "zero-a10g"
    message = deploy_again(space_id, servable_model)
    assert "with Gradio on zero-a10g (free;" in message
    front = read_space_front_matter(hub, space_id)
    assert front["python_version"] == "3.12" and "hardware" not in front
    api.request_space_hardware(space_id, "cpu-basic")
    assert "on cpu-basic (2 CPUs for all visitors," in deploy_again(space_id, servable_model)
    own = read_local_front_matter(ROOT)["python_version"]
    assert read_space_front_matter(hub, space_id)["python_version"] == own
