"""Which model the page of the browser Space loads, and what it says when that fails."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Browser, Page, expect

from pix2pix.browser.site import write_settings
from tests.browser import PHOTO, STARTER_MODEL, needs_chromium
from tests.hub_server import Fault, HubServer
from tests.web_pages import FileServer, site_files
from tests.web_visits import choose, visit, wait_for_model, wait_for_result

pytestmark = needs_chromium
GRAPH = r"resolve/[0-9a-f]{40}/generator\.onnx"


@pytest.fixture
def deployed(
    hub: HubServer, servable_model: str, api: HfApi, ort_files: Path
) -> Iterator[FileServer]:
    """Serves the page as it is deployed for a model on the Hub, with a Gradio Space of it."""
    digests = json.loads((STARTER_MODEL / "pix2pix.json").read_text())["sha256"]
    model = {
        "id": servable_model,
        "revision": api.model_info(servable_model).sha,
        "sha256": digests["generator.onnx"],
        "space_id": f"{servable_model}-page",
    }
    with FileServer(site_files(ort_files, hub.endpoint)) as server:
        settings = write_settings(model, hub.endpoint, f"{servable_model}-space")
        server.files["model.json"] = settings
        yield server


def expect_starter_model(page: Page, reason: str) -> None:
    expect(page.locator("#state-error")).to_contain_text(reason)
    expect(page.locator("#state-error")).to_contain_text("The page goes on with the starter model.")
    expect(page.locator("#state-text")).to_contain_text("The starter model runs in your browser")
    choose(page, PHOTO)
    wait_for_result(page)


@pytest.mark.slow
def test_a_deployed_model_is_named_with_its_commit_and_links(
    browser: Browser, deployed: FileServer, hub: HubServer, servable_model: str, api: HfApi
):
    sha = api.model_info(servable_model).sha
    with visit(browser, deployed.url, allowed=[hub.endpoint]) as page:
        expect(page.locator("#state-text a")).to_have_text(f"{servable_model}@{sha[:7]}")
        tree = f"{hub.endpoint}/{servable_model}/tree/{sha}"
        expect(page.locator("#state-text a")).to_have_attribute("href", tree)
        links = page.locator("#links a").evaluate_all("links => links.map(link => link.href)")
        space = f"{hub.endpoint}/spaces/{servable_model}"
        assert links == [tree, f"{space}-space", f"{space}-page?duplicate=true"]
        # The picture waits for the model, if it is not there yet.
        choose(page, PHOTO)
        wait_for_result(page)
        page.locator("#tab-code").click()
        python = page.locator("#code-python").inner_text()
        assert f'hf_hub_download("{servable_model}", "generator.onnx", revision="{sha}")' in python
        assert f'Client("{servable_model}-space")' in page.locator("#code-gradio").inner_text()
        assert page.evaluate("window.pix2pix.then((model) => model.revision)") == sha


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("nobody/nothing", 'There is no public model "nobody/nothing"'),
        pytest.param(
            "<img src=x onerror=alert(1)>",
            '"<img src=x onerror=alert(1)>" is not the id of a model',
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_model_is_one_sentence_and_the_starter_model_works(
    browser: Browser, hub: HubServer, ort_files: Path, asked: str, reason: str
):
    with FileServer(site_files(ort_files, hub.endpoint)) as server:
        server.files["model.json"] = write_settings({"folder": "starter_model"}, hub.endpoint)
        with visit(browser, f"{server.url}?model={asked}", allowed=[hub.endpoint]) as page:
            expect_starter_model(page, reason)
            expect(page.locator("#state-retry")).to_be_visible()
            assert page.locator("#state img").count() == 0


@pytest.mark.slow
def test_a_download_can_be_canceled_and_retried(
    browser: Browser, deployed: FileServer, hub: HubServer, servable_model: str
):
    hub.faults += [Fault("GET", GRAPH, "delay", seconds=60)]
    with visit(browser, deployed.url, allowed=[hub.endpoint]) as page:
        expect(page.locator("#state-text")).to_contain_text(re.compile("Downloading|Loading"))
        expect(page.locator("#state-progress")).to_be_visible()
        box = page.locator("#tabs").bounding_box()
        page.locator("#state-cancel").click()
        expect_starter_model(page, "The download was canceled.")
        expect(page.locator("#state-cancel")).to_be_hidden()
        page.locator("#state-retry").click()
        expect(page.locator("#state-text")).to_contain_text(servable_model)
        expect(page.locator("#state-error")).to_be_hidden()
        expect(page.locator("#state-retry")).to_be_hidden()
        # The picture stays, and is translated again by the new model.
        wait_for_result(page)
        assert page.locator("#tabs").bounding_box() == box, "nothing moves when a model is loaded"


@pytest.mark.slow
def test_strange_files_of_a_model_are_shown_as_text_or_left_out(
    browser: Browser, web_site: FileServer
):
    attack = "<img src=x onerror=alert(1)>"
    about = json.loads((STARTER_MODEL / "pix2pix.json").read_text())
    about["training"] |= {"device": attack, "steps": attack}
    about["config"] |= {"dataset_name": f"maps {attack}", "dataset_revision": "javascript:alert(1)"}
    about["pix2pix_version"] = {"a": 1}
    metrics = {
        "metrics": {"l1": attack, "psnr": 20.5},
        "intervals": {"psnr": ["a", None]},
        "baselines": {attack: {"psnr": 1.0}},
        "protocol": attack,
        "samples": [
            None,
            {"name": "../x", "l1": 1},
            {"name": "000", "l1": 1, "psnr": 2, "ssim": 0},
        ],
    }
    files = dict(web_site.files)
    files["starter_model/pix2pix.json"] = json.dumps(about).encode()
    files["starter_model/metrics.json"] = json.dumps(metrics).encode()
    files["starter_model/history.csv"] = b'step,seconds\n"1,x\n\x00'
    files["starter_model/README.md"] = f"---\nlicense: {attack}\n---\n# {attack}".encode()
    with FileServer(files) as server, visit(browser, server.url) as page:
        wait_for_model(page)
        expect(page.locator("#examples button")).to_have_count(1)
        page.locator("#tab-model").click()
        expect(page.locator("#model")).to_contain_text("without a training history")
        expect(page.locator("#model .facts")).to_contain_text(f"trained on{attack}")
        rows = page.locator("#model .scroller tbody tr")
        assert rows.all_inner_texts() == ["PSNR (dB)\t20.50\t1.00"]
        assert page.locator("#model a").count() == 0
        page.locator("#tab-code").click()
        assert page.locator("[src='x']").count() == 0


@pytest.mark.slow
def test_the_page_works_where_it_is_not_isolated_and_without_model_json(
    browser: Browser, web_site: FileServer
):
    files: dict[str, Path | bytes] = {
        name: content for name, content in web_site.files.items() if name != "model.json"
    }
    with FileServer(files, headers={}) as server, visit(browser, server.url) as page:
        wait_for_model(page)
        expect(page.locator("#state-text")).to_contain_text("on the CPU with 1 thread:")
        page.locator("#tab-model").click()
        expect(page.locator("#runs-on")).to_contain_text("not cross-origin isolated")
        expect(page.get_by_label("Threads of the CPU")).to_be_disabled()
