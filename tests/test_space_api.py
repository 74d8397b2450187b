"""The endpoints of the Space, called with gradio_client, raw HTTP and MCP."""

import base64
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pix2pix import Translator
from pix2pix.files import sha256
from tests.space_clients import (
    STARTER_MODEL,
    TwoModelSpace,
    call_endpoint,
    call_mcp_tool,
    run_mcp_session,
    upload_file,
)

PHOTO = STARTER_MODEL / "samples" / "003-input.png"
ENDPOINTS = ["/translate", "/translate_batch", "/model_info", "/translate_with"]
NOT_A_PICTURE = "This file is not a picture that can be read"


def data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def client(two_model_space: TwoModelSpace) -> Client:
    return Client(two_model_space.url, verbose=False)


@pytest.fixture(scope="module")
def info(two_model_space: TwoModelSpace) -> dict:
    return httpx.get(f"{two_model_space.url}/gradio_api/info", timeout=30).json()["named_endpoints"]


def test_the_space_has_these_endpoints_and_no_others(info: dict):
    assert list(info) == ENDPOINTS


@pytest.mark.parametrize(("name", "arguments", "results"), [
    ("/translate", ["image", "mode"], ["map"]),
    ("/translate_batch", ["files", "mode"], ["archive", "sheet", "report"]),
    ("/model_info", [], ["info"]),
    ("/translate_with", ["image", "mode", "model"], ["map"]),
])  # fmt: skip
def test_arguments_and_results_have_names(info: dict, name: str, arguments: list, results: list):
    assert [part["parameter_name"] for part in info[name]["parameters"]] == arguments
    assert [part["label"] for part in info[name]["returns"]] == results
    assert info[name]["description"].endswith(".")


def test_the_examples_contain_no_url_of_another_site(info: dict):
    assert "://" not in json.dumps([part["parameters"] for part in info.values()])
    snippets = info["/translate"]["code_snippets"]
    assert "handle_file('picture.jpg')" in snippets["python"]


def test_the_openapi_document_has_types_and_examples(two_model_space: TwoModelSpace, info: dict):
    document = httpx.get(f"{two_model_space.url}/gradio_api/openapi.json", timeout=30).json()
    for name in ENDPOINTS:
        assert f"POST /gradio_api/call/v2{name} " in document["info"]["description"]
        operation = document["paths"][f"/gradio_api/call/v2{name}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert list(schema["properties"]) == [
            part["parameter_name"] for part in info[name]["parameters"]
        ]
        assert info[name]["description"] in operation["description"]
    mode = document["paths"]["/gradio_api/call/v2/translate"]["post"]["requestBody"]
    mode = mode["content"]["application/json"]["schema"]["properties"]["mode"]
    assert mode["enum"] == ["fit", "full"]


def test_the_examples_of_the_openapi_document_work(two_model_space: TwoModelSpace):
    document = httpx.get(f"{two_model_space.url}/gradio_api/openapi.json", timeout=30).json()
    uploaded = upload_file(two_model_space.url, PHOTO)["path"]
    lines = [line for line in document["info"]["description"].splitlines() if "POST" in line]
    assert len(lines) == 5
    for line in lines:
        _, path, body = line.split(" ", 2)
        response = httpx.post(
            two_model_space.url + path, content=body.replace("picture.jpg", uploaded),
            headers={"Content-Type": "application/json"}, timeout=30,
        )  # fmt: skip
        event = response.json()["event_id"]
        path = path.replace("/v2", "")
        stream = httpx.get(f"{two_model_space.url}{path}/{event}", timeout=60).text
        assert "event: complete" in stream, line


@pytest.mark.parametrize("mode", ["fit", "full"])
def test_raw_http_returns_the_result_of_the_translator(two_model_space: TwoModelSpace, mode: str):
    event, data = call_endpoint(
        two_model_space.url, "translate", [upload_file(two_model_space.url, PHOTO), mode]
    )
    assert event == "complete"
    assert data[0]["orig_name"] == "pix2pix-map.png"
    with Image.open(io.BytesIO(httpx.get(data[0]["url"]).content)) as png:
        assert png.format == "PNG"
        assert np.array_equal(png, Translator.from_pretrained(STARTER_MODEL)(PHOTO, mode=mode))


def test_another_model_is_chosen_by_its_name(two_model_space: TwoModelSpace, client: Client):
    for model in (str(STARTER_MODEL), two_model_space.other_model):
        path = client.predict(handle_file(PHOTO), "fit", model, api_name="/translate_with")
        assert np.array_equal(Image.open(path), Translator.from_pretrained(model)(PHOTO))
    with pytest.raises(AppError, match="The model 'assets' is unknown; choose one of"):
        client.predict(handle_file(PHOTO), "fit", "assets", api_name="/translate_with")


def test_model_info_describes_the_model(two_model_space: TwoModelSpace, client: Client):
    info = client.predict(api_name="/model_info")
    metrics = json.loads((STARTER_MODEL / "metrics.json").read_text())
    assert info["metrics"] == metrics["metrics"]
    assert info["baselines"] == metrics["baselines"]
    assert info["held_out_pairs"] == metrics["held_out_pairs"]
    assert info["sha256"] == sha256(STARTER_MODEL / "generator.onnx")
    assert (info["name"], info["models"]) == (
        str(STARTER_MODEL),
        [str(STARTER_MODEL), two_model_space.other_model],
    )
    assert (info["direction"], info["image_size"]) == ("a_to_b", 256)
    assert info["dataset"]["name"] == "assets/sample_maps"
    assert info["license"] == "apache-2.0"
    assert info["licence"] == "apache-2.0", "the key of older versions"  # codespell:ignore licence
    assert info["limits"]["batch_files"] == 32


def test_model_info_has_the_words_of_every_model(two_model_space: TwoModelSpace, client: Client):
    details = client.predict(api_name="/model_info")["model_details"]
    assert [model["name"] for model in details] == [
        str(STARTER_MODEL), two_model_space.other_model,
    ]  # fmt: skip
    assert [(model["source"], model["result"]) for model in details] == [
        ("satellite photo", "atlas map"), ("aerial photo", "map"),
    ]  # fmt: skip
    assert [model["revision"] for model in details] == [None, None]


def test_mcp_lists_the_tools_with_descriptions(two_model_space: TwoModelSpace):
    response = run_mcp_session(
        f"{two_model_space.url}/gradio_api/mcp/", lambda session: session.list_tools()
    )
    tools = {tool.name: tool for tool in response.tools}
    assert [f"/{name}" for name in tools] == ENDPOINTS
    for tool in tools.values():
        assert "Returns: " in tool.description
        assert all(part["description"] for part in tool.inputSchema["properties"].values())


def test_mcp_returns_the_picture(two_model_space: TwoModelSpace):
    result = call_mcp_tool(two_model_space.url, "translate", image=data_url(PHOTO))
    assert not result.isError
    picture = Image.open(io.BytesIO(base64.b64decode(result.content[0].data)))
    assert np.array_equal(picture, Translator.from_pretrained(STARTER_MODEL)(PHOTO))


def test_mcp_describes_the_model_as_json(two_model_space: TwoModelSpace):
    result = call_mcp_tool(two_model_space.url, "model_info")
    assert json.loads(result.content[0].text)["sha256"] == sha256(STARTER_MODEL / "generator.onnx")


def test_mcp_translates_a_batch(two_model_space: TwoModelSpace):
    result = call_mcp_tool(two_model_space.url, "translate_batch", files=[data_url(PHOTO)] * 2)
    assert not result.isError, result.content
    assert "'translated': 2" in result.content[0].text


def test_an_error_message_is_the_same_for_every_client(
    two_model_space: TwoModelSpace, client: Client, tmp_path: Path
):
    bad = tmp_path / "notes.png"
    bad.write_text("not a picture")
    with pytest.raises(AppError) as error:
        client.predict(handle_file(bad), api_name="/translate")
    message = str(error.value)
    assert message.startswith(NOT_A_PICTURE)
    event, data = call_endpoint(
        two_model_space.url, "translate", [upload_file(two_model_space.url, bad), "fit"]
    )
    assert (event, data["error"]) == ("error", message)
    result = call_mcp_tool(two_model_space.url, "translate", image=data_url(bad))
    assert result.isError
    assert [part.text for part in result.content] == [message]


@pytest.mark.parametrize("mode", ["best", "", 5, ["fit"], {"fit": 1}])
def test_an_unknown_mode_is_refused(two_model_space: TwoModelSpace, mode):
    event, data = call_endpoint(
        two_model_space.url, "translate", [upload_file(two_model_space.url, PHOTO), mode]
    )
    assert event == "error"
    assert data["error"] == f"The mode {mode!r} is unknown; choose one of fit, full."


def test_a_missing_picture_is_an_error_and_a_missing_mode_is_not(two_model_space: TwoModelSpace):
    event, data = call_endpoint(two_model_space.url, "translate", [None, "fit"])
    assert (event, data["error"].partition(":")[0]) == ("error", "There is no picture yet")
    event, _ = call_endpoint(
        two_model_space.url, "translate", [upload_file(two_model_space.url, PHOTO), None]
    )
    assert event == "complete", "null stands for the default"
