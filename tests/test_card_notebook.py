"""notebook.ipynb of a published model runs from top to bottom on the test Hub."""

import shutil
from pathlib import Path

import nbformat
import pytest
from huggingface_hub import hf_hub_download
from nbclient import NotebookClient

from pix2pix import card
from pix2pix.artifacts import STARTER_FOLDER
from tests.builders import make_finished_run
from tests.commands import ROOT
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.published_run import MODEL, PublishedRun


def read(path: Path | str) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def find_parameters(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Returns the cell with the settings."""
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    return cell


def test_the_notebook_names_the_model_its_revision_and_the_source_of_the_code(tmp_path: Path):
    folder = shutil.copytree(make_finished_run()[1], tmp_path / "run")
    card.write_card(folder, card.Places("me/maps", "v1.0", "me/app"))
    notebook = read(folder / "notebook.ipynb")
    assert len(notebook.cells) == 10
    source = find_parameters(notebook).source
    assert 'MODEL = "me/maps"\nREVISION = "v1.0"' in source
    assert 'SOURCE = "https://huggingface.co/spaces/me/app"' in source
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


def test_without_a_repository_the_notebook_loads_its_own_folder():
    notebook = read(ROOT / STARTER_FOLDER / "notebook.ipynb")
    assert 'MODEL = "."\nREVISION = None' in find_parameters(notebook).source
    assert "the folder `assets/sample_maps`" in "".join(cell.source for cell in notebook.cells)


@pytest.mark.slow
def test_the_published_notebook_translates_scores_and_fine_tunes(
    published_run: PublishedRun, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = read(hf_hub_download(MODEL, "notebook.ipynb", revision="v1.0"))
    find_parameters(notebook).source += f"\nPHOTO = {str(published_run.photo)!r}\nSTEPS = 10"
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    commit = hub.store.repo("model", MODEL).tags["v1.0"]
    assert f"{MODEL}@{commit} was trained for 6 steps" in text
    assert "Reproduced: the published figures, within 1 %" in text
    assert f"Starting from {MODEL}@{commit}" in text
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    assert (tmp_path / "map.png").is_file()
    assert (tmp_path / "fine-tuned" / "generator.onnx").is_file()
