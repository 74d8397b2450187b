"""The browser Space of the starter model, deployed to the test Hub and served as the Hub does."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard, snapshot_download
from playwright.sync_api import Browser, Page

from tests.browser import LITTLE_MOTION, STARTER_MODEL, TIMEOUT
from tests.deployed_space import publish_with_space
from tests.hub_server import USER, HubServer
from tests.web_pages import Files, FileServer

MODEL, SPACE = f"{USER}/page-maps", f"{USER}/page-space"


@dataclass(frozen=True)
class DeployedPage:
    """A static Space whose commit was downloaded into an empty folder and is served from there.

    `output` is what the publishing command printed.
    """

    folder: Path
    card: SpaceCard
    output: str
    server: FileServer

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def deployed_page(
    hub: HubServer, ort_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedPage]:
    """Publishes the starter model with a static Space, and serves that with its own headers."""
    folder = tmp_path_factory.mktemp("deployed-page")
    shutil.copytree(STARTER_MODEL, folder / "run")
    output = publish_with_space(folder / "run", "--space_sdk", "static", model=MODEL, space=SPACE)
    page = folder / "page"
    snapshot_download(SPACE, repo_type="space", local_dir=page)
    card = SpaceCard.load(page / "README.md")
    with FileServer(list_downloaded(page), card.data["custom_headers"]) as server:
        yield DeployedPage(page, card, output, server)


def list_downloaded(folder: Path) -> Files:
    """Returns the files of a downloaded Space by path."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts]
    return {path.relative_to(folder).as_posix(): path for path in paths}


@pytest.fixture(scope="module")
def loaded_page(browser: Browser, deployed_page: DeployedPage) -> Iterator[Page]:
    """A page on the deployed Space whose model has been loaded; tests share it."""
    page, problems = open_deployed(browser, deployed_page)
    yield page
    page.context.close()
    assert not problems


def open_deployed(browser: Browser, deployed: DeployedPage | FileServer) -> tuple[Page, list[str]]:
    """Opens the deployed Space in a context of its own, and waits until it has loaded the model.

    Returns the page and a list that gets each message in its console, such as one about a blocked
    request.
    """
    problems: list[str] = []
    page = browser.new_context(**LITTLE_MOTION).new_page()
    page.set_default_timeout(TIMEOUT)
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(deployed.url)
    page.evaluate("async () => { await window.pix2pix; }")
    return page, problems
