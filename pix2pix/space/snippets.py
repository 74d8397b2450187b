"""Programs that call the Space, with ADDRESS and CLIENT in the places of where it is served."""

from dataclasses import dataclass

PYTHON = """\
import shutil

from gradio_client import Client, handle_file

client = Client("CLIENT")
answer = client.predict(handle_file("aerial.jpg"), "fit", api_name="/translate")
shutil.copy(answer, "map.png")
"""

JAVASCRIPT = """\
import { readFile, writeFile } from "node:fs/promises";
import { Client } from "@gradio/client";

const client = await Client.connect("CLIENT");
const image = new Blob([await readFile("aerial.jpg")]);
const answer = await client.predict("/translate", { image, mode: "fit" });
const map = await fetch(answer.data[0].url);
await writeFile("map.png", Buffer.from(await map.arrayBuffer()));
client.close();
"""

CURL = """\
SPACE=ADDRESS
FILE=$(curl -sS -F files=@aerial.jpg $SPACE/gradio_api/upload | cut -d'"' -f2)
IMAGE='{"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}}'
EVENT=$(curl -sS $SPACE/gradio_api/call/translate -H "Content-Type: application/json" \\
  -d '{"data": ['"$IMAGE"', "fit"]}' | cut -d'"' -f4)
ANSWER=$(curl -sSN $SPACE/gradio_api/call/translate/$EVENT)
echo "$ANSWER"
echo "$ANSWER" | grep -o '"url": "[^"]*"' | cut -d'"' -f4 | xargs -r curl -sS -o map.png
"""

MCP = """\
{
  "mcpServers": {
    "pix2pix": { "url": "ADDRESS/gradio_api/mcp/" }
  }
}
"""


@dataclass(frozen=True)
class Snippet:
    """A program, what it is saved as, and the heading and the text above it."""

    title: str
    about: str
    file: str
    code: str

    def filled(self, address: str, client: str) -> str:
        """The program for a Space at `address`, which gradio's clients find as `client`."""
        return self.code.replace("ADDRESS", address).replace("CLIENT", client)


SNIPPETS = {
    "python": Snippet("Python", "`pip install gradio_client`", "translate.py", PYTHON),
    "javascript": Snippet(
        "JavaScript",
        "`npm install @gradio/client`; in a browser, `image` is the `File` of an input.",
        "translate.mjs",
        JAVASCRIPT,
    ),
    "shell": Snippet(
        "curl",
        "Uploads the photo, asks for the map, then waits for the events: the last is `complete` "
        "with the map's address, or `error` with the sentence.",
        "translate.sh",
        CURL,
    ),
    "json": Snippet(
        "MCP",
        "For clients of the Model Context Protocol. A picture is given by its `https:` or `data:` "
        "address.",
        "mcp.json",
        MCP,
    ),
}
