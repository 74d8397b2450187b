"""Static Spaces: what the deployed page consists of, and what another deployment changes."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download
from playwright.sync_api import Browser

import train_hub
from pix2pix import Translator, UserError
from pix2pix.artifacts import GRAPH_FILE, STARTER_FOLDERS
from pix2pix.browser import HEADERS, list_site_files, site
from pix2pix.files import sha256
from pix2pix.hub import spaces
from pix2pix.hub.static_spaces import OWN_FOLDERS
from tests.browser import needs_chromium
from tests.builders import encode_image, make_picture
from tests.commands import ROOT
from tests.deployed_page import list_downloaded, open_deployed
from tests.deployed_space import (
    STARTER_MODEL,
    deploy_again,
    deploy_new_space,
    list_blob_ids,
    read_settings,
    read_space_file,
)
from tests.hub_server import FREE_TOKEN, FREE_USER, HubServer
from tests.page_pictures import compare, translate_in_page
from tests.published_run import TINY_FLAGS
from tests.web_pages import FileServer

pytestmark = pytest.mark.usefixtures("ort_files", "logged_in")


def read_front_matter(hub: HubServer, space_id: str) -> dict:
    return yaml.safe_load(read_space_file(hub, space_id, "README.md").decode().split("---")[1])


def test_one_commit_has_the_page_the_runtime_and_the_pinned_model(
    hub: HubServer, api: HfApi, servable_model: str, page_repo: str, tmp_path: Path
):
    commits = api.list_repo_commits(page_repo, repo_type="space")
    revision = api.model_info(servable_model).sha
    assert [commit.title for commit in commits] == [
        f"Serve {servable_model} at {revision[:12]}", "initial commit",
    ]  # fmt: skip
    settings = read_settings(hub, page_repo)
    picture = f"{hub.endpoint}/{servable_model}/resolve/{revision}/thumbnail.png"
    assert settings == {
        "id": servable_model,
        "revision": revision,
        "sha256": sha256(STARTER_MODEL / GRAPH_FILE),
        "endpoint": hub.endpoint,
        "gradio_space": None,
        "space_id": page_repo,
        "picture": picture,
    }
    snapshot_download(page_repo, repo_type="space", local_dir=tmp_path)
    expected = list_site_files(settings, endpoint=hub.endpoint)
    assert f'property="og:image" content="{picture}"' in expected["index.html"].decode()
    for path, content in expected.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        assert (tmp_path / path).read_bytes() == data, path
    assert {"index.html", "engine.js", "ort/ort-wasm-simd-threaded.wasm.gz"} <= expected.keys()
    remote = api.list_repo_files(page_repo, repo_type="space")
    assert set(remote) - expected.keys() == {"README.md", ".gitattributes"}


def test_the_front_matter_configures_the_page(hub: HubServer, api: HfApi, servable_model: str):
    card = b"---\nlibrary_name: keras\ndatasets:\n- huggan/maps\n---\n"
    files = [
        CommitOperationAdd("README.md", card),
        # As an earlier version published it.
        CommitOperationAdd("samples.png", STARTER_MODEL / "samples.png"),
        CommitOperationDelete("thumbnail.png"),
    ]
    api.create_commit(servable_model, files, commit_message="card and samples")
    space_id = deploy_new_space(f"{servable_model}-page", servable_model, "static")
    front = read_front_matter(hub, space_id)
    assert (front["sdk"], front["app_file"], front["license"]) == (
        "static", "index.html", "apache-2.0",
    )  # fmt: skip
    assert front["custom_headers"] == HEADERS and len(HEADERS) == 3
    assert all(name == name.lower() for name in front["custom_headers"])
    assert (front["models"], front["datasets"]) == ([servable_model], ["huggan/maps"])
    revision = api.model_info(servable_model).sha
    picture = f"{hub.endpoint}/{servable_model}/resolve/{revision}/samples.png"
    assert front["thumbnail"] == picture
    assert front["title"] == servable_model.split("/")[1]
    assert "sdk_version" not in front and "python_version" not in front


def test_a_second_deployment_uploads_and_commits_nothing(
    hub: HubServer, servable_model: str, page_repo: str
):
    before, first = list_blob_ids(hub, page_repo), len(hub.requests)
    message = deploy_again(page_repo, servable_model)
    assert f"is up to date and serves {servable_model}@" in message and "free" in message
    assert list_blob_ids(hub, page_repo) == before
    sent = [path for method, path, _ in hub.requests[first:] if method in ("POST", "PUT")]
    assert not [path for path in sent if "/commit/" in path or "/lfs-upload/" in path]


def test_a_new_commit_of_the_model_changes_three_files_and_only_old_files_of_the_page_go(
    hub: HubServer, api: HfApi, servable_model: str, page_repo: str
):
    by_hand = ["notes.txt", "pictures/mine.png", "page/old.js"]
    api.create_commit(
        page_repo, [CommitOperationAdd(path, b"mine") for path in by_hand],
        commit_message="by hand", repo_type="space",
    )  # fmt: skip
    api.create_commit(servable_model, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    before = list_blob_ids(hub, page_repo)
    deploy_again(page_repo, servable_model)
    after = list_blob_ids(hub, page_repo)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {"model.json", "README.md", "index.html"}
    assert before.keys() - after.keys() == {"page/old.js"}
    assert read_settings(hub, page_repo)["revision"] == api.model_info(servable_model).sha


def test_a_page_without_a_model_has_the_starter_models_and_keeps_a_later_one(
    hub: HubServer, servable_model: str
):
    space_id = f"{servable_model}-page"
    spaces.prepare_space(spaces.plan_space(spaces.SpaceRequest(space_id, "static")))
    spaces.deploy_space(space_id)
    assert read_settings(hub, space_id)["folder"] == "starter_model"
    for folder in STARTER_FOLDERS:
        graph = read_space_file(hub, space_id, f"{Path(folder).name}/{GRAPH_FILE}")
        assert graph == (ROOT / folder / GRAPH_FILE).read_bytes()
    deploy_again(space_id, servable_model)
    before = list_blob_ids(hub, space_id)
    assert f"starter_model/{GRAPH_FILE}" in before
    assert not [path for path in before if path.startswith("starter_painter/")]
    spaces.deploy_space(space_id)
    assert list_blob_ids(hub, space_id) == before


def test_an_installed_package_changes_the_model_and_not_the_page(
    hub: HubServer, api: HfApi, servable_model: str, page_repo: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
):  # fmt: skip
    api.create_commit(servable_model, [CommitOperationAdd("x.txt", b"x")], commit_message="newer")
    before = list_blob_ids(hub, page_repo)
    monkeypatch.setattr(site, "PAGE_FOLDER", tmp_path)  # as in site-packages
    deploy_again(page_repo, servable_model)
    after = list_blob_ids(hub, page_repo)
    assert {path for path in after if after[path] != before[path]} == {"model.json", "README.md"}
    assert read_settings(hub, page_repo)["revision"] == api.model_info(servable_model).sha
    with pytest.raises(UserError, match="has no page yet"):
        deploy_new_space(f"{page_repo}-new", servable_model, "static")


def test_the_deployed_files_are_those_of_this_checkout():
    """A file that list_site_files forgets would be missing in every Space."""
    files = {path.relative_to(ROOT / "web").as_posix() for path in (ROOT / "web").rglob("*.*")}
    listed = list_site_files({"folder": "starter_model"}).keys()
    assert files <= listed
    folders = {path.split("/")[0] + "/" for path in listed if "/" in path}
    assert folders == set(OWN_FOLDERS), "old files of another folder would never be deleted"


@needs_chromium
@pytest.mark.slow
def test_a_free_account_trains_and_ends_with_a_working_page(
    hub: HubServer, browser: Browser, monkeypatch, capsys, repo_id: str, tmp_path: Path
):
    name = repo_id.split("/")[1]
    monkeypatch.setenv("HF_TOKEN", FREE_TOKEN)
    flags = ["--dataset_name", "assets/sample_maps", *TINY_FLAGS, "--max_train_steps", "2"]
    flags += ["--max_train_samples", "2", "--validation_samples", "2", "--push_to_hub"]
    flags += ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    flags += ["--hub_model_id", f"model-{name}", "--space_id", f"page-{name}"]
    assert train_hub.main([*flags, "--dry_run"]) == 0
    model_id, space_id = f"{FREE_USER}/model-{name}", f"{FREE_USER}/page-{name}"
    assert f"Space: {space_id}, which will be created as a static Space" in capsys.readouterr().out
    assert not {("model", model_id), ("space", space_id)} & set(hub.store.repos)
    assert train_hub.main(flags) == 0
    output = capsys.readouterr().out
    before_training, _, at_the_end = output.partition("Training 2 steps")
    assert f"Space: {space_id}, which will be created as a static Space" in before_training
    assert f"The Space: {hub.endpoint}/spaces/{space_id} serves {model_id}@" in at_the_end
    head = hub.store.repo("model", model_id).head
    settings = read_settings(hub, space_id)
    assert (settings["id"], settings["revision"]) == (model_id, head.oid)
    assert settings["sha256"] == head.tree[GRAPH_FILE].sha256
    card = hub.store.read_blob(head.tree["README.md"]).decode()
    assert f"In the browser, without installing anything: [{space_id}]" in card
    assert 'Client("<user>/<space>")' in card, "a static Space has no API of Gradio"
    front = read_front_matter(hub, space_id)
    assert front["thumbnail"].endswith("/thumbnail.png")
    snapshot_download(space_id, repo_type="space", local_dir=tmp_path / "page")
    translator = Translator.from_pretrained(model_id, revision=head.oid)
    with FileServer(list_downloaded(tmp_path / "page"), front["custom_headers"]) as server:
        page, problems = open_deployed(browser, server)
        content = encode_image(make_picture(70, 50))
        difference = compare(translator, content, translate_in_page(page, content), "fit")
        page.context.close()
    assert difference.largest <= 1
    assert problems == []
