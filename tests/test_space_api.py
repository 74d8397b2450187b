"""The Space as programs see it: gradio's client, raw HTTP, MCP."""

import base64
import hashlib
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
from tests.serving import STARTER, Twin, call, mcp, mcp_call, upload

PHOTO = STARTER / "samples" / "003-input.png"
ENDPOINTS = ["/translate", "/translate_batch", "/model_info", "/translate_with"]
NOT_A_PICTURE = "This file is not a picture that can be read"


def data_address(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def client(twin: Twin) -> Client:
    return Client(twin.address, verbose=False)


@pytest.fixture(scope="module")
def info(twin: Twin) -> dict:
    return httpx.get(f"{twin.address}/gradio_api/info", timeout=30).json()["named_endpoints"]


def test_only_the_endpoints_are_offered(info: dict):
    assert list(info) == ENDPOINTS


@pytest.mark.parametrize(("name", "arguments", "answers"), [
    ("/translate", ["image", "mode"], ["map"]),
    ("/translate_batch", ["files", "mode"], ["archive", "sheet", "report"]),
    ("/model_info", [], ["info"]),
    ("/translate_with", ["image", "mode", "model"], ["map"]),
])  # fmt: skip
def test_arguments_and_answers_have_names(info: dict, name: str, arguments: list, answers: list):
    assert [part["parameter_name"] for part in info[name]["parameters"]] == arguments
    assert [part["label"] for part in info[name]["returns"]] == answers
    assert info[name]["description"].endswith(".")


def test_examples_lead_to_no_other_site(info: dict):
    assert "://" not in json.dumps([part["parameters"] for part in info.values()])
    snippets = info["/translate"]["code_snippets"]
    assert "handle_file('aerial.jpg')" in snippets["python"]


def test_openapi_has_types_and_examples(twin: Twin, info: dict):
    found = httpx.get(f"{twin.address}/gradio_api/openapi.json", timeout=30).json()
    for name in ENDPOINTS:
        assert f"POST /gradio_api/call/v2{name} " in found["info"]["description"]
        described = found["paths"][f"/gradio_api/call/v2{name}"]["post"]
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        assert list(schema["properties"]) == [
            part["parameter_name"] for part in info[name]["parameters"]
        ]
        assert info[name]["description"] in described["description"]
    mode = found["paths"]["/gradio_api/call/v2/translate"]["post"]["requestBody"]
    mode = mode["content"]["application/json"]["schema"]["properties"]["mode"]
    assert mode["enum"] == ["fit", "full"]


def test_openapis_examples_work_as_they_stand(twin: Twin):
    found = httpx.get(f"{twin.address}/gradio_api/openapi.json", timeout=30).json()
    uploaded = upload(twin.address, PHOTO)["path"]
    lines = [line for line in found["info"]["description"].splitlines() if "POST" in line]
    assert len(lines) == 5
    for line in lines:
        _, path, body = line.split(" ", 2)
        answer = httpx.post(
            twin.address + path, content=body.replace("aerial.jpg", uploaded),
            headers={"Content-Type": "application/json"}, timeout=30,
        )  # fmt: skip
        event = answer.json()["event_id"]
        path = path.replace("/v2", "")
        stream = httpx.get(f"{twin.address}{path}/{event}", timeout=60).text
        assert "event: complete" in stream, line


@pytest.mark.parametrize("mode", ["fit", "full"])
def test_raw_http_gets_the_translators_own_result(twin: Twin, mode: str):
    event, answer = call(twin.address, "translate", [upload(twin.address, PHOTO), mode])
    assert event == "complete"
    assert answer[0]["orig_name"] == "pix2pix-map.png"
    with Image.open(io.BytesIO(httpx.get(answer[0]["url"]).content)) as png:
        assert png.format == "PNG"
        assert np.array_equal(png, Translator.from_pretrained(STARTER)(PHOTO, mode=mode))


def test_another_model_by_its_name(twin: Twin, client: Client):
    for model in (str(STARTER), twin.other):
        answer = client.predict(handle_file(PHOTO), "fit", model, api_name="/translate_with")
        assert np.array_equal(Image.open(answer), Translator.from_pretrained(model)(PHOTO))
    with pytest.raises(AppError, match="The model 'assets' is unknown; choose one of"):
        client.predict(handle_file(PHOTO), "fit", "assets", api_name="/translate_with")


def test_the_model_describes_itself(twin: Twin, client: Client):
    told = client.predict(api_name="/model_info")
    measured = json.loads((STARTER / "metrics.json").read_text())
    assert told["metrics"] == measured["metrics"]
    assert told["baselines"] == measured["baselines"]
    assert told["held_out_pairs"] == 71
    assert told["sha256"] == hashlib.sha256((STARTER / "generator.onnx").read_bytes()).hexdigest()
    assert (told["name"], told["models"]) == (str(STARTER), [str(STARTER), twin.other])
    assert (told["direction"], told["image_size"]) == ("a_to_b", 256)
    assert told["dataset"]["name"] == "assets/sample_maps"
    assert told["licence"] == "apache-2.0"
    assert told["limits"]["batch_files"] == 32


def test_mcp_lists_described_tools(twin: Twin):
    listed = mcp(f"{twin.address}/gradio_api/mcp/", lambda session: session.list_tools())
    tools = {tool.name: tool for tool in listed.tools}
    assert [f"/{name}" for name in tools] == ENDPOINTS
    for tool in tools.values():
        assert "Returns: " in tool.description
        assert all(part["description"] for part in tool.inputSchema["properties"].values())


def test_mcp_returns_the_picture(twin: Twin):
    result = mcp_call(twin.address, "translate", image=data_address(PHOTO))
    assert not result.isError
    picture = Image.open(io.BytesIO(base64.b64decode(result.content[0].data)))
    assert np.array_equal(picture, Translator.from_pretrained(STARTER)(PHOTO))


def test_mcp_describes_the_model_as_json(twin: Twin):
    result = mcp_call(twin.address, "model_info")
    assert json.loads(result.content[0].text)["held_out_pairs"] == 71


def test_mcp_translates_a_batch(twin: Twin):
    result = mcp_call(twin.address, "translate_batch", files=[data_address(PHOTO)] * 2)
    assert not result.isError, result.content
    assert "'translated': 2" in result.content[0].text


def test_an_error_is_the_same_sentence_for_every_client(twin: Twin, client: Client, tmp_path: Path):
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    with pytest.raises(AppError) as error:
        client.predict(handle_file(bad), api_name="/translate")
    sentence = str(error.value)
    assert sentence.startswith(NOT_A_PICTURE)
    event, answer = call(twin.address, "translate", [upload(twin.address, bad), "fit"])
    assert (event, answer["error"]) == ("error", sentence)
    result = mcp_call(twin.address, "translate", image=data_address(bad))
    assert result.isError
    assert [part.text for part in result.content] == [sentence]


@pytest.mark.parametrize("mode", ["best", "", 5, ["fit"], {"fit": 1}])
def test_an_unknown_mode_is_named(twin: Twin, mode):
    event, answer = call(twin.address, "translate", [upload(twin.address, PHOTO), mode])
    assert event == "error"
    assert answer["error"] == f"The mode {mode!r} is unknown; choose one of fit, full."


def test_no_picture_and_no_mode(twin: Twin):
    event, answer = call(twin.address, "translate", [None, "fit"])
    assert (event, answer["error"].partition(":")[0]) == ("error", "There is no picture yet")
    event, _ = call(twin.address, "translate", [upload(twin.address, PHOTO), None])
    assert event == "complete", "null is the default"
