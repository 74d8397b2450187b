"""What a link to the Space shows elsewhere, and the badges at the top of its page."""

import re
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub import HfApi

from pix2pix import Translator
from pix2pix.space import previews
from pix2pix.space.served_models import ServedModels
from tests.commands import running_space
from tests.deployed_space import MODEL, STARTER_MODEL, DeployedSpace
from tests.hub_server import HubServer

TAG = re.compile(r'<meta (?:property|name)="((?:og|twitter):\w+)" content="([^"]*)" />')


def read_tags(url: str) -> list[tuple[str, str]]:
    """Returns the OpenGraph and Twitter tags of a page, in their order."""
    return TAG.findall(httpx.get(url, timeout=30).text)


def serve(folder: Path, revision: str | None = None) -> ServedModels:
    """Serves a model in a folder, or one of the Hub whose files are in the folder."""
    translator = SimpleNamespace(folder=folder, revision=revision)
    return ServedModels({f"me/maps@{revision}" if revision else str(folder): translator})


def test_the_preview_shows_the_models_own_picture(deployed_space: DeployedSpace, hub: HubServer):
    tags = read_tags(deployed_space.url)
    assert len(dict(tags)) == len(tags), "a tag of Gradio's own is left"
    commit = HfApi().model_info(MODEL).sha
    picture = f"{hub.endpoint}/{MODEL}/resolve/{commit}/thumbnail.png"
    assert dict(tags)["og:image"] == picture
    assert httpx.get(picture, follow_redirects=True).headers["content-type"] == "image/png"
    assert dict(tags)["og:title"] == "pix2pix: From satellite photo to atlas map"
    assert "Gradio" not in str(tags)
    page = httpx.get(deployed_space.url, timeout=30).text
    assert f"Model: {MODEL}" in page and "Duplicate this Space" not in page


@pytest.mark.slow
def test_a_space_of_the_hub_offers_a_copy_and_says_who_may_have_one(tmp_path: Path):
    with running_space(tmp_path / "app.log", SPACE_ID="me/maps") as url:
        tags = dict(read_tags(url))
        page = httpx.get(url, timeout=30).text
    assert tags["og:url"].endswith("/spaces/me/maps")
    assert tags["og:image"].endswith(
        "/spaces/me/maps/resolve/main/assets/starter_model/samples.png"
    )
    assert "/spaces/me/maps?duplicate=true" in page and previews.DUPLICATION_RULE in page


def test_the_picture_is_one_that_the_model_has(tmp_path: Path):
    assert previews.find_picture(serve(tmp_path), "me/space") is None
    assert previews.find_picture(serve(STARTER_MODEL), None) is None, "it has no URL"
    assert previews.find_picture(serve(tmp_path, "abc"), None) is None
    (tmp_path / "samples.png").write_bytes(b"")
    url = previews.find_picture(serve(tmp_path, "abc"), None)
    assert url and url.endswith("/me/maps/resolve/abc/samples.png"), "of an earlier version"
    (tmp_path / "README.md").write_text("---\nthumbnail: https://example.com/x.png\n---\n")
    url = previews.find_picture(serve(tmp_path, "abc"), None)
    assert url and url.endswith("/me/maps/resolve/abc/thumbnail.png")


def test_names_can_not_break_out_of_the_badges():
    models = serve(STARTER_MODEL, '"><script>')
    badges = previews.write_badges(models, {"SPACE_ID": "<b>"})
    assert "<script>" not in badges and "<b>" not in badges
    assert previews.write_badges(serve(STARTER_MODEL), {}) == ""
    assert Translator(STARTER_MODEL).revision is None
