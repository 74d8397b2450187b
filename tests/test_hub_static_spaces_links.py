"""The links between the two kinds of Space of a model: who gets one, and when it goes."""

import logging

import pytest
from huggingface_hub import HfApi

from pix2pix.hub import spaces
from tests.deployed_space import (
    deploy_again,
    deploy_new_space,
    list_blob_ids,
    read_settings,
    store_servable_model,
)
from tests.hub_server import Fault, HubServer

pytestmark = pytest.mark.usefixtures("ort_files", "logged_in")
LINK = "PIX2PIX_BROWSER_SPACE"


@pytest.fixture
def other_model(hub: HubServer, servable_model: str) -> str:
    """Returns the id of a second model."""
    return store_servable_model(hub, f"{servable_model}-other")


def read_link(hub: HubServer, space_id: str) -> str | None:
    """Returns the Space that a Gradio Space links to, or None."""
    variable = hub.store.repo("space", space_id).variables.get(LINK)
    return variable["value"] if variable else None


def test_the_two_kinds_of_space_of_a_model_link_to_each_other(
    hub: HubServer, servable_model: str, page_repo: str, space_repo: str
):
    """The Gradio Space is newer: its deployment also changes the page that was there."""
    assert read_settings(hub, page_repo)["gradio_space"] == space_repo
    variables = hub.store.repo("space", space_repo).variables
    assert variables[LINK]["value"] == page_repo
    del variables[LINK]
    before = list_blob_ids(hub, page_repo)
    deploy_again(page_repo, servable_model)
    assert variables[LINK]["value"] == page_repo
    assert list_blob_ids(hub, page_repo) == before


def test_a_private_space_is_not_linked_to(hub: HubServer, servable_model: str, page_repo: str):
    space_id = f"{servable_model}-space"
    hub.store.repo("space", page_repo).private = True
    deploy_new_space(space_id, servable_model)
    assert LINK not in hub.store.repo("space", space_id).variables


@pytest.mark.parametrize("sdk", ["gradio", pytest.param("static", marks=pytest.mark.slow)])
def test_a_public_space_gets_no_link_to_a_private_one(
    hub: HubServer, servable_model: str, sdk: str
):
    public, private = f"{servable_model}-public", f"{servable_model}-private"
    deploy_new_space(public, servable_model, "static" if sdk == "gradio" else "gradio")
    request = spaces.SpaceRequest(private, sdk, private=True, model_id=servable_model)
    spaces.prepare_space(spaces.plan_space(request))
    deploy_again(private, servable_model)
    if sdk == "static":
        assert read_link(hub, public) is None
    else:
        assert read_settings(hub, public)["gradio_space"] is None
        assert read_link(hub, private) == public


@pytest.mark.parametrize("changed", ["gradio", pytest.param("static", marks=pytest.mark.slow)])
def test_another_model_removes_the_links_of_both_spaces(
    hub: HubServer, page_repo: str, space_repo: str, other_model: str, changed: str
):
    assert read_link(hub, space_repo) == page_repo
    assert read_settings(hub, page_repo)["gradio_space"] == space_repo
    deploy_again(space_repo if changed == "gradio" else page_repo, other_model)
    assert read_link(hub, space_repo) is None
    assert read_settings(hub, page_repo)["gradio_space"] is None
    # Once both serve the other model, they link to each other again.
    deploy_again(page_repo if changed == "gradio" else space_repo, other_model)
    assert read_link(hub, space_repo) == page_repo
    assert read_settings(hub, page_repo)["gradio_space"] == space_repo


def test_a_link_that_the_operator_set_stays(
    hub: HubServer, api: HfApi, space_repo: str, other_model: str
):
    api.add_space_variable(space_repo, LINK, "me/another-page")
    deploy_again(space_repo, other_model)
    assert read_link(hub, space_repo) == "me/another-page"


def test_a_link_is_replaced_by_one_to_a_space_of_the_new_model(
    hub: HubServer, page_repo: str, space_repo: str, other_model: str
):
    page = deploy_new_space(f"{other_model}-page", other_model, "static")
    deploy_again(space_repo, other_model)
    assert read_link(hub, space_repo) == page
    assert read_settings(hub, page)["gradio_space"] == space_repo
    assert read_settings(hub, page_repo)["gradio_space"] is None


@pytest.mark.slow
def test_an_old_link_that_can_not_be_removed_is_logged_and_goes_with_the_next_deployment(
    hub: HubServer, servable_model: str, page_repo: str, space_repo: str, other_model: str,
    caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    hub.faults.append(Fault("GET", f"/api/spaces/{space_repo}/variables", 403))
    with caplog.at_level(logging.WARNING, "pix2pix"):
        assert other_model in deploy_again(page_repo, other_model)
    assert f"Deploy the other Spaces of {servable_model} again, and they no longer" in caplog.text
    assert read_link(hub, space_repo) == page_repo
    assert "up to date" not in deploy_again(space_repo, servable_model)
    assert read_link(hub, space_repo) is None
