"""The "Use it from code" tab: example programs that call the Space they are shown on."""

import json
import os
import re
from dataclasses import dataclass

import gradio as gr
from gradio.route_utils import API_PREFIX, get_root_url

from pix2pix.space.components import INSTANT_EVENT
from pix2pix.space.served_models import ServedModels

# In the programs, SPACE_URL stands for the URL of the Space, CLIENT for the name or URL that
# Gradio's clients take, ENDPOINT for the endpoint's name, and MODEL for the argument that names the
# model, where the endpoint takes one.
PYTHON = """\
import shutil

from gradio_client import Client, handle_file

client = Client("CLIENT")
path = client.predict(handle_file("picture.jpg"), "fit"MODEL, api_name="/ENDPOINT")
shutil.copy(path, "result.png")
"""

JAVASCRIPT = """\
import { readFile, writeFile } from "node:fs/promises";
import { Client } from "@gradio/client";

const client = await Client.connect("CLIENT");
const image = new Blob([await readFile("picture.jpg")]);
const { data } = await client.predict("/ENDPOINT", { image, mode: "fit"MODEL });
const result = await fetch(data[0].url);
await writeFile("result.png", Buffer.from(await result.arrayBuffer()));
process.exit(); // the client keeps a connection open, even after close()
"""

CURL = """\
SPACE=SPACE_URL
FILE=$(curl -sS -F files=@picture.jpg $SPACE/gradio_api/upload | cut -d'"' -f2)
IMAGE='{"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}}'
EVENT=$(curl -sS $SPACE/gradio_api/call/ENDPOINT -H "Content-Type: application/json" \\
  -d '{"data": ['"$IMAGE"', "fit"MODEL]}' | cut -d'"' -f4)
RESPONSE=$(curl -sSN $SPACE/gradio_api/call/ENDPOINT/$EVENT)
echo "$RESPONSE"
echo "$RESPONSE" | grep -o '"url": "[^"]*"' | cut -d'"' -f4 | xargs -r curl -sS -o result.png
"""

MCP = """\
{
  "mcpServers": {
    "pix2pix": { "url": "SPACE_URL/gradio_api/mcp/" }
  }
}
"""


@dataclass(frozen=True)
class Snippet:
    """An example program, its file name, and the heading and the text above it.

    `model` is how the program writes the argument that names the model.
    """

    title: str
    about: str
    file: str
    code: str
    model: str = "{}"

    def fill(self, url: str, client: str, model: str | None) -> str:
        """Returns the program for a Space at `url`, which Gradio's clients find as `client`.

        It asks for `model`, or for the default one where that is None.
        """
        argument = (
            "" if model is None else f", {self.model.format(json.dumps(model, ensure_ascii=False))}"
        )
        if self.file.endswith(".sh"):  # the argument is inside single quotes
            argument = argument.replace("'", "'\\''")
        endpoint = "translate" if model is None else "translate_with"
        values = {"SPACE_URL": url, "CLIENT": client, "ENDPOINT": endpoint, "MODEL": argument}
        # At once, because a name may contain the words.
        return re.sub("|".join(values), lambda word: values[word[0]], self.code)


SNIPPETS = {
    "python": Snippet("Python", "`pip install gradio_client`", "translate.py", PYTHON),
    "javascript": Snippet(
        "JavaScript",
        "`npm install @gradio/client`; in a browser, `image` is the `File` of an input, and the "
        "last line is left out.",
        "translate.mjs",
        JAVASCRIPT,
        "model: {}",
    ),
    "shell": Snippet(
        "curl",
        "Uploads the picture, asks for the result, then waits for the events: the last is "
        "`complete` with the result's URL, or `error` with the message.",
        "translate.sh",
        CURL,
    ),
    "json": Snippet(
        "MCP",
        "For clients of the Model Context Protocol. Pass a picture as base64, or as an `https:` "
        "or `data:` URL.",
        "mcp.json",
        MCP,
    ),
}


def code_tab(space: gr.Blocks, models: ServedModels, model: gr.Radio) -> None:
    """Builds the tab: visitors of `space` see the URL they opened and the chosen `model`."""

    def show(name: str, request: gr.Request) -> list[str]:
        # Gradio annotates its own request as one of FastAPI.
        url = get_root_url(request.request, "", space.root_path)  # type: ignore[arg-type]
        return fill_snippets(url.partition(API_PREFIX)[0], None if name == default else name)

    default = models.names[0]
    gr.Markdown(
        "A picture goes in, a lossless PNG of its own size comes out. The mode is `fit` (the "
        "default) or `full`. `/translate_batch` takes many pictures, `/model_info` describes the "
        f"models, and [openapi.json]({API_PREFIX[1:]}/openapi.json) describes all endpoints. Error "
        "messages say what to do."
    )
    if len(models.names) > 1:
        gr.Markdown(
            f"`/translate` and `/translate_batch` use `{default}`; `/translate_with` takes the "
            "name of any model."
        )
    blocks = []
    for (language, snippet), code in zip(SNIPPETS.items(), fill_snippets(), strict=True):
        gr.Markdown(f"### {snippet.title}\n{snippet.about}")
        # Without a language, because Gradio's syntax colors have too little contrast.
        blocks.append(
            gr.Code(
                code, language=None, label=snippet.file, interactive=False, lines=1,
                wrap_lines=True, elem_id=f"code-{language}",
            )
        )  # fmt: skip
    gr.on([space.load, model.input], show, model, blocks, **INSTANT_EVENT)


def fill_snippets(url: str = "http://127.0.0.1:7860", model: str | None = None) -> list[str]:
    """Returns the programs for a Space at `url`; on Hugging Face, clients need only its name."""
    client = os.environ.get("SPACE_ID", url)
    return [snippet.fill(url, client, model) for snippet in SNIPPETS.values()]
