"""Tables of pairs: configurations, splits, saved datasets, columns of bytes or joined pictures."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pix2pix.data import Rows, Source, open_source
from pix2pix.hub import dataset_commit
from tests.builders import InMemorySource, Pair, encode_image, join_pair, tiny_config
from tests.hub_datasets import make_noise_pairs, make_shard, upload_dataset
from tests.hub_server import HubServer
from tests.hub_server.commits import AddFile
from tests.source_pairs import assert_same_pairs, error_message, read_pairs


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return make_noise_pairs(24, 32)


def write_table(path: Path, columns: dict[str, list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)


def as_cells(pairs: list[Pair], side: int) -> list[bytes]:
    return [encode_image(pair[side]) for pair in pairs]


def write_configurations(folder: Path, pairs: list[Pair], default: bool = False) -> None:
    """Writes the configurations small, with 4 pairs, and large, with 6."""
    card = "---\nconfigs:\n"
    for name, rows in (("small", pairs[:4]), ("large", pairs[:6])):
        columns = {"imageA": as_cells(rows, 0), "imageB": as_cells(rows, 1)}
        write_table(folder / name / "train.parquet", columns)
        card += f"- config_name: {name}\n  data_files: {name}/train.parquet\n"
        card += "  default: true\n" if default and name == "large" else ""
    (folder / "README.md").write_text(card + "---\n")


def open_folder(folder: Path, **changes) -> Source:
    return open_source(tiny_config(dataset_name=str(folder), **changes))


def test_a_configuration_is_chosen_among_those_listed(tmp_path, pairs):
    write_configurations(tmp_path, pairs)
    message = error_message(lambda: open_folder(tmp_path))
    assert "several configurations: small, large; choose one with --dataset_config" in message
    message = error_message(lambda: open_folder(tmp_path, dataset_config="huge"))
    assert "no configuration huge; it has: small, large" in message
    small, large = (open_folder(tmp_path, dataset_config=name) for name in ("small", "large"))
    assert (small.splits, large.splits) == ({"train": 4}, {"train": 6})
    assert_same_pairs(read_pairs(small, Rows("train", 0, 4)), pairs[:4])
    assert small.fingerprint() != large.fingerprint()
    assert "The configuration small is used; not used: large." in small.notes


def test_the_default_configuration_needs_no_flag(tmp_path, pairs):
    write_configurations(tmp_path, pairs, default=True)
    assert open_folder(tmp_path).splits == {"train": 6}


def test_the_configurations_of_a_dataset_on_the_hub_are_listed(hub: HubServer, repo_id, pairs):
    upload_dataset(hub, repo_id, [make_shard(pairs[:3])])
    card = "---\nconfigs:\n" + "".join(
        f"- config_name: {name}\n  data_files: data/*.parquet\n" for name in ("one", "two")
    )
    edits = [AddFile("README.md", hub.store.write_blob((card + "---\n").encode()))]
    hub.store.repo("dataset", repo_id).commit("main", edits, title="Add the card")
    commit = dataset_commit(repo_id)
    config = tiny_config(dataset_name=repo_id, dataset_revision=commit)
    message = error_message(lambda: open_source(config))
    assert "several configurations: one, two" in message
    assert open_source(replace(config, dataset_config="two")).splits == {"train": 3}


def test_a_configuration_of_a_dataset_without_any_is_refused(tmp_path, pairs):
    write_table(tmp_path / "table" / "train.parquet", {"imageA": as_cells(pairs, 0)})
    message = error_message(lambda: open_folder(tmp_path / "table", dataset_config="x"))
    assert "no configuration x; leave --dataset_config out" in message
    (tmp_path / "pictures" / "train").mkdir(parents=True)
    join_pair(pairs[0]).save(tmp_path / "pictures" / "train" / "0.png")
    message = error_message(lambda: open_folder(tmp_path / "pictures", dataset_config="x"))
    assert "is a folder of images and has none, so leave it out" in message


@pytest.mark.parametrize("splits", [None, ("train",), ("train", "dev"), ("full", "other")])
def test_a_saved_dataset_is_read(tmp_path, pairs, splits):
    import datasets

    kinds = datasets.Features({"input_image": datasets.Image(), "target_image": datasets.Image()})
    columns = {name: as_cells(pairs, side) for side, name in enumerate(kinds)}
    columns = {name: [{"bytes": data, "path": None} for data in c] for name, c in columns.items()}
    table = datasets.Dataset.from_dict(columns, kinds)
    saved = datasets.DatasetDict(dict.fromkeys(splits, table)) if splits else table
    saved.save_to_disk(tmp_path / "saved")
    source = open_folder(tmp_path / "saved")
    assert source.splits == dict.fromkeys(splits or ("train",), 24)
    assert source.columns == ("input_image", "target_image")
    split = next(iter(source.splits))
    assert_same_pairs(read_pairs(source, Rows(split, 20, 24)), pairs[20:])
    assert [number for number, _ in source.sample(Rows(split, 0, 24), 3)] == [0, 12, 23]
    assert source.fingerprint() == open_folder(tmp_path / "saved").fingerprint()


@pytest.mark.parametrize("name", ["training", "full", "images"])
def test_another_split_is_trained_on_with_the_flag(tmp_path, pairs, name):
    splits = {name: 12, "valid": 4}
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    for split, count in splits.items():
        columns = {"imageA": as_cells(pairs[:count], 0), "imageB": as_cells(pairs[:count], 1)}
        write_table(tmp_path / f"{split}.parquet", columns)
        card += f"  - split: {split}\n    path: {split}.parquet\n"
    (tmp_path / "README.md").write_text(card + "---\n")
    source = open_folder(tmp_path)
    message = error_message(lambda: source.plan(tiny_config()))
    assert f"no split named train; its splits: {name}, valid" in message
    assert f"--train_split {name}" in message
    plan = source.plan(tiny_config(train_split=name))
    assert (plan.train, plan.held_out) == (Rows(name, 0, 12), Rows("valid", 0, 4))


@pytest.mark.parametrize(
    "name", ["validation", "valid", "val", "dev", "test", "eval", "Val", "TEST"]
)
def test_a_held_out_split_is_recognized_in_any_spelling(name):
    source = InMemorySource(make_noise_pairs(10, 8))
    source.splits = {name: 4, "train": 10}
    plan = source.plan(tiny_config())
    assert (plan.train, plan.held_out) == (Rows("train", 0, 10), Rows(name, 0, 4))
    # A split that is trained on is not held out.
    plan = source.plan(tiny_config(train_split=name))
    assert (plan.train, plan.held_out) == (Rows(name, 0, 3), Rows(name, 3, 4))


def test_columns_of_bytes_that_are_pictures_are_read(tmp_path, pairs):
    columns = {"imageA": as_cells(pairs, 0), "imageB": as_cells(pairs, 1), "id": list(range(24))}
    write_table(tmp_path / "data" / "train.parquet", columns)
    source = open_folder(tmp_path)
    assert source.columns == ("imageA", "imageB")
    assert_same_pairs(read_pairs(source, Rows("train", 3, 6)), pairs[3:6])
    other = {"sketch": columns["imageA"], "photo": columns["imageB"], "hash": [b"x"] * 24}
    write_table(tmp_path / "other" / "train.parquet", other)
    message = error_message(lambda: open_folder(tmp_path / "other"))
    assert "--input_column sketch --target_column photo" in message
    source = open_folder(tmp_path / "other", input_column="sketch", target_column="photo")
    assert_same_pairs(read_pairs(source, Rows("train", 3, 6)), pairs[3:6])


def test_a_single_parquet_file_is_a_dataset(tmp_path, pairs):
    columns = {"imageA": as_cells(pairs, 0), "imageB": as_cells(pairs, 1)}
    write_table(tmp_path / "all.parquet", columns)
    source = open_folder(tmp_path / "all.parquet")
    assert source.splits == {"train": 24}
    assert_same_pairs(read_pairs(source, Rows("train", 20, 24)), pairs[20:])


def test_one_column_of_joined_pictures(tmp_path, pairs):
    columns = {"pair": [encode_image(join_pair(pair)) for pair in pairs], "extra": [1] * 24}
    write_table(tmp_path / "train.parquet", columns)
    source = open_folder(tmp_path)
    assert source.columns == ("pair",)
    assert_same_pairs(read_pairs(source, Rows("train", 3, 6)), pairs[3:6])
    message = error_message(lambda: open_folder(tmp_path, pair_layout="columns"))
    assert "Which columns of" in message and "pair, extra" in message
    assert "has columns, not two folders" in error_message(
        lambda: open_folder(tmp_path, pair_layout="folders")
    )


def test_the_layout_of_one_column_excludes_two(tmp_path, pairs):
    columns = {"imageA": as_cells(pairs, 0), "imageB": as_cells(pairs, 1)}
    write_table(tmp_path / "train.parquet", columns)
    message = error_message(lambda: open_folder(tmp_path, pair_layout="left_right"))
    assert "Which column of" in message and "--input_column imageA" in message
    source = open_folder(tmp_path, pair_layout="left_right", input_column="imageB")
    assert source.columns == ("imageB",)


def test_pictures_with_classes_are_refused(tmp_path, pairs):
    import datasets

    kinds = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["forest", "river"])}
    )
    columns = {"image": [{"bytes": data, "path": None} for data in as_cells(pairs, 0)]}
    table = datasets.Dataset.from_dict(columns | {"label": [0, 1] * 12}, kinds)
    table.to_parquet(tmp_path / "train.parquet")
    message = error_message(lambda: open_folder(tmp_path))
    assert "has images with class labels (label: forest, river), not pairs" in message
    assert open_folder(tmp_path, input_column="image").columns == ("image",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", "There is no folder or file ./nowhere"),
        ("../nowhere", "There is no folder or file"),
        ("/nowhere/at/all", "There is no folder or file"),
        ("~/nowhere/at/all", "There is no folder or file ~/nowhere/at/all"),
        ("nowhere.zip", "There is no folder or file"),
        ("tester/pairs.tar.gz", "There is no folder or file"),
        ("some folder", "There is no folder or file"),
        ("README.md", "is a file, but no archive and no table"),
        ("https://huggingface.co/datasets/huggan/maps", "use the id of the dataset: huggan/maps"),
    ],
)
def test_what_can_only_be_a_path_is_not_looked_for_on_the_hub(hub: HubServer, name, message):
    hub.requests.clear()
    assert message in error_message(lambda: open_source(tiny_config(dataset_name=name)))
    assert not hub.requests


def test_a_revision_of_a_local_folder_is_refused(tmp_path, pairs):
    write_table(tmp_path / "train.parquet", {"imageA": as_cells(pairs, 0)})
    message = error_message(lambda: open_folder(tmp_path, dataset_revision="main"))
    assert "--dataset_revision names a commit on the Hub" in message


def test_an_unreadable_row_is_named_by_its_file(tmp_path, pairs):
    cells = [{"bytes": data, "path": f"tile {n}.png"} for n, data in enumerate(as_cells(pairs, 0))]
    write_table(tmp_path / "train.parquet", {"imageA": cells, "imageB": cells})
    source = open_folder(tmp_path)
    read_pairs(source, Rows("train", 0, 4))
    assert source.row_name("train", 3) == "tile 3.png (row 3 of train)"
    assert source.row_name("train", 9) == f"row 9 of {tmp_path} (train)"
