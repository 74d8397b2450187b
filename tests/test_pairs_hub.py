"""Tests that `pix2pix pairs` publishes a dataset in one commit, and that it can be trained on."""

import io
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from PIL import Image

from pix2pix.__main__ import main
from pix2pix.data import Rows, load_pairs
from tests.builders import open_dataset_folder, tiny_config
from tests.commands import run_train_hub
from tests.faulty_pairs import write_photos, write_two_folders
from tests.hub_server import READ_TOKEN, Fault, HubServer
from tests.hub_server.commits import AddFile
from tests.published_run import TINY_FLAGS
from tests.source_pairs import assert_same_pairs, read_pairs

pytestmark = pytest.mark.usefixtures("hub", "logged_in")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", 8, 64)


def push(photos: Path, repo_id: str, *flags: str) -> int:
    """Runs `pix2pix pairs` with --push_to_hub; returns its exit code."""
    output = photos.parent / "pairs"
    arguments = [str(photos), "--make", "gray", "--output", str(output), "--push_to_hub"]
    return main(["pairs", *arguments, "--hub_dataset_id", repo_id, "--license", "cc0-1.0", *flags])


def message(capsys) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix pairs: ")
    return line


def test_the_dataset_is_one_commit_with_its_card(
    hub: HubServer, photos: Path, repo_id: str, capsys
):
    assert push(photos, repo_id) == 0
    assert f"Published: {hub.endpoint}/datasets/{repo_id}\n" in capsys.readouterr().out
    repo = hub.store.repo("dataset", repo_id)
    assert [commit.title for commit in repo.history(repo.head)][:-1] == ["pix2pix pairs: 8 pairs"]
    assert set(repo.head.tree) - {".gitattributes"} == {
        "README.md", "preview.png", "data/train-00000-of-00001.parquet",
        "data/validation-00000-of-00001.parquet",
    }  # fmt: skip
    info = HfApi().dataset_info(repo_id)
    assert info.card_data.license == "cc0-1.0" and not info.private
    card = hub.store.read_blob(repo.head.tree["README.md"]).decode()
    assert f"# {repo_id.split('/')[1]}\n" in card and "| train | 7 |" in card
    assert "pix2pix pairs photos --output pairs --make gray" in card
    preview = Image.open(io.BytesIO(hub.store.read_blob(repo.head.tree["preview.png"])))
    assert preview.width == 2 * 64 + 4


def test_a_dataset_of_ours_is_replaced_and_files_of_others_stay(
    hub: HubServer, photos: Path, repo_id: str
):
    assert push(photos, repo_id, "--hub_private_repo") == 0
    repo = hub.store.repo("dataset", repo_id)
    assert repo.private
    edits = [AddFile("notes.txt", hub.store.write_blob(b"mine")),
             AddFile("data/test-00000-of-00001.parquet", hub.store.write_blob(b"old"))]  # fmt: skip
    repo.commit("main", edits, title="by hand")
    before = len(list(repo.history(repo.head)))
    assert push(photos, repo_id, "--overwrite_output_dir") == 0
    assert "notes.txt" in repo.head.tree
    assert "data/test-00000-of-00001.parquet" not in repo.head.tree
    assert len(list(repo.history(repo.head))) == before + 1
    assert push(photos, repo_id, "--overwrite_output_dir") == 0
    assert len(list(repo.history(repo.head))) == before + 1, "nothing has changed"


def test_a_dataset_that_is_not_ours_is_refused_before_any_work(
    hub: HubServer, photos: Path, repo_id: str, capsys
):
    repo = hub.store.create("dataset", repo_id)
    blob = hub.store.write_blob(b"---\nlicense: mit\n---\n# Somebody's\n")
    repo.commit("main", [AddFile("README.md", blob)], title="mine")
    head = repo.head.oid
    assert push(photos, repo_id) == 1
    assert "exists on the Hub, and pix2pix pairs did not make it; choose another" in message(capsys)
    assert repo.head.oid == head and not (photos.parent / "pairs").exists()


def test_an_empty_dataset_repository_is_filled(hub: HubServer, photos: Path, repo_id: str):
    HfApi().create_repo(repo_id, repo_type="dataset")
    assert push(photos, repo_id) == 0
    assert "README.md" in hub.store.repo("dataset", repo_id).head.tree


def test_the_id_of_a_model_is_refused(hub: HubServer, photos: Path, model_repo: str, capsys):
    assert push(photos, model_repo) == 1
    assert f"{model_repo} is a model on the Hub; choose another --hub_dataset_id" in message(capsys)
    assert ("dataset", model_repo) not in hub.store.repos


def test_a_read_token_is_refused_before_any_work(
    hub: HubServer, photos: Path, repo_id: str, capsys, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert push(photos, repo_id) == 1
    line = message(capsys)
    assert f"The dataset {repo_id}: this token may not write there" in line
    assert "choose another --hub_dataset_id" in line and READ_TOKEN not in line
    assert not (photos.parent / "pairs").exists()


def test_a_failed_commit_keeps_the_dataset_and_says_how_to_publish_it(
    hub: HubServer, photos: Path, repo_id: str, capsys
):
    hub.faults.append(Fault("POST", f"/api/datasets/{repo_id}/commit/", 403))
    assert push(photos, repo_id) == 1
    line = message(capsys)
    assert "this token may not write there (403)" in line
    assert f"publish it with: hf upload {repo_id} {photos.parent}/pairs --repo-type dataset" in line
    assert (photos.parent / "pairs" / "README.md").is_file()


def test_what_it_writes_is_read_alike_by_folder_and_by_hub_id(photos: Path, repo_id: str):
    assert push(photos, repo_id) == 0
    folder = open_dataset_folder(photos.parent / "pairs")
    online = open_dataset_folder(Path(repo_id), dataset_revision=HfApi().dataset_info(repo_id).sha)
    assert folder.splits == online.splits == {"train": 7, "validation": 1}
    pairs = [read_pairs(source, Rows("train", 0, 7)) for source in (folder, online)]
    assert_same_pairs(*pairs)
    loaded = load_pairs(folder, tiny_config(), "memory", Path())
    assert len(loaded.reference) == 7 and len(loaded.held_out) == 1


@pytest.mark.slow
@pytest.mark.parametrize("by", ["folder", "Hub id"])
def test_a_training_runs_unchanged(by: str, hub: HubServer, tmp_path: Path, repo_id: str):
    a, b = write_two_folders(tmp_path, 14, 64)
    b.joinpath("0003.png").unlink()  # so that there is a table of faults too
    arguments = ["pairs", str(a), str(b), "--output", str(tmp_path / "pairs")]
    if by == "Hub id":
        arguments += ["--push_to_hub", "--hub_dataset_id", repo_id, "--license", "mit"]
    assert main(arguments) == 0
    printed = run_train_hub(
        "--dataset_name", repo_id if by == "Hub id" else str(tmp_path / "pairs"), *TINY_FLAGS,
        "--max_train_steps", "2", "--output_dir", str(tmp_path / "run"),
        "--cache_dir", str(tmp_path / "cache"),
    )  # fmt: skip
    assert "Training pairs: 12" in printed and "Held-out pairs: 1" in printed
    assert (tmp_path / "run" / "samples.png").is_file()
