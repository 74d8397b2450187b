"""Pairs listed in metadata.jsonl or metadata.csv, the format of imagefolder."""

import json
from pathlib import Path

import pytest

from pix2pix import UserError
from pix2pix.data.layouts import find_layout
from tests.dataset_folders import read_layout, rows_of, write_files


def write_dataset(folder: Path, rows: list[dict], file: str = "train/metadata.jsonl") -> Path:
    """Writes the rows as a metadata file, and every picture that they name."""
    path = folder / file
    inner = path.parent
    names = {str(value) for row in rows for value in row.values() if str(value).endswith(".png")}
    write_files(inner, sorted(names) or ["1.png"])
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows), encoding="utf-8")
    else:
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    return folder


TWO = [
    {"text": "x", "target_file_name": f"b{n}.png", "input_file_name": f"a{n}.png"} for n in (1, 2)
]


@pytest.mark.parametrize(
    "file", ["train/metadata.jsonl", "train/metadata.csv", "data/METADATA.jsonl"]
)
def test_two_columns_of_file_names_are_the_pair(tmp_path, file):
    found = read_layout(write_dataset(tmp_path, TWO, file))
    inner = file.partition("/")[0]
    assert rows_of(found) == {"train": [f"{inner}/a{n}.png {inner}/b{n}.png" for n in (1, 2)]}
    assert found.columns == ("input", "target")
    assert f"Each row of {file} is a pair: A in the column input, B in target." in found.notes


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("file_name", "conditioning_image_file_name"), ("conditioning_image", "image")),
        (("left", "right"), ("left", "right")),
        (("mask", "photo"), ("photo", "mask")),
    ],
)
def test_known_names_say_which_column_is_a(tmp_path, columns, expected):
    rows = [{column: f"{column}{n}.png" for column in columns} for n in range(3)]
    assert read_layout(write_dataset(tmp_path, rows)).columns == expected


def test_three_columns_of_pictures_need_a_choice(tmp_path):
    rows = [{c: f"{c}{n}.png" for c in ("one_file_name", "two", "three")} for n in range(3)]
    write_dataset(tmp_path, rows)
    with pytest.raises(
        UserError, match="one_file_name, two, three hold pictures; name two, e.g. --in"
    ):
        find_layout(tmp_path)
    found = find_layout(tmp_path, columns=("three", "one"))
    assert found and found.columns == ("three", "one")
    assert rows_of(found)["train"][0] == "train/three0.png train/one_file_name0.png"
    with pytest.raises(UserError, match="The column text of train/metadata.jsonl .* no pictures"):
        find_layout(tmp_path, columns=("text", None))


def test_splits_of_a_column_or_of_folders(tmp_path):
    rows = [
        {"a": "1.png", "b": "2.png", "split": "train"},
        {"a": "3.png", "b": "4.png", "split": "Test"},
    ]
    found = read_layout(write_dataset(tmp_path / "1", rows, "metadata.csv"))
    assert rows_of(found) == {"train": ["1.png 2.png"], "test": ["3.png 4.png"]}
    rows = [{"a": f"{s}/1.png", "b": f"{s}/2.png"} for s in ("valid", "train")]
    found = read_layout(write_dataset(tmp_path / "2", rows, "metadata.jsonl"))
    assert rows_of(found) == {
        "train": ["train/1.png train/2.png"],
        "validation": ["valid/1.png valid/2.png"],
    }
    write_dataset(tmp_path / "3", TWO, "train/metadata.jsonl")
    write_dataset(tmp_path / "3", TWO[:1], "dev/metadata.jsonl")
    found = read_layout(tmp_path / "3")
    assert {split: len(rows) for split, rows in found.splits.items()} == {
        "train": 2,
        "validation": 1,
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": "train/1.png", "b": "test/1.png"}], r"different splits \(test, train\)"),
        ([{"a": "1.png", "b": "2.png", "split": "blue"}], "The split blue in the column split"),
    ],
)
def test_rows_of_unclear_splits_are_refused(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        find_layout(write_dataset(tmp_path, rows, "metadata.jsonl"))


def test_missing_pictures_and_those_that_are_not_listed_are_named(tmp_path):
    rows = [{"a": f"a{n}.png", "b": f"b{n}.png"} for n in range(200)]
    write_dataset(tmp_path, rows)
    (tmp_path / "train" / "b7.png").unlink()
    found = read_layout(tmp_path)
    assert len(found.splits["train"]) == 199
    assert "Left out: 1 row without both pictures." in found.notes
    assert "Left out: 1 picture that the metadata do not list, e.g. train/a7.png." in found.notes
    for number in (8, 9):
        (tmp_path / "train" / f"b{number}.png").unlink()
    with pytest.raises(UserError, match="3 of 200 rows of train/metadata.jsonl in .* no picture"):
        find_layout(tmp_path)


def test_names_that_lead_outside_are_no_pictures(tmp_path):
    write_files(tmp_path, ["secret.png"])
    rows = [{"a": "../secret.png", "b": "1.png"}, {"a": str(tmp_path / "secret.png"), "b": "2.png"}]
    write_dataset(tmp_path / "data", rows, "metadata.jsonl")
    with pytest.raises(UserError, match=r"pictures that do not exist, e\.g\. \.\./secret\.png"):
        find_layout(tmp_path / "data")


def test_metadata_of_single_pictures_do_not_matter(tmp_path):
    rows = [{"file_name": "1.png", "text": "a house"}, {"file_name": "2.png", "text": "a tree"}]
    write_dataset(tmp_path, rows)
    assert rows_of(read_layout(tmp_path)) == {"train": ["train/1.png", "train/2.png"]}
    with pytest.raises(UserError, match="no columns with pairs"):
        find_layout(tmp_path, "columns")


@pytest.mark.parametrize("text", ['{"a": "1.png"}\n{"a": ', "[1, 2]\n", "\xff"])
def test_damaged_metadata_are_refused_with_the_line(tmp_path, text):
    write_files(tmp_path, ["train/1.png"])
    (tmp_path / "train" / "metadata.jsonl").write_bytes(text.encode("latin-1"))
    with pytest.raises(
        UserError, match=r"metadata can't be read: (line \d of )?train/metadata.jsonl"
    ):
        find_layout(tmp_path)


@pytest.mark.parametrize(
    ("change", "separator"),
    [
        (lambda name, inner: str(inner / name), ","),
        (lambda name, inner: name.upper(), ","),
        (lambda name, inner: name.removesuffix(".png"), ","),
        (lambda name, inner: f"..\\train\\{name}", ","),
        (lambda name, inner: name, ";"),
        (lambda name, inner: name, "\t"),
    ],
    ids=["absolute", "capitals", "no ending", "backslashes", "semicolons", "tabs"],
)  # fmt: skip
def test_the_pairs_are_those_of_the_file_however_it_names_them(tmp_path, change, separator):
    """The names alone would form other pairs: in1 with out1."""
    inner = tmp_path / "train"
    write_files(inner, [f"{side}{n}.png" for side in ("in", "out") for n in range(3)])
    rows = [(f"in{n}.png", f"out{(n + 1) % 3}.png") for n in range(3)]
    lines = [separator.join(change(name, inner) for name in row) for row in rows]
    (inner / "metadata.csv").write_text("\n".join([f"input{separator}target", *lines]))
    expected = [f"train/{a} train/{b}" for a, b in rows]
    assert rows_of(read_layout(tmp_path)) == {"train": expected}


def test_a_file_that_names_other_pictures_is_refused(tmp_path):
    inner = tmp_path / "train"
    write_files(inner, [f"{side}{n}.png" for side in ("in", "out") for n in range(3)])
    (inner / "metadata.csv").write_text("input,target\n/data/in0.png,/data/out1.png\n")
    with pytest.raises(UserError, match=r"that do not exist, e\.g\. /data/in0\.png; write"):
        find_layout(tmp_path)


def test_a_file_about_something_else_is_not_used_and_named(tmp_path):
    write_files(tmp_path / "train", ["1.png", "2.png"])
    (tmp_path / "train" / "metadata.csv").write_text("file_name,text\n1.png,a\n2.png,b\n")
    notes = read_layout(tmp_path).notes
    assert "Not used: train/metadata.csv, of which no two columns name pictures." in notes
