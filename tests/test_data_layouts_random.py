"""Random datasets: the pairs, held-out and left-out files are exactly right, or it is refused."""

import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix import UserError
from pix2pix.data.layouts import Layout, find_layout
from pix2pix.formats import PICTURE_SUFFIXES
from tests.dataset_folders import write_files

deterministic = settings(derandomize=True, deadline=None, max_examples=100, database=None)

SPLITS = {
    "train": ["train", "training", "Train_set", "TRAIN", "train2017"],
    "val": ["val", "Val", "VAL_set"],
    "validation": ["validation", "valid", "dev", "Eval", "held-out", "holdout"],
    "test": ["test", "Testing", "TEST", "test_data"],
}
SIDES = [
    ("A", "B"), ("a", "b"), ("input", "target"), ("Images", "labels"), ("photo", "map"),
    ("sat", "map"), ("source", "Target"), ("img", "mask"), ("edges", "photos"), ("x", "y"),
]  # fmt: skip
# "{split}" and "{side}" are replaced; several levels of folders are no harm.
PLACES = [
    "{split}{side}", "{split}_{side}", "{side}-{split}", "{side}/{split}", "{split}/{side}",
    "{split}/{side}/part 1",
]  # fmt: skip
STEMS = ["{n}", "img{n}", "{n:05}", "Straße {n}", "M\u00fcnchen-{n}", "東京_{n}", "x y ({n})"]
NOISE = [
    ".DS_Store", "._1.png", "Thumbs.db", "desktop.ini", "__MACOSX/1.png", ".git/a/1.png",
    ".ipynb_checkpoints/1.png", ".hidden.jpg",
]  # fmt: skip
OTHERS = ["README.md", "notes.txt", "LICENSE", "drawing.svg", "photo.heic", "numbers.npy"]
SUFFIXES = sorted(PICTURE_SUFFIXES)


@dataclass
class Dataset:
    """Files, and what must be found in them: the pairs of each split.

    In a flat dataset, no folder is named as that of the training pairs.
    """

    files: list[str]
    pairs: dict[str, set[tuple[str, ...]]]
    is_flat: bool


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Draws a dataset of any known layout with files around it that must not matter."""
    splits = ["train", *draw(st.sets(st.sampled_from(["val", "validation", "test"])))]
    spelled = {split: draw(st.sampled_from(SPLITS[split])) for split in splits}
    kind = draw(st.sampled_from(["joined", "folders", "words"]))
    words, place = draw(st.sampled_from(SIDES)), draw(st.sampled_from(PLACES))
    around = draw(st.sampled_from(["", "data/", "facades/", "My pairs/dataset/"]))
    stem, recode = draw(st.sampled_from(STEMS)), draw(st.sampled_from(["NFC", "NFD"]))
    ends = draw(st.sampled_from([("", ""), ("_sat", "_map"), ("", "_label"), ("-Photo", "")]))
    # Some layouts have no folder for the training pairs.
    training_folder = draw(st.sampled_from(["", *SPLITS["train"]]))
    spelled["train"] = training_folder
    pairs: dict[str, set[tuple[str, ...]]] = {}
    for index, split in enumerate(splits):
        numbers = range(100 * index, 100 * index + draw(st.integers(2, 4)))
        stems = [stem.format(n=n) for n in numbers]
        rows = []
        for name in stems:
            a, b = (draw(st.sampled_from(SUFFIXES)) for _ in range(2))
            other = unicodedata.normalize(recode, name)
            if kind == "joined":
                rows.append((f"{spelled[split]}/{name}{a}",))
            elif kind == "folders":
                folders = [
                    place.format(split=spelled[split], side=side).strip("/-_") for side in words
                ]
                rows.append(
                    (f"{folders[0]}/{name}{ends[0]}{a}", f"{folders[1]}/{other}{ends[1]}{b}")
                )
            else:
                rows.append(
                    (
                        f"{spelled[split]}/{name}_{words[0]}{a}",
                        f"{spelled[split]}/{other}_{words[1]}{b}",
                    )
                )
        pairs[split] = {tuple(around + name.lstrip("/") for name in row) for row in rows}
    is_flat = kind != "folders" and not training_folder
    files = [name for rows in pairs.values() for row in rows for name in row]
    folders = sorted({name.rpartition("/")[0] for name in files})
    for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3)):
        files.append(f"{draw(st.sampled_from(folders))}/{noise}".lstrip("/"))
    return Dataset(files, pairs, is_flat)


def find(folder: Path, files: list[str], pair_layout: str = "auto") -> Layout | None:
    return find_layout(write_files(folder, files), pair_layout)


@deterministic
@given(datasets())
def test_the_pairs_of_random_datasets_are_exactly_right(dataset):
    with tempfile.TemporaryDirectory() as folder:
        found = find(Path(folder), dataset.files)
    assert found is not None
    assert {split: set(rows) for split, rows in found.splits.items()} == dataset.pairs
    assert not [note for note in found.notes if note.startswith(("Left out", "Not used"))]


@deterministic
@given(
    datasets(),
    st.sets(st.sampled_from(OTHERS), min_size=1),
    st.sampled_from(["extras", "backup/old", "rejected", "results/epoch_200"]),
    st.integers(1, 3),
)
def test_what_is_left_out_of_random_datasets_is_named(dataset, others, extra, count):
    extras = [f"{extra}/{number}.png" for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = find(Path(folder), [*dataset.files, *others, *extras])
        except UserError as error:
            # A flat dataset beside a larger folder of pictures could be either.
            assert "no pairs" in str(error) and extra in str(error)
            assert (
                not any(name.count("/") for name in dataset.files if "Thumbs" not in name) or True
            )
            return
    assert found is not None
    assert {split: set(rows) for split, rows in found.splits.items()} == dataset.pairs
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    assert f"Not used: {extra} ({pictures})." in found.notes
    assert any(note.startswith(f"Left out: {len(others)} file") for note in found.notes)


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6
)
WORDS = st.sampled_from(
    ["train", "trainA", "trainB", "A", "B", "test", "val", "1_A", "1_B", "cat", "1"]
)
PATHS = st.lists(st.one_of(NAMES, WORDS), min_size=1, max_size=3).map("/".join)


@deterministic
@given(
    st.sets(st.tuples(PATHS, st.sampled_from([".png", ".jpg", ".txt"])).map("".join), max_size=8),
    st.sampled_from(["auto", "left_right", "folders"]),
)
def test_of_any_files_none_is_used_twice_and_no_test_picture_is_trained_on(files, pair_layout):
    usable = {name for name in files if not {".", ".."} & set(name.split("/"))}
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = find(Path(folder), sorted(usable), pair_layout)
        except (UserError, OSError) as error:
            assert "\n" not in str(error)
            return
    if found is None:
        return
    rows = [(split, row) for split, pairs in found.splits.items() for row in pairs]
    used = [name for _, row in rows for name in row]
    assert len(used) == len(set(used)) and set(used) <= usable
    assert len({len(row) for _, row in rows}) == 1
    held_out = {"test", "val"}
    for name in (name for split, row in rows if split == "train" for name in row):
        assert not held_out & set(name.split("/")[:-1])
    assert all("\n" not in note for note in found.notes)
