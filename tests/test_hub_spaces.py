"""`--space_id`: the deployed Space runs on its own, says what it serves, and stays as it is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from gradio_client import Client, handle_file
from huggingface_hub import CommitOperationAdd, HfApi
from PIL import Image

import train_hub
from pix2pix import Translator, UserError
from pix2pix.hub import spaces
from tests.commands import ROOT
from tests.deployed import MODEL, SPACE, STARTER, TAG, Deployed
from tests.hub_server import ORGANISATION, READ_TOKEN, USER, WRITE_TOKEN, Fault, HubServer


def front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---")[1])


@pytest.fixture
def pushed(api: HfApi, repo_id: str, token: None) -> str:
    """A small model on the Hub that has all that serving needs."""
    api.create_repo(repo_id)
    api.upload_folder(
        repo_id=repo_id, folder_path=STARTER, allow_patterns=["*.json", "*.onnx", "README.md"]
    )
    return repo_id


@pytest.fixture
def made(hub: HubServer, pushed: str) -> str:
    """A Space that serves `pushed`."""
    space_id = spaces.prepare_space(f"{pushed}-space")
    spaces.deploy(space_id, pushed)
    return space_id


def test_the_deployed_files_alone_translate_as_the_model_does(deployed: Deployed):
    answer = Client(deployed.address, verbose=False).predict(
        handle_file(deployed.photo), api_name="/translate"
    )
    expected = Translator.from_pretrained(MODEL, revision=TAG)(deployed.photo)
    np.testing.assert_array_equal(np.asarray(Image.open(answer)), np.asarray(expected))


def test_the_space_serves_the_pushed_commit_and_not_its_starter_model(deployed: Deployed):
    commit = HfApi().model_info(MODEL).sha
    shown = Client(deployed.address, verbose=False).config["components"]
    texts = [str(component["props"].get("value")) for component in shown]
    assert any(f"revision `{commit}`" in text for text in texts)
    assert not any("is not served" in text for text in texts)


def test_the_variable_is_the_model_at_its_commit(deployed: Deployed, api: HfApi):
    variables = api.get_space_variables(SPACE)
    assert set(variables) == {"PIX2PIX_MODEL"}
    assert variables["PIX2PIX_MODEL"].value == f"{MODEL}@{api.model_info(MODEL).sha}"


def test_the_front_matter_names_the_model_and_preloads_what_serving_fetches(
    deployed: Deployed,
):
    front = front_matter((deployed.files / "README.md").read_text(encoding="utf-8"))
    assert front["models"] == [MODEL]
    assert "datasets" not in front, "the starter model's pairs are not on the Hub"
    (preloaded,) = front["preload_from_hub"]
    model, files, revision = preloaded.split()
    assert (model, revision) == (MODEL, HfApi().model_info(MODEL).sha)
    # Starting it fetched these and nothing else: preloaded, it needs no download.
    prefix = f"/{MODEL}/resolve/{revision}/"
    fetched = {p.removeprefix(prefix) for p in deployed.requested if p.startswith(prefix)}
    assert set(files.split(",")) == {path.replace("%2F", "/") for path in fetched}
    assert "model.weights.h5" not in files and "generator.onnx" in files


def test_the_rest_of_the_front_matter_is_the_readmes(deployed: Deployed):
    front = front_matter((deployed.files / "README.md").read_text(encoding="utf-8"))
    own = front_matter((ROOT / "README.md").read_text(encoding="utf-8"))
    for key in ("sdk", "sdk_version", "python_version", "app_file", "license", "title"):
        assert front[key] == own[key]
    assert isinstance(front["python_version"], str)


def test_the_space_holds_the_package_and_what_it_shows_and_nothing_else(deployed: Deployed):
    paths = (p.relative_to(deployed.files) for p in deployed.files.rglob("*") if p.is_file())
    found = {p.as_posix() for p in paths if p.parts[0] != ".cache" and "__pycache__" not in p.parts}
    code = {p.relative_to(ROOT).as_posix() for p in (ROOT / "pix2pix").rglob("*.py")}
    assert code <= found
    assert {"app.py", "pyproject.toml", "requirements.txt", "LICENSE"} <= found
    others = {path for path in found if not path.startswith(("pix2pix/", "assets/"))}
    assert others == {
        ".gitattributes", "README.md", "LICENSE", "app.py", "train_hub.py", "pyproject.toml",
        "requirements.txt", "requirements-train.txt",
    }  # fmt: skip
    assert "assets/starter_model/generator.onnx" in found
    assert "assets/starter_model/model.weights.h5" not in found
    assert "tensorflow" not in (deployed.files / "requirements.txt").read_text().split("#")[0]


def test_everything_is_one_commit(deployed: Deployed):
    commits = HfApi().list_repo_commits(SPACE, repo_type="space")
    assert [commit.title for commit in commits][1:] == ["initial commit"]
    assert commits[0].title == f"Serve {MODEL} at {HfApi().model_info(MODEL).sha[:12]}"


def test_deploying_the_same_again_changes_nothing(deployed: Deployed, hub: HubServer, token: None):
    before = HfApi().space_info(SPACE).sha
    start = len(hub.requests)
    said = spaces.deploy(SPACE, MODEL)
    assert said in deployed.output
    assert HfApi().space_info(SPACE).sha == before
    written = {path for method, path, _ in hub.requests[start:] if method == "POST"}
    # Setting the variable, even to the same value, would restart the Space.
    assert not [path for path in written if "/commit/" in path or "/variables" in path]


def test_a_new_model_is_followed_and_hardware_and_other_settings_stay(
    api: HfApi, made: str, pushed: str
):
    api.request_space_hardware(made, "t4-small")
    api.add_space_variable(made, "PIX2PIX_THREADS", "2")
    api.add_space_secret(made, "HF_TOKEN", "mine")
    api.create_commit(
        made,
        [CommitOperationAdd(path, b"mine") for path in ("notes.txt", "pix2pix/old.py")],
        commit_message="by hand", repo_type="space",
    )  # fmt: skip
    api.create_commit(pushed, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    said = spaces.deploy(made, pushed)
    newer = api.model_info(pushed).sha
    assert newer[:12] in said
    assert api.get_space_variables(made)["PIX2PIX_MODEL"].value == f"{pushed}@{newer}"
    assert api.get_space_variables(made)["PIX2PIX_THREADS"].value == "2"
    assert list(api.get_space_secrets(made)) == ["HF_TOKEN"]
    assert api.get_space_runtime(made).hardware == "t4-small"
    files = api.list_repo_files(made, repo_type="space")
    assert "notes.txt" in files, "what is not ours stays"
    assert "pix2pix/old.py" not in files, "what the package no longer has goes"


def test_a_private_model_is_not_preloaded_and_no_token_is_copied(
    api: HfApi, hub: HubServer, pushed: str
):
    hub.store.repo("model", pushed).private = True
    space_id = spaces.prepare_space(f"{pushed}-private")
    said = spaces.deploy(space_id, pushed)
    assert "add a secret HF_TOKEN" in said and f"spaces/{space_id}/settings" in said
    readme = hub.store.read(hub.store.repo("space", space_id).head.tree["README.md"]).decode()
    assert "preload_from_hub" not in front_matter(readme)
    assert hub.store.repo("space", space_id).secrets == {}


def test_the_datasets_of_the_models_card_are_the_spaces(hub: HubServer, api: HfApi, pushed: str):
    card = b"---\nlibrary_name: keras\ndatasets:\n- huggan/maps\n---\n"
    api.create_commit(pushed, [CommitOperationAdd("README.md", card)], commit_message="card")
    space_id = spaces.prepare_space(f"{pushed}-datasets")
    spaces.deploy(space_id, pushed)
    readme = hub.store.read(hub.store.repo("space", space_id).head.tree["README.md"]).decode()
    assert front_matter(readme)["datasets"] == ["huggan/maps"]


def test_a_model_without_a_graph_on_main_is_refused_and_the_space_stays(
    api: HfApi, made: str, repo_id: str
):
    empty = f"{repo_id}-empty"
    api.create_repo(empty)
    before = api.space_info(made).sha
    with pytest.raises(UserError, match="no generator.onnx on its main branch"):
        spaces.deploy(made, empty)
    assert api.space_info(made).sha == before


def test_an_installed_package_changes_what_is_served_and_leaves_the_code(
    api: HfApi, made: str, pushed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    api.create_commit(pushed, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    tree = {file.path: file.blob_id for file in tree_of(api, made)}
    monkeypatch.setattr(spaces, "ROOT", tmp_path)  # as in site-packages
    spaces.deploy(made, pushed)
    now = {file.path: file.blob_id for file in tree_of(api, made)}
    assert {path for path in now if now[path] != tree.get(path)} == {"README.md"}
    assert now.keys() == tree.keys()
    value = api.get_space_variables(made)["PIX2PIX_MODEL"].value
    assert value == f"{pushed}@{api.model_info(pushed).sha}"
    with pytest.raises(UserError, match="has no app.py yet"):
        spaces.prepare_space(f"{made}-new")


def tree_of(api: HfApi, space_id: str) -> list:
    tree = api.list_repo_tree(space_id, repo_type="space", recursive=True)
    return [entry for entry in tree if hasattr(entry, "blob_id")]


def test_the_space_is_checked_before_the_first_step(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    arguments = ["--dataset_name", "assets/sample_maps", "--output_dir", str(tmp_path / "run")]
    arguments += ["--push_to_hub", "--hub_model_id", f"{USER}/checked", "--space_id"]
    assert train_hub.main([*arguments, "somebody-else/space"]) == 1
    said = capsys.readouterr()
    assert "may not write there (403)" in said.err and "--space_id" in said.err
    assert "Training" not in said.out


@pytest.mark.parametrize(
    ("token", "space_id", "said"),
    [
        (WRITE_TOKEN, "new", f"{USER}/new, which will be created"),
        (WRITE_TOKEN, f"{ORGANISATION}/new", f"{ORGANISATION}/new, which will be created"),
        (READ_TOKEN, f"{USER}/new", "may not write there"),
        (WRITE_TOKEN, "somebody-else/new", "may not write there"),
    ],
)
def test_a_dry_run_checks_the_space_and_creates_none(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str, space_id: str, said: str
):
    monkeypatch.setenv("HF_TOKEN", token)
    known = set(hub.store.repos)
    try:
        answer = spaces.check_can_write(space_id)
    except UserError as error:
        answer = str(error)
    assert said in answer
    assert set(hub.store.repos) == known


def test_a_space_without_a_published_model_is_refused(capsys):
    assert train_hub.main(["--space_id", "me/space"]) == 1
    assert "add --push_to_hub or --push_only" in capsys.readouterr().err


def test_no_token_is_in_the_space_or_in_the_output(deployed: Deployed):
    assert WRITE_TOKEN not in deployed.output
    for file in deployed.files.rglob("*"):
        assert file.is_dir() or WRITE_TOKEN.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "code", ["import app", "from pix2pix import Translator", "import train_hub"]
)
def test_serving_imports_nothing_that_its_requirements_do_not_bring(code: str):
    done = only_serving(code)
    assert done.returncode == 0, done.stderr
    assert "hidden:" in done.stdout and "tensorflow" in done.stdout


def test_training_without_its_packages_says_what_to_install():
    code = "import sys, train_hub; sys.exit(train_hub.main(['--push_only']))"
    done = only_serving(code)
    assert done.returncode == 1
    assert "tensorflow" in done.stderr and "requirements-train.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_is_submitted_from_a_machine_that_can_not_train(hub: HubServer, pushed: str):
    dataset = f"{pushed}-pairs"
    hub.store.create("dataset", dataset)
    words = ["--dataset_name", dataset, "--hub_model_id", pushed, "--hf_job", "cpu-basic"]
    words += ["--hf_job_source", "git+https://github.com/me/pix2pix"]
    done = only_serving(f"import sys, train_hub; sys.exit(train_hub.main({words}))")
    assert done.returncode == 0, done.stderr
    assert hub.store.jobs[-1]["id"] in done.stdout


def only_serving(code: str) -> subprocess.CompletedProcess:
    """Runs `code` with every installed package hidden that requirements.txt does not lead to."""
    script = Path(__file__).with_name("only_serving.py")
    return subprocess.run(
        [sys.executable, str(script), str(ROOT), code],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("route", "effect", "said"),
    [
        ("$", 503, "the Hub answered 503"),
        ("/preupload/", 403, "or choose another --space_id"),
        ("/info/lfs/", 401, "does not accept this token"),
        ("/commit/", 412, "somebody else changed it meanwhile"),
        ("/commit/", 429, "slow down"),
        ("/commit/", "reset", "can't be reached"),
        ("/variables", 500, "the Hub answered 500"),
    ],
)
def test_a_refused_deployment_leaves_a_whole_space_and_the_next_one_completes_it(
    hub: HubServer, api: HfApi, made: str, pushed: str, route: str, effect, said: str
):
    api.create_commit(pushed, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    api.delete_file("pix2pix/images.py", made, repo_type="space")
    api.delete_file("assets/starter_model/generator.onnx", made, repo_type="space")
    before = api.space_info(made).sha
    hub.faults.append(Fault("*", f"spaces/.*{made.split('/')[1]}.*({route})", effect, times=20))
    with pytest.raises(UserError) as error:
        spaces.deploy(made, pushed)
    assert said in str(error.value) and WRITE_TOKEN not in str(error.value)
    hub.faults.clear()
    files = api.list_repo_files(made, repo_type="space")
    assert (api.space_info(made).sha == before) != ("pix2pix/images.py" in files)
    spaces.deploy(made, pushed)
    assert {*spaces.checkout_files()} <= {*api.list_repo_files(made, repo_type="space")}
    value = api.get_space_variables(made)["PIX2PIX_MODEL"].value
    assert value == f"{pushed}@{api.model_info(pushed).sha}"
