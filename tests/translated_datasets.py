"""Datasets of small photos, a model that makes negatives, and the command that applies it."""

import io
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from huggingface_hub import HfApi
from PIL import Image

from pix2pix.commands import translate
from tests.builders import encode_image, make_picture
from tests.hub_clients import add_file
from tests.hub_datasets import upload_dataset
from tests.hub_server import HubServer
from tests.web_models import SIDE, build_graph, build_model

FEATURES = datasets.Features(
    {
        "photo": datasets.Image(),
        "name": datasets.Value("string"),
        "kind": datasets.ClassLabel(names=["town", "forest"]),
    }
)


@pytest.fixture(name="cache")
def cache_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which files wait for their upload."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pix2pix" / "translations"


@pytest.fixture(name="model")
def model_fixture(tmp_path: Path) -> Path:
    """A model whose translations are the negatives."""
    return write_model(tmp_path / "model")


def write_model(folder: Path, *operations: str) -> Path:
    folder.mkdir()
    for name, content in build_model(build_graph(*(operations or ("Neg",)))).items():
        (folder / name).write_bytes(content)
    return folder


def make_table(
    count: int, broken: Sequence[int] = (), row_groups: int = 4, first: int = 0
) -> bytes:
    """Returns a Parquet file of small photos; those of the rows `broken` can't be read."""
    files = [encode_image(make_picture(SIDE, SIDE, first + n), "JPEG") for n in range(count)]
    for row in broken:
        files[row] = b"not a picture"
    rows = {
        "photo": [{"bytes": file, "path": f"{first + n}.jpg"} for n, file in enumerate(files)],
        "name": [f"place {first + n}" for n in range(count)],
        "kind": [n % 2 for n in range(count)],
    }
    stream = io.BytesIO()
    table = pa.Table.from_pydict(rows, FEATURES.arrow_schema)
    parquet.write_table(table, stream, row_group_size=row_groups)
    return stream.getvalue()


def write_table(folder: Path, content: bytes, split: str = "train") -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / f"{split}-00000-of-00001.parquet").write_bytes(content)
    return folder


def run(source: str | Path, model: Path, *flags: str | Path) -> int:
    """Translates a dataset in this process into files of five rows; returns the exit code."""
    arguments = ["--dataset_name", source, "--model", model, "--shard_rows", "5", *flags]
    return translate.main(list(map(str, arguments)))


def failure(capsys, *arguments: str | Path) -> str:
    """Runs the command up to an error, and returns its last line on stderr."""
    capsys.readouterr()
    assert run(*arguments) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("pix2pix translate: ")
    return line


def read_rows(name: str | Path, split: str = "train") -> tuple[list[dict], datasets.Features]:
    """Returns the rows of a dataset, undecoded, and its columns."""
    stream = datasets.load_dataset(str(name), split=split, streaming=True)
    return list(stream.decode(False)), stream.features


def assert_translated(source: str | Path, result: str | Path, empty: Sequence[int] = ()) -> None:
    """Checks that the columns are copied byte for byte, and that translations are negatives."""
    (rows, columns), (translated, new_columns) = read_rows(source), read_rows(result)
    assert new_columns == datasets.Features({**columns, "translation": datasets.Image()})
    assert len(rows) == len(translated)
    for number, (row, new) in enumerate(zip(rows, translated, strict=True)):
        assert {name: new[name] for name in row} == row
        if number in empty:
            assert new["translation"] is None
            continue
        image = Image.open(io.BytesIO(new["translation"]["bytes"]))
        assert (image.format, image.size) == ("PNG", (SIDE, SIDE))
        photo = np.asarray(Image.open(io.BytesIO(row["photo"]["bytes"])))
        np.testing.assert_allclose(np.asarray(image), 255 - photo, atol=1)


@pytest.fixture(name="dataset")
def dataset_fixture(hub: HubServer, repo_id: str, logged_in: None) -> str:
    """A dataset of 19 rows in two files on the Hub, under a license; row 7 is unreadable."""
    name = f"{repo_id}-photos"
    upload_dataset(hub, name, [make_table(12, broken=[7]), make_table(7, first=12)])
    card = b"---\nlicense: other\nlicense_name: my-terms\nlicense_link: LICENSE.md\n---\n"
    HfApi().create_commit(name, [add_file("README.md", card)], repo_type="dataset",
                          commit_message="card")  # fmt: skip
    return name
