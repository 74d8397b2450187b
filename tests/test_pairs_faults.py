"""Tests that `pix2pix pairs` finds what is wrong with pictures, and names it."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix.__main__ import main
from tests.builders import make_picture
from tests.commands import ROOT
from tests.faulty_pairs import plant_faults, write_photos, write_two_folders


def refused(capsys, *arguments: object) -> str:
    """Runs `pix2pix pairs`, which must fail; returns its message."""
    assert main(["pairs", *map(str, arguments)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix pairs: ")
    return line


def test_twenty_planted_faults_are_found(tmp_path: Path, capsys):
    a, b = write_two_folders(tmp_path, 80)
    faults = plant_faults(a, b, last=79)
    output = tmp_path / "pairs"
    arguments = ["pairs", str(a), str(b), "--output", str(output), "--max_left_out", "0.3"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if re.match(r"(a|b)/\d+", line)]
    for name, says in faults.items():
        assert [line for line in lines if name in line.partition(":")[0] and says in line], says
    assert len(lines) == len(faults) == 20, "and nothing else"
    with (output / "faults.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    kept = {row["file"].split("/")[1][:4] for row in rows if row["left_out"] == "no"}
    assert kept == {"0011", "0012", "0013", "0014", "0015", "0016"}
    # 80 pairs without those that lack a partner and the others that are left out.
    assert "66 pairs (59 train, 7 validation)" in printed
    assert f"most shifted pairs: {output}/contact_sheet.png" in printed
    sheet = Image.open(output / "contact_sheet.png")
    assert sheet.width == 3 * 96 + 2 * 4, "A, B and both, one over the other"
    assert sheet.height > 2 * 96, "two pairs are shifted"


def test_too_many_faults_write_nothing(tmp_path: Path, capsys):
    photos = write_photos(tmp_path / "photos", 10, 48)
    for number in (3, 5):
        (photos / f"{number:04d}.jpg").write_bytes(b"")
    line = refused(capsys, photos, "--make", "gray", "--output", tmp_path / "pairs")
    assert "2 of 10 pairs can't be used, more than --max_left_out 0.1, so nothing" in line
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_edges_of_a_constant_picture_are_a_fault(tmp_path: Path, capsys):
    photos = write_photos(tmp_path / "photos", 10, 48)
    Image.new("RGB", (48, 48), "blue").save(photos / "0002.jpg")
    assert main(["pairs", str(photos), "--make", "edges", "--output", str(tmp_path / "p")]) == 0
    printed = capsys.readouterr().out
    assert "photos/0002.jpg: The photo is one flat color, so nothing can be made" in printed
    assert "9 pairs (8 train, 1 validation)" in printed


def test_a_threshold_without_edges_says_which_flags_to_change(tmp_path: Path, capsys):
    Image.linear_gradient("L").save(tmp_path / "0.png")
    line = refused(capsys, tmp_path / "0.png", "--make", "edges", "--output", tmp_path / "pairs")
    assert "No pair can be used, so nothing was written" in line
    assert "no edges were found in it; lower --edge_high and --edge_low" in line


def test_folders_with_different_counts_are_told(tmp_path: Path, capsys):
    a, b = write_two_folders(tmp_path, 12, 48)
    (b / "0004.png").unlink()
    assert main(["pairs", str(a), str(b), "--output", str(tmp_path / "pairs")]) == 0
    printed = capsys.readouterr().out
    assert f"{a} has 12 pictures, but {b} has 11." in printed
    assert "a/0004.jpg: There is no partner of it in b." in printed


def test_shifted_pairs_are_left_out_when_asked(tmp_path: Path, capsys):
    a, b = write_two_folders(tmp_path, 12)
    moved = np.roll(np.asarray(Image.open(b / "0002.png")), -10, 1)
    Image.fromarray(moved).save(b / "0002.png")
    flags = ["--output", str(tmp_path / "pairs"), "--max_shift", "0.05"]
    assert main(["pairs", str(a), str(b), *flags]) == 0
    printed = capsys.readouterr().out
    assert "a/0002.jpg and b/0002.png: B is shifted by about" in printed
    assert "10 pixels to the left" in printed and "see the contact sheet.\n" in printed
    assert "11 pairs" in printed and "Kept" not in printed
    assert Image.open(tmp_path / "pairs" / "contact_sheet.png").height > 96


def test_folders_without_common_names_are_refused(tmp_path: Path, capsys):
    a, b = write_two_folders(tmp_path, 3, 48)
    for number in range(3):
        (b / f"{number:04d}.png").rename(b / f"other{'xyz'[number]}.png")
    line = refused(capsys, a, b, "--output", tmp_path / "pairs")
    assert "No picture in" in line and "need the same name" in line


def test_names_that_match_twice_are_left_out(tmp_path: Path, capsys):
    a, b = write_two_folders(tmp_path, 12, 48)
    shutil.copy(b / "0006.png", b / "0006.bmp")
    assert main(["pairs", str(a), str(b), "--output", str(tmp_path / "pairs")]) == 0
    printed = capsys.readouterr().out
    assert (
        "b/0006.bmp: b/0006.png has the same name but for the ending, so the partner of "
        "a/0006.jpg is not clear; keep one of them."
    ) in printed
    assert "11 pairs" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--make", "gray"], "There is no file or folder nowhere"),
        (["photos", "--output", "photos/pairs"], "lies in the source"),
        ([str(ROOT / "assets" / "sample_maps")], "is a dataset of tables already"),
        (
            ["photos", "--make", "gray", "--output", "other.txt/x"],
            "can't be written (Not a directory)",
        ),
        (["photos"], "not about twice as wide as high"),
        (["photos", "--make", "gray", "--output", "photos/0001.jpg"], "is a file; name a folder"),
        (["photos", "--make", "gray", "--output", "."], "has other files; name a new or an empty"),
        (["photos", "--make", "gray", "--split_by", "scene"], "the sources have no metadata.csv"),
        (["photos", "--make", "gray", "--split_by", "subfolder"], "needs two groups or more"),
    ],
)
def test_wrong_sources_and_outputs_are_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_photos(Path("photos"), 4, 48)
    Path("other.txt").touch()
    output = [] if "--output" in arguments else ["--output", "pairs"]
    assert main(["pairs", *arguments, *output]) == 1
    printed = capsys.readouterr()
    assert message.replace("not about", "about") in printed.err.replace("not about", "about")
    assert not Path("pairs").exists() and len(list(Path("photos").iterdir())) == 4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--push_to_hub", "--hub_dataset_id", "me/x"], "--license is missing"),
        (["--push_to_hub", "--license", "mit"], "--push_to_hub needs a name such as <user>/my-p"),
        (["--hub_dataset_id", "me/x"], "no effect without --push_to_hub"),
        (["--license", "my own"], "write it as the Hub does"),
        (["--edge_low", "0.5"], "--edge_low is 0.5, above --edge_high (0.15)"),
        (["--make", "paint"], "invalid choice: 'paint'"),
    ],
)
def test_wrong_flags_are_usage_errors(flags: list[str], message: str, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["pairs", "photos", "--output", "pairs", *flags])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_near_duplicates_beyond_the_limit_are_refused(tmp_path: Path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(10):  # as the frames of a video of nothing that moves
        make_picture(48, 48, 1).save(photos / f"{number}.jpg", quality=80 + number)
    line = refused(capsys, photos, "--make", "gray", "--output", tmp_path / "pairs")
    assert "can't be used" in line and not (tmp_path / "pairs").exists()
