"""How pairs are found in folders: the usual layouts, refused ones, and what is left out."""

import os
import unicodedata

import pytest

from pix2pix import UserError
from pix2pix.data.folder import FolderSource
from pix2pix.data.layouts import find_layout
from tests.dataset_folders import read_layout, rows_of, write_files

# Files -> the pairs that must be found.
LAYOUTS: dict[str, tuple[str, dict[str, list[str]]]] = {
    "train and val": ("train/1.png val/2.png", {"train": ["train/1.png"], "val": ["val/2.png"]}),
    "capitals": (
        "TRAIN/1.PNG Testing/2.Jpg",
        {"train": ["TRAIN/1.PNG"], "test": ["Testing/2.Jpg"]},
    ),
    "other spellings": (
        "training_set/1.png valid/2.png",
        {"train": ["training_set/1.png"], "validation": ["valid/2.png"]},
    ),
    "years": (
        "train2017/1.png val2017/2.png",
        {"train": ["train2017/1.png"], "val": ["val2017/2.png"]},
    ),
    "flat": ("1.png 2.png 10.png", {"train": ["1.png", "2.png", "10.png"]}),
    "flat, one folder more": ("maps/1.png maps/2.png", {"train": ["maps/1.png", "maps/2.png"]}),
    "flat with a test folder": (
        "1.png 2.png test/3.png",
        {"train": ["1.png", "2.png"], "test": ["test/3.png"]},
    ),
    "subfolder of a split": (
        "train/images/1.png val/images/2.png",
        {"train": ["train/images/1.png"], "val": ["val/images/2.png"]},
    ),
    "two files of one stem": ("train/0.png train/0.jpg", {"train": ["train/0.jpg", "train/0.png"]}),
    "other readable endings": (
        "train/1.jp2 train/2.gif train/3.avif",
        {"train": ["train/1.jp2", "train/2.gif", "train/3.avif"]},
    ),
    "trainA and trainB": (
        "trainA/1.png trainB/1.png testA/2.png testB/2.png",
        {"train": ["trainA/1.png trainB/1.png"], "test": ["testA/2.png testB/2.png"]},
    ),
    "train_A and train_B": (
        "train_A/1.png train_B/1.png",
        {"train": ["train_A/1.png train_B/1.png"]},
    ),
    "train-a and TRAIN-B": (
        "train-a/1.png TRAIN-B/1.png",
        {"train": ["train-a/1.png TRAIN-B/1.png"]},
    ),
    "A_train and B_train": (
        "A_train/1.png B_train/1.png",
        {"train": ["A_train/1.png B_train/1.png"]},
    ),
    "A/train and B/train": (
        "A/train/1.png B/train/1.png A/Val/2.png B/Val/2.png",
        {"train": ["A/train/1.png B/train/1.png"], "val": ["A/Val/2.png B/Val/2.png"]},
    ),
    "train/A and train/B": (
        "train/A/1.png train/B/1.png",
        {"train": ["train/A/1.png train/B/1.png"]},
    ),
    "A and B": ("A/1.png B/1.png", {"train": ["A/1.png B/1.png"]}),
    "A and B with test/A and test/B": (
        "A/1.png B/1.png test/A/2.png test/B/2.png",
        {"train": ["A/1.png B/1.png"], "test": ["test/A/2.png test/B/2.png"]},
    ),
    "two folders more": (
        "x/my_data/A/1.png x/my_data/B/1.png",
        {"train": ["x/my_data/A/1.png x/my_data/B/1.png"]},
    ),
    "real_A and real_B": ("real_A/1.png real_B/1.png", {"train": ["real_A/1.png real_B/1.png"]}),
    "other words": (
        "DIV2K_train_HR/1.png DIV2K_train_LR/1.png DIV2K_valid_HR/2.png DIV2K_valid_LR/2.png",
        {
            "train": ["DIV2K_train_LR/1.png DIV2K_train_HR/1.png"],
            "validation": ["DIV2K_valid_LR/2.png DIV2K_valid_HR/2.png"],
        },
    ),
    "images and masks": ("Images/1.jpg Masks/1.png", {"train": ["Images/1.jpg Masks/1.png"]}),
    "train_images and train_labels": (
        "train_images/1.jpg train_labels/1.png",
        {"train": ["train_images/1.jpg train_labels/1.png"]},
    ),
    "target before source": ("target/1.jpg source/1.png", {"train": ["source/1.png target/1.jpg"]}),
    "photo and map": ("map/1.png photo/1.png", {"train": ["photo/1.png map/1.png"]}),
    "A/images and B/labels": (
        "A/images/1.png B/labels/1.png",
        {"train": ["A/images/1.png B/labels/1.png"]},
    ),
    "cities": (
        "leftImg8bit/train/bonn/bonn_1_leftImg8bit.png leftImg8bit/train/ulm/ulm_1_leftImg8bit.png "
        "gtFine/train/bonn/bonn_1_gtFine_color.png gtFine/train/ulm/ulm_1_gtFine_color.png",
        {
            "train": [
                "leftImg8bit/train/bonn/bonn_1_leftImg8bit.png "
                "gtFine/train/bonn/bonn_1_gtFine_color.png",
                "leftImg8bit/train/ulm/ulm_1_leftImg8bit.png "
                "gtFine/train/ulm/ulm_1_gtFine_color.png",
            ]
        },
    ),
    "both stems twice": (
        "trainA/0.png trainA/0.jpg trainB/0.png trainB/0.jpg",
        {"train": ["trainA/0.jpg trainB/0.jpg", "trainA/0.png trainB/0.png"]},
    ),
    "capitals differ between sides": (
        "A/Bonn.png B/bonn.PNG",
        {"train": ["A/Bonn.png B/bonn.PNG"]},
    ),
    "suffixes in two folders": (
        "trainA/8_sat.png trainA/18_sat.png trainB/8_map.png trainB/18_map.png",
        {"train": ["trainA/8_sat.png trainB/8_map.png", "trainA/18_sat.png trainB/18_map.png"]},
    ),
    "a suffix on one side": (
        "A/8.png A/18.png B/8_mask.png B/18_mask.png",
        {"train": ["A/8.png B/8_mask.png", "A/18.png B/18_mask.png"]},
    ),
    "prefixes in two folders": (
        "A/img8.png A/img18.png B/map8.png B/map18.png",
        {"train": ["A/img8.png B/map8.png", "A/img18.png B/map18.png"]},
    ),
    "x_A and x_B": (
        "train/1_A.png train/1_B.png train/2_A.png train/2_B.png test/3_A.png test/3_B.png",
        {
            "train": ["train/1_A.png train/1_B.png", "train/2_A.png train/2_B.png"],
            "test": ["test/3_A.png test/3_B.png"],
        },
    ),
    "x_sat and x_map, flat": ("1_sat.jpg 1_map.png", {"train": ["1_sat.jpg 1_map.png"]}),
    "in1 and out1": (
        "out1.png in1.png out2.png in2.png",
        {"train": ["in1.png out1.png", "in2.png out2.png"]},
    ),
}


# Files -> words of the message that refuses them.
REFUSED: dict[str, tuple[str, str]] = {
    "a held-out folder alone": (
        "my_test/1.png my_test/2.png",
        "my_test, which by its name is held",
    ),
    "classes": ("cat/1.png dog/2.png fish/3.png", "3 folders of pictures .cat, dog and fish."),
    "two classes": ("cat/1.png dog/2.png", "if these two are A and B, pass --pair_layout folders"),
    "classes in train": ("train/cat/1.png train/dog/2.png val/cat/3.png", "look like classes"),
    "letters": ("A/1.png B/1.png C/1.png", "A, B and C.*classes"),
    "only trainA": ("trainA/1.png", "only one side of its pairs: trainA"),
    "only labels": (
        "train_labels/1.png val_labels/2.png",
        "only one side of its pairs: train_labels",
    ),
    "train beside trainA": (
        "train/1.png trainA/1.png trainB/1.png",
        "could be in trainA with trainB or train; .* --pair_layout",
    ),
    "two datasets": ("maps/train/1.png facades/train/1.png", "in facades/train or maps/train"),
    "three kinds": ("image/1.png label/1.png mask/1.png", "image with label or image with mask"),
    "two spellings": ("train/1.png training/2.png", "train and training could be the same split"),
    "two splits": ("train/test/1.png", "train/test names two splits"),
    "a missing partner": (
        "trainA/1.png trainA/2.png trainB/1.png",
        "1 pair and 1 picture without a partner in trainA and trainB, e.g. trainA/2.png",
    ),
    "other names": ("A/cat.png A/dog.png B/x.png B/y.png", "0 pairs and 4 pictures without"),
    "a stem twice on one side": (
        "trainA/0.png trainA/0.jpg trainB/0.png",
        "0.(jpg|png) and 0.(jpg|png) in trainA and trainB .* keep one",
    ),
    "unknown words": (
        "1_foggy.png 1_clear.png 2_foggy.png 2_clear.png",
        "come in twos, with clear and foggy; pass --pair_layout folders",
    ),
    "three words": ("1_sat.png 1_map.png 1_mask.png", "sat and map or sat and mask"),
    "empty": ("", "is empty"),
    "hidden files only": (".DS_Store train/._1.png", "is empty"),
    "unreadable pictures": (
        "train/1.heic train/2.heic",
        "no pictures that can be read: .* 2 .heic",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_usual_layouts_are_recognized(tmp_path, layout):
    files, expected = LAYOUTS[layout]
    found = read_layout(write_files(tmp_path, files.split()))
    assert rows_of(found) == expected
    is_joined = " " not in expected["train"][0]
    assert found.columns == (("side by side",) if is_joined else ("A", "B"))


@pytest.mark.parametrize("layout", REFUSED)
def test_other_folders_are_refused(tmp_path, layout):
    files, message = REFUSED[layout]
    with pytest.raises(UserError, match=message):
        find_layout(write_files(tmp_path, files.split()))


@pytest.mark.parametrize(
    ("pair_layout", "files", "expected"),
    [
        ("left_right", "trainA/1.png trainB/1.png", ["trainA/1.png", "trainB/1.png"]),
        ("top_bottom", "cat/1.png dog/2.png test/3.png", ["cat/1.png", "dog/2.png"]),
        ("left_right", "train/cat/1.png train/2.png old/3.png", ["train/2.png", "train/cat/1.png"]),
        ("left_right", "train/1_A.png train/1_B.png", ["train/1_A.png", "train/1_B.png"]),
        ("folders", "foggy/1.png clear/1.png", ["clear/1.png foggy/1.png"]),
        ("folders", "train/foggy/1.png train/clear/1.png", ["train/clear/1.png train/foggy/1.png"]),
        ("folders", "train/1.png trainA/1.png trainB/1.png", ["trainA/1.png trainB/1.png"]),
        (
            "folders",
            "1_foggy.png 1_clear.png 2_foggy.png 2_clear.png",
            ["1_clear.png 1_foggy.png", "2_clear.png 2_foggy.png"],
        ),
    ],
)
def test_pair_layout_forces_the_interpretation(tmp_path, pair_layout, files, expected):
    found = read_layout(write_files(tmp_path, files.split()), pair_layout)
    assert rows_of(found)["train"] == expected
    places = {"left_right": "A on the left", "top_bottom": "A at the top", "folders": "same name"}
    assert places[pair_layout] in found.notes[0]


@pytest.mark.parametrize(
    ("pair_layout", "message"),
    [
        ("columns", "no columns with pairs: .* metadata.jsonl"),
        ("folders", "no two folders of pictures, and no names that differ in one word"),
    ],
)
def test_a_forced_interpretation_must_be_possible(tmp_path, pair_layout, message):
    with pytest.raises(UserError, match=message):
        find_layout(write_files(tmp_path, ["train/1.png", "train/2.png"]), pair_layout)


@pytest.mark.parametrize(
    "files",
    [
        "data/train.parquet README.md",
        "data/train.parquet preview.png",
        "train/data-00000-of-00001.arrow dataset_dict.json train/state.json",
        "train.csv",
        "shards/0.tar",
    ],
)
def test_folders_of_other_data_are_left_to_datasets(tmp_path, files):
    assert find_layout(write_files(tmp_path, files.split())) is None


def test_what_is_left_out_is_named(tmp_path):
    files = (
        "train/1.png train/notes.txt train/2.svg train/.DS_Store train/._1.png README extras/9.png"
    )
    files += " extras/8.png __MACOSX/train/1.png .ipynb_checkpoints/train/1.png train/Thumbs.db"
    write_files(tmp_path, files.split())
    (tmp_path / "train" / "3.png").symlink_to(tmp_path / "nowhere.png")
    found = read_layout(tmp_path)
    assert rows_of(found) == {"train": ["train/1.png"]}
    assert found.notes == (
        "Each picture holds a pair: A on the left, B on the right.",
        "Split train: 1 pair in train.",
        "Not used: extras (2 pictures).",
        "Left out: 3 files that can't be read as pictures (1 without ending, 1 .svg and 1 .txt).",
        "Left out: 1 link or special file without a picture behind it, e.g. train/3.png.",
    )


def test_up_to_one_percent_of_the_pictures_may_lack_a_partner(tmp_path):
    names = [f"train{side}/{number}.png" for side in "AB" for number in range(100)]
    found = read_layout(write_files(tmp_path, names[:-1]))
    assert len(found.splits["train"]) == 99
    assert (
        "Left out: 1 picture without a partner in trainA and trainB, e.g. trainA/99.png."
        in found.notes
    )
    (tmp_path / "trainB" / "7.png").unlink()
    (tmp_path / "trainB" / "8.png").unlink()
    with pytest.raises(UserError, match=r"97 pairs and 3 pictures without .* e.g. trainA/7.png"):
        find_layout(tmp_path)


def test_names_are_compared_in_nfc(tmp_path):
    """MacOS writes "ü" as two characters, in the names of files and of folders."""
    composed, decomposed = (unicodedata.normalize(form, "M\u00fcnchen") for form in ("NFC", "NFD"))
    write_files(tmp_path, [f"A/{composed}.png", f"B/{decomposed}.png"])
    assert rows_of(read_layout(tmp_path)) == {"train": [f"A/{composed}.png B/{decomposed}.png"]}


def test_links_are_followed_and_those_to_the_outside_named(tmp_path):
    write_files(tmp_path, ["store/1.png", "data/trainB/1.png", "data/own/1.png"])
    data = tmp_path / "data"
    (data / "trainA").symlink_to(tmp_path / "store")
    (data / "own" / "loop").symlink_to(data)
    (data / "self").symlink_to("self")
    (data / "self.png").symlink_to("self.png")
    found = read_layout(data)
    assert rows_of(found) == {"train": ["trainA/1.png trainB/1.png"]}
    assert "1 link to files outside of the folder are followed, e.g. trainA." in found.notes
    assert any("own/loop" in note for note in found.notes)


def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read every folder")
    write_files(tmp_path, ["trainA/1.png", "trainB/1.png"])
    (tmp_path / "trainB").chmod(0)
    with pytest.raises(UserError, match=r"trainB can't be read \(Permission denied\)"):
        find_layout(tmp_path)


def test_the_fingerprint_changes_with_the_files_and_not_with_the_place(tmp_path):
    folder = write_files(tmp_path / "a", ["trainA/1.png", "trainB/1.png", "notes.txt"])
    first = FolderSource(folder)
    assert first.row_name("train", 0) == "trainA/1.png and trainB/1.png"
    before = first.fingerprint(), first.inventory()
    assert set(before[1]) == {"trainA/1.png", "trainB/1.png"}
    (folder / "notes.txt").write_text("longer")
    moved = FolderSource(folder.rename(tmp_path / "b"))
    assert (moved.fingerprint(), moved.inventory()) == before
    picture = tmp_path / "b" / "trainB" / "1.png"
    times = picture.stat()
    picture.write_bytes(b"another")
    assert FolderSource(tmp_path / "b").fingerprint() != before[0]
    picture.write_bytes(b"trainB/1.png")
    os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert FolderSource(tmp_path / "b").fingerprint() == before[0]
    picture.rename(picture.with_name("1.PNG"))
    assert FolderSource(tmp_path / "b").fingerprint() != before[0]
