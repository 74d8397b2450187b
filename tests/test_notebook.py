"""The Colab notebook runs from top to bottom: on the sample maps, with few steps."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from gradio_client import Client, handle_file
from huggingface_hub import HfApi
from nbclient import NotebookClient
from PIL import Image

from pix2pix import Translator
from tests.commands import ROOT
from tests.hub_server import USER, WRITE_TOKEN, HubServer

NOTEBOOK = ROOT / "notebooks" / "pix2pix_maps_colab.ipynb"
MODEL = f"{USER}/from-the-notebook"
PHOTO = ROOT / "assets" / "starter_model" / "samples" / "000-input.png"
TINY_OPTIONS = [
    "--image_size", "64", "--generator_filters", "4", "--discriminator_filters", "4",
    "--max_train_steps", "10", "--sample_steps", "5", "--validation_samples", "6",
]  # fmt: skip


def read_notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def override_parameters(notebook: nbformat.NotebookNode, **parameters) -> None:
    """Appends assignments to the cell with the tag "parameters"."""
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())


def test_the_notebook_is_stored_without_outputs():
    cells = [cell for cell in read_notebook().cells if cell.cell_type == "code"]
    assert len(cells) > 5
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.slow
def test_the_notebook_trains_evaluates_publishes_and_serves(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    monkeypatch.setenv("MPLBACKEND", "agg")
    run = tmp_path / "run"
    notebook = read_notebook()
    override_parameters(
        notebook, DATASET="assets/sample_maps", OUTPUT_DIR=str(run), OPTIONS=TINY_OPTIONS,
        MODEL_ID=MODEL,
    )  # fmt: skip
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        text = "".join(output.get("text", "") for output in outputs)
        url = re.search(r"http://127\.0\.0\.1:\d+", text)[0]
        # The Space runs in the kernel, so it is called before the kernel stops.
        result = Client(url, verbose=False).predict(handle_file(PHOTO), api_name="/translate")
        assert np.array_equal(Image.open(result), Translator(run)(PHOTO))
    assert "mean IoU" in text, "the table of metrics is not printed"
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert "generator.onnx" in HfApi().list_repo_files(MODEL)
