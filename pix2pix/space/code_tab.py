"""The tab with snippets that call this very Space from programs."""

import os

import gradio as gr
from gradio.route_utils import API_PREFIX, get_root_url

from pix2pix.space.snippets import SNIPPETS


def code_tab(space: gr.Blocks) -> None:
    """Builds the tab: visitors of `space` see the address that they opened."""

    def show(request: gr.Request) -> list[str]:
        address = get_root_url(request.request, "", space.root_path).partition(API_PREFIX)[0]
        return filled(address)

    gr.Markdown(
        "A photo goes in, a lossless PNG of its own size comes out. The mode is `fit` (the "
        "default) or `full`. `/translate_batch` takes many photos, `/model_info` describes the "
        f"model, and [openapi.json]({API_PREFIX[1:]}/openapi.json) describes it all. Errors are "
        "sentences."
    )
    blocks = []
    for (language, snippet), code in zip(SNIPPETS.items(), filled(), strict=True):
        gr.Markdown(f"### {snippet.title}\n{snippet.about}")
        # Without a language: the colours that Gradio gives one are too faint to read.
        blocks.append(
            gr.Code(
                code, language=None, label=snippet.file, interactive=False, lines=1,
                wrap_lines=True, elem_id=f"code-{language}",
            )
        )  # fmt: skip
    space.load(show, None, blocks, api_visibility="private", queue=False, show_progress="hidden")


def filled(address: str = "http://127.0.0.1:7860") -> list[str]:
    """The snippets for a Space at `address`; on Hugging Face, its name is enough for clients."""
    client = os.environ.get("SPACE_ID", address)
    return [snippet.filled(address, client) for snippet in SNIPPETS.values()]
