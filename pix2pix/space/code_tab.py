"""The "Use it from code" tab: example programs that call the Space they are shown on."""

import os
from dataclasses import dataclass

import gradio as gr
from gradio.route_utils import API_PREFIX, get_root_url

# In the programs, SPACE_URL stands for the URL of the Space, and CLIENT for the name or URL that
# Gradio's clients take.
PYTHON = """\
import shutil

from gradio_client import Client, handle_file

client = Client("CLIENT")
path = client.predict(handle_file("aerial.jpg"), "fit", api_name="/translate")
shutil.copy(path, "map.png")
"""

JAVASCRIPT = """\
import { readFile, writeFile } from "node:fs/promises";
import { Client } from "@gradio/client";

const client = await Client.connect("CLIENT");
const image = new Blob([await readFile("aerial.jpg")]);
const result = await client.predict("/translate", { image, mode: "fit" });
const map = await fetch(result.data[0].url);
await writeFile("map.png", Buffer.from(await map.arrayBuffer()));
process.exit(); // the client keeps a connection open, even after close()
"""

CURL = """\
SPACE=SPACE_URL
FILE=$(curl -sS -F files=@aerial.jpg $SPACE/gradio_api/upload | cut -d'"' -f2)
IMAGE='{"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}}'
EVENT=$(curl -sS $SPACE/gradio_api/call/translate -H "Content-Type: application/json" \\
  -d '{"data": ['"$IMAGE"', "fit"]}' | cut -d'"' -f4)
RESPONSE=$(curl -sSN $SPACE/gradio_api/call/translate/$EVENT)
echo "$RESPONSE"
echo "$RESPONSE" | grep -o '"url": "[^"]*"' | cut -d'"' -f4 | xargs -r curl -sS -o map.png
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
    """An example program, its file name, and the heading and the text above it."""

    title: str
    about: str
    file: str
    code: str

    def fill(self, url: str, client: str) -> str:
        """Returns the program for a Space at `url`, which Gradio's clients find as `client`."""
        return self.code.replace("SPACE_URL", url).replace("CLIENT", client)


SNIPPETS = {
    "python": Snippet("Python", "`pip install gradio_client`", "translate.py", PYTHON),
    "javascript": Snippet(
        "JavaScript",
        "`npm install @gradio/client`; in a browser, `image` is the `File` of an input, and the "
        "last line is left out.",
        "translate.mjs",
        JAVASCRIPT,
    ),
    "shell": Snippet(
        "curl",
        "Uploads the photo, asks for the map, then waits for the events: the last is `complete` "
        "with the map's URL, or `error` with the message.",
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


def code_tab(space: gr.Blocks) -> None:
    """Builds the tab: visitors of `space` see the URL that they opened."""

    def show(request: gr.Request) -> list[str]:
        # Gradio annotates its own request as one of FastAPI.
        url = get_root_url(request.request, "", space.root_path)  # type: ignore[arg-type]
        return fill_snippets(url.partition(API_PREFIX)[0])

    gr.Markdown(
        "A photo goes in, a lossless PNG of its own size comes out. The mode is `fit` (the "
        "default) or `full`. `/translate_batch` takes many photos, `/model_info` describes the "
        f"model, and [openapi.json]({API_PREFIX[1:]}/openapi.json) describes all endpoints. Error "
        "messages say what to do."
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
    space.load(show, None, blocks, api_visibility="private", queue=False, show_progress="hidden")


def fill_snippets(url: str = "http://127.0.0.1:7860") -> list[str]:
    """Returns the programs for a Space at `url`; on Hugging Face, clients need only its name."""
    client = os.environ.get("SPACE_ID", url)
    return [snippet.fill(url, client) for snippet in SNIPPETS.values()]
