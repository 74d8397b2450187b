"""Which models the address and model.json let visitors of the browser Space choose from."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import needs_chromium
from tests.hub_server import HubServer
from tests.web_models import build_model
from tests.web_pages import FileServer
from tests.web_starters import MAP_NAME, PAINTER_NAME, expect_model, quick_starters
from tests.web_visits import visit

pytestmark = needs_chromium


@pytest.fixture
def site(ort_files: Path) -> Iterator[FileServer]:
    """Serves quick starter models; a test may change the files."""
    with FileServer(quick_starters(ort_files)) as server:
        yield server


def test_an_address_names_the_model_and_the_other_one_replaces_it_where_it_fails(
    browser: Browser, site: FileServer
):
    graph = site.files.pop("starter_painter/generator.onnx")
    with visit(browser, f"{site.url}?model=starter_painter") as page:
        expect_model(page, MAP_NAME)
        expect(page.locator("#state-error")).to_contain_text(
            f'The page goes on with the starter model "{MAP_NAME}".'
        )
        site.files["starter_painter/generator.onnx"] = graph
        page.reload()
        expect_model(page, PAINTER_NAME)
        page.goto(f"{site.url}?model=starter_model")
        expect_model(page, MAP_NAME)
        assert page.url == f"{site.url}/"


MAP_CHOICE = {"folder": "starter_model", "name": "<img src=x>"}
PAINTER_CHOICE = {"folder": "starter_painter", "name": "<b>painter</b>"}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"choices": {"a": 1}}, marks=pytest.mark.slow),
        {"choices": [None, 1, [], {"folder": 3}, {"folder": "starter_model"}, PAINTER_CHOICE]},
        pytest.param(
            {"folder": "negative", "choices": [MAP_CHOICE, PAINTER_CHOICE]}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"id": "user/none", "choices": [MAP_CHOICE, PAINTER_CHOICE]}, marks=pytest.mark.slow
        ),
    ],
)  # fmt: skip
def test_there_is_no_choice_where_model_json_names_no_two_models(
    browser: Browser, site: FileServer, settings: dict
):
    site.files |= {f"negative/{path}": content for path, content in build_model().items()}
    content = {"folder": "starter_model", "endpoint": site.url, **settings}
    site.files["model.json"] = json.dumps(content).encode()
    with visit(browser, site.url) as page:
        expect(page.locator("#state-text")).to_contain_text("runs in your browser")
        expect(page.locator("#choice")).to_be_hidden()
        assert page.locator("#choice option").count() == 0


@pytest.mark.slow
def test_names_of_a_strange_model_json_are_text(browser: Browser, site: FileServer):
    content = {"folder": "starter_model", "choices": [MAP_CHOICE, PAINTER_CHOICE]}
    site.files["model.json"] = json.dumps(content).encode()
    with visit(browser, site.url) as page:
        expect(page.locator("#state-text")).to_contain_text('The starter model "<img src=x>" runs')
        assert page.locator("#state img, #choice img").count() == 0


def test_an_address_with_a_model_of_the_hub_shows_only_that_one(
    browser: Browser, hub: HubServer, ort_files: Path, servable_model: str
):
    with FileServer(quick_starters(ort_files, hub.endpoint)) as server:
        address = f"{server.url}?model={servable_model}"
        with visit(browser, address, allowed=[hub.endpoint]) as page:
            expect(page.locator("#state-text")).to_contain_text(servable_model)
            expect(page.locator("#choice")).to_be_hidden()
            assert page.url == f"{server.url}/?model={servable_model}"
