"""The routes and limits of a Space below a prefix, behind proxies that keep or strip the prefix."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser

from pix2pix import Translator
from pix2pix.errors import UserError
from pix2pix.space.address import check_address, check_numbers, read_port, read_root_path
from pix2pix.space.security.guard import find_route
from pix2pix.translate import STARTER_MODEL
from tests.browser import needs_chromium
from tests.builders import encode_image
from tests.commands import running_space
from tests.proxies import PREFIX, ReverseProxy, request_status, running_proxy
from tests.raw_http import API_PREFIX, RawSpaceClient, decode_pixels
from tests.recording_server import SAMPLE_PHOTO
from tests.space_clients import call_mcp_tool
from tests.space_drawing import count_results, space_drawing, wait_for_result
from tests.web_drawing import copy_link, draw_coast

# The operator writes the root path as a path, or as the public URL. The limit of each of the two
# Spaces: below and above the default, which is 64.
MEGAPIXELS = {"path": 1, "url": 72}
METHODS = ("GET", "POST", "HEAD")
CLOSED = (
    f"{API_PREFIX}/proxy=https://x.hf.space/", f"{API_PREFIX}/component_server",
    f"{API_PREFIX}/process_recording", f"{API_PREFIX}/file=http://example.com/", "/monitoring",
    "/monitoring/summary", f"{API_PREFIX}/a-route-of-a-new-version",
)  # fmt: skip
# Ways to write the prefix that must not open a closed route.
DISGUISES = (
    "{0}{1}", "{1}", "{0}{0}{1}", "{0}/{1}", "/{0}{1}", "{0}/.{1}", "{0}/%2e%2e{1}", "{0}/..{0}{1}",
    "/%6Daps{1}", "/%256Daps{1}", "/MAPS{1}", "{0}%2F{1}", "{0};{1}", "{0}/assets/..{1}",
    "{0}{1}/", "{0}{1}?", "{0}{1}%00",
)  # fmt: skip


@contextmanager
def running_behind_proxies(folder: Path, form: str) -> Iterator[dict[str, str]]:
    """Runs a Space behind two proxies; yields the public URLs by proxy."""
    with running_proxy(False) as keeps, running_proxy(True) as strips:
        # A full URL names one of the two proxies, though both lead to the Space.
        variables = {
            "GRADIO_ROOT_PATH": PREFIX if form == "path" else keeps.url,
            "GRADIO_TEMP_DIR": str(folder / form),
            "PIX2PIX_MAX_FILE_MB": "1", "PIX2PIX_MAX_BATCH": "3",
            "PIX2PIX_MAX_MEGAPIXELS": str(MEGAPIXELS[form]),
        }  # fmt: skip
        with running_space(folder / f"{form}.log", **variables) as url:
            keeps.upstream = strips.upstream = url
            yield {"keeps": keeps.url, "strips": strips.url}


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], str]]:
    """Yields a function that returns the public URL of a form and a proxy.

    The Space of a form is started by the first test that needs it.
    """
    folder, running = tmp_path_factory.mktemp("root-path"), dict[str, dict[str, str]]()
    with ExitStack() as stack:

        def find_url(form: str, proxy: str) -> str:
            if form not in running:
                running[form] = stack.enter_context(running_behind_proxies(folder, form))
            return running[form][proxy]

        yield find_url


@pytest.fixture(
    params=[
        ("path", "keeps"),
        ("path", "strips"),
        pytest.param(("url", "keeps"), marks=pytest.mark.slow),
        pytest.param(("url", "strips"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def public_url(request: pytest.FixtureRequest, proxies: Callable[[str, str], str]) -> str:
    return proxies(*request.param)


def test_the_page_and_its_files_are_served_below_the_prefix(public_url: str):
    page = httpx.get(f"{public_url}/", timeout=60)
    assert page.status_code == 200
    assert httpx.get(public_url, timeout=60, follow_redirects=True).text[:100] == page.text[:100]
    root = httpx.get(f"{public_url}/config", timeout=60).json()["root"]
    assert root.startswith("http://127.0.0.1:") and root.endswith(PREFIX)


def test_a_call_returns_a_url_that_works_from_outside(public_url: str):
    expected = decode_pixels(Translator(STARTER_MODEL)(SAMPLE_PHOTO))
    with RawSpaceClient(public_url) as client:
        result = client.translate(SAMPLE_PHOTO.read_bytes())
        assert result.event == "complete", result.text
        assert f"{PREFIX}{API_PREFIX}/file=" in result.data[0]["url"]
        picture = client.http.get(result.data[0]["url"])
    np.testing.assert_array_equal(decode_pixels(picture.content), expected)


def test_clients_and_agents_reach_the_space(public_url: str):
    path = Client(public_url, verbose=False).predict(handle_file(SAMPLE_PHOTO), "fit",
                                                     api_name="/translate")  # fmt: skip
    assert Image.open(path).size == (256, 256)
    assert "held_out_pairs" in call_mcp_tool(public_url, "model_info").content[0].text
    picture = "data:image/png;base64," + base64.b64encode(SAMPLE_PHOTO.read_bytes()).decode()
    result = call_mcp_tool(public_url, "translate", image=picture)
    assert not result.isError, result.content


@needs_chromium
@pytest.mark.slow
def test_the_canvas_works_below_the_prefix(browser: Browser, public_url: str):
    with space_drawing(browser, public_url) as page:
        shown = count_results(page)
        draw_coast(page)
        wait_for_result(page, shown)
        link = copy_link(page)
        assert link.startswith(f"{public_url}/#draw=")


def test_closed_routes_stay_closed_however_the_prefix_is_written(public_url: str):
    opened = []
    for method in METHODS:
        for route in CLOSED:
            for disguise in DISGUISES:
                path = disguise.format(PREFIX, route)
                # 403 and 405: the files of the page, where Gradio refuses paths that leave them.
                if request_status(public_url, method, path) not in (403, 404, 405):
                    opened.append(f"{method} {path}")
    assert not opened


def test_the_limits_below_the_prefix_are_those_of_a_space_without_one(public_url: str):
    with RawSpaceClient(public_url) as client:
        many = [("files", (f"{n}.png", bytes(804_000))) for n in range(5)]
        assert len(client.http.post(f"{API_PREFIX}/upload", files=many[:3]).json()) == 3
        # Little more than the limits: a connection that is closed early may lose the response.
        refused = client.http.post(f"{API_PREFIX}/upload", files=many)
        assert refused.status_code == 413 and "larger than 3 MB" in refused.text
        large = client.http.post(f"{API_PREFIX}/upload", files={"files": ("a", bytes(1_000_001))})
        assert large.status_code == 413 and "1000000 bytes" in large.text
        inline = {"path": None, "url": "data:," + "a" * 3_010_000}
        refused = client.post("translate", {"data": [inline]})
        assert refused.status_code == 413 and "larger than 2 MB" in refused.text


def encode_large_picture(megapixels: int) -> bytes:
    """Returns a PNG of one color that is as large as that and 1000 pixels larger."""
    return encode_image(Image.new("1", (megapixels * 1000 + 1, 1000)))


def test_the_operators_limit_of_pixels_holds_below_the_default(proxies: Callable):
    large, url = encode_large_picture(1), proxies("path", "strips")
    text = base64.b64encode(large).decode()
    with RawSpaceClient(url) as client:
        batch = client.call([text], "fit", endpoint="translate_batch").data[2]["files"]
        errors = [client.translate(large).error, client.call(text, "fit").error, batch[0]["error"]]
    errors.append(call_mcp_tool(url, "translate", image=text).content[0].text)
    assert {error.partition(" megapixels")[0] for error in errors} == {
        "The picture is 1001x1000 pixels, more than the 1"
    }


@pytest.mark.slow
def test_the_operators_limit_of_pixels_holds_above_the_default(proxies: Callable):
    """Gradio, Pillow and the Translator have limits of their own, of 64 megapixels and more."""
    url, text = proxies("url", "strips"), base64.b64encode(encode_large_picture(71)).decode()
    with RawSpaceClient(url) as client:
        assert client.download_pixels(client.call(text, "fit")).shape == (1000, 71001, 3)
        batch = client.call([text], "fit", endpoint="translate_batch")
        assert batch.data[2]["translated"] == 1, batch.text
        error = client.translate(encode_large_picture(72)).error
    assert "72001x1000 pixels, more than the 72 megapixels" in error
    result = call_mcp_tool(url, "translate", image=text)
    assert not result.isError, result.content[0].text


@pytest.mark.parametrize(
    ("root_path", "path", "route", "whole"),
    [
        ("", "/config", "/config", "/config"),
        ("/maps", "/maps/config", "/config", "/maps/config"),
        ("/maps/", "/config", "/config", "/maps/config"),
        ("https://x.org/a/maps/", "/a/maps/config", "/config", "/a/maps/config"),
        ("https://x.org", "/config", "/config", "/config"),
        ("/maps", "/mapsy", "/mapsy", "/maps/mapsy"),
        ("/maps", "/maps", "", "/maps"),
        ("/maps", "/maps/maps/x", "/maps/x", "/maps/maps/x"),
    ],
)
def test_the_route_is_the_path_without_the_root_path(
    root_path: str, path: str, route: str, whole: str
):
    scope, found = find_route({"type": "http", "path": path, "root_path": root_path})
    assert (found, scope["path"]) == (route, whole)


@pytest.mark.parametrize(
    ("written", "root_path"),
    [("", ""), ("/", ""), ("maps", "/maps"), (" /maps/ ", "/maps"),
     ("https://x.org/maps/", "https://x.org/maps")],
)  # fmt: skip
def test_a_root_path_may_be_written_in_several_ways(written: str, root_path: str):
    assert read_root_path({"GRADIO_ROOT_PATH": written}) == root_path
    assert read_root_path({}) == ""


@pytest.mark.parametrize("text", ["abc", "", "0", "70000", "80.5"])
def test_a_port_that_is_no_number_is_reported(text: str):
    with pytest.raises(UserError, match=r"^GRADIO_SERVER_PORT is .* whole number from 1 to 65535"):
        read_port({"GRADIO_SERVER_PORT": text})
    with pytest.raises(UserError, match="^GRADIO_NUM_PORTS is"):
        check_numbers({"GRADIO_NUM_PORTS": text})
    assert read_port({}) is None and read_port({"GRADIO_SERVER_PORT": "7861"}) == 7861


def test_an_address_on_which_no_server_can_listen_is_reported():
    with (
        ReverseProxy(strips_prefix=False) as other,
        pytest.raises(UserError, match=f"can't listen on 127.0.0.1:{other.server_port} "),
    ):
        check_address(other.server_port, {"GRADIO_SERVER_NAME": "127.0.0.1"})
    check_address(None, {})
    with pytest.raises(UserError, match=r"can't listen on 192\.0\.2\.1 "):
        check_address(None, {"GRADIO_SERVER_NAME": "192.0.2.1"})
